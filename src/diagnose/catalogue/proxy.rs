//! nginx.

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::{Certain, Likely};
use crate::diagnose::cause::Sign::Log;

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "nginx-directive-in-wrong-context",
        title: "a directive of nginx stands where it must not stand",
        certainty: Certain,
        signs: &[Log(&["[emerg]", "directive is not allowed here"])],
        mend: "move it: `limit_req_zone`, `upstream` and `map` belong into `http`, not into `server`; a file in conf.d is inside of `http` already",
    },
    Cause {
        id: "nginx-no-events-section",
        title: "the main file of nginx has no `events` section: a file for conf.d was mounted in its place",
        certainty: Certain,
        signs: &[Log(&["[emerg]", "no \"events\" section"])],
        mend: "mount the file below /etc/nginx/conf.d/, or wrap it in `events {}` and `http { … }`",
    },
    Cause {
        id: "nginx-zone-unknown",
        title: "a rate limit of nginx names a zone that nothing defines",
        certainty: Certain,
        signs: &[Log(&["[emerg]", "zero size shared memory zone"])],
        mend: "define the zone with `limit_req_zone` in the `http` context",
    },
    Cause {
        id: "nginx-configuration-invalid",
        title: "the configuration of nginx cannot be read",
        certainty: Certain,
        signs: &[
            Log(&["[emerg]", "unknown directive"]),
            Log(&["[emerg]", "unexpected \"}\""]),
            Log(&["[emerg]", "unexpected end of file"]),
            Log(&["[emerg]", "invalid number of arguments"]),
            Log(&["[emerg]", "is not terminated by"]),
            Log(&["[emerg]", "duplicate"]),
        ],
        mend: "the line names file and number; try it with `nginx -t` in the container",
    },
    Cause {
        id: "certificate-missing",
        title: "a certificate or key is not where the configuration says: nothing mounts it",
        certainty: Certain,
        signs: &[
            Log(&["cannot load certificate", "no such file"]),
            Log(&["cannot load certificate key", "no such file"]),
            Log(&["cannot load certificate", "bio_new_file() failed"]),
            Log(&["ssl", "could not load server certificate file", "no such file"]),
        ],
        mend: "mount the directory of the certificates at that path; without one yet, serve port 80 alone until certbot has made it",
    },
    Cause {
        id: "certificate-key-mismatch",
        title: "key and certificate do not belong together",
        certainty: Certain,
        signs: &[Log(&["key values mismatch"])],
        mend: "mount the key that the certificate was made for, and the whole chain (fullchain.pem)",
    },
    Cause {
        id: "nginx-upstream-unknown",
        title: "nginx does not start because the name of its upstream cannot be resolved yet",
        certainty: Likely,
        signs: &[Log(&["[emerg]", "host not found in upstream"])],
        mend: "put both on one network and let nginx wait with `depends_on`; names in `resolver 127.0.0.11` and a variable are resolved late",
    },
    Cause {
        id: "upstream-loops",
        title: "the proxy sends requests to itself",
        certainty: Likely,
        signs: &[Log(&["worker_connections are not enough"])],
        mend: "let the upstream name the program's own service and port, not the address that the proxy listens on",
    },
    Cause {
        id: "upstream-refused",
        title: "nobody listens on the port of the upstream",
        certainty: Likely,
        signs: &[
            Log(&["connect() failed (111", "while connecting to upstream"]),
            Log(&["no live upstreams"]),
        ],
        mend: "look at the service behind it: it is down, listens on another port, or on 127.0.0.1 of its own container only",
    },
];
