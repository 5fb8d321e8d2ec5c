//! JSON and YAML text, letter for letter as the command line writes it.

use std::fmt::Write as _;

use super::{Json, Key};

/// Compact JSON.
pub(super) fn compact(value: &Json<'_>) -> String {
    let mut out = String::new();
    write_compact(value, &mut out);
    out
}

/// Compact JSON behind what is there.
pub(super) fn write_compact(value: &Json<'_>, out: &mut String) {
    json(value, None, out);
}

/// JSON with two blanks a level.
pub(super) fn pretty(value: &Json<'_>) -> String {
    let mut out = String::new();
    json(value, Some(0), &mut out);
    out
}

fn json(value: &Json<'_>, level: Option<usize>, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Int(number) => append(out, *number),
        Json::Float(number) => out.push_str(&float(*number)),
        Json::Text(text) => quoted(text, out),
        Json::Unwritten(inner) => json(inner, level, out),
        Json::Later(..) => {
            if let Some(now) = value.now() {
                json(&now, level, out);
            }
        }
        Json::Untagged(inner) => json(&capitalised(inner), level, out),
        Json::List(list) => {
            block(list.len(), level, ('[', ']'), out, |at, level, out| {
                if let Some(item) = list.get(at) {
                    json(item, level, out);
                }
            });
        }
        Json::Map(map, _) => {
            block(map.len(), level, ('{', '}'), out, |at, level, out| {
                if let Some((key, item)) = map.get(at) {
                    quoted(key, out);
                    out.push_str(if level.is_some() { ": " } else { ":" });
                    json(item, level, out);
                }
            });
        }
    }
}

fn capitalised<'a>(value: &Json<'a>) -> Json<'a> {
    let Json::Map(map, more) = value else {
        return value.clone();
    };
    let first_up = |key: &str| {
        let mut symbols = key.chars();
        let first = symbols.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(symbols).collect::<String>()
    };
    let map = map.iter().map(|(key, item)| (Key::from(first_up(key)), item.clone()));
    Json::Map(map.collect(), more.clone())
}

fn append(out: &mut String, value: impl std::fmt::Display) {
    // Writing into a String cannot fail.
    let _ok = write!(out, "{value}").is_ok();
}

/// Brackets around `count` items, one a line if there is a level.
fn block(
    count: usize,
    level: Option<usize>,
    (open, close): (char, char),
    out: &mut String,
    item: impl Fn(usize, Option<usize>, &mut String),
) {
    out.push(open);
    let inner = level.map(|level| level + 1);
    for at in 0..count {
        if at > 0 {
            out.push(',');
        }
        line_break(inner, out);
        item(at, inner, out);
    }
    if count > 0 {
        line_break(level, out);
    }
    out.push(close);
}

fn indent(level: usize, out: &mut String) {
    for _ in 0..level {
        out.push_str("  ");
    }
}

fn line_break(level: Option<usize>, out: &mut String) {
    if let Some(level) = level {
        out.push('\n');
        indent(level, out);
    }
}

/// Single precision, shortest form.
#[expect(clippy::cast_possible_truncation, reason = "the command line keeps single precision")]
fn float(number: f64) -> String {
    format!("{}", number as f32)
}

/// A JSON text with `<`, `>`, `&` and the two line separators escaped, as Go does.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(is_escaped) {
        let (clean, tail) = rest.split_at(at);
        out.push_str(clean);
        let mut symbols = tail.chars();
        match symbols.next().unwrap_or_default() {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            other => append(out, format_args!("\\u{:04x}", u32::from(other))),
        }
        rest = symbols.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn is_escaped(symbol: char) -> bool {
    matches!(symbol, '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}')
}

/// Block YAML, two blanks a level, lists indented.
pub(super) fn yaml(value: &Json<'_>) -> String {
    let mut out = String::new();
    yaml_node(value, 0, &mut out);
    out
}

fn yaml_node(value: &Json<'_>, level: usize, out: &mut String) {
    match value {
        Json::Map(map, more) => {
            let written = |(_, item): &&(Key<'_>, Json<'_>)| !matches!(item, Json::Unwritten(_));
            for (key, item) in map.iter().chain(more).filter(written) {
                indent(level, out);
                out.push_str(&yaml_scalar(key));
                out.push(':');
                yaml_value(item, level + 1, out);
            }
        }
        Json::List(list) => {
            for item in list {
                yaml_item(item, level, out);
            }
        }
        _ => {}
    }
}

fn yaml_item(item: &Json<'_>, level: usize, out: &mut String) {
    if let Json::Untagged(plain) = item {
        return yaml_item(plain, level, out);
    }
    let mut inner = String::new();
    match item {
        Json::Map(..) if shows(item) => {
            yaml_node(item, level + 1, &mut inner);
        }
        Json::List(list) if !list.is_empty() => yaml_node(item, level + 1, &mut inner),
        _ => {
            indent(level, out);
            out.push('-');
            yaml_value(item, level + 1, out);
            return;
        }
    }
    indent(level, out);
    out.push_str("- ");
    out.push_str(inner.trim_start_matches(' '));
}

fn yaml_value(value: &Json<'_>, level: usize, out: &mut String) {
    match value {
        Json::Later(..) => {
            if let Some(now) = value.now() {
                yaml_value(&now, level, out);
            }
        }
        Json::Map(..) if !shows(value) => out.push_str(" {}\n"),
        Json::List(list) if list.is_empty() => out.push_str(" []\n"),
        Json::Map(..) | Json::List(_) => {
            out.push('\n');
            yaml_node(value, level, out);
        }
        Json::Text(text) if is_block(text) => yaml_block(text, level, out),
        Json::Text(text) => {
            out.push(' ');
            out.push_str(&yaml_scalar(text));
            out.push('\n');
        }
        scalar => {
            out.push(' ');
            json(scalar, None, out);
            out.push('\n');
        }
    }
}

/// Whether anything of a mapping is written in YAML.
fn shows(value: &Json<'_>) -> bool {
    match value {
        Json::Map(map, more) => {
            map.iter().chain(more).any(|(_, item)| !matches!(item, Json::Unwritten(_)))
        }
        _ => true,
    }
}

/// Whether a text is written as a literal block.
fn is_block(text: &str) -> bool {
    let clean = text.chars().all(|symbol| symbol == '\n' || symbol == '\t' || !symbol.is_control());
    text.contains('\n') && clean
}

fn yaml_block(text: &str, level: usize, out: &mut String) {
    let body = text.trim_end_matches('\n');
    let ends = text.len() - body.len();
    // Where the first line begins with a blank or is empty, a reader must be told the indentation.
    out.push_str(if text.starts_with([' ', '\n']) { " |2" } else { " |" });
    out.push_str(match ends {
        0 => "-\n",
        1 => "\n",
        _ => "+\n",
    });
    let kept = if ends > 1 { text.strip_suffix('\n').unwrap_or(text) } else { body };
    for line in kept.split('\n') {
        if !line.is_empty() {
            indent(level, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A scalar: plain where every YAML reader takes it for a text, in quotes otherwise.
fn yaml_scalar(text: &str) -> String {
    if text.chars().any(char::is_control) {
        let mut out = String::new();
        quoted(text, &mut out);
        return out;
    }
    if needs_double(text) {
        let mut out = String::new();
        quoted_plain(text, &mut out);
        return out;
    }
    if needs_single(text) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    text.to_owned()
}

fn quoted_plain(text: &str, out: &mut String) {
    out.push('"');
    out.push_str(&text.replace('\\', "\\\\").replace('"', "\\\""));
    out.push('"');
}

/// Texts that some reader would take for something else: numbers, truth values, dates, base 60.
fn needs_double(text: &str) -> bool {
    use crate::manifest::node::Value;
    let old_boolean =
        matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off");
    let resolved = crate::manifest::scalar::resolve(text);
    let other = !matches!(&resolved, Value::Text(same) if **same == *text);
    text.is_empty() || old_boolean || is_base_60(text) || other
}

/// Numbers to base 60 of YAML 1.1, `190:20:30.15`: a first group, others below 60, perhaps a fraction.
fn is_base_60(text: &str) -> bool {
    let digits = |part: &str| part.chars().all(|one| one.is_ascii_digit() || one == '_');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut groups = unsigned.split(':');
    let first = groups.next().unwrap_or_default();
    let mut rest: Vec<&str> = groups.collect();
    if let Some(last) = rest.last_mut()
        && let Some((whole, fraction)) = last.split_once('.')
    {
        if !digits(fraction) {
            return false;
        }
        *last = whole;
    }
    let below_60 = |group: &&str| match group.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    first.starts_with(|one: char| one.is_ascii_digit())
        && digits(first)
        && !rest.is_empty()
        && rest.iter().all(below_60)
}

/// Texts whose form is YAML's own.
fn needs_single(text: &str) -> bool {
    let first = text.chars().next().unwrap_or(' ');
    // One of these alone counts as followed by a blank.
    let second = text.chars().nth(1).unwrap_or(' ');
    let indicator = matches!(
        first,
        ',' | '['
            | ']'
            | '{'
            | '}'
            | '#'
            | '&'
            | '*'
            | '!'
            | '|'
            | '>'
            | '\''
            | '"'
            | '%'
            | '@'
            | '`'
    );
    let dash = matches!(first, '-' | '?' | ':') && matches!(second, ' ');
    indicator
        || dash
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with(':')
        || text.starts_with([' ', '\t'])
        || text.ends_with([' ', '\t'])
        || text.starts_with("---")
        || text.starts_with("...")
}
