//! Isolation and privileges. Profiles of seccomp are files that are read here, because the engine takes their text.

use super::container::{Located, filled, positive};
use super::spec;
use crate::manifest::discovery::describe;
use crate::manifest::normalise::Context;
use crate::manifest::report::Finding;
use crate::manifest::source::Place;
use crate::model::config::Security;
use crate::model::files::FileContent;
use crate::model::path::LocalPath;

/// The section.
pub(super) fn security(
    spec: &spec::Service,
    located: &Located<'_>,
    context: &mut Context<'_, '_>,
) -> Security {
    let list = located.node.get("security_opt").and_then(crate::manifest::node::Node::as_list);
    let options = spec.security_opt.iter().enumerate().filter_map(|(index, text)| {
        let place =
            list.and_then(|list| list.get(index)).map_or(located.node.place, |one| one.place);
        let field = format!("{}.security_opt[{index}]", located.field);
        option(text, (place, &field), context)
    });
    Security {
        security_opt: options.collect(),
        privileged: spec.privileged,
        read_only: spec.read_only,
        init: spec.init,
        cap_add: spec.cap_add.iter().cloned().collect(),
        cap_drop: spec.cap_drop.iter().cloned().collect(),
        group_add: spec.group_add.iter().cloned().collect(),
        ipc: filled(spec.ipc.as_ref()),
        pid: filled(spec.pid.as_ref()),
        uts: filled(spec.uts.as_ref()),
        userns_mode: filled(spec.userns_mode.as_ref()),
        cgroup: filled(spec.cgroup.as_ref()),
        cgroup_parent: filled(spec.cgroup_parent.as_ref()),
        device_cgroup_rules: spec.device_cgroup_rules.iter().cloned().collect(),
        oom_kill_disable: spec.oom_kill_disable,
        oom_score_adj: positive(spec.oom_score_adj),
    }
}

/// An option as the engine takes it: a profile by its text instead of its path.
fn option(
    text: &str,
    (place, field): (Place, &str),
    context: &mut Context<'_, '_>,
) -> Option<String> {
    let Some((key, value)) = text.split_once(['=', ':']) else {
        if text == "no-new-privileges" {
            return Some(text.to_owned());
        }
        let shown = context.report.sources.shown(text, place).to_owned();
        let message = format!("{shown} is no security option; the engine will refuse it");
        let help =
            "key=value, such as label=disable or seccomp=./profile.json; or no-new-privileges";
        context
            .report
            .add(Finding::warning("security-option", field, message).at(place).help(help));
        return Some(text.to_owned());
    };
    if key != "seccomp" || matches!(value, "unconfined" | "builtin") {
        return Some(text.to_owned());
    }
    profile(value, (place, field), context).map(|profile| format!("seccomp={profile}"))
}

/// The profile in compact JSON; the path is relative to the project's directory.
fn profile(
    path: &str,
    (place, field): (Place, &str),
    context: &mut Context<'_, '_>,
) -> Option<String> {
    let path = LocalPath::new(context.directory.as_path().join(path));
    let message = match context.files.get(&path)? {
        FileContent::Bytes(bytes) => match compact(bytes) {
            Some(profile) => return Some(profile),
            None => format!("{} is not JSON", path.display()),
        },
        other => describe(&path, other),
    };
    let help = "name a profile in JSON, relative to the project, or unconfined";
    context.report.add(Finding::error("seccomp-profile", field, message).at(place).help(help));
    None
}

/// JSON without blanks between its tokens, everything else as it was written; `None` if it is not JSON.
fn compact(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let (mut inside, mut escaped) = (false, false);
    let kept = text.chars().filter(|symbol| {
        let keeps = inside || !symbol.is_ascii_whitespace();
        match (*symbol, inside, escaped) {
            ('"', _, false) => inside = !inside,
            ('\\', true, false) => escaped = true,
            _ => escaped = false,
        }
        keeps
    });
    Some(kept.collect())
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn json_loses_its_blanks_and_nothing_else() {
        let text = "{ \"a b\" : [1, 2.50 ,\"x \\\" y\"],\n\t\"z\": \"\\\\\" , \"b\":null }";
        let small = compact(text.as_bytes());
        assert_eq!(
            small.as_deref(),
            Some("{\"a b\":[1,2.50,\"x \\\" y\"],\"z\":\"\\\\\",\"b\":null}")
        );
        assert_eq!(compact(b"{,}"), None);
    }
}
