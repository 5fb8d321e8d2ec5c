//! Programs of the project's own: Python, Node, Java, and what their frameworks say.

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::{Certain, Likely};
use crate::diagnose::cause::Sign::{Engine, Fact, Log, Probe};
use crate::diagnose::evidence::{Evidence, Setting};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "variable-missing",
        title: "a variable that the program needs is not set, or empty",
        certainty: Likely,
        signs: &[
            Log(&["secret_key setting must not be empty"]),
            Log(&["improperlyconfigured", "environment variable"]),
            Log(&["set the", "environment variable"]),
            Log(&["keyerror: '", "_"]),
            Log(&["missing required environment variable"]),
            Log(&["environment variable", "is not set"]),
            Log(&["environment variable", "must be set"]),
            Log(&["undefinedvalueerror", "not found. declare it"]),
            Log(&["field required", "input_value="]),
            Log(&["unbound variable"]),
            Log(&["parameter not set"]),
            Engine(&["required variable", "is missing a value"]),
            Fact("a log line that names a variable which is there and empty", empty_variable),
        ],
        mend: "set it in the project's `.env` and pass it with `environment:` or `env_file:`; `.env` alone reaches no container",
    },
    Cause {
        id: "allowed-hosts",
        title: "Django refuses the Host of the request: it is not in ALLOWED_HOSTS",
        certainty: Likely,
        signs: &[Log(&["invalid http_host header"]), Log(&["disallowedhost"]), Probe(&["400"])],
        mend: "add the name (for a health check `localhost`) to ALLOWED_HOSTS; a proxy has to pass on `proxy_set_header Host $host`",
    },
    Cause {
        id: "module-missing",
        title: "a library that the program needs is not in the image, or out of reach of its user",
        certainty: Likely,
        signs: &[
            Log(&["modulenotfounderror: no module named"]),
            Log(&["importerror: no module named"]),
            Log(&["cannot find module '"]),
            Log(&["err_module_not_found"]),
            Log(&["classnotfoundexception"]),
            Log(&["noclassdeffounderror"]),
        ],
        mend: "install it where the image is built, for all users (not below /root/.local); a bind over the directory hides what the image has",
    },
    Cause {
        id: "shared-library-missing",
        title: "a system library that the program needs is not in the image",
        certainty: Likely,
        signs: &[
            Log(&["error while loading shared libraries"]),
            Log(&["cannot open shared object file"]),
            Log(&["error loading shared library"]),
        ],
        mend: "install the package with the library in the last stage of the build",
    },
    Cause {
        id: "tool-missing-in-script",
        title: "a script calls a program that is not in the image, such as nc or curl",
        certainty: Likely,
        signs: &[
            Log(&[": command not found"]),
            Log(&["nc: not found"]),
            Log(&["curl: not found"]),
            Log(&["sh:", ": not found"]),
            Log(&["entrypoint", ": not found"]),
        ],
        mend: "install it in the image, or wait with `depends_on` and `service_healthy` instead of a loop",
    },
    Cause {
        id: "application-not-found",
        title: "the server does not find the application that it is to serve",
        certainty: Likely,
        signs: &[
            Log(&["failed to find attribute", "in"]),
            Log(&["failed to find application object"]),
            Log(&["error loading asgi app"]),
            Log(&["unable to load celery application"]),
            Log(&["could not import", "wsgi"]),
            Log(&["unable to access jarfile"]),
        ],
        mend: "correct module and name in `command` (`package.module:app`), and `working_dir`",
    },
    Cause {
        id: "worker-timeout",
        title: "a worker takes longer for one request than the server allows, and is killed",
        certainty: Likely,
        signs: &[Log(&["worker timeout (pid"])],
        mend: "raise `--timeout`, use threads or async workers, or find what the request waits for",
    },
    Cause {
        id: "heap-exhausted",
        title: "the program ran out of its own heap, below the limit of the container",
        certainty: Certain,
        signs: &[
            Log(&["javascript heap out of memory"]),
            Log(&["java.lang.outofmemoryerror"]),
            Log(&["gc overhead limit exceeded"]),
        ],
        mend: "raise its heap (`NODE_OPTIONS=--max-old-space-size=…`, `-XX:MaxRAMPercentage=75`) and the memory limit with it",
    },
    Cause {
        id: "class-version",
        title: "the program was compiled for a newer Java than the image has",
        certainty: Certain,
        signs: &[Log(&["unsupportedclassversionerror"])],
        mend: "run it upon an image with the Java that it was compiled for",
    },
    Cause {
        id: "port-taken-inside",
        title: "two programs inside the container want the same port",
        certainty: Likely,
        signs: &[
            Log(&["eaddrinuse"]),
            Log(&["[errno 98]"]),
            Log(&["connection in use: ('"]),
            Log(&["bind() to", "failed (98"]),
            Log(&["address already in use"]),
        ],
        mend: "start the server once (a reloader starts a second), give them different ports; with `network_mode: host` the whole host counts",
    },
    Cause {
        id: "needs-a-terminal",
        title: "a command asks a person, and there is none",
        certainty: Likely,
        signs: &[
            Log(&["superuser creation skipped due to not running in a tty"]),
            Log(&["the input device is not a tty"]),
            Log(&["eoferror: eof when reading a line"]),
        ],
        mend: "use its form without questions (`createsuperuser --noinput` with DJANGO_SUPERUSER_…)",
    },
    Cause {
        id: "created-twice",
        title: "a step that makes something runs again, and what it makes is there already",
        certainty: Likely,
        signs: &[
            Log(&["that username is already taken"]),
            Log(&["commanderror", "already taken"]),
            Log(&["already exists", "createsuperuser"]),
        ],
        mend: "let the step do nothing when the thing is there (`|| true` for that line alone), or make it a job once per project",
    },
    Cause {
        id: "migrations-conflict",
        title: "the migrations of the source do not form one line, or do not fit the database",
        certainty: Likely,
        signs: &[
            Log(&["conflicting migrations detected"]),
            Log(&["inconsistentmigrationhistory"]),
            Log(&["multiple head revisions"]),
            Log(&["can't locate revision identified by"]),
        ],
        mend: "merge the migrations in the source; a database that is ahead of the source wants the newer version or a backup",
    },
    Cause {
        id: "static-files-not-configured",
        title: "static files cannot be collected: there is no directory for them in the settings",
        certainty: Likely,
        signs: &[Log(&["without having set the static_root setting"])],
        mend: "set STATIC_ROOT to a directory that the user of the container may write to",
    },
    Cause {
        id: "source-does-not-parse",
        title: "the program's own source has a mistake",
        certainty: Likely,
        signs: &[Log(&["syntaxerror:"]), Log(&["indentationerror:"]), Log(&["php parse error"])],
        mend: "mend the line that the log names; a version of the language that is too old looks the same",
    },
    Cause {
        id: "unknown-option",
        title: "the program does not know an option of its command line",
        certainty: Likely,
        signs: &[
            Log(&["unrecognized arguments:"]),
            Log(&["unrecognized option"]),
            Log(&["unknown flag:"]),
            Log(&["flag provided but not defined"]),
            Log(&["unknown variable '"]),
            Log(&["bad directive or wrong number of arguments"]),
            Log(&["error: no such option"]),
        ],
        mend: "correct `command`; the version of the image may have dropped or renamed the option",
    },
];

/// Lines that name a variable without a value.
fn empty_variable(evidence: &Evidence) -> Vec<String> {
    let empty = || evidence.environment.iter().filter(|(_, setting)| **setting == Setting::Empty);
    let names =
        |line: &&String| empty().any(|(name, _)| name.len() > 3 && line.contains(name.as_str()));
    evidence.telling_lines().iter().rev().filter(names).cloned().collect()
}
