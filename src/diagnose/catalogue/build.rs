//! Images that do not build.

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::Certain;
use crate::diagnose::cause::Sign::Engine;

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "build-repository-archived",
        title: "the package repositories of the base image are gone: its distribution is out of support",
        certainty: Certain,
        signs: &[
            Engine(&["does not have a release file"]),
            Engine(&["404", "not found", "deb.debian.org"]),
            Engine(&["failed to fetch", "404"]),
        ],
        mend: "build upon a supported base image, such as the same language on the present stable distribution",
    },
    Cause {
        id: "build-not-permitted",
        title: "a step of the build changes a file that its user does not own",
        certainty: Certain,
        signs: &[
            Engine(&["chmod:", "operation not permitted"]),
            Engine(&["chown:", "operation not permitted"]),
        ],
        mend: "move the step before `USER`, or use `COPY --chown=…` and `COPY --chmod=…`",
    },
    Cause {
        id: "build-file-missing",
        title: "the build copies a file that is not in its context",
        certainty: Certain,
        signs: &[
            Engine(&["failed to compute cache key", "not found"]),
            Engine(&["copy failed", "no such file"]),
            Engine(&["copy failed", "not found in build context"]),
            Engine(&["failed to calculate checksum of ref"]),
        ],
        mend: "put the file below `build.context`, take it out of `.dockerignore`, or correct the path of the `COPY`",
    },
    Cause {
        id: "build-dockerfile-missing",
        title: "there is no Dockerfile where the build looks for it",
        certainty: Certain,
        signs: &[
            Engine(&["cannot locate specified dockerfile"]),
            Engine(&["failed to read dockerfile"]),
        ],
        mend: "correct `build.dockerfile`: it is relative to `build.context`",
    },
    Cause {
        id: "build-dependency-missing",
        title: "a package that the build wants is not to be had in that version",
        certainty: Certain,
        signs: &[
            Engine(&["no matching distribution found for"]),
            Engine(&["unable to locate package"]),
            Engine(&["npm err! code etarget"]),
        ],
        mend: "correct name and version of the package, or build upon a base that has it",
    },
    Cause {
        id: "build-step-failed",
        title: "a step of the build failed",
        certainty: Certain,
        signs: &[
            Engine(&["returned a non-zero code"]),
            Engine(&["did not complete successfully: exit code"]),
        ],
        mend: "run the step by hand in its base image; the text names it",
    },
];
