//! What may never import what: the planes, the dialects, the crates behind one file.

use std::collections::BTreeSet;

use gatelet_tests::source::{SourceFile, files};

const LOAD_PLANE: &[&str] = &["load", "text", "rule", "condition", "dialect", "compile"];
const DECIDE_PLANE: &[&str] = &["engine", "identity", "quota"];
const BRIDGE: &[&str] = &["policy", "program", "pattern"];
const DIALECTS: &[&str] = &["native", "istio", "aws_iam", "apigee", "azure"];

/// What a dialect may see: `rule` is made of the vocabulary, so it stands here with it.
const SEEN_BY_DIALECTS: &[&str] = &[
    "dialect",
    "text",
    "rule",
    "diagnostic",
    "pattern",
    "condition",
    "limits",
    "decision",
    "program::vocabulary",
    "time",
];

/// A crate and the files that may name it; a path that ends with `/` is a folder.
const BEHIND: &[(&str, &[&str])] = &[
    ("sha2", &["core/src/crypto.rs"]),
    ("aws_lc_rs", &["core/src/crypto.rs"]),
    ("graviola", &["core/src/crypto.rs"]),
    ("saphyr_parser", &["core/src/text/"]),
    ("quick_xml", &["core/src/text/"]),
    (
        "annotate_snippets",
        &["core/src/diagnostic.rs", "core/src/diagnostic/"],
    ),
    (
        "serde_json",
        &[
            "core/src/request_json/",
            "core/src/condition/json.rs",
            "core/src/condition/encoding.rs",
            "core/src/eval.rs",
        ],
    ),
];

/// What the core does not touch, and where it may all the same.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("std::fs", &[]),
    // Writing into bytes in memory.
    ("std::io", &["core/src/pattern/host.rs"]),
    ("std::env", &[]),
    ("std::process", &[]),
    // Giving way to the holder of a cell.
    ("std::thread", &["core/src/quota/sync.rs"]),
    ("TcpStream", &[]),
    ("UdpSocket", &[]),
    ("SystemTime", &["core/src/clock.rs"]),
    ("Instant", &["core/src/clock.rs"]),
];

/// Imports that break a rule today, as `file → module`: may be taken away, none may come.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("core/src/dialect/native/condition.rs", "program::condition"),
    ("core/src/dialect/native/values.rs", "program::condition"),
];

fn core() -> Vec<SourceFile> {
    let mut found = files("core/src", "rs");
    let tests = test_modules(&found);
    found.retain(|file| !tests.iter().any(|module| file.path.starts_with(module)));
    for file in &mut found {
        // Tests stand at the end, and may look at everything.
        let end = file
            .code
            .find("#[cfg(test)]\nmod tests {")
            .unwrap_or(file.code.len());
        file.code.truncate(end);
    }
    assert!(found.len() > 20, "only {} files", found.len());
    found
}

/// Where the modules are that only tests see, as beginnings of paths.
fn test_modules(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let folder = file
            .path
            .strip_suffix("/mod.rs")
            .or_else(|| file.path.strip_suffix(".rs"))
            .unwrap_or_default();
        let lines: Vec<_> = file.code.lines().map(str::trim).collect();
        for pair in lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]") {
            let module = pair[1]
                .split_once("mod ")
                .and_then(|(_, name)| name.strip_suffix(';'));
            found.extend(
                module
                    .into_iter()
                    .flat_map(|name| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]),
            );
        }
    }
    found
}

/// `core/src/dialect/native/mod.rs` is `[dialect, native]`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("core/src/").trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/')
        .filter(|part| *part != "lib")
        .map(str::to_owned)
        .collect()
}

/// The modules of the crate that the code names, two levels deep: `text`, `program::vocabulary`.
fn imports(file: &SourceFile) -> BTreeSet<String> {
    let own = module_of(&file.path);
    let mut found = BTreeSet::new();
    for keyword in ["crate::", "super::"] {
        for (at, _) in file.code.match_indices(keyword) {
            let before = file.code[..at].bytes().last();
            // Not `$crate::`, nor the second of `super::super::`.
            if before.is_some_and(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'$')
            }) {
                continue;
            }
            let mut rest = &file.code[at..];
            let mut base = if keyword == "crate::" {
                Vec::new()
            } else {
                own.clone()
            };
            rest = rest.strip_prefix("crate::").unwrap_or(rest);
            while let Some(after) = rest.strip_prefix("super::") {
                base.pop();
                rest = after;
            }
            for names in heads(rest) {
                let full: Vec<_> = base.iter().cloned().chain(names).collect();
                let depth = full.len().min(2);
                found.insert(full[..depth].join("::"));
            }
        }
    }
    found.into_iter().filter(|name| !name.is_empty()).collect()
}

/// The first two names of a path, or of each path in a group.
fn heads(rest: &str) -> Vec<Vec<String>> {
    let Some(group) = rest.strip_prefix('{') else {
        let name: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let after = rest
            .get(name.len()..)
            .and_then(|after| after.strip_prefix("::"));
        let deeper = after.map(|after| {
            heads(after)
                .into_iter()
                .map(|inner| inner.into_iter().next())
        });
        return match deeper {
            Some(inner) => inner
                .map(|next| [name.clone()].into_iter().chain(next).collect())
                .collect(),
            None => vec![vec![name]],
        };
    };
    let (mut depth, mut piece, mut pieces) = (0, String::new(), Vec::new());
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => pieces.push(std::mem::take(&mut piece)),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                piece.push(c);
            }
        }
    }
    pieces.push(piece);
    pieces
        .iter()
        .map(|piece| piece.trim())
        .filter(|piece| !piece.is_empty())
        .flat_map(heads)
        .collect()
}

fn is_in(module: &str, planes: &[&[&str]]) -> bool {
    let first = module.split("::").next().unwrap_or(module);
    planes.iter().any(|plane| plane.contains(&first))
}

/// Whether the file may import the module.
fn may_import(own: &str, module: &str) -> bool {
    let first = own.split("::").next().unwrap_or(own);
    let is_sibling = |one: &str, other: &str| first == one && is_in(module, &[&[other]]);
    if is_in(own, &[DECIDE_PLANE]) {
        return !is_in(module, &[LOAD_PLANE])
            && !is_sibling("identity", "quota")
            && !is_sibling("quota", "identity");
    }
    if is_in(own, &[BRIDGE]) {
        return !is_in(module, &[LOAD_PLANE, DECIDE_PLANE]);
    }
    if first == "dialect" {
        return SEEN_BY_DIALECTS
            .iter()
            .any(|seen| module == *seen || module.starts_with(&format!("{seen}::")));
    }
    !is_in(own, &[LOAD_PLANE]) || !is_in(module, &[DECIDE_PLANE])
}

#[test]
fn the_planes_do_not_import_each_other() {
    let mut broken = Vec::new();
    for file in core() {
        let own = module_of(&file.path).join("::");
        let forbidden = imports(&file)
            .into_iter()
            .filter(|module| !may_import(&own, module));
        broken.extend(forbidden.map(|module| (file.path.clone(), module)));
    }
    let is_known =
        |(file, module): &&(String, String)| EXCEPTIONS.contains(&(file.as_str(), module.as_str()));
    let new: Vec<_> = broken.iter().filter(|pair| !is_known(pair)).collect();
    assert!(new.is_empty(), "{new:#?}");
    for (file, module) in EXCEPTIONS {
        assert!(
            broken
                .iter()
                .any(|(one, other)| one == file && other == module),
            "{file} → {module}: take it from the table"
        );
    }
}

#[test]
fn no_dialect_has_a_name_outside() {
    let mut problems = Vec::new();
    for file in core() {
        let own = module_of(&file.path).join("::");
        if !is_in(&own, &[DECIDE_PLANE, BRIDGE, &["compile", "rule"]]) {
            continue;
        }
        for (number, line) in file.code.lines().enumerate() {
            let words = line
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .map(str::to_ascii_lowercase);
            problems.extend(
                words
                    .filter(|word| DIALECTS.contains(&word.as_str()))
                    .map(|word| format!("{}:{}: {word}", file.path, number + 1)),
            );
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_stands_behind_one_file() {
    let mut problems = Vec::new();
    for file in core() {
        for (word, allowed) in BEHIND.iter().chain(OUTSIDE) {
            let is_allowed = allowed.iter().any(|place| {
                file.path == *place || (place.ends_with('/') && file.path.starts_with(place))
            });
            let boundary = |byte: Option<u8>| {
                !byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            };
            let stands = file.code.match_indices(word).any(|(at, _)| {
                let bytes = file.code.as_bytes();
                boundary(
                    at.checked_sub(1)
                        .and_then(|before| bytes.get(before).copied()),
                ) && boundary(bytes.get(at + word.len()).copied())
            });
            if stands && !is_allowed {
                problems.push(format!("{} names {word}", file.path));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn no_unsafe_in_the_core() {
    let found = core();
    let root = found
        .iter()
        .find(|file| file.path == "core/src/lib.rs")
        .map(|file| file.code.as_str());
    assert!(root.unwrap_or_default().contains("#![forbid(unsafe_code)]"));
}

#[test]
fn manifests_depend_downwards_only() {
    let internal = ["gatelet", "gatelet-io", "gatelet-cli", "gatelet-tests"];
    let allowed: &[(&str, &[&str])] = &[
        ("core", &[]),
        ("io", &["gatelet"]),
        ("cli", &["gatelet", "gatelet-io"]),
        ("bindings-python", &["gatelet", "gatelet-io"]),
        ("bindings-node", &["gatelet", "gatelet-io"]),
        ("capi", &["gatelet", "gatelet-io"]),
    ];
    let manifests = files("", "toml");
    assert!(manifests.iter().any(|file| file.path == "core/Cargo.toml"));
    for (folder, below) in allowed {
        let Some(manifest) = manifests
            .iter()
            .find(|file| file.path == format!("{folder}/Cargo.toml"))
        else {
            continue;
        };
        let dependencies = manifest
            .text
            .split("[dependencies]")
            .nth(1)
            .unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        let names: Vec<_> = dependencies
            .lines()
            .filter_map(|line| line.split(['=', '.']).next())
            .map(str::trim)
            .collect();
        for name in internal {
            assert!(
                !names.contains(&name) || below.contains(&name),
                "{folder} depends on {name}"
            );
        }
    }
}

#[test]
fn paths_are_read_as_they_stand() {
    let file = |code: &str| SourceFile {
        path: "core/src/dialect/native/rules.rs".to_owned(),
        text: String::new(),
        code: code.to_owned(),
    };
    let table: &[(&str, &[&str])] = &[
        ("use crate::text::Span;", &["text::Span"]),
        (
            "use crate::{text::{Span, Node}, engine};",
            &["engine", "text::Node", "text::Span"],
        ),
        ("use super::names;", &["dialect::native"]),
        ("use super::super::super::engine::x;", &["engine::x"]),
        ("let x = crate::engine::decide();", &["engine::decide"]),
    ];
    for (code, expected) in table {
        let found: Vec<_> = imports(&file(code)).into_iter().collect();
        assert_eq!(found, *expected, "{code}");
    }
    assert!(
        !may_import("engine", "text::Span")
            && !may_import("compile", "engine")
            && !may_import("program::roles", "rule")
    );
    assert!(
        !may_import("dialect::native", "compile")
            && !may_import("dialect::native", "program::roles")
    );
    assert!(
        may_import("dialect::native", "program::vocabulary")
            && may_import("engine::bind", "program::paths")
    );
}
