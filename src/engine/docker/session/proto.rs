//! The few messages of BuildKit's session that are spoken here, with the numbers of their fields (moby/buildkit `session/*`,
//! `api/services/control`, tonistiigi/fsutil `types`).

use prost::Message;

/// `grpc.health.v1.HealthCheckResponse`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::engine::docker) struct HealthCheckResponse {
    /// 1 is serving.
    #[prost(int32, tag = "1")]
    pub(in crate::engine::docker) status: i32,
}

/// `moby.filesync.v1.CredentialsRequest`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::engine::docker) struct CredentialsRequest {
    /// The registry.
    #[prost(string, tag = "1")]
    pub(in crate::engine::docker) host: String,
}

/// `moby.filesync.v1.CredentialsResponse`.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(in crate::engine::docker) struct CredentialsResponse {
    /// User, empty for a token.
    #[prost(string, tag = "1")]
    pub(in crate::engine::docker) username: String,
    /// Password or token.
    #[prost(string, tag = "2")]
    pub(in crate::engine::docker) secret: String,
}

/// `moby.buildkit.secrets.v1.GetSecretRequest` and `moby.sshforward.v1.CheckAgentRequest`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::engine::docker) struct IdRequest {
    /// Which.
    #[prost(string, tag = "1")]
    pub(in crate::engine::docker) id: String,
}

/// `moby.buildkit.secrets.v1.GetSecretResponse` and `moby.sshforward.v1.BytesMessage`.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(in crate::engine::docker) struct BytesMessage {
    /// The bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub(in crate::engine::docker) data: Vec<u8>,
}

/// `fsutil.types.Packet`.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(in crate::engine::docker) struct Packet {
    /// What it is.
    #[prost(enumeration = "PacketType", tag = "1")]
    pub(in crate::engine::docker) kind: i32,
    /// A file; none ends the list.
    #[prost(message, optional, tag = "2")]
    pub(in crate::engine::docker) stat: Option<Stat>,
    /// The file's place in the list.
    #[prost(uint32, tag = "3")]
    pub(in crate::engine::docker) id: u32,
    /// A piece of it; none ends it.
    #[prost(bytes = "vec", tag = "4")]
    pub(in crate::engine::docker) data: Vec<u8>,
}

/// Kinds of packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(in crate::engine::docker) enum PacketType {
    /// A file of the list.
    Stat = 0,
    /// Asks for a file.
    Request = 1,
    /// A piece of a file.
    Data = 2,
    /// All is there.
    Finished = 3,
    /// It failed.
    Failed = 4,
}

/// `fsutil.types.Stat`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::engine::docker) struct Stat {
    /// Relative path.
    #[prost(string, tag = "1")]
    pub(in crate::engine::docker) path: String,
    /// Mode in the bits of Go's `os.FileMode`.
    #[prost(uint32, tag = "2")]
    pub(in crate::engine::docker) mode: u32,
    /// Size in bytes.
    #[prost(int64, tag = "5")]
    pub(in crate::engine::docker) size: i64,
    /// Nanoseconds since 1970.
    #[prost(int64, tag = "6")]
    pub(in crate::engine::docker) modified: i64,
    /// Target of a link.
    #[prost(string, tag = "7")]
    pub(in crate::engine::docker) link: String,
}

/// `moby.buildkit.v1.StatusResponse`, as the engine tells of a build's progress.
#[derive(Clone, PartialEq, Message)]
pub(in crate::engine::docker) struct StatusResponse {
    /// Steps.
    #[prost(message, repeated, tag = "1")]
    pub(in crate::engine::docker) vertexes: Vec<Vertex>,
    /// Output.
    #[prost(message, repeated, tag = "3")]
    pub(in crate::engine::docker) logs: Vec<VertexLog>,
}

/// `moby.buildkit.v1.Vertex`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::engine::docker) struct Vertex {
    /// Which.
    #[prost(string, tag = "1")]
    pub(in crate::engine::docker) digest: String,
    /// For people: `[2/4] RUN make`.
    #[prost(string, tag = "3")]
    pub(in crate::engine::docker) name: String,
    /// Whether it came from the cache.
    #[prost(bool, tag = "4")]
    pub(in crate::engine::docker) cached: bool,
    /// Begin.
    #[prost(message, optional, tag = "5")]
    pub(in crate::engine::docker) started: Option<Time>,
    /// Why it failed.
    #[prost(string, tag = "7")]
    pub(in crate::engine::docker) error: String,
}

/// `google.protobuf.Timestamp`, of which only the presence counts.
#[derive(Clone, Copy, PartialEq, Message)]
pub(in crate::engine::docker) struct Time {
    /// Since 1970.
    #[prost(int64, tag = "1")]
    seconds: i64,
}

/// `moby.buildkit.v1.VertexLog`.
#[derive(Clone, PartialEq, Message)]
pub(in crate::engine::docker) struct VertexLog {
    /// Of which step.
    #[prost(string, tag = "1")]
    pub(in crate::engine::docker) vertex: String,
    /// What it said.
    #[prost(bytes = "vec", tag = "4")]
    pub(in crate::engine::docker) text: Vec<u8>,
}
