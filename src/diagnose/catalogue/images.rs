//! Images that cannot be had, or that do not fit the host.

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::Certain;
use crate::diagnose::cause::Sign::{Engine, Fact, Log};
use crate::diagnose::evidence::{Evidence, State};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "wrong-architecture",
        title: "the image was built for another processor than that of the host",
        certainty: Certain,
        signs: &[
            Engine(&["exec format error"]),
            Log(&["exec format error"]),
            Engine(&["no matching manifest for"]),
            Fact("the architecture of the image is not that of the engine, and it ended", foreign),
        ],
        mend: "take or build the image for the host's platform; a script without `#!` in its first line looks the same",
    },
    Cause {
        id: "registry-login-needed",
        title: "the registry does not give the image to whom it does not know",
        certainty: Certain,
        signs: &[
            Engine(&["pull access denied"]),
            Engine(&["authentication required"]),
            Engine(&["no basic auth credentials"]),
            Engine(&["unauthorized", "registry"]),
        ],
        mend: "correct the name, or log in once with `docker login` as the user that composelet runs as",
    },
    Cause {
        id: "image-not-found",
        title: "the registry has no image of this name and tag",
        certainty: Certain,
        signs: &[
            Engine(&["manifest unknown"]),
            Engine(&["manifest for", "not found"]),
            Engine(&["no such image"]),
            Engine(&["the image: it is not there and pull_policy is never"]),
        ],
        mend: "correct `image`, or push the tag; with `pull_policy: never` load the image by hand",
    },
    Cause {
        id: "registry-rate-limit",
        title: "the registry refuses more pulls for now",
        certainty: Certain,
        signs: &[Engine(&["toomanyrequests"]), Engine(&["pull rate limit"])],
        mend: "log in at the registry, use a mirror, or wait: it is tried again by itself",
    },
    Cause {
        id: "registry-certificate",
        title: "the engine does not trust the certificate of the registry",
        certainty: Certain,
        signs: &[Engine(&["x509:"])],
        mend: "install the authority's certificate below /etc/docker/certs.d/REGISTRY/, and look at the host's clock",
    },
    Cause {
        id: "registry-unreachable",
        title: "the registry cannot be reached",
        certainty: Certain,
        signs: &[
            Engine(&["dial tcp", "no such host"]),
            Engine(&["dial tcp", "i/o timeout"]),
            Engine(&["dial tcp", "connection refused"]),
            Engine(&["tls handshake timeout"]),
            Engine(&["client.timeout exceeded while awaiting headers"]),
            Engine(&["server misbehaving"]),
        ],
        mend: "look at DNS, proxy and firewall of the host; images at hand run without it under `pull_policy: missing`",
    },
];

/// An image for another architecture whose container ended.
fn foreign(evidence: &Evidence) -> Vec<String> {
    let (image, host) = (&evidence.image_facts.architecture, &evidence.host.architecture);
    let known = !image.is_empty() && !host.is_empty() && image != host;
    let ended =
        evidence.state != State::Running && evidence.exit_code.is_some_and(|code| code != 0);
    if known && ended {
        return vec![format!("the image is for {image}, the engine for {host}")];
    }
    Vec::new()
}
