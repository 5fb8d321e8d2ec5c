//! What the files already say before anything runs.

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::Certain;
use crate::diagnose::cause::Sign::Warning;

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "manifest-invalid",
        title: "the files of the project do not load: its last good version runs on",
        certainty: Certain,
        signs: &[Warning("invalid")],
        mend: "mend the place that is named; `composelet validate` shows it with what is allowed",
    },
    Cause {
        id: "variable-reaches-no-container",
        title: "a file of variables is loaded by nothing, so that what stands in it reaches no container",
        certainty: Certain,
        signs: &[Warning("unloaded-env-file")],
        mend: "name it under `env_file:` of the service, or in COMPOSE_ENV_FILES of `.env` if the manifest uses its values",
    },
    Cause {
        id: "variable-unset",
        title: "the manifest uses a variable that has no value: it is empty",
        certainty: Certain,
        signs: &[Warning("unset-variable")],
        mend: "set it in the project's `.env`, or say `${NAME:?what it is for}` so that nothing starts without",
    },
    Cause {
        id: "bound-file-missing",
        title: "a file that is to be bound is not there",
        certainty: Certain,
        signs: &[Warning("missing-bind-file")],
        mend: "put the file there: the engine would make a directory of its name",
    },
    Cause {
        id: "override-removes-nothing",
        title: "an override with an empty list removes nothing: lists are merged",
        certainty: Certain,
        signs: &[Warning("override-removes-nothing"), Warning("override-widens-networks")],
        mend: "write `!reset []` or `!override [...]`",
    },
    Cause {
        id: "replicas-share-a-port",
        title: "several containers are to publish the same port of the host",
        certainty: Certain,
        signs: &[Warning("replicas-share-port"), Warning("same-host-port")],
        mend: "publish the proxy alone, or give each a port of its own or a range",
    },
    Cause {
        id: "waits-for-health-without-check",
        title: "a service is waited for until it is healthy, and has no health check",
        certainty: Certain,
        signs: &[Warning("no-health-check")],
        mend: "give it a `healthcheck:`; until then, started counts",
    },
    Cause {
        id: "command-asks-a-person",
        title: "a command of the manifest asks a person, and nobody is there",
        certainty: Certain,
        signs: &[Warning("interactive-command")],
        mend: "use its form without questions",
    },
    Cause {
        id: "health-check-follows-redirect",
        title: "the health check is content with a redirect and never reaches the program",
        certainty: Certain,
        signs: &[Warning("curl-redirect")],
        mend: "ask the program's own port, or follow with `curl -fL` and compare the answer",
    },
];
