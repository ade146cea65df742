//! The repository's own Rust files, read roughly: enough to check the rules of the house.

use std::fs;
use std::path::{Path, PathBuf};

/// One file.
#[derive(Debug)]
pub struct SourceFile {
    /// Relative to the repository, with `/`.
    pub path: String,
    /// As it stands.
    pub text: String,
    /// With comments and the insides of strings blanked; the lines stay.
    pub code: String,
}

/// The repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Files with this extension below a folder of the repository, sorted; what is built or fetched is left out.
#[must_use]
pub fn files(below: &str, extension: &str) -> Vec<SourceFile> {
    let root = repository();
    let mut paths = Vec::new();
    collect(&root.join(below), extension, &mut paths);
    paths.sort();
    let read = paths.into_iter().filter_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        let relative = path
            .strip_prefix(&root)
            .unwrap_or(&path)
            .to_string_lossy()
            .replace('\\', "/");
        Some(SourceFile {
            code: blank(&text),
            path: relative,
            text,
        })
    });
    read.collect()
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&name) {
                collect(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// What a byte of source is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    LineComment,
    BlockComment(u32),
    Text,
    /// With as many `#`.
    RawText(usize),
}

/// The text with everything that is not code as spaces.
#[must_use]
pub fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let (mut state, mut at) = (State::Code, 0);
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let (next, length, kept) = match state {
            State::Code => code(rest, out.last().copied()),
            State::LineComment => (if byte == b'\n' { State::Code } else { state }, 1, false),
            State::BlockComment(depth) => match rest {
                [b'/', b'*', ..] => (State::BlockComment(depth + 1), 2, false),
                [b'*', b'/', ..] if depth == 1 => (State::Code, 2, false),
                [b'*', b'/', ..] => (State::BlockComment(depth - 1), 2, false),
                _ => (state, 1, false),
            },
            State::Text => match byte {
                b'\\' => (state, 2, false),
                b'"' => (State::Code, 1, true),
                _ => (state, 1, false),
            },
            State::RawText(hashes) => {
                let end = [&b"\""[..], &b"#".repeat(hashes)].concat();
                if rest.starts_with(&end) {
                    (State::Code, end.len(), true)
                } else {
                    (state, 1, false)
                }
            }
        };
        for &byte in rest.iter().take(length) {
            out.push(if kept || byte == b'\n' { byte } else { b' ' });
        }
        (state, at) = (next, at + length);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// At code: what comes next, how many bytes belong to it, and whether they are kept.
fn code(rest: &[u8], before: Option<u8>) -> (State, usize, bool) {
    let in_word = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match rest {
        [b'/', b'/', ..] => (State::LineComment, 2, false),
        [b'/', b'*', ..] => (State::BlockComment(1), 2, false),
        [b'"', ..] => (State::Text, 1, true),
        [b'r' | b'b' | b'c', ..] if !in_word => {
            let prefix = rest
                .iter()
                .take_while(|byte| matches!(byte, b'r' | b'b' | b'c'))
                .count();
            let hashes = rest[prefix..]
                .iter()
                .take_while(|byte| **byte == b'#')
                .count();
            let is_raw = rest[..prefix].contains(&b'r') && rest.get(prefix + hashes) == Some(&b'"');
            if is_raw {
                (State::RawText(hashes), prefix + hashes + 1, false)
            } else {
                (State::Code, 1, true)
            }
        }
        // A character, and not a lifetime.
        [b'\'', b'\\', _, tail @ ..] => {
            let length = tail
                .iter()
                .position(|byte| *byte == b'\'')
                .map_or(3, |end| end + 4);
            (State::Code, length, false)
        }
        [b'\'', tail @ ..] => match tail.iter().take(5).position(|byte| *byte == b'\'') {
            Some(end) if end > 0 && is_one_character(&tail[..end]) => (State::Code, end + 2, false),
            _ => (State::Code, 1, true),
        },
        _ => (State::Code, 1, true),
    }
}

fn is_one_character(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().count() == 1)
}

/// The name, first line and number of lines of every function in blanked code.
#[must_use]
pub fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let (mut depth, mut opened, mut length) = (0_i32, false, 0);
        'body: for line in &lines[index..] {
            length += 1;
            for byte in line.bytes() {
                match byte {
                    b'{' => (depth, opened) = (depth + 1, true),
                    b'}' => depth -= 1,
                    b';' if !opened && depth == 0 => break 'body,
                    _ => {}
                }
                if opened && depth == 0 {
                    break 'body;
                }
            }
        }
        if opened {
            found.push((name, index + 1, length));
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let modifiers = [
        "pub",
        "pub(crate)",
        "pub(super)",
        "const",
        "async",
        "unsafe",
        "extern",
    ];
    let first = words.find(|word| !modifiers.contains(word) && !word.starts_with("pub("))?;
    let name = if first == "fn" {
        words.next()?
    } else {
        return None;
    };
    Some(name.split(['(', '<']).next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{blank, functions};

    #[test]
    fn comments_and_texts_are_blanked() {
        let table = [
            ("a // {\nc", "a c"),
            ("a /* { /* } */ { */ b", "a b"),
            ("f(\"{\\\"}\") + g", "f(\" \") + g"),
            ("x = '{'; y: &'a str", "x = ; y: &'a str"),
            ("let r = r#\"}\"\"#;", "let r = \"#;"),
            ("c == '\\'' || d == '\\u{7b}' {", "c == || d == {"),
        ];
        for (text, expected) in table {
            let got = blank(text);
            assert_eq!(got.len(), text.len(), "{text}");
            assert_eq!(
                got.split_whitespace().collect::<Vec<_>>().join(" "),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn functions_are_measured() {
        let code =
            "fn a() {\n  if x {\n  }\n}\ntrait T { \n  fn b(&self);\n  pub fn c() -> u8 { 1 }\n}\n";
        let expected = [("a".to_owned(), 1, 4), ("c".to_owned(), 7, 1)];
        assert_eq!(functions(code), expected);
    }
}
