//! What goes over the wire to chat servers and webhooks. Pure.

use serde_json::{Value, json};

use crate::alerts::message::Message;
use crate::alerts::template::Template;

/// Longest text that Slack shows (its API reference, chat messages: 40,000 characters; less is kinder).
const LONGEST: usize = 8000;

/// The body of an incoming webhook.
///
/// # Errors
/// The template cannot be rendered.
pub fn slack(
    message: &Message,
    template: Option<&Template>,
    log_lines: usize,
) -> Result<Value, String> {
    let text = if let Some(template) = template {
        template.render(message, log_lines, escape)?
    } else {
        let lines = message.body(log_lines);
        let lines = lines.iter().map(|line| escape(line));
        let all: Vec<String> =
            [format!("*{}*", escape(&message.headline()))].into_iter().chain(lines).collect();
        all.join("\n")
    };
    let text: String = text.chars().take(LONGEST).collect();
    Ok(json!({ "text": text }))
}

/// The three characters that have a meaning (Slack API, formatting text for app surfaces): a commit that says `<!channel>`
/// calls nobody.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The body of a generic webhook: the message itself, with its text. No two are equal, because no two ids are.
///
/// # Errors
/// The template cannot be rendered.
pub fn webhook(
    message: &Message,
    template: Option<&Template>,
    log_lines: usize,
) -> Result<Value, String> {
    let text = plain(message, template, log_lines)?;
    let mut body = serde_json::to_value(message).map_err(|error| error.to_string())?;
    if let Value::Object(fields) = &mut body {
        let skipped = message.log.len().saturating_sub(log_lines);
        let log: Vec<&String> = message.log.iter().skip(skipped).collect();
        fields.insert("log".to_owned(), json!(log));
        fields.insert("project".to_owned(), json!(message.subject.project()));
        fields.insert("message".to_owned(), text.into());
    }
    Ok(body)
}

/// The text without any marks.
///
/// # Errors
/// The template cannot be rendered.
pub fn plain(
    message: &Message,
    template: Option<&Template>,
    log_lines: usize,
) -> Result<String, String> {
    if let Some(template) = template {
        return template.render(message, log_lines, str::to_owned);
    }
    let all: Vec<String> =
        [message.headline()].into_iter().chain(message.body(log_lines)).collect();
    Ok(all.join("\n"))
}
