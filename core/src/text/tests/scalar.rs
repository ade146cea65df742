//! Scalars as types, and mappings with known keys.

use super::super::{MappingReader, Node};
use super::{document, load};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// What a value became, or the code with the message and the help.
fn read<T: ToString>(
    source: &str,
    read: impl FnOnce(&Node) -> Result<T, Diagnostic>,
) -> Result<String, String> {
    let (sources, node) = document("x.yaml", source);
    let value = &node.as_mapping().unwrap()[0].1;
    match read(value) {
        Ok(value) => Ok(value.to_string()),
        Err(error) => Err(error.resolved(&sources, &[]).to_string()),
    }
}

fn assert_reads<T: ToString>(
    rows: &[(&str, Result<&str, &str>)],
    of: impl Fn(&Node) -> Result<T, Diagnostic>,
) {
    for (value, expected) in rows {
        let source = match value.strip_prefix("json ") {
            Some(value) => format!("{{\"k\": {value}}}"),
            None => format!("k: {value}"),
        };
        match (read(&source, &of), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, *expected, "{value}"),
            (Err(found), Err(piece)) => assert!(found.contains(piece), "{value}: {found}"),
            (found, expected) => panic!("{value}: {found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn strings() {
    assert_reads(
        &[
            ("abc", Ok("abc")),
            ("true", Ok("true")),
            ("12", Ok("12")),
            ("'null'", Ok("null")),
            ("\"\"", Ok("")),
            ("json \"x\"", Ok("x")),
            ("null", Err("[GL017]: expected a string, found null")),
            ("~", Err("expected a string, found null")),
            (
                "",
                Err("x.yaml:1:1: error[GL017]: expected a string, found nothing"),
            ),
            (
                "[a]",
                Err("x.yaml:1:4: error[GL017]: expected a string, found a list"),
            ),
            ("{a: b}", Err("expected a string, found a mapping")),
            (
                "json 12",
                Err("expected a string, found a number \"12\" (put double quotes"),
            ),
            ("json true", Err("expected a string, found a boolean")),
            ("json null", Err("expected a string, found null")),
        ],
        |node| node.as_str().map(str::to_owned),
    );
}

#[test]
fn booleans() {
    assert_reads(
        &[
            ("true", Ok("true")),
            ("json false", Ok("false")),
            (
                "yes",
                Err("expected true or false, found a string \"yes\" (write `true`)"),
            ),
            ("on", Err("write `true`")),
            ("True", Err("write `true`")),
            ("No", Err("write `false`")),
            ("off", Err("write `false`")),
            ("1", Err("expected true or false, found a number \"1\"")),
            ("'true'", Err("leave out the quotes")),
            ("[]", Err("found a list")),
        ],
        Node::as_bool,
    );
}

#[test]
fn numbers() {
    assert_reads(
        &[
            ("0", Ok("0")),
            ("-9223372036854775808", Ok("-9223372036854775808")),
            ("json 7", Ok("7")),
            (
                "9223372036854775808",
                Err("[GL018]: this number is out of range"),
            ),
            ("1.5", Err("expected a whole number, found a number")),
            ("1e3", Err("expected a whole number")),
            ("'5'", Err("leave out the quotes")),
            (
                "010",
                Err("[GL018]: `010` can be read in more than one way (write 10)"),
            ),
            ("1_000", Err("write 1000")),
            ("+5", Err("write 5")),
            ("0x1F", Err("expected a whole number, found a string")),
            (
                "five",
                Err("expected a whole number, found a string \"five\""),
            ),
            ("", Err("found nothing")),
        ],
        Node::as_i64,
    );
    assert_reads(
        &[
            ("18446744073709551615", Ok("18446744073709551615")),
            ("-1", Err("out of range: 0 to")),
            ("18446744073709551616", Err("out of range")),
        ],
        Node::as_u64,
    );
    assert_reads(
        &[
            ("-0.5", Ok("-0.5")),
            ("1e3", Ok("1000")),
            ("json 2", Ok("2")),
            ("1e999", Err("out of range")),
            (".nan", Err("expected a number, found a string")),
            (".5", Err("expected a number")),
            ("\"1.5\"", Err("leave out the quotes")),
        ],
        Node::as_f64,
    );
}

#[test]
fn durations() {
    assert_reads(
        &[
            ("250ms", Ok("250")),
            ("30s", Ok("30000")),
            ("5min", Ok("300000")),
            ("4h", Ok("14400000")),
            ("'7d'", Ok("604800000")),
            ("json \"0s\"", Ok("0")),
            (
                "5m",
                Err("[GL019]: `m` may mean minutes or months (write 5min or 5month)"),
            ),
            ("5", Err("a duration needs a unit (write 5s or 5ms)")),
            ("json 5", Err("a duration needs a unit")),
            ("5 min", Err("is no unit")),
            ("1h30min", Err("is no unit")),
            ("-5s", Err("a whole number and a unit")),
            ("s", Err("a whole number and a unit")),
            ("999999999999d", Err("too long")),
            ("99999999999999999999s", Err("too long")),
            ("~", Err("[GL017]: expected a duration, found null")),
            ("[5s]", Err("expected a duration, found a list")),
        ],
        Node::as_duration_ms,
    );
}

#[test]
fn points_in_time() {
    assert_reads(
        &[
            ("1970-01-01T00:00:00Z", Ok("0")),
            ("2027-01-01T00:00:00Z", Ok("1798761600000")),
            ("\"2027-01-01T01:00:00.250+01:00\"", Ok("1798761600250")),
            ("1969-12-31T23:59:59.999Z", Ok("-1")),
            (
                "2027-01-01T00:00:00",
                Err("[GL020]: this is no point in time with an offset"),
            ),
            ("2027-01-01", Err("write it as 2027-01-31T09:30:00Z")),
            ("2027-02-29T00:00:00Z", Err("no point in time")),
            ("2027-01-01T24:00:00Z", Err("no point in time")),
            ("1798761600", Err("no point in time")),
            ("[]", Err("expected a point in time, found a list")),
        ],
        Node::as_timestamp_ms,
    );
}

#[test]
fn collections() {
    let length = |node: &Node| node.as_sequence().map(<[_]>::len);
    assert_reads(
        &[
            ("[a, b]", Ok("2")),
            ("{a: b}", Err("expected a list, found a mapping")),
            ("a", Err("expected a list, found a string \"a\"")),
        ],
        length,
    );
    let length = |node: &Node| node.as_mapping().map(<[_]>::len);
    assert_reads(
        &[
            ("{a: b}", Ok("1")),
            ("[a]", Err("expected a mapping, found a list")),
            ("", Err("expected a mapping, found nothing")),
        ],
        length,
    );
}

#[test]
fn only_a_bare_null_is_null() {
    for (value, is_null) in [
        ("", true),
        ("~", true),
        ("null", true),
        ("Null", true),
        ("'null'", false),
        ("\"\"", false),
        ("nil", false),
        ("[]", false),
    ] {
        let (_, node) = document("x.yaml", &format!("k: {value}"));
        assert_eq!(
            node.as_mapping().unwrap()[0].1.is_null(),
            is_null,
            "{value}"
        );
    }
}

#[test]
fn a_mapping_is_read_key_by_key() {
    let loaded = load("x.yaml", "efect: deny\nwhen: a\nbudget: 5m\nx: 1\n");
    let documents = loaded.documents.unwrap();
    let mut diagnostics = Diagnostics::new();
    let mut reader = MappingReader::new(&documents[0]).unwrap();
    assert!(reader.require("effect", &mut diagnostics).is_none());
    assert!(reader.take("match").is_none());
    assert_eq!(
        reader.read("when", Node::as_str, &mut diagnostics),
        Some("a")
    );
    assert_eq!(
        reader.read("budget", Node::as_duration_ms, &mut diagnostics),
        None
    );
    assert_eq!(
        reader.read_required("when", Node::as_str, &mut diagnostics),
        Some("a")
    );
    let (key, value) = reader.take_entry("when").unwrap();
    assert_eq!((&*key.text, value.as_str().unwrap()), ("when", "a"));
    reader.finish(&mut diagnostics);
    let shown: Vec<_> = diagnostics
        .finish(&loaded.sources)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        shown,
        [
            "x.yaml:1:1: error[GL015]: unknown key \"efect\" (did you mean \"effect\"?)",
            "x.yaml:1:1: error[GL016]: the key \"effect\" is missing",
            "x.yaml:3:9: error[GL019]: `m` may mean minutes or months (write 5min or 5month)",
            "x.yaml:4:1: error[GL015]: unknown key \"x\"",
        ]
    );
    let text = &documents[0].as_mapping().unwrap()[0].1;
    assert!(MappingReader::new(text).is_err());
}
