//! A plain document as SOPS prints it.

use std::fmt::Write as _;

use crate::secrets::plain::{Plain, number_text};
use crate::secrets::tree::Tree;

/// Blanks of a level of YAML.
const LEVEL: usize = 4;

/// JSON as Go writes it, with tabs; a line end at the end.
pub(super) fn json(tree: &Tree) -> String {
    let mut out = String::new();
    json_at(tree, 0, &mut out);
    out.push('\n');
    out
}

fn json_at(tree: &Tree, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n('\t', depth));
    };
    match tree {
        Tree::Scalar(plain) => out.push_str(&json_scalar(plain)),
        Tree::List(items) if items.is_empty() => out.push_str("[]"),
        Tree::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Tree::List(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                line(depth + 1, out);
                json_at(item, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Tree::Map(entries) => {
            for (index, (name, value)) in entries.iter().enumerate() {
                out.push(if index == 0 { '{' } else { ',' });
                line(depth + 1, out);
                out.push_str(&quoted(name, true));
                out.push_str(": ");
                json_at(value, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
    }
}

fn json_scalar(plain: &Plain) -> String {
    match plain {
        Plain::Null | Plain::Comment(_) => "null".to_owned(),
        Plain::Bool(value) => value.to_string(),
        Plain::Int(number) => number.to_string(),
        Plain::Float(number) => number_text(*number),
        Plain::Text(bytes) => quoted(&String::from_utf8_lossy(bytes), true),
    }
}

/// A text between double quotes; `html`: with the escapes by which Go keeps it out of the way of HTML.
fn quoted(text: &str, html: bool) -> String {
    let mut out = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if html => escape(letter, &mut out),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{85}' => escape(letter, &mut out),
            letter if letter.is_control() => escape(letter, &mut out),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

fn escape(letter: char, out: &mut String) {
    // Writing into a String cannot fail.
    let _ok = write!(out, "\\u{:04x}", u32::from(letter)).is_ok();
}

/// The documents of YAML, four blanks a level. Comments and the style of texts are not kept; the values are.
pub(super) fn yaml(documents: &[Tree]) -> String {
    let mut out = String::new();
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            out.push_str("---\n");
        }
        match document {
            Tree::Map(entries) if !entries.is_empty() => map_at(entries, 0, false, &mut out),
            other => below(other, 0, &mut out),
        }
    }
    out
}

/// The entries of a mapping; the first one stands behind the dash of a list if it is `inline`.
fn map_at(entries: &[(String, Tree)], indent: usize, inline: bool, out: &mut String) {
    for (index, (name, value)) in entries.iter().enumerate() {
        if index > 0 || !inline {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        out.push_str(&yaml_text(name));
        out.push(':');
        below(value, indent + LEVEL, out);
    }
}

/// A value behind its key or dash, up to the end of its last line. What needs lines of its own is written at `indent`.
fn below(value: &Tree, indent: usize, out: &mut String) {
    match value {
        Tree::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            map_at(entries, indent, false, out);
        }
        Tree::List(items) if !items.is_empty() => {
            out.push('\n');
            list_at(items, indent, out);
        }
        Tree::Map(_) => out.push_str(" {}\n"),
        Tree::List(_) => out.push_str(" []\n"),
        Tree::Scalar(Plain::Text(bytes)) => {
            let text = String::from_utf8_lossy(bytes);
            if is_block(&text) {
                block(&text, indent, out);
            } else {
                out.push(' ');
                out.push_str(&yaml_text(&text));
                out.push('\n');
            }
        }
        Tree::Scalar(plain) => {
            out.push(' ');
            out.push_str(&json_scalar(plain));
            out.push('\n');
        }
    }
}

fn list_at(items: &[Tree], indent: usize, out: &mut String) {
    for item in items {
        out.extend(std::iter::repeat_n(' ', indent));
        out.push('-');
        match item {
            Tree::Map(entries) if !entries.is_empty() => {
                out.push(' ');
                map_at(entries, indent + 2, true, out);
            }
            other => below(other, indent + 2, out),
        }
    }
}

/// Whether a text of several lines can stand as it is, behind a `|`.
fn is_block(text: &str) -> bool {
    let odd = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && text.lines().all(|line| !line.ends_with([' ', '\t']))
        && !text.contains(|letter| {
            odd(letter) || matches!(letter, '\u{feff}' | '\u{2028}' | '\u{2029}')
        })
}

fn block(text: &str, indent: usize, out: &mut String) {
    let body = text.trim_end_matches('\n');
    out.push_str(match text.len() - body.len() {
        0 => " |-\n",
        1 => " |\n",
        _ => " |+\n",
    });
    let ends = text.strip_suffix('\n').unwrap_or(text);
    for line in ends.split('\n') {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A text of one line: plain where every reader takes it for that text, else between quotes.
fn yaml_text(text: &str) -> String {
    let first =
        text.starts_with(|letter: char| letter.is_ascii_alphabetic() || "/_.".contains(letter));
    let inner = |letter: char| letter.is_alphanumeric() || " /_.-+@,=:~%$!?;()".contains(letter);
    let plain = first
        && text.chars().all(inner)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !is_word(text)
        && text.parse::<f64>().is_err();
    if plain { text.to_owned() } else { quoted(text, false) }
}

/// Words that some version of YAML takes for something else than a text.
fn is_word(text: &str) -> bool {
    let words =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", ".nan", "---", "..."];
    words.contains(&text.to_ascii_lowercase().as_str())
}
