//! Several sources: what they share, what they may not say differently, and values.

use super::{brief, load, show};
use crate::diagnostic::Diagnostic;
use crate::dialect::includes;

fn places(diagnostics: &[Diagnostic]) -> Vec<String> {
    let shown = brief(diagnostics, 0).into_iter().zip(diagnostics);
    shown
        .map(|(place, diagnostic)| format!("{} {place}", diagnostic.file().unwrap_or("-")))
        .collect()
}

#[test]
fn sources_of_one_load() {
    const CASES: &[(&str, &str, &[&str])] = &[
        (
            "rules: { r: { effect: deny } }",
            "rules: { r: { effect: deny } }",
            &["b.yaml GL101 2:10"],
        ),
        (
            "roles: { r: {} }",
            "layer: x\nroles: { r: {} }",
            &["b.yaml GL101 3:10"],
        ),
        (
            "actions: { a: {} }",
            "actions: { a: {} }",
            &["b.yaml GL101 2:12"],
        ),
        (
            "sets: { a: [x] }",
            "sets: { a: [x] }",
            &["b.yaml GL101 2:9"],
        ),
        (
            "values: { a: { type: int, default: 1 } }",
            "values: { a: { type: int, default: 1 } }",
            &["b.yaml GL101 2:11"],
        ),
        (
            "paths: { normalize: base }",
            "paths: { normalize: none }",
            &["b.yaml GL801 2:10"],
        ),
        (
            "paths: { normalize: base }",
            "paths: { normalize: base, head_as_get: true }",
            &[],
        ),
        (
            "identity: { trust_host: [peer, principal] }",
            "identity: { trust_host: [principal, peer] }",
            &[],
        ),
        (
            "identity: { trust_host: [peer] }",
            "identity: { trust_host: [] }",
            &["b.yaml GL801 2:13"],
        ),
        (
            "network: { trusted_proxies: [10.0.0.0/8] }",
            "network: { trusted_proxies: [10.0.0.0/9] }",
            &["b.yaml GL801 2:12"],
        ),
        (
            "domains: { t: resource.id }",
            "domains: { t: resource.type }",
            &["b.yaml GL801 2:15"],
        ),
        (
            "domains: { t: resource.id }",
            "domains: { t: resource.id }",
            &[],
        ),
        (
            "attributes: { a: { of: request, type: int } }",
            "attributes: { a: { of: request, type: string } }",
            &["b.yaml GL801 2:15"],
        ),
        ("layer: x\nmode: shadow", "layer: x", &["b.yaml GL801 1:1"]),
        (
            "layer: x",
            "layer: x\ndefault: allow",
            &["b.yaml GL801 3:10"],
        ),
        (
            "on_allow: { headers: { a: { value: b } } }",
            "on_allow: { headers: { A: { value: b } } }",
            &["b.yaml GL101 2:24"],
        ),
        ("include: [b.yaml]", "include: [a.yaml]", &[]),
        ("include: [c.yaml]", "", &["a.yaml GL804 2:11"]),
    ];
    for (a, b, expected) in CASES {
        let (a, b) = (format!("gatelet: 1\n{a}\n"), format!("gatelet: 1\n{b}\n"));
        let (_, diagnostics) = load(&[("a.yaml", &a), ("b.yaml", &b)], &[]);
        assert_eq!(places(&diagnostics), *expected, "{a}{b}\n{diagnostics:#?}");
        for one in diagnostics
            .iter()
            .filter(|one| matches!(one.code().number(), 101 | 801))
        {
            assert!(
                !one.to_string().is_empty() && one.render(false).contains("a.yaml"),
                "{one}"
            );
        }
    }
}

#[test]
fn layers_by_source() {
    const CASES: &[(&str, &str, &[&str])] = &[
        ("rules: { r: { effect: deny } }", "roles: { x: {} }", &["-"]),
        (
            "rules: { r: { effect: deny } }",
            "layer: b\nrules: { s: { effect: deny } }",
            &["-", "b"],
        ),
        (
            "paths: { head_as_get: true }",
            "layer: b\ndefault: allow",
            &["b"],
        ),
        (
            "layer: a",
            "layer: a\nrules: { s: { effect: deny } }",
            &["a"],
        ),
        ("", "", &[]),
    ];
    for (a, b, expected) in CASES {
        let (a, b) = (format!("gatelet: 1\n{a}\n"), format!("gatelet: 1\n{b}\n"));
        let (rules, diagnostics) = load(&[("a.yaml", &a), ("b.yaml", &b)], &[]);
        assert!(diagnostics.is_empty(), "{diagnostics:#?}");
        let name = |layer: &crate::rule::Layer| {
            layer
                .name
                .as_ref()
                .map_or("-".to_owned(), |name| name.text.to_string())
        };
        assert_eq!(
            rules.layers.iter().map(name).collect::<Vec<_>>(),
            *expected,
            "{a}{b}"
        );
        for rule in &rules.rules {
            assert_eq!(
                usize::from(rule.layer.0) + 1,
                rules
                    .layers
                    .len()
                    .min(if &*rule.id.text == "r" { 1 } else { 9 })
            );
        }
    }
}

#[test]
fn too_many_layers() {
    let texts: Vec<_> = (0..66)
        .map(|n| (format!("{n:03}.yaml"), format!("gatelet: 1\nlayer: l{n}\n")))
        .collect();
    let sources: Vec<_> = texts
        .iter()
        .map(|(name, text)| (&**name, &**text))
        .collect();
    let (rules, diagnostics) = load(&sources, &[]);
    assert_eq!(rules.layers.len(), 64);
    assert_eq!(
        places(&diagnostics),
        ["064.yaml GL806 2:8", "065.yaml GL806 2:8"]
    );
}

#[test]
fn values() {
    const CASES: &[(&str, &str, &[&str])] = &[
        ("values: { a: { type: int } }", "", &["p.yaml GL811 2:11"]),
        ("values: { a: { type: int } }", "a: 5", &[]),
        (
            "values: { a: { type: int } }",
            "a: five",
            &["v.yaml GL017 1:4"],
        ),
        (
            "values: { a: { type: int, default: five } }",
            "a: 5",
            &["p.yaml GL017 2:36"],
        ),
        (
            "values: { a: { type: number, default: 5 } }",
            "",
            &["p.yaml GL108 2:22"],
        ),
        (
            "values: { a: { default: 5, typo: int } }",
            "",
            &["p.yaml GL016 2:16", "p.yaml GL015 2:28"],
        ),
        (
            "values: { a: { type: int, default: 5 } }",
            "b: 5",
            &["v.yaml GL812 1:1"],
        ),
        (
            "values: { a: { type: int, default: '${a}' } }",
            "",
            &["p.yaml GL814 2:36"],
        ),
        (
            "values: { a: { type: int, default: '${b}' }, b: { type: int, default: '${a}' } }",
            "",
            &["p.yaml GL814 2:71"],
        ),
        (
            "values: { a: { type: int, default: '${b}' }, b: { type: int, default: 5 } }",
            "",
            &[],
        ),
        (
            "values: { a: { type: cidr_list, default: [10.0.0.0/8, x] } }",
            "",
            &["p.yaml GL301 2:55"],
        ),
        (
            "values: { a: { type: string_list, default: [[]] } }",
            "",
            &["p.yaml GL017 2:45"],
        ),
        (
            "values: { a: { type: duration, default: 5 } }",
            "",
            &["p.yaml GL019 2:41"],
        ),
        (
            "values: { 1a: { type: int, default: 5 } }",
            "",
            &["p.yaml GL102 2:11"],
        ),
        (
            "values: { a: { type: string, default: x } }\nsets: { s: ['${b}'] }",
            "",
            &["p.yaml GL812 3:13"],
        ),
        ("sets: { s: ['${b}'] }", "", &["p.yaml GL812 2:13"]),
        (
            "rules: { r: { effect: deny, match: { source_ip: '${b}', host: ['${c}'], roles: '${d}' } } }",
            "",
            &[
                "p.yaml GL812 2:49",
                "p.yaml GL812 2:64",
                "p.yaml GL812 2:80",
            ],
        ),
        (
            "values: { a: { type: string, default: x } }\nlayer: 'l-${a}'",
            "",
            &["p.yaml GL813 3:8"],
        ),
        (
            "values: { a: { type: string, default: x } }\nlayer: '${a}${a}'",
            "",
            &["p.yaml GL813 3:8"],
        ),
        (
            "rules: { '${a}': { effect: deny } }",
            "",
            &["p.yaml GL813 2:10"],
        ),
        (
            "values: { a: { type: string, default: x } }\nlayer: '${a}'\ndefault: '${a}'",
            "",
            &["p.yaml GL108 4:10"],
        ),
        (
            "values: { a: { type: string, default: 'x y' } }\nlayer: '${a}'",
            "",
            &["p.yaml GL102 3:8"],
        ),
    ];
    for (text, given, expected) in CASES {
        let text = format!("gatelet: 1\n{text}\n");
        let (_, diagnostics) = load(&[("p.yaml", &text)], &[("v.yaml", given)]);
        assert_eq!(
            places(&diagnostics),
            *expected,
            "{text}{given}\n{diagnostics:#?}"
        );
    }
}

#[test]
fn a_fault_in_a_value_names_its_use_and_its_place() {
    let text = "gatelet: 1\nvalues: { a: { type: string } }\nlayer: ${a}\n";
    let (_, diagnostics) = load(&[("p.yaml", text)], &[("v.yaml", "a: x y\n")]);
    assert_eq!(places(&diagnostics), ["p.yaml GL102 3:8"]);
    let rendered = diagnostics[0].render(false);
    assert!(
        rendered.contains("v.yaml:1:4") && rendered.contains("the value \"a\" is given here"),
        "{rendered}"
    );
}

#[test]
fn a_value_becomes_its_node() {
    let text = "gatelet: 1
values:
  office: { type: cidr_list, default: [10.0.0.0/8] }
  hosts: { type: string_list, default: [a.example, '*'] }
  fx: { type: string, default: allow }
sets: { net: '${office}', both: ['${office}', 192.0.2.1] }
rules:
  r: { effect: '${fx}', match: { who: anyone, source_ip: ['${office}', { in: both }], host: '${hosts}' } }
";
    let (rules, diagnostics) = load(
        &[("p.yaml", text)],
        &[("v.yaml", "office: [10.0.0.0/8, 172.16.0.0/12]\n")],
    );
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    assert_eq!(
        show::predicate(&rules.rules[0].predicate),
        "all(SourceIp in 5 networks else undecided, any(Host host, ignore port false, Host present))"
    );
}

#[test]
fn values_and_sets_cannot_blow_up() {
    let long = "x, ".repeat(20_000);
    let uses = "'${a}', ".repeat(100);
    let text = format!(
        "gatelet: 1\nvalues: {{ a: {{ type: string_list, default: [{long}] }} }}\nsets: {{ s: [{uses}] }}\n"
    );
    let (_, diagnostics) = load(&[("p.yaml", &text)], &[]);
    assert_eq!(
        brief(&diagnostics, 0)
            .iter()
            .map(|one| &one[..5])
            .collect::<Vec<_>>(),
        ["GL815"]
    );

    let uses = "{ in: s }, ".repeat(300);
    let text = format!(
        "gatelet: 1\nsets: {{ s: [{long}] }}\nrules: {{ r: {{ effect: deny, match: {{ method: [{uses}] }} }} }}\n"
    );
    let (_, diagnostics) = load(&[("p.yaml", &text)], &[]);
    assert_eq!(
        brief(&diagnostics, 0)
            .iter()
            .map(|one| &one[..5])
            .collect::<Vec<_>>(),
        ["GL815"]
    );

    let chain: String = (0..100)
        .map(|n| format!("  v{n}: {{ type: int, default: '${{v{}}}' }}\n", n + 1))
        .collect();
    let text = format!("gatelet: 1\nvalues:\n{chain}  v100: {{ type: int, default: 1 }}\n");
    let (_, diagnostics) = load(&[("p.yaml", &text)], &[]);
    // Each link that is too far down is reported once; those above it only follow.
    assert_eq!(
        brief(&diagnostics, 0)
            .iter()
            .map(|one| &one[..5])
            .collect::<Vec<_>>(),
        ["GL814"; 3]
    );
}

#[test]
fn includes_of_a_source() {
    let text = b"gatelet: 1\ninclude: [roles.yaml, ../x.yaml, 7, a/b.yaml]\n";
    assert_eq!(
        includes("prod/p.yaml", text),
        ["prod/roles.yaml", "prod/7", "prod/a/b.yaml"]
    );
    assert!(includes("p.yaml", b"\xff").is_empty());
    assert!(includes("p.yaml", b"include: [").is_empty());
    assert!(includes("p.yaml", b"").is_empty());
}
