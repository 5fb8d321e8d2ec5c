//! Why services are not run because of an attribute. The project loads, and nobody else is stopped.

/// `provider` of a service.
pub(crate) const PROVIDER: &str = "composelet runs no external programs; run what it would provide as a service, or write down its address";
/// `models` of a service.
pub(crate) const MODELS: &str =
    "there is no model runner here; run it as a service and set the variables under environment";
/// `entitlements` of a build.
pub(crate) const BUILD_ENTITLEMENTS: &str = "the engine's build API grants none; network: host gives all steps the host's network, and what else is needed has to be built elsewhere";
/// `privileged` of a build.
pub(crate) const BUILD_PRIVILEGED: &str = "the builders inside of the engine run no privileged steps; build it elsewhere and name the image";
/// Several `platforms` of a build.
pub(crate) const BUILD_PLATFORMS: &str = "an image for several platforms needs the engine's containerd image store and buildx; name one platform, or set the service's platform to one of them";
/// An additional context that is fetched.
pub(crate) const BUILD_CONTEXT: &str = "the engine's build API takes directories, docker-image:// and service: only; clone it and name the directory";
/// Instructions that do not lie in a remote context.
pub(crate) const BUILD_REMOTE_INLINE: &str = "the engine takes the instructions of a remote context from there; clone it and name the directory";
/// A mount of type `cluster`.
pub(crate) const CLUSTER: &str = "cluster volumes are Swarm only; use a volume with a driver";
/// A mount of type `npipe`.
pub(crate) const NPIPE: &str = "named pipes are Windows only; bind the socket in its place";
