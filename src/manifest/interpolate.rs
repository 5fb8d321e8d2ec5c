//! Variables in values (Compose Specification, 12-interpolation; corner cases as the command line 2.26 has them).
//!
//! `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?message}`, `${NAME?message}`, `${NAME:+other}`,
//! `${NAME+other}`, `$$`. Default, message and other are interpolated in turn; braces are matched by count.

use std::sync::Arc;

/// Deepest nesting of one expression in another.
const DEEPEST: usize = 32;
/// Longest result of one text, bytes.
pub(crate) const LONGEST: usize = 1 << 20;

/// Why a text cannot be interpolated. The texts are those of the file; no value of a variable is among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The expression is not in the grammar.
    Invalid(String),
    /// `${NAME:?message}` and the variable is not there.
    Required {
        /// The variable.
        name: String,
        /// The message as written.
        message: String,
    },
    /// Nested too deeply, or the result is too long.
    TooLarge,
}

/// A text after interpolation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interpolated {
    /// The text.
    pub(crate) text: String,
    /// Variables that were asked for without a default and are not set.
    pub(crate) unset: Vec<String>,
}

/// Where variables come from. Values are shared: a long one may be asked for many times.
pub(crate) type Lookup<'a> = &'a mut dyn FnMut(&str) -> Option<Arc<str>>;

/// Interpolates `text`. Total: every text gives a result or a [`Problem`].
pub(crate) fn interpolate(text: &str, lookup: Lookup<'_>) -> Result<Interpolated, Problem> {
    let mut out = Interpolated::default();
    expand(text, lookup, &mut out, 0)?;
    Ok(out)
}

fn expand(
    text: &str,
    lookup: Lookup<'_>,
    out: &mut Interpolated,
    depth: usize,
) -> Result<(), Problem> {
    if depth > DEEPEST {
        return Err(Problem::TooLarge);
    }
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        push(out, before)?;
        if let Some(tail) = after.strip_prefix('$') {
            push(out, "$")?;
            rest = tail;
        } else if let Some(tail) = after.strip_prefix('{') {
            let (body, tail) =
                braced(tail).ok_or_else(|| Problem::Invalid(format!("${{{}", shorten(tail))))?;
            expression(body, lookup, out, depth)?;
            rest = tail;
        } else {
            let name = leading_name(after);
            if name.is_empty() {
                push(out, "$")?;
            } else {
                variable(name, lookup, out)?;
            }
            rest = after.get(name.len()..).unwrap_or("");
        }
    }
    push(out, rest)
}

fn push(out: &mut Interpolated, text: &str) -> Result<(), Problem> {
    if out.text.len() + text.len() > LONGEST {
        return Err(Problem::TooLarge);
    }
    out.text.push_str(text);
    Ok(())
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The body up to the matching brace, and what follows it.
fn braced(text: &str) -> Option<(&str, &str)> {
    let mut open = 1_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
    }
    None
}

/// The longest prefix that is a name: `[_a-zA-Z][_a-zA-Z0-9]*`.
pub(crate) fn leading_name(text: &str) -> &str {
    let starts = text.bytes().next().is_some_and(|byte| byte == b'_' || byte.is_ascii_alphabetic());
    let length =
        text.bytes().take_while(|byte| *byte == b'_' || byte.is_ascii_alphanumeric()).count();
    if starts { text.get(..length).unwrap_or("") } else { "" }
}

fn variable(name: &str, lookup: Lookup<'_>, out: &mut Interpolated) -> Result<(), Problem> {
    if let Some(value) = lookup(name) {
        return push(out, &value);
    }
    out.unset.push(name.to_owned());
    Ok(())
}

fn expression(
    body: &str,
    lookup: Lookup<'_>,
    out: &mut Interpolated,
    depth: usize,
) -> Result<(), Problem> {
    let name = leading_name(body);
    let tail = body.get(name.len()..).unwrap_or("");
    let invalid = || Problem::Invalid(format!("${{{}}}", shorten(body)));
    if name.is_empty() {
        return Err(invalid());
    }
    if tail.is_empty() {
        return variable(name, lookup, out);
    }
    let (colon, operator) = match tail.strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, tail),
    };
    let argument = operator.get(1..).unwrap_or("");
    let operator = operator.as_bytes().first();
    if !matches!(operator, Some(b'-' | b'?' | b'+')) {
        return Err(invalid());
    }
    // What follows the operator must be right also where it is not used.
    let mut other = Interpolated::default();
    expand(argument, lookup, &mut other, depth + 1)?;
    let value = lookup(name).filter(|value| !colon || !value.is_empty());
    match (operator, value) {
        (Some(b'-' | b'?'), Some(value)) => push(out, &value),
        (Some(b'-'), None) | (Some(b'+'), Some(_)) => {
            out.unset.extend(other.unset);
            push(out, &other.text)
        }
        (Some(b'?'), None) => {
            Err(Problem::Required { name: name.to_owned(), message: argument.to_owned() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<String, Problem> {
        let mut lookup = |name: &str| match name {
            "SET" => Some("val".into()),
            "EMPTY" => Some("".into()),
            _ => None,
        };
        interpolate(text, &mut lookup).map(|done| done.text)
    }

    #[test]
    fn the_table_of_the_reference_holds() {
        for (text, wanted) in [
            ("$SET", "val"),
            ("${SET}", "val"),
            ("${UNSET}", ""),
            ("${UNSET-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${EMPTY:-d}", "d"),
            ("${SET:+x}", "x"),
            ("${EMPTY:+x}", ""),
            ("${EMPTY+x}", "x"),
            ("${UNSET+x}", ""),
            ("$$SET", "$SET"),
            ("$1", "$1"),
            ("$", "$"),
            ("a$ b", "a$ b"),
            ("${EMPTY?m}", ""),
            ("${UNSET:-${A:-z}}", "z"),
            ("${UNSET:-a:-b}", "a:-b"),
            ("${UNSET:-$$SET}", "$SET"),
            ("${UNSET:-{}}", "{}"),
            ("${UNSET:-a}b}", "ab}"),
            ("$SET-x", "val-x"),
            ("${UNSET:-}", ""),
        ] {
            assert_eq!(run(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_the_grammar_does_not_know_is_an_error() {
        for text in ["${1}", "${}", "${ A }", "${A/x/y}", "${A", "${A:}", "${A:x}"] {
            assert!(matches!(run(text), Err(Problem::Invalid(_))), "{text}");
        }
        for text in ["${UNSET:?m}", "${UNSET?m}", "${EMPTY:?m}"] {
            assert!(matches!(run(text), Err(Problem::Required { .. })), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let text = format!("{}z{}", "${A:-".repeat(1000), "}".repeat(1000));
        assert_eq!(run(&text), Err(Problem::TooLarge));
    }

    proptest::proptest! {
        #[test]
        fn every_text_gives_a_result_or_a_problem(text in "[ -~$${}:?+-]{0,60}") {
            let mut asked = Vec::new();
            let done = interpolate(&text, &mut |name| {
                asked.push(name.to_owned());
                (name.len() % 2 == 0).then(|| "v".into())
            });
            proptest::prop_assert!(done.is_ok() || text.contains('$'));
            proptest::prop_assert!(asked.iter().all(|name| leading_name(name) == name));
        }
    }
}
