//! The client's errors as ours.

use std::io::ErrorKind;

use bollard::errors::Error;

use crate::engine::failure::CallError;

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                Self::Answer { status: status_code, message }
            }
            Error::DockerStreamError { error } | Error::DockerContainerWaitError { error, .. } => {
                Self::InStream(error)
            }
            Error::RequestTimeoutError => Self::Cut("no answer within the deadline".to_owned()),
            Error::HyperLegacyError { err } if err.is_connect() => {
                Self::NoConnection(with_causes(&err))
            }
            Error::HyperLegacyError { err } => Self::Cut(with_causes(&err)),
            Error::HyperResponseError { err } => Self::Cut(with_causes(&err)),
            Error::IOError { err } => match err.kind() {
                ErrorKind::ConnectionRefused
                | ErrorKind::NotFound
                | ErrorKind::PermissionDenied => Self::NoConnection(err.to_string()),
                _ => Self::Cut(err.to_string()),
            },
            Error::SocketNotFoundError(path) => {
                Self::NoConnection(format!("the engine's socket {path} is not there"))
            }
            // The text of a decoding error names a position and the expected type, never the content.
            Error::JsonDataError { message, .. } => Self::Unreadable(message),
            Error::JsonSerdeError { err } => Self::Unreadable(err.to_string()),
            Error::StrParseError { err } => Self::Unreadable(err.to_string()),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// The error with what caused it: the client's own text is only "client error (Connect)".
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
