//! What is a document and what is not, and the files of JSONTestSuite.

use super::*;
use crate::vectors;

/// Reads and looks for members of the same name.
fn verdict(text: &[u8]) -> Result<String, String> {
    let (mut bytes, mut nodes) = (text.to_vec(), Vec::new());
    read(&mut bytes, &mut nodes).map_err(|error| format!("{} at {}", error.fault, error.at))?;
    let document = Json::document(&bytes, &nodes).ok_or("nothing")?;
    match document.ambiguous() {
        Some(name) => Err(format!("twice {}", String::from_utf8_lossy(name))),
        None => Ok(show(document)),
    }
}

fn show(json: Json<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match json.value() {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => text(number),
        Value::Text(bytes) => format!("{:?}", text(bytes)),
        Value::Array(items) => {
            let items: Vec<_> = items.map(show).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(members) => {
            let members: Vec<_> = members
                .map(|(name, value)| format!("{}={}", text(name), show(value)))
                .collect();
            format!("{{{}}}", members.join(" "))
        }
    }
}

#[test]
fn documents() {
    let rows: &[(&str, &str)] = &[
        (" null ", "null"),
        ("[true,false , null]", "[true false null]"),
        (r#"{"a":{"b":[]},"c":{}}"#, "{a={b=[]} c={}}"),
        ("[0, -0, 1.50, 1e9, 2E-3]", "[0 -0 1.50 1e9 2E-3]"),
        (r#""\"\\\/\b\f\n\r\t""#, r#""\"\\/\u{8}\u{c}\n\r\t""#),
        (r#"["\u0061b","c"]"#, r#"["ab" "c"]"#),
        (r#""x\ud834\udd1ey""#, "\"x\u{1d11e}y\""),
        (r#""\u00e9é\u20ac""#, "\"éé€\""),
        (r#"{"\u0061":1,"b":"\n"}"#, r#"{a=1 b="\n"}"#),
        (r#"[{"a":1},{"a":2}]"#, "[{a=1} {a=2}]"),
    ];
    for (text, expected) in rows {
        assert_eq!(verdict(text.as_bytes()).as_deref(), Ok(*expected), "{text}");
    }
}

#[test]
fn no_documents() {
    let rows: &[(&[u8], &str)] = &[
        (b"", "ends too early at 0"),
        (b"\xef\xbb\xbf{}", "a byte that may not stand here at 0"),
        (b"\"\xff\"", "not UTF-8 at 1"),
        (b"\"\xed\xa0\x80\"", "not UTF-8 at 1"),
        (br#""\ud800""#, "half a surrogate pair at 7"),
        (br#""\ud800\u0041""#, "half a surrogate pair at 13"),
        (br#""\udc00\ud800""#, "half a surrogate pair at 7"),
        (br#""\x41""#, "an escape that JSON does not have at 3"),
        (br#""\u00g0""#, "an escape that JSON does not have at 3"),
        (b"\"a\x01b\"", "a control character in a text at 2"),
        (b"\"\\n\x1f\"", "a control character in a text at 3"),
        (b"01", "not a number of JSON at 2"),
        (b"1.", "not a number of JSON at 2"),
        (b".5", "a byte that may not stand here at 0"),
        (b"+1", "a byte that may not stand here at 0"),
        (b"1e", "not a number of JSON at 2"),
        (b"-", "not a number of JSON at 1"),
        (b"NaN", "a byte that may not stand here at 0"),
        (b"{} x", "something after the end at 3"),
        (b"[1,]", "a byte that may not stand here at 3"),
        (b"{\"a\":1,}", "a byte that may not stand here at 7"),
        (b"{\"a\" 1}", "a byte that may not stand here at 5"),
        (b"[1", "ends too early at 2"),
        (b"{\"a", "ends too early at 3"),
        (br#"{"a":1,"a":2}"#, "twice a"),
        (br#"{"a":1,"\u0061":2}"#, "twice a"),
        (br#"{"x":[{"y":{"k":1,"l":2,"k":3}}]}"#, "twice k"),
        (br#"{"":1,"":1}"#, "twice "),
    ];
    for (text, expected) in rows {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(verdict(text), Err((*expected).to_owned()), "{shown}");
    }
}

#[test]
fn depth_has_a_bound() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(verdict(nested(MAX_DEPTH as usize).as_bytes()).is_ok());
    let deep = verdict(nested(MAX_DEPTH as usize + 1).as_bytes());
    assert_eq!(deep, Err("nested too deeply at 32".to_owned()));
}

/// Whatever their number, and wherever the two stand.
#[test]
fn the_same_name_is_found_among_many() {
    for count in [2, 3, 23, 24, 25, 26, 80, 1_000] {
        let names: Vec<String> = (0..count).map(|i| format!("claim{i}")).collect();
        let document = |names: &[String]| {
            let members: Vec<_> = names.iter().map(|n| format!("\"{n}\":[0]")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(verdict(document(&names).as_bytes()).is_ok(), "{count}");
        for (one, other) in [(0, count - 1), (count / 2, count - 1), (0, 1)] {
            let mut names = names.clone();
            if one != other {
                names[other] = names[one].clone();
                let twice = verdict(document(&names).as_bytes());
                assert_eq!(twice, Err(format!("twice {}", names[one])), "{count}");
            }
        }
    }
}

#[test]
fn ways_down_are_literal() {
    let mut bytes = br#"{"a.b":{"c":7},"a":{"b":8}}"#.to_vec();
    let mut nodes = Vec::new();
    read(&mut bytes, &mut nodes).unwrap();
    let document = Json::document(&bytes, &nodes).unwrap();
    let at = |path: &[&str]| {
        let path: Vec<Box<str>> = path.iter().map(|name| (*name).into()).collect();
        document.at(&path).map(show)
    };
    assert_eq!(at(&["a.b", "c"]).as_deref(), Some("7"));
    assert_eq!(at(&["a", "b"]).as_deref(), Some("8"));
    assert_eq!(at(&["a", "b", "c"]), None);
    assert_eq!(at(&[]), Some(show(document)));
}

/// 281 of 283: a name that stands twice is refused here on purpose.
#[test]
fn json_test_suite() {
    const REFUSED: [&str; 2] = [
        "y_object_duplicated_key.json",
        "y_object_duplicated_key_and_value.json",
    ];
    let Some(folder) = vectors::folder("jsontestsuite", 283) else {
        return;
    };
    let (mut files, mut refused) = (0, Vec::new());
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let accepts = match name.split('_').next() {
            Some("y") => true,
            Some("n") => false,
            _ => continue,
        };
        files += 1;
        let verdict = verdict(&std::fs::read(&path).unwrap());
        match verdict {
            Err(_) if REFUSED.contains(&name.as_str()) => refused.push(name),
            verdict if verdict.is_ok() != accepts => wrong.push((name, verdict)),
            _ => {}
        }
    }
    assert_eq!(wrong, []);
    assert_eq!((files, refused.len()), (283, 2));
}
