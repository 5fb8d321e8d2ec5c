//! `.env` and `env_file` (compose-spec reference §2.3): an own reader, because the grammar is Compose's, not a shell's.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::interpolate::{self, Lookup, Problem};

/// Most bytes of all values of one file: each may name those before it, so that they double with every line.
const MOST_TEXT: usize = 16 << 20;

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// First byte of what is wrong.
    pub(crate) at: usize,
    /// What is wrong, without any value.
    pub(crate) message: String,
}

/// What a file says: every key once, in the order of the last mention; `None` for a bare key that nothing resolves.
pub(crate) type Assignments = BTreeMap<String, Arc<str>>;

/// Reads dotenv text. `lookup` is the environment around the file; it wins over keys of the file itself when `${NAME}` is
/// expanded, as Compose has it.
pub(crate) fn parse(text: &str, lookup: Lookup<'_>) -> Result<Assignments, Mistake> {
    let mut reader = Reader { text, at: 0, values: Assignments::new(), made: 0, lookup };
    while reader.statement()? {}
    Ok(reader.values)
}

/// Reads the raw format (`format: raw`): `KEY=value` per line, no quotes, no variables; `#` at the start comments out.
pub(crate) fn parse_raw(text: &str, lookup: Lookup<'_>) -> Result<Assignments, Mistake> {
    let mut values = Assignments::new();
    let mut at = 0;
    for line in text.split('\n') {
        let start = at;
        at += line.len() + 1;
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key, Some(Arc::from(value))),
            None => (line.trim_end(), lookup(line.trim_end())),
        };
        if key.is_empty() || key.contains([' ', '\t']) {
            let message = "the name of a variable is empty or holds a space".to_owned();
            return Err(Mistake { at: start, message });
        }
        if let Some(value) = value {
            values.insert(key.to_owned(), value);
        }
    }
    Ok(values)
}

fn mistake<T>(at: usize, message: impl Into<String>) -> Result<T, Mistake> {
    let message = message.into();
    Err(Mistake { at, message })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: Assignments,
    made: usize,
    lookup: Lookup<'a>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Skips blank lines and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    /// One assignment; `false` at the end of the text.
    fn statement(&mut self) -> Result<bool, Mistake> {
        self.skip();
        if self.rest().is_empty() {
            return Ok(false);
        }
        if let Some(tail) = self.rest().strip_prefix("export")
            && tail.starts_with([' ', '\t'])
        {
            self.at += "export".len() + (tail.len() - tail.trim_start_matches([' ', '\t']).len());
        }
        let start = self.at;
        let rest = self.rest();
        let length = rest
            .find(|symbol: char| {
                !(symbol.is_alphanumeric() || matches!(symbol, '_' | '.' | '-' | '[' | ']'))
            })
            .unwrap_or(rest.len());
        let key = rest.get(..length).unwrap_or("").to_owned();
        self.at += length;
        let blank = self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        self.at += blank;
        let next = self.rest().chars().next();
        match next {
            Some('=' | ':') if !key.is_empty() => {
                self.at += 1;
                let value = self.value()?;
                self.values.insert(key, value);
            }
            None | Some('\n' | '\r') if !key.is_empty() => {
                if let Some(value) = (self.lookup)(&key) {
                    self.values.insert(key, value);
                }
                let rest = self.rest();
                self.at += rest.find('\n').unwrap_or(rest.len());
            }
            _ => {
                return mistake(
                    start,
                    "expected NAME=value, with a name of letters, digits and _ . - [ ]",
                );
            }
        }
        Ok(true)
    }

    fn value(&mut self) -> Result<Arc<str>, Mistake> {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches([' ', '\t']);
        self.at += rest.len() - trimmed.len();
        match trimmed.chars().next() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            _ => self.unquoted(),
        }
    }

    fn unquoted(&mut self) -> Result<Arc<str>, Mistake> {
        let start = self.at;
        let rest = self.rest();
        let line = rest.split('\n').next().unwrap_or("");
        self.at += line.len();
        // A comment has a blank before it; a value may begin with `#`.
        let end = line.find(" #").unwrap_or(line.len());
        let value = line.get(..end).unwrap_or("").trim();
        self.expand(value, start)
    }

    fn quoted(&mut self, quote: char) -> Result<Arc<str>, Mistake> {
        let start = self.at;
        self.at += 1;
        let body = self.rest();
        let mut escaped = false;
        let end = body.char_indices().find_map(|(at, symbol)| {
            let closes = symbol == quote && !escaped;
            escaped = symbol == '\\' && !escaped;
            closes.then_some(at)
        });
        let Some(end) = end else {
            return mistake(start, "this quote is never closed");
        };
        let inner = body.get(..end).unwrap_or("");
        self.at += end + 1;
        if quote == '\'' {
            return Ok(inner.replace("\\'", "'").into());
        }
        self.expand(&unescape(inner), start)
    }

    fn expand(&mut self, value: &str, at: usize) -> Result<Arc<str>, Mistake> {
        let Self { values, lookup, .. } = self;
        let mut find = |name: &str| lookup(name).or_else(|| values.get(name).cloned());
        match interpolate::interpolate(value, &mut find) {
            Ok(done) if self.made + done.text.len() <= MOST_TEXT => {
                self.made += done.text.len();
                Ok(done.text.into())
            }
            Ok(_) => mistake(at, "the values of this file become too long together"),
            Err(Problem::Invalid(_)) => mistake(at, "not a valid variable expression"),
            Err(Problem::Required { name, .. }) => {
                mistake(at, format!("the variable {name} is required and has no value"))
            }
            Err(Problem::TooLarge) => mistake(at, "the value becomes too long"),
        }
    }
}

/// Escapes of double quotes. `\$` becomes `$$`, so that interpolation leaves a dollar sign.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut symbols = after.chars();
        let (mapped, used) = match symbols.next() {
            Some('a') => ('\u{7}', 1),
            Some('b') => ('\u{8}', 1),
            Some('f') => ('\u{c}', 1),
            Some('n') => ('\n', 1),
            Some('r') => ('\r', 1),
            Some('t') => ('\t', 1),
            Some('v') => ('\u{b}', 1),
            Some('\\') => ('\\', 1),
            Some('"') => ('"', 1),
            Some('$') => {
                out.push('$');
                ('$', 1)
            }
            Some('0') => {
                rest = octal(after.get(1..).unwrap_or(""), &mut out);
                continue;
            }
            _ => ('\0', 0),
        };
        if used == 0 {
            out.push('\\');
        } else {
            out.push(mapped);
        }
        rest = after.get(used..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// `\0ooo`: exactly three octal digits behind the zero are a symbol; fewer only lose the zero. What follows is returned.
fn octal<'a>(text: &'a str, out: &mut String) -> &'a str {
    let digits = text.bytes().take(3).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits).unwrap_or((text, ""));
    let code = u8::from_str_radix(number, 8).ok().filter(|_| digits == 3);
    if let Some(code) = code {
        out.push(char::from(code));
    } else {
        out.push('\\');
        out.push_str(number);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, Mistake> {
        let mut lookup = |name: &str| (name == "OUTER").then(|| Arc::from("outer"));
        parse(text, &mut lookup)
            .map(|values| values.into_iter().map(|(key, value)| (key, value.to_string())).collect())
    }

    #[test]
    fn each_form_of_the_grammar() {
        for (text, key, value) in [
            ("A=b", "A", "b"),
            ("export A=b", "A", "b"),
            ("A: b", "A", "b"),
            ("A = b ", "A", "b"),
            ("A=b # c", "A", "b"),
            ("A=b#c", "A", "b#c"),
            ("A=\"b\" c", "A", "b"),
            ("A=#c", "A", "#c"),
            ("A='b $OUTER'", "A", "b $OUTER"),
            ("A='it\\'s'", "A", "it's"),
            ("A=\"b\\tc\\n$OUTER\"", "A", "b\tc\nouter"),
            ("A=\"\\$OUTER \\\"q\\\" \\\\\"", "A", "$OUTER \"q\" \\"),
            ("A=\"one\ntwo\" # c", "A", "one\ntwo"),
            ("A='one\ntwo'", "A", "one\ntwo"),
            ("A=${OUTER:-x}", "A", "outer"),
            ("B=1\nA=${B}2", "A", "12"),
            ("A=", "A", ""),
            ("OUTER", "OUTER", "outer"),
            ("A=b\r\nB=c", "A", "b"),
            ("A.b-c[0]=d", "A.b-c[0]", "d"),
            ("A=\"\\0101\"", "A", "A"),
        ] {
            let values = read(text).unwrap();
            assert!(values.contains(&(key.to_owned(), value.to_owned())), "{text}: {values:?}");
        }
        assert_eq!(read("# only\n\n  # comments"), Ok(Vec::new()));
        assert_eq!(read("NOWHERE"), Ok(Vec::new()));
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, at) in [("A='b", 2), ("ok=1\n=b", 5), ("A b=c", 0), ("A=${1}", 2)] {
            assert_eq!(read(text).map_err(|mistake| mistake.at), Err(at), "{text}");
        }
    }

    #[test]
    fn the_raw_format_takes_everything_literally() {
        let values = parse_raw("# c\nA='b' # c\nB=$X\nOUT\n", &mut |_| None).unwrap();
        assert_eq!(values.get("A").map(|value| &**value), Some("'b' # c"));
        assert_eq!(values.get("B").map(|value| &**value), Some("$X"));
        assert!(!values.contains_key("OUT"));
    }
}
