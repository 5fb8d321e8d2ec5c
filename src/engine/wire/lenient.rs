//! Forms that engines write in more than one way.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A map whose values do not matter, or matter as texts.
pub(in crate::engine) type Texts = BTreeMap<String, String>;

/// A list of arguments; some engines write a single one as a plain text.
pub(in crate::engine) fn arguments<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        List(Vec<String>),
        One(String),
    }
    Ok(Option::<Form>::deserialize(deserializer)?.map(|form| match form {
        Form::List(list) => list,
        Form::One(text) => vec![text],
    }))
}
