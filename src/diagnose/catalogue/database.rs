//! MySQL, MariaDB and PostgreSQL, from their own side and from that of their clients.

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::{Certain, Likely};
use crate::diagnose::cause::Sign::{Fact, Log, Probe};
use crate::diagnose::evidence::{Evidence, Neighbour};
use crate::diagnose::sight::{found_old_data, holds_all, is_image};

/// Images whose password variables count on an empty volume only.
const DATABASES: &[&str] = &["postgres", "mysql", "mariadb", "postgis", "timescaledb", "mongo"];

/// How a client says that it was not let in.
const NOT_LET_IN: &[&[&str]] = &[
    &["access denied for user", "using password: yes"],
    &["password authentication failed for user"],
    &["authentication failed", "mongo"],
];

/// How a client says that what an initialisation makes is not there.
const NOT_MADE: &[&[&str]] = &[
    &["unknown database '"],
    &["fatal", "database \"", "does not exist"],
    &["fatal", "role \"", "does not exist"],
];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "init-only-variable-changed",
        title: "the password was changed in the files, and the database still has the old one: MYSQL_PASSWORD, POSTGRES_PASSWORD and their like count on an empty volume only",
        certainty: Likely,
        signs: &[Fact(
            "a client with the same password as the database's files is not let in, and the database found old data when it started",
            init_only,
        )],
        mend: "change the password inside the database (ALTER USER …), or put the old value back; a new volume loses the data",
    },
    Cause {
        id: "init-sql-not-run",
        title: "the scripts of the initialisation were not run: the volume had data already",
        certainty: Likely,
        signs: &[Fact(
            "a database or role is unknown, and the database found old data when it started",
            init_sql,
        )],
        mend: "run the script by hand in the container, or in a job; it runs by itself on an empty volume only",
    },
    Cause {
        id: "database-password-missing",
        title: "the database has no password to begin with: its variable is empty or reaches it not",
        certainty: Certain,
        signs: &[
            Log(&["superuser password is not specified"]),
            Log(&["you must specify postgres_password"]),
            Log(&["for example", "postgres_password="]),
            Log(&["password option is not specified"]),
            Log(&["you need to specify one of the following", "mysql_root_password"]),
        ],
        mend: "set the variable in the project's `.env`, or with `env_file:`; a file of another name is loaded by nothing",
    },
    Cause {
        id: "database-wrong-password",
        title: "the database does not accept the password of its client",
        certainty: Likely,
        signs: &[
            Fact("a client is not let in", wrong_password),
            Probe(&["access denied for user"]),
            Probe(&["password authentication failed"]),
        ],
        mend: "give both sides the same variable; `composelet config` shows where each comes from",
    },
    Cause {
        id: "database-not-there",
        title: "the database or role that the client names does not exist",
        certainty: Likely,
        signs: &[Fact("the database says that it does not know database or role", not_there)],
        mend: "create it, or correct the name: a health check with `pg_isready -U` and `-d` needs them too",
    },
    Cause {
        id: "database-version-mismatch",
        title: "the data were written by another major version of the database",
        certainty: Certain,
        signs: &[
            Log(&["database files are incompatible with server"]),
            Log(&["is not compatible with this version"]),
            Log(&["invalid mysql server downgrade"]),
            Log(&["cannot upgrade from", "to"]),
            Log(&["unsupported redo log format"]),
            Log(&["wrong mongod version"]),
        ],
        mend: "run the old image's version again, dump, and restore into a new volume with the new version; pin the major version",
    },
    Cause {
        id: "database-directory-not-empty",
        title: "the database wants to initialise a directory that holds something else",
        certainty: Certain,
        signs: &[
            Log(&["initdb: error: directory", "exists but is not empty"]),
            Log(&["--initialize specified but the data directory has files in it"]),
        ],
        mend: "mount a directory below it (PGDATA=/var/lib/postgresql/data/pgdata), or empty it if nothing in it matters",
    },
    Cause {
        id: "database-directory-in-use",
        title: "another server has the same data directory open",
        certainty: Certain,
        signs: &[
            Log(&["lock file \"postmaster.pid\" already exists"]),
            Log(&["unable to lock ./ibdata1"]),
            Log(&["another mysqld server running"]),
            Log(&["dblockable", "another mongod"]),
        ],
        mend: "let one container use the volume: look for a second project or replica with the same volume",
    },
    Cause {
        id: "database-directory-owner",
        title: "the data directory belongs to another user than the server",
        certainty: Certain,
        signs: &[
            Log(&["data directory", "has wrong ownership"]),
            Log(&["data directory", "has invalid permissions"]),
            Log(&["can't create/write to file '/var/lib/mysql"]),
            Log(&["innodb", "operating system error number 13"]),
        ],
        mend: "give the directory to the user of the image (999 for postgres and mysql) with mode 0700, or use a named volume",
    },
    Cause {
        id: "database-too-many-connections",
        title: "the database has all the connections that it allows",
        certainty: Likely,
        signs: &[
            Log(&["too many clients already"]),
            Log(&["too many connections"]),
            Log(&["remaining connection slots are reserved"]),
        ],
        mend: "lower pool size × workers × replicas below `max_connections`, or raise that",
    },
    Cause {
        id: "database-auth-plugin",
        title: "the client is too old for the way in which the database asks for passwords",
        certainty: Likely,
        signs: &[
            Log(&["caching_sha2_password", "cannot be loaded"]),
            Log(&["public key retrieval is not allowed"]),
            Log(&["'cryptography' package is required for sha256_password"]),
            Log(&["client does not support authentication protocol"]),
            Log(&["scram authentication requires libpq version 10"]),
        ],
        mend: "update the client library (for PyMySQL install `cryptography`; for JDBC set allowPublicKeyRetrieval=true inside of a private network)",
    },
    Cause {
        id: "migration-missing",
        title: "a table or column is not there: the migrations were not run",
        certainty: Likely,
        signs: &[
            Log(&["no such table"]),
            Log(&["relation \"", "does not exist"]),
            Log(&["1146", "doesn't exist"]),
            Log(&["no such column"]),
            Log(&["unknown column '"]),
            Log(&["you have", "unapplied migration"]),
        ],
        mend: "run the migrations in a job that this service waits for (`service_completed_successfully`, `x-composelet.job.once: revision`)",
    },
];

/// Lines with one of the phrases, the newest first: of the log, and of the probes.
fn complaints(evidence: &Evidence, phrases: &[&[&str]]) -> Vec<String> {
    let lines = evidence.telling_lines().iter().rev();
    let says = |line: &&String| phrases.iter().any(|pieces| holds_all(line, pieces));
    lines.filter(says).cloned().collect()
}

/// The database that a client speaks of: one that shares a network, if there is a choice of one.
fn database(evidence: &Evidence) -> Option<&Neighbour> {
    let databases = |neighbour: &&Neighbour| {
        is_image(&neighbour.image, DATABASES) && !evidence.networks.is_disjoint(&neighbour.networks)
    };
    let mut found = evidence.neighbours.iter().filter(databases);
    // With several it is the one whose password the client has, too.
    let several = evidence.neighbours.iter().filter(databases).count() > 1;
    found.find(|neighbour| !several || neighbour.shares_password == Some(true))
}

fn with_database(evidence: &Evidence, lines: Vec<String>) -> Vec<String> {
    let Some(database) = database(evidence) else { return Vec::new() };
    if lines.is_empty() || !found_old_data(&database.log) {
        return Vec::new();
    }
    let said = format!("{} found data from before when it started", database.service);
    lines.into_iter().chain(Some(said)).collect()
}

fn init_only(evidence: &Evidence) -> Vec<String> {
    let agrees = database(evidence).is_some_and(|one| one.shares_password == Some(true));
    if !agrees {
        return Vec::new();
    }
    with_database(evidence, complaints(evidence, NOT_LET_IN))
}

fn init_sql(evidence: &Evidence) -> Vec<String> {
    with_database(evidence, complaints(evidence, NOT_MADE))
}

fn wrong_password(evidence: &Evidence) -> Vec<String> {
    let without = [["access denied for user", "using password: no"].as_slice()];
    let mut lines = complaints(evidence, NOT_LET_IN);
    lines.extend(complaints(evidence, &without));
    // A server that tells of a client is not ill itself.
    if is_image(&evidence.image, DATABASES) { Vec::new() } else { lines }
}

fn not_there(evidence: &Evidence) -> Vec<String> {
    let of_probes = evidence.failed_probes().map(|probe| probe.output.clone());
    let mut lines: Vec<String> = of_probes
        .filter(|output| NOT_MADE.iter().any(|pieces| holds_all(output, pieces)))
        .collect();
    lines.extend(complaints(evidence, NOT_MADE));
    if is_image(&evidence.image, DATABASES) && lines.is_empty() { Vec::new() } else { lines }
}
