//! Tokens of a Rust source, without comments, literals and what is compiled for tests only.

/// A word, `::`, a string in its quotes, or a single character.
pub(crate) struct Token {
    /// As written.
    pub(crate) text: String,
    /// Line, from 1.
    pub(crate) line: usize,
}

impl Token {
    /// Whether it is a name or a keyword.
    pub(crate) fn is_word(&self) -> bool {
        self.text
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// Words, `::`, plain strings and single characters; comments, other literals and lifetimes left
/// out.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(c) = rest.chars().next() {
        let word = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = literal(rest) {
            // Only `#[path = "…"]` is of use later; the quotes keep the rest from meaning anything.
            if c == '"' {
                out.push(Token {
                    text: rest[..length].to_owned(),
                    line,
                });
            }
            length
        } else if word > 0 || rest.starts_with("::") {
            let length = if word > 0 { word } else { 2 };
            out.push(Token {
                text: rest[..length].to_owned(),
                line,
            });
            length
        } else {
            if !c.is_whitespace() {
                out.push(Token {
                    text: c.to_string(),
                    line,
                });
            }
            c.len_utf8()
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    out
}

/// Length of the block comment at the start; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length of the string, character or lifetime at the start.
fn literal(text: &str) -> Option<usize> {
    let unprefixed = ["br", "cr", "b", "c", "r", ""].iter().find_map(|prefix| {
        text.strip_prefix(prefix)
            .filter(|rest| rest.starts_with(['"', '#', '\'']))
    })?;
    let prefix = &text[..text.len() - unprefixed.len()];
    let hashes = unprefixed.len() - unprefixed.trim_start_matches('#').len();
    if prefix.ends_with('r') && unprefixed[hashes..].starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        let body = &unprefixed[hashes + 1..];
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    if prefix.ends_with('r') || hashes > 0 {
        return None;
    }
    let quote = unprefixed.chars().next()?;
    let body = &unprefixed[1..];
    if quote == '\'' && !body.starts_with('\\') {
        let inner = body.chars().next()?;
        if !body[inner.len_utf8()..].starts_with('\'') {
            // A lifetime: its name follows as a word that no path starts with.
            let name = body.find(|c: char| !c.is_alphanumeric() && c != '_');
            return Some(prefix.len() + 1 + name.unwrap_or(body.len()));
        }
    }
    let mut escaped = false;
    let end = body.find(|c| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    Some(prefix.len() + 1 + end.map_or(body.len(), |at| at + 1))
}

/// A module under `#[cfg(test)]` that lies in a file of its own.
pub(crate) struct TestModule {
    /// Its name.
    pub(crate) name: String,
    /// What `#[path = "…"]` says.
    pub(crate) file: Option<String>,
}

/// Drops items under `#[cfg(test)]`; answers the modules among them that have their own files.
pub(crate) fn without_tests(tokens: Vec<Token>) -> (Vec<Token>, Vec<TestModule>) {
    let mut kept = Vec::new();
    let mut modules = Vec::new();
    let mut rest = tokens.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let starts = |words: &[&str]| {
            rest.iter()
                .map(|token| token.text.as_str())
                .take(words.len())
                .eq(words.iter().copied())
        };
        if starts(&["#", "[", "cfg", "(", "test", ")", "]"])
            || starts(&["#", "[", "cfg", "(", "all", "(", "test", ","])
        {
            let (length, module) = test_item(rest);
            modules.extend(module);
            rest = &rest[length..];
        } else {
            kept.push(Token {
                text: first.text.clone(),
                line: first.line,
            });
            rest = after;
        }
    }
    (kept, modules)
}

/// Length of the item at the start with its attributes; the module when it lies elsewhere.
fn test_item(tokens: &[Token]) -> (usize, Option<TestModule>) {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut at = 0;
    let mut file = None;
    while text(at) == "#" {
        if text(at + 2) == "path" {
            file = Some(text(at + 4).trim_matches('"').to_owned());
        }
        at = balanced(tokens, at + 1, "[", "]");
    }
    let module = (at..at + 6).find(|&at| text(at) == "mod" && text(at + 2) == ";");
    if let Some(at) = module {
        let name = text(at + 1).to_owned();
        return (at + 3, Some(TestModule { name, file }));
    }
    let ends_in_semicolon =
        (at..at + 2).any(|at| matches!(text(at), "use" | "const" | "static" | "type"));
    while at < tokens.len() {
        match text(at) {
            ";" => return (at + 1, None),
            "{" => {
                at = balanced(tokens, at, "{", "}");
                if !ends_in_semicolon {
                    return (at, None);
                }
            }
            "[" => at = balanced(tokens, at, "[", "]"),
            _ => at += 1,
        }
    }
    (at, None)
}

/// Where the bracket that opens at `at` has closed.
fn balanced(tokens: &[Token], at: usize, open: &str, close: &str) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        if token.text == open {
            depth += 1;
        } else if token.text == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return index + 1;
            }
        }
    }
    tokens.len()
}
