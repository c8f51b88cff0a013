//! Rust source code without comments and literals, and its imports.

use crate::support::sources::Source;

/// A path in a file that refers to this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub line: usize,
    /// From the root of the crate: `["probe", "http", "send"]`.
    pub path: Vec<String>,
    /// Inside a `#[cfg(test)]` module.
    pub in_tests: bool,
}

/// Replaces comments, strings and character literals with spaces. Line breaks are kept.
#[must_use]
pub fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_text(&chars, at);
        match end {
            Some(end) => code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' })),
            None => code.push(chars[at]),
        }
        at = end.unwrap_or(at + 1);
    }
    code
}

/// Returns the file without its final `mod tests`.
#[must_use]
pub fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |tests| &text[..tests])
}

/// The end of the comment or literal that begins here.
fn end_of_text(chars: &[char], at: usize) -> Option<usize> {
    let rest = &chars[at..];
    let is_word = |at: usize| chars[at].is_alphanumeric() || chars[at] == '_';
    let after_word = at > 0 && is_word(at - 1);
    match rest {
        ['/', '/', ..] => Some(at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())),
        ['/', '*', ..] => {
            let (mut depth, mut end) = (0_usize, at);
            loop {
                match &chars[end..] {
                    ['/', '*', ..] => (depth, end) = (depth + 1, end + 2),
                    ['*', '/', ..] => (depth, end) = (depth - 1, end + 2),
                    [] => return Some(end),
                    _ => end += 1,
                }
                if depth == 0 {
                    return Some(end);
                }
            }
        }
        ['r', '"' | '#', ..] if !after_word || chars[at - 1] == 'b' => {
            let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
            // `r#type` is a name.
            (rest.get(1 + hashes) == Some(&'"')).then(|| {
                let closing: Vec<char> =
                    std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                let body = &rest[2 + hashes..];
                let length = body.windows(closing.len()).position(|window| window == closing);
                at + 2 + hashes + length.map_or(body.len(), |length| length + closing.len())
            })
        }
        ['"', ..] => Some(at + 1 + closing(&rest[1..], '"')),
        // A character literal, not a lifetime.
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => Some(at + 1 + closing(&rest[1..], '\'')),
        _ => None,
    }
}

/// The length of the rest of this literal, with its closing quote.
fn closing(body: &[char], quote: char) -> usize {
    let mut at = 0;
    while at < body.len() && body[at] != quote {
        at += if body[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(body.len())
}

/// A name, `::`, or another character, with its line.
type Token<'a> = (usize, &'a str);

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (number, mut line) in (1..).zip(code.lines()) {
        while let Some(first) = line.chars().next() {
            let name = line.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(line.len());
            let length = match name {
                0 if line.starts_with("::") => 2,
                0 => first.len_utf8(),
                length => length,
            };
            let (token, rest) = line.split_at(length);
            if !token.trim().is_empty() {
                tokens.push((number, token));
            }
            line = rest;
        }
    }
    tokens
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Returns the paths of this file into its own crate, in `use` declarations and elsewhere.
#[must_use]
pub fn imports(source: &Source) -> Vec<Import> {
    let code = code(&source.text);
    let mut reader = Reader::new(source, tokens(&code));
    reader.read();
    reader.imports
}

/// Returns the modules that this file declares as files, in order.
#[must_use]
pub fn declared_modules(source: &Source) -> Vec<String> {
    let code = code(&source.text);
    let tokens: Vec<&str> = tokens(&code).into_iter().map(|(_, token)| token).collect();
    let declared = tokens.windows(3).filter(|window| window[0] == "mod" && window[2] == ";");
    declared.map(|window| window[1].to_owned()).collect()
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    /// The module of the file, with the inline modules around the current token.
    module: Vec<String>,
    /// The brace depth at which each inline module started, and whether it is for tests.
    inner: Vec<(usize, bool)>,
    depth: usize,
    children: Vec<String>,
    /// The name of this crate, which differs between `main.rs` and the library.
    own_name: &'static str,
    imports: Vec<Import>,
}

impl<'a> Reader<'a> {
    fn new(source: &Source, tokens: Vec<Token<'a>>) -> Reader<'a> {
        let own_name = if source.path.ends_with("src/main.rs") { "smoke" } else { "crate" };
        Reader {
            tokens,
            at: 0,
            module: source.module.clone(),
            inner: Vec::new(),
            depth: 0,
            children: declared_modules(source),
            own_name,
            imports: Vec::new(),
        }
    }

    fn token(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.at + ahead).map_or("", |(_, token)| token)
    }

    fn read(&mut self) {
        let mut is_for_tests = false;
        while self.at < self.tokens.len() {
            match self.token(0) {
                "#" if self.starts_with(&["#", "[", "cfg", "(", "test", ")", "]"]) => {
                    is_for_tests = true;
                    self.at += 7;
                    continue;
                }
                "mod" if self.token(2) == "{" => {
                    self.module.push(self.token(1).to_owned());
                    self.inner.push((self.depth, is_for_tests));
                    self.at += 1;
                }
                "use" => {
                    self.at += 1;
                    self.read_tree(&[]);
                }
                "{" => {
                    self.depth += 1;
                    is_for_tests = false;
                }
                ";" => is_for_tests = false,
                "}" => {
                    self.depth -= 1;
                    if self.inner.last().is_some_and(|(began, _)| *began == self.depth) {
                        self.inner.pop();
                        self.module.pop();
                    }
                }
                name if is_name(name) && self.token(1) == "::" => {
                    let mut path = vec![name];
                    let start = self.at;
                    while self.token(1) == "::" && is_name(self.token(2)) {
                        self.at += 2;
                        path.push(self.token(0));
                    }
                    if path.len() > 1 {
                        self.add(start, &path);
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn starts_with(&self, expected: &[&str]) -> bool {
        expected.iter().enumerate().all(|(ahead, token)| self.token(ahead) == *token)
    }

    /// Reads the tree of a `use`, up to the `,`, `}` or `;` after it.
    fn read_tree(&mut self, prefix: &[&'a str]) {
        let mut path = prefix.to_vec();
        let start = self.at;
        loop {
            match self.token(0) {
                "::" => {}
                "{" => {
                    while !matches!(self.token(0), "}" | "") {
                        self.at += 1;
                        self.read_tree(&path);
                    }
                    self.at += 1;
                    return;
                }
                "as" => self.at += 1,
                "," | "}" | ";" | "" => break,
                "*" => {}
                name => path.push(name),
            }
            self.at += 1;
        }
        if path.len() > prefix.len() || self.tokens[start.min(self.tokens.len() - 1)].1 == "*" {
            self.add(start, &path);
        }
    }

    /// Adds the path that starts at this token, if it leads into this crate.
    fn add(&mut self, start: usize, path: &[&str]) {
        let mut steps = path.iter().peekable();
        let mut from = match path.first().copied() {
            Some(first) if first == self.own_name => {
                steps.next();
                Vec::new()
            }
            Some("self") => {
                steps.next();
                self.module.clone()
            }
            Some("super") => {
                let mut module = self.module.clone();
                while steps.next_if(|step| **step == "super").is_some() {
                    module.pop();
                }
                module
            }
            Some(first) if self.inner.is_empty() && self.children.iter().any(|child| child == first) => {
                self.module.clone()
            }
            _ => return,
        };
        // The `self` in `use a::{self, b}`.
        from.extend(steps.filter(|step| **step != "self").map(|step| (*step).to_owned()));
        let in_tests = self.inner.iter().any(|(_, is_for_tests)| *is_for_tests);
        self.imports.push(Import { line: self.tokens[start].0, path: from, in_tests });
    }
}
