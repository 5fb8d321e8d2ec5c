//! A plain scalar of a SOPS document.

/// A scalar, as SOPS tells them apart.
#[derive(Clone, PartialEq)]
pub(super) enum Plain {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Any other number; every number of JSON.
    Float(f64),
    /// A text, which may hold any bytes.
    Text(Vec<u8>),
    /// What stood behind a `#`.
    Comment(Vec<u8>),
}

impl Plain {
    /// What was encrypted as a value of this type; `None` if the bytes do not fit it.
    pub(super) fn of_kind(kind: &str, bytes: Vec<u8>) -> Option<Self> {
        let text = || std::str::from_utf8(&bytes).ok();
        match kind {
            "str" | "bytes" | "time" => Some(Self::Text(bytes)),
            "comment" => Some(Self::Comment(bytes)),
            "int" => text()?.parse().ok().map(Self::Int),
            "float" => {
                text()?.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Float)
            }
            "bool" => match text()? {
                "True" | "true" | "1" => Some(Self::Bool(true)),
                "False" | "false" | "0" => Some(Self::Bool(false)),
                _ => None,
            },
            _ => None,
        }
    }

    /// What the message authentication code is made of; `None`: it takes no part.
    pub(super) fn counted(&self) -> Option<Vec<u8>> {
        match self {
            Self::Null | Self::Comment(_) => None,
            Self::Bool(true) => Some(b"True".to_vec()),
            Self::Bool(false) => Some(b"False".to_vec()),
            // Shortest digits that mean the same number, without an exponent, as Go writes it for SOPS.
            Self::Int(number) => Some(number.to_string().into_bytes()),
            Self::Float(number) => Some(number.to_string().into_bytes()),
            Self::Text(bytes) => Some(bytes.clone()),
        }
    }

    /// The value as a variable has it.
    pub(super) fn variable(&self) -> String {
        match self {
            Self::Null | Self::Comment(_) => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => number_text(*number),
            Self::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// A number as Go's encoders write it: with an exponent only where it is very large or very small.
pub(super) fn number_text(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}
