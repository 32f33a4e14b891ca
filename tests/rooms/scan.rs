//! Finds the paths that Rust sources name: `use` trees and paths in expressions, types and
//! attributes. A scanner of tokens, not a parser: enough for paths, which is all it is asked for.

use std::{fs, path::Path, path::PathBuf};

use crate::tokens::{Token, tokens, without_tests};

/// The room of `lib.rs` and of the binary, which stand above all rooms.
pub(crate) const ROOT: &str = "";

/// Every `.rs` file under a folder, sorted; none when there is no such folder.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// A path as some line of code names it.
pub(crate) struct Reach {
    /// File, from the top of the project.
    pub(crate) path: String,
    /// Line, from 1.
    pub(crate) line: usize,
    /// Room of the file.
    pub(crate) room: String,
    segments: Vec<String>,
}

impl Reach {
    /// The path as text.
    pub(crate) fn text(&self) -> String {
        self.segments.join("::")
    }

    /// Whether the path names `name`: at its start when that is a crate or a module, anywhere when
    /// it is a type's function such as `Instant::now`.
    pub(crate) fn names(&self, name: &str) -> bool {
        let wanted: Vec<&str> = name.split("::").collect();
        let same = |window: &[String]| window.iter().zip(&wanted).all(|(a, b)| a == b);
        if name.starts_with(char::is_uppercase) {
            self.segments.windows(wanted.len()).any(same)
        } else {
            self.segments.get(..wanted.len()).is_some_and(same)
        }
    }
}

struct Source {
    path: String,
    module: Vec<String>,
    tokens: Vec<Token>,
}

/// The sources, without what is compiled for tests only.
pub(crate) struct Tree {
    sources: Vec<Source>,
}

impl<'a, const N: usize> From<[(&'a str, &'a str); N]> for Tree {
    fn from(files: [(&'a str, &'a str); N]) -> Self {
        files.into_iter().collect()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Tree {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(files: I) -> Self {
        let mut test_modules = Vec::new();
        let mut sources = Vec::new();
        for (path, text) in files {
            let module = module_of(path);
            let (tokens, tests) = without_tests(tokens(text));
            for test in tests {
                test_modules.push(match test.file {
                    Some(file) => {
                        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                        module_of(&format!("{folder}/{file}"))
                    }
                    None => [module.clone(), vec![test.name]].concat(),
                });
            }
            sources.push(Source {
                path: path.to_owned(),
                module,
                tokens,
            });
        }
        sources.retain(|source| {
            source.module.last().is_none_or(|name| name != "tests")
                && !test_modules
                    .iter()
                    .any(|tests| source.module.starts_with(tests))
        });
        Self { sources }
    }
}

impl Tree {
    /// Every file with its room.
    pub(crate) fn rooms(&self) -> Vec<(String, String)> {
        let room = |source: &Source| (source.path.clone(), source.room());
        self.sources.iter().map(room).collect()
    }

    /// Paths into this crate, with the room they lead to.
    pub(crate) fn inside(&self) -> Vec<(Reach, String)> {
        let mut found = Vec::new();
        for source in &self.sources {
            for (line, module, segments) in source.paths() {
                if let Some(target) = resolve(&source.path, &module, &segments) {
                    let target = target.first().cloned().unwrap_or_default();
                    found.push((source.reach(line, segments), target));
                }
            }
        }
        found
    }

    /// Paths out of this crate, and paths on names that a `use` brought in.
    pub(crate) fn outside(&self) -> Vec<Reach> {
        let mut found = Vec::new();
        for source in &self.sources {
            for (line, module, segments) in source.paths() {
                if resolve(&source.path, &module, &segments).is_none() {
                    found.push(source.reach(line, segments));
                }
            }
        }
        found
    }
}

impl Source {
    fn room(&self) -> String {
        if is_binary(&self.path) {
            return ROOT.to_owned();
        }
        self.module.first().map_or(ROOT, String::as_str).to_owned()
    }

    fn reach(&self, line: usize, segments: Vec<String>) -> Reach {
        Reach {
            path: self.path.clone(),
            line,
            room: self.room(),
            segments,
        }
    }

    /// Line, module and segments of every path.
    fn paths(&self) -> Vec<(usize, Vec<String>, Vec<String>)> {
        let text = |at: usize| self.tokens.get(at).map_or("", |token| token.text.as_str());
        let mut found = Vec::new();
        let mut inline: Vec<(String, usize)> = Vec::new();
        let mut depth = 0_usize;
        let mut at = 0;
        while at < self.tokens.len() {
            let before = if at == 0 { "" } else { text(at - 1) };
            if text(at) == "mod" && text(at + 2) == "{" {
                inline.push((text(at + 1).to_owned(), depth));
                depth += 1;
                at += 3;
            } else if text(at) == "{" {
                depth += 1;
                at += 1;
            } else if text(at) == "}" {
                depth = depth.saturating_sub(1);
                inline.pop_if(|(_, outer)| *outer == depth);
                at += 1;
            } else if self.tokens[at].is_word()
                && before != "."
                && (text(at + 1) == "::" || before == "use")
            {
                let mut module = self.module.clone();
                module.extend(inline.iter().map(|(name, _)| name.clone()));
                let mut leaves = Vec::new();
                at = self.leaves(at, &[], &mut leaves);
                for (line, segments) in leaves {
                    found.push((line, module.clone(), segments));
                }
            } else {
                at += 1;
            }
        }
        found
    }

    /// Reads the path or `use` tree at `at`; answers where it ends.
    fn leaves(
        &self,
        mut at: usize,
        prefix: &[String],
        out: &mut Vec<(usize, Vec<String>)>,
    ) -> usize {
        let mut segments = prefix.to_vec();
        loop {
            let Some(token) = self.tokens.get(at) else {
                return at;
            };
            if token.text == "{" {
                at += 1;
                while self.tokens.get(at).is_some_and(|token| token.text != "}") {
                    let token = &self.tokens[at];
                    let starts = token.is_word() && token.text != "as" || token.text == "*";
                    at = match (starts, token.text.as_str()) {
                        (true, _) | (_, "{") => self.leaves(at, &segments, out),
                        (_, "as") => at + 2,
                        _ => at + 1,
                    };
                }
                return at + 1;
            }
            if token.is_word() || token.text == "*" {
                segments.push(token.text.clone());
                if token.is_word()
                    && self
                        .tokens
                        .get(at + 1)
                        .is_some_and(|next| next.text == "::")
                {
                    at += 2;
                    continue;
                }
                at += 1;
            }
            out.push((token.line, segments));
            return at;
        }
    }
}

fn is_binary(path: &str) -> bool {
    path == "src/main.rs" || path.starts_with("src/bin/")
}

fn module_of(path: &str) -> Vec<String> {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    let mut module: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if matches!(inner, "lib" | "main") || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// The path from the crate's top; `None` when it does not start at this crate.
fn resolve(path: &str, module: &[String], segments: &[String]) -> Option<Vec<String>> {
    let (first, mut rest) = segments.split_first()?;
    let mut base = match first.as_str() {
        "crate" => Vec::new(),
        "comity" if is_binary(path) => Vec::new(),
        "self" | "super" => {
            let mut base = module.to_vec();
            if first == "super" {
                base.pop();
            }
            while let Some((_, after)) = rest.split_first().filter(|(word, _)| *word == "super") {
                base.pop();
                rest = after;
            }
            base
        }
        _ => return None,
    };
    base.extend(rest.iter().filter(|word| *word != "self").cloned());
    Some(base)
}
