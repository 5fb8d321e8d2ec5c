//! Commands around the starts and stops of a service.

use super::container::filled;
use super::spec;
use crate::model::config::ContainerConfig;
use crate::model::hook::{HookCommand, Hooks, PreStart};
use crate::model::secret::Secret;

/// Builds the hooks of a service that runs `image` and is created with `config`.
pub(super) fn hooks(spec: &spec::Service, image: &str, config: &ContainerConfig) -> Hooks {
    let commands =
        |hooks: &[spec::Hook]| hooks.iter().map(|hook| command(hook, config)).collect::<Vec<_>>();
    let step = |hook: &spec::Hook| PreStart {
        image: filled(hook.image.as_ref()).unwrap_or_else(|| image.to_owned()),
        run: command(hook, config),
    };
    Hooks {
        pre_start: spec.pre_start.iter().map(step).collect(),
        post_start: commands(&spec.post_start),
        pre_stop: commands(&spec.pre_stop),
    }
}

fn command(hook: &spec::Hook, config: &ContainerConfig) -> HookCommand {
    let words = hook.command.iter().flatten();
    let command: Vec<Secret> = words.map(|word| Secret::new(word.clone())).collect();
    let environment = hook.environment.iter();
    let environment: std::collections::BTreeMap<_, _> =
        environment.map(|(name, value)| (name.clone(), value.clone().map(Secret::new))).collect();
    let variables = environment.values().chain(config.environment.values()).flatten().cloned();
    let hidden = variables.chain(arguments(&command)).collect();
    HookCommand {
        user: filled(hook.user.as_ref()),
        privileged: hook.privileged,
        working_dir: filled(hook.working_dir.as_ref()),
        command,
        environment,
        hidden,
    }
}

/// Values among the words of a command, the program aside.
pub(super) fn arguments(command: &[Secret]) -> impl Iterator<Item = Secret> {
    command.iter().skip(1).filter_map(argument)
}

/// The value of an argument: what stands behind `=` of an option, or a word that is no option. What holds blanks is a
/// sentence or a program, not a value.
fn argument(word: &Secret) -> Option<Secret> {
    let text = word.expose();
    let value = match text.strip_prefix('-') {
        Some(option) => option.split_once('=').map_or("", |(_, value)| value),
        None => text,
    };
    let plain = !value.is_empty() && !value.contains(char::is_whitespace);
    plain.then(|| Secret::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_arguments_are_told_from_options_and_programs() {
        let value = |text| argument(&Secret::from(text)).map(|value| value.expose().to_owned());
        assert_eq!(value("--password=hunter2"), Some("hunter2".to_owned()));
        assert_eq!(value("hunter2"), Some("hunter2".to_owned()));
        assert_eq!(value("-c"), None);
        assert_eq!(value("echo ready; exit 1"), None);
    }
}
