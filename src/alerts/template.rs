//! Texts of one's own for messages, in the language of Jinja. The only file that names minijinja.

use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value;

use crate::alerts::message::Message;

/// What a template may cost: about one for each of its steps.
const FUEL: u64 = 100_000;
/// Longest text of a template, and of what comes out, in bytes.
const LONGEST: usize = 32 << 10;

/// A template that has been tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// Takes a template and tries it with an example.
    ///
    /// # Errors
    /// It cannot be read, or names what no message has. A sentence with the line.
    pub fn new(text: impl Into<String>, example: &Message) -> Result<Self, String> {
        let template = Self(text.into());
        if template.0.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        template.render(example, 0, str::to_owned)?;
        Ok(template)
    }

    /// The text for a message. Every text of the message goes through `escape` first.
    ///
    /// # Errors
    /// It does not end within its budget, or cannot do what it wants with this message.
    pub fn render(
        &self,
        message: &Message,
        log_lines: usize,
        escape: impl Fn(&str) -> String,
    ) -> Result<String, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        let template = environment.template_from_str(&self.0).map_err(|error| told(&error))?;
        let mut values = fields(message, log_lines)?;
        escape_all(&mut values, &escape);
        let mut text = template
            .render(minijinja::Value::from(minijinja::value::Serde(values)))
            .map_err(|error| told(&error))?;
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
        }
        Ok(text)
    }
}

/// Everything that a template may name.
fn fields(message: &Message, log_lines: usize) -> Result<Value, String> {
    let mut values = serde_json::to_value(message).map_err(|error| error.to_string())?;
    if let Value::Object(fields) = &mut values {
        let skipped = message.log.len().saturating_sub(log_lines);
        let log: Vec<&String> = message.log.iter().skip(skipped).collect();
        fields.insert("log".to_owned(), serde_json::json!(log));
        fields.insert("lines".to_owned(), serde_json::json!(message.body(log_lines)));
        fields.insert("word".to_owned(), message.word().into());
        let project = message.subject.project().map(ToString::to_string);
        fields.insert("project".to_owned(), project.into());
    }
    Ok(values)
}

fn escape_all(value: &mut Value, escape: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = escape(text),
        Value::Array(list) => list.iter_mut().for_each(|one| escape_all(one, escape)),
        Value::Object(fields) => fields.values_mut().for_each(|one| escape_all(one, escape)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn told(error: &minijinja::Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!("line {line}: "));
    match error.kind() {
        ErrorKind::OutOfFuel => format!("{line}it does not end"),
        kind => {
            let detail = error.detail().map_or_else(String::new, |detail| format!(": {detail}"));
            format!("{line}{kind}{detail}")
        }
    }
}
