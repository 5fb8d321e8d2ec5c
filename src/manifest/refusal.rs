//! Why services are not run because of an attribute. The project loads, and nobody else is stopped.

/// `provider` of a service.
pub(crate) const PROVIDER: &str = "composelet runs no external programs; run what it would provide as a service, or write down its address";
/// `models` of a service.
pub(crate) const MODELS: &str =
    "there is no model runner here; run it as a service and set the variables under environment";
/// A mount of type `cluster`.
pub(crate) const CLUSTER: &str = "cluster volumes are Swarm only; use a volume with a driver";
/// A mount of type `npipe`.
pub(crate) const NPIPE: &str = "named pipes are Windows only; bind the socket in its place";
