//! Command lines that Compose splits like a shell, without being one (observed with the command line 2.26).

/// Splits a line: quotes and backslashes as in a shell; what stands in backquotes or `$(…)` stays in one word, as it is. An
/// unquoted `;`, `&`, `|`, `<` or `>` ends the line; `#` is a symbol like any other. `None`: something is not closed, or a
/// parenthesis stands alone.
pub(crate) fn words(line: &str) -> Option<Vec<String>> {
    split(line).map(|(words, _)| words)
}

/// The unquoted symbol that ends the line for [`words`], if there is one.
pub(crate) fn cut_at(line: &str) -> Option<char> {
    split(line).and_then(|(_, symbol)| symbol)
}

#[derive(Default)]
struct Splitter {
    words: Vec<String>,
    word: String,
    began: bool,
    /// The open quote, `'` or `"`.
    quote: Option<char>,
    /// Inside backquotes.
    back: bool,
    /// Inside `$(…)`.
    dollar: bool,
}

impl Splitter {
    fn free(&self) -> bool {
        self.quote.is_none() && !self.back && !self.dollar
    }

    fn push(&mut self, symbol: char) {
        self.word.push(symbol);
        self.began = true;
    }

    fn end_word(&mut self) {
        if self.began {
            self.words.push(std::mem::take(&mut self.word));
        }
        self.began = false;
    }

    /// Takes a quote, a backquote or a parenthesis; `None` if it cannot stand here.
    fn delimiter(&mut self, symbol: char) -> Option<()> {
        match symbol {
            '\'' | '"' if self.quote == Some(symbol) => self.quote = None,
            '\'' | '"' if self.quote.is_none() && !self.dollar => {
                self.quote = Some(symbol);
                self.began = true;
            }
            '`' if self.quote.is_none() && !self.dollar => {
                self.back = !self.back;
                self.push(symbol);
            }
            '(' if self.quote.is_none() && !self.back => {
                if self.dollar || !self.word.ends_with('$') {
                    return None;
                }
                self.dollar = true;
                self.push(symbol);
            }
            ')' if self.quote.is_none() && !self.back => {
                if !self.dollar {
                    return None;
                }
                self.dollar = false;
                self.push(symbol);
            }
            _ => self.push(symbol),
        }
        Some(())
    }
}

fn split(line: &str) -> Option<(Vec<String>, Option<char>)> {
    let mut splitter = Splitter::default();
    let mut cut = None;
    let mut symbols = line.chars();
    while let Some(symbol) = symbols.next() {
        match symbol {
            '\\' if splitter.quote != Some('\'') => splitter.push(symbols.next()?),
            ' ' | '\t' | '\r' | '\n' if splitter.free() => splitter.end_word(),
            ';' | '&' | '|' | '<' | '>' if splitter.free() => {
                // `2>file`: the number belongs to the operator.
                let numbered = splitter.word.starts_with(|first: char| first.is_ascii_digit());
                splitter.began &= !(symbol == '>' && numbered);
                cut = Some(symbol);
                break;
            }
            '\'' | '"' | '`' | '(' | ')' => splitter.delimiter(symbol)?,
            symbol => splitter.push(symbol),
        }
    }
    let closed = splitter.free();
    splitter.end_word();
    closed.then_some((splitter.words, cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_lines_split_as_the_command_line_splits_them() {
        for (line, wanted) in [
            ("sleep 1000", vec!["sleep", "1000"]),
            ("echo a && echo b", vec!["echo", "a"]),
            ("echo a # b", vec!["echo", "a", "#", "b"]),
            ("echo a;b", vec!["echo", "a"]),
            (r#"echo "a\\nb" 'c\d' \\e"#, vec!["echo", r"a\nb", r"c\d", r"\e"]),
            ("echo ''", vec!["echo", ""]),
            ("echo 2>x", vec!["echo"]),
            ("echo a > b", vec!["echo", "a"]),
            ("a\n b\t'c d'", vec!["a", "b", "c d"]),
            ("a#b", vec!["a#b"]),
            ("echo `a b` c", vec!["echo", "`a b`", "c"]),
            ("echo `\"a b\"` c", vec!["echo", "`a b`", "c"]),
            ("x$(a b)y z", vec!["x$(a b)y", "z"]),
            ("echo $(a | `b) c", vec!["echo", "$(a | `b)", "c"]),
            ("echo '(a)'", vec!["echo", "(a)"]),
            (r"echo \(a\) a\ b", vec!["echo", "(a)", "a b"]),
            ("", vec![]),
        ] {
            let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
            assert_eq!(words(line), Some(wanted), "{line}");
        }
        for line in
            ["echo \"x", "echo (a)", "echo a)", "echo `a", "echo $(a", "echo \"$(a b\" c)", "a\\"]
        {
            assert_eq!(words(line), None, "{line}");
        }
    }
}
