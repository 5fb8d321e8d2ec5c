//! Messages of whatever can send JSON, in words of our own.

use crate::model::hint::SyncHint;
use crate::model::image_update::name_and_tag;
use crate::webhook::fields::{Fields, Malformed};
use crate::webhook::hook::Hook;
use crate::webhook::payload::message::Message;

/// `{"image": "registry/name:tag"}` or `{"url": …, "ref": …, "commit": …}`. A hook that is for one git source needs neither.
pub(super) fn generic(hook: &Hook, fields: &Fields) -> Result<Message, Malformed> {
    if let Some(reference) = fields.get("image") {
        let (name, tag) = name_and_tag(reference);
        let digest = reference.split_once('@').map(|(_, digest)| digest);
        let hint = SyncHint::image(name, Some(tag), digest).ok_or(Malformed::Missing("image"))?;
        return Ok(Message::Hints(vec![hint]));
    }
    let url = fields.get("url");
    if url.is_none() && hook.source().is_none() {
        return Err(Malformed::Missing("url` or `image"));
    }
    let hint = SyncHint::git(url, fields.get("ref"), fields.any(&["commit", "after"]));
    Ok(Message::Hints(vec![hint]))
}
