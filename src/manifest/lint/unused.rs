//! What nothing uses: top-level entries, and env files beside the manifest.

use crate::manifest::environment::child;
use crate::manifest::lint::run::{Findings, Project};
use crate::manifest::report::Finding;

pub(super) fn check(project: &Project<'_>, findings: &mut Findings<'_>) {
    // Another file beside these, for another host, may use what looks idle here.
    if project.listing.other_manifests() {
        return;
    }
    for (section, name, place) in &project.facts.unused {
        let what = section.trim_end_matches('s');
        let message = format!("no service uses the {what} {name}: it is not created");
        findings.add(
            Finding::warning("unused-resource", &child(section, name), message)
                .at(*place)
                .help(format!("name it under {section}: of a service, or remove it")),
        );
    }
    for name in project.listing.idle_env_files(&project.facts.paths) {
        let message = format!("nothing loads {name}: its values reach neither file nor container");
        let finding = Finding::warning("unloaded-env-file", "services", message);
        findings.add(finding.at(project.tree.place).help(format!(
            "for containers write env_file: {name}; for ${{…}} in this file set COMPOSE_ENV_FILES={name} in .env, or rename \
             it to .env"
        )));
    }
}
