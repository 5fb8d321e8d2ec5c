//! Redis, SQLite and brokers.

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::{Certain, Likely};
use crate::diagnose::cause::Sign::{Log, Probe, Warning};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "redis-password-missing",
        title: "Redis wants a password and got none",
        certainty: Likely,
        signs: &[
            Log(&["noauth authentication required"]),
            Probe(&["noauth"]),
            Warning("health-without-password"),
        ],
        mend: "put the password into the client's URL (`redis://:PASSWORD@redis:6379/0`); in a health check set REDISCLI_AUTH in the environment",
    },
    Cause {
        id: "redis-wrong-password",
        title: "Redis does not accept the password of its client",
        certainty: Likely,
        signs: &[
            Log(&["wrongpass invalid username-password pair"]),
            Log(&["invalid password", "redis"]),
            Probe(&["wrongpass"]),
            Log(&["auth <password> called without any password configured"]),
        ],
        mend: "give `--requirepass` and the client the same variable, or none to both",
    },
    Cause {
        id: "redis-cannot-persist",
        title: "Redis refuses writes because it cannot save to its disk",
        certainty: Likely,
        signs: &[
            Log(&["misconf redis is configured to save rdb snapshots"]),
            Log(&["failed opening the temp rdb file"]),
            Log(&["can't save in background: fork"]),
        ],
        mend: "free the disk, give /data to the image's user (999), or set vm.overcommit_memory=1 on the host",
    },
    Cause {
        id: "redis-memory-full",
        title: "Redis is at its `maxmemory` and may evict nothing",
        certainty: Likely,
        signs: &[Log(&["oom command not allowed when used memory"])],
        mend: "raise `maxmemory`, or choose a policy such as `allkeys-lru` for a cache",
    },
    Cause {
        id: "redis-aof-damaged",
        title: "the append-only file of Redis is damaged",
        certainty: Certain,
        signs: &[
            Log(&["bad file format reading the append only file"]),
            Log(&["unexpected end of file reading the append only file"]),
        ],
        mend: "copy the volume, then `redis-check-aof --fix` in a throw-away container, or restore a backup",
    },
    Cause {
        id: "redis-data-newer",
        title: "the data of Redis were written by a newer version",
        certainty: Certain,
        signs: &[Log(&["can't handle rdb format version"])],
        mend: "run the newer version again; Redis cannot go back",
    },
    Cause {
        id: "redis-read-only-replica",
        title: "writes go to a replica of Redis, which only reads",
        certainty: Likely,
        signs: &[Log(&["you can't write against a read only replica"])],
        mend: "let the client write to the primary; a Redis that is reachable from outside without password may have been turned into a replica by strangers",
    },
    Cause {
        id: "sqlite-locked",
        title: "the SQLite database is locked: more than one process writes to it",
        certainty: Likely,
        signs: &[Log(&["database is locked"])],
        mend: "one replica and one worker, WAL mode with a busy time-out, or PostgreSQL; a network file system does not lock at all",
    },
    Cause {
        id: "sqlite-cannot-open",
        title: "the SQLite database cannot be opened: its directory is not there, or not writable for the user",
        certainty: Likely,
        signs: &[
            Log(&["unable to open database file"]),
            Log(&["attempt to write a readonly database"]),
        ],
        mend: "make the directory on the host and give it to the user of the container: SQLite writes beside its file, too",
    },
    Cause {
        id: "scheduler-twice",
        title: "a second scheduler, or one that was killed, left its pid file",
        certainty: Likely,
        signs: &[Log(&["pidfile", "already exists"])],
        mend: "run it with `--pidfile=` (empty): in a container nobody else can run; keep it at one replica",
    },
    Cause {
        id: "pid-file-left",
        title: "a pid file of the last run keeps the server from starting",
        certainty: Likely,
        signs: &[
            Log(&["a server is already running", "pid"]),
            Log(&["httpd (pid", "already running"]),
        ],
        mend: "remove it before the start (`rm -f tmp/pids/server.pid`), and keep it off volumes",
    },
];
