//! AuthorizationPolicies of Istio's own test data, named at each table, and some of our writing.

use super::Action::{Allow, Audit, Custom, Deny};
use super::*;

#[test]
fn policies_without_conditions() {
    let anything = || vec![Predicate::TRUE];
    // allow-nil-rule-in.yaml
    Mesh::new()
        .policy("allow-none", Allow, vec![])
        .decides(&[(get(), "deny")]);
    // allow-empty-rule-in.yaml
    let allow_all = Mesh::new().policy("allow-all", Allow, anything());
    allow_all.decides(&[
        (get(), "allow allow-all/0"),
        (from("x"), "allow allow-all/0"),
    ]);
    // deny-empty-rule-in.yaml
    let deny_all = Mesh::new().policy("deny-all", Deny, anything());
    deny_all.decides(&[(get(), "deny deny-all/0")]);
    // audit-full-rule-in.yaml: no ALLOW policy, so all is allowed, and audited.
    let audit = Mesh::new().policy("audit-all", Audit, anything());
    audit.decides(&[(get(), "allow +audit")]);
    // No policy at all.
    Mesh::new().decides(&[(get(), "allow")]);
}

#[test]
fn deny_and_allow() {
    // deny-and-allow-in.yaml
    let mesh = Mesh::new()
        .policy("httpbin-deny", Deny, vec![principals(&["deny"])])
        .policy("httpbin-allow", Allow, vec![principals(&["allow"])]);
    mesh.decides(&[
        (from("spiffe://deny"), "deny httpbin-deny/0"),
        (from("spiffe://allow"), "allow httpbin-allow/0"),
        (from("spiffe://other"), "deny"),
        (from("allow"), "deny"),
        (get(), "deny"),
    ]);
    // Without the ALLOW policy what is not denied is allowed.
    let deny_only = Mesh::new().policy("httpbin-deny", Deny, vec![principals(&["deny"])]);
    deny_only.decides(&[
        (from("spiffe://deny"), "deny httpbin-deny/0"),
        (from("spiffe://other"), "allow"),
        (get(), "allow"),
    ]);
}

#[test]
fn external_checks() {
    // custom-simple-http-in.yaml
    let mesh = Mesh::new()
        .policy("httpbin-1", Custom, vec![paths(&["/httpbin1"])])
        .policy("httpbin-2", Custom, vec![paths(&["/httpbin2"])]);
    mesh.decides(&[
        (to("/httpbin1"), "allow +external"),
        (to("/httpbin2"), "allow +external"),
        (to("/httpbin3"), "allow"),
        (to("/httpbin1/"), "allow"),
    ]);
}

#[test]
fn dry_runs() {
    // dry-run-mix-in.yaml
    let mix = Mesh::new()
        .policy("httpbin-2", Allow, vec![paths(&["/another"])])
        .dry_run("httpbin-1", Allow, vec![paths(&["/allow"])]);
    mix.decides(&[
        (to("/another"), "allow httpbin-2/0"),
        (to("/allow"), "deny ~allow httpbin-1/0"),
        (to("/else"), "deny"),
    ]);
    // dry-run-allow-and-deny-in.yaml: nothing is in force.
    let both = Mesh::new()
        .dry_run("httpbin-1", Allow, vec![paths(&["/allow"])])
        .dry_run("httpbin-2", Deny, vec![paths(&["/deny"])]);
    both.decides(&[
        (to("/allow"), "allow"),
        (to("/deny"), "allow ~deny httpbin-2/0"),
        (to("/else"), "allow ~deny"),
    ]);
    // dry-run-allow-in.yaml
    let alone = Mesh::new().dry_run("httpbin-1", Allow, vec![paths(&["/exact"])]);
    alone.decides(&[(to("/exact"), "allow"), (to("/else"), "allow ~deny")]);
}

#[test]
fn paths_and_templates() {
    let values = [
        "/exact",
        "/prefix/*",
        "*/suffix",
        "/path/template/{*}",
        "/{**}/path/template",
    ];
    // allow-path-in.yaml: its notPaths hold `*`, which every path matches.
    let excluded = paths(&["/not-exact", "/not-prefix/*", "*/not-suffix", "*"]);
    let whole = all([paths(&values), not(excluded)]);
    let never = Mesh::new().policy("httpbin-1", Allow, vec![whole]);
    never.decides(&[
        (to("/exact"), "deny"),
        (to("/prefix/a"), "deny"),
        (to("/"), "deny"),
    ]);
    // Its paths without the star.
    let mesh = Mesh::new().policy("p", Allow, vec![paths(&values)]);
    let (yes, no) = ("allow p/0", "deny");
    mesh.decides(&[
        (to("/exact"), yes),
        (to("/exact?x"), yes),
        (to("/%65xact"), yes),
        (to("/exact/"), no),
        (to("//exact"), no),
        (to("/Exact"), no),
        (to("/prefix/"), yes),
        (to("/prefix/a/b"), yes),
        (to("/prefix"), no),
        (to("/suffix"), yes),
        (to("/a/b/suffix"), yes),
        (to("/suffix/"), no),
        (to("/path/template/a"), yes),
        (to("/path/template/"), no),
        (to("/path/template/a/b"), no),
        (to("/a/b/path/template"), yes),
        (to("//path/template"), yes),
        (to("/path/template"), no),
    ]);
    // Operators in the middle, from the specification's own table.
    let values = [
        "/foo/{*}/bar/{**}",
        "/store/{**}/cart",
        "/{**}/v/{*}/end",
        "/a*b*",
    ];
    let mesh = Mesh::new().policy("p", Allow, vec![paths(&values)]);
    mesh.decides(&[
        (to("/foo/1/bar/"), yes),
        (to("/foo/1/bar/x/y"), yes),
        (to("/foo/1/bar"), no),
        (to("/foo//bar/x"), no),
        (to("/foo/a%2fb/bar/x"), yes),
        (to("/store//cart"), yes),
        (to("/store/a/b/cart"), yes),
        (to("/store/cart"), no),
        (to("/a/v/v/1/end"), yes),
        (to("/a/v/1/2/v/3/end"), yes),
        (to("/a/v//end"), no),
        // A star in the middle is no wildcard.
        (to("/a*bc"), yes),
        (to("/axbc"), no),
    ]);
}

#[test]
fn hosts_keep_their_port() {
    // allow-host-before-111-in.yaml: its notHosts hold `*`.
    let values = ["example.com", "prefix.example.*", "*.example.com", "*"];
    let excluded = [
        "not-example.com",
        "prefix.not-example.*",
        "*.not-example.com",
        "*",
    ];
    let whole = all([hosts(&values), not(hosts(&excluded))]);
    let never = Mesh::new().policy("httpbin-1", Allow, vec![whole]);
    never.decides(&[(at("example.com"), "deny"), (at("a.example.com"), "deny")]);
    // Without the stars.
    let (values, excluded) = (hosts(&values[..3]), hosts(&excluded[..3]));
    let mesh = Mesh::new().policy("h", Allow, vec![all([values, not(excluded)])]);
    let (yes, no) = ("allow h/0", "deny");
    mesh.decides(&[
        (at("example.com"), yes),
        (at("EXAMPLE.com"), yes),
        (at("example.com:8080"), no),
        (at("prefix.example.org:8080"), yes),
        (at("a.b.Example.com"), yes),
        (at("a.example.com:80"), no),
        (at("not-example.com"), no),
        (at("other.com"), no),
    ]);
}

/// multiple-policies-in.yaml
fn nine_policies() -> Mesh {
    Mesh::new()
        .policy("httpbin-1", Allow, vec![methods(&["GET", "POST"])])
        .policy("httpbin-2", Allow, vec![paths(&["/v1", "/v2"])])
        .policy(
            "httpbin-3",
            Allow,
            vec![hosts(&["google.com", "httpbin.org"])],
        )
        .policy("httpbin-4", Allow, vec![ports(&["80", "90"])])
        .policy(
            "httpbin-5",
            Allow,
            vec![principals(&["principals1", "principals2"])],
        )
        .policy(
            "httpbin-6",
            Allow,
            vec![request_principals(&["issuer/requestPrincipals1"])],
        )
        .policy(
            "httpbin-7",
            Allow,
            vec![namespaces(&["namespaces1", "namespaces2"])],
        )
        .policy(
            "httpbin-8",
            Allow,
            vec![ip_blocks(&["1.2.3.4", "5.6.7.0/24"])],
        )
        .policy("httpbin-9", Allow, vec![header("x-abc", &["abc1", "abc2"])])
}

#[test]
fn nine_policies_are_one_disjunction() {
    let put = by("PUT");
    let of = |request: Request<'static>| Request {
        method: put.method,
        ..request
    };
    let subject: Attributes<'_> = &[
        (b"iss", Value::List(&[Value::String(b"issuer")])),
        (b"sub", text("requestPrincipals1")),
    ];
    nine_policies().decides(&[
        (get(), "allow httpbin-1/0"),
        (by("get"), "deny"),
        (by("HEAD"), "deny"),
        (of(to("/v2")), "allow httpbin-2/0"),
        (of(at("google.com")), "allow httpbin-3/0"),
        (
            with(put, &[(b"destination.port", text("90"))]),
            "allow httpbin-4/0",
        ),
        (with(put, &[(b"destination.port", text("9"))]), "deny"),
        (of(from("spiffe://principals2")), "allow httpbin-5/0"),
        (
            Request {
                method: put.method,
                ..with_token(subject)
            },
            "allow httpbin-6/0",
        ),
        (
            of(from("spiffe://td/ns/namespaces2/sa/a")),
            "allow httpbin-7/0",
        ),
        (of(from("spiffe://td/ns/namespaces3/sa/a")), "deny"),
        (
            Request {
                source_ip: Some(b"5.6.7.8"),
                ..put
            },
            "allow httpbin-8/0",
        ),
        (
            Request {
                source_ip: Some(b"5.6.8.8"),
                ..put
            },
            "deny",
        ),
        (
            of(with_headers(&[(b"X-Abc", b"abc2")])),
            "allow httpbin-9/0",
        ),
        (of(with_headers(&[(b"x-abc", b"abc2,abc1")])), "deny"),
        (put, "deny"),
    ]);
}

#[test]
fn identities_of_peers() {
    // simple-policy-principal-with-wildcard-in.yaml, its second source
    let values = [
        "*/ns/foo/sa/rule[0]-from[1]-principal[0]",
        "*bar/ns/foo/sa/x",
    ];
    let mesh = Mesh::new().policy("w", Allow, vec![principals(&values)]);
    mesh.decides(&[
        (
            from("spiffe://td/ns/foo/sa/rule[0]-from[1]-principal[0]"),
            "allow w/0",
        ),
        (from("spiffe://foobar/ns/foo/sa/x"), "allow w/0"),
        (from("spiffe://foo/ns/foo/sa/x"), "deny"),
    ]);
    // … and its first: any certificate, but some certificate.
    let mesh = Mesh::new().policy("w", Allow, vec![principals(&["*"])]);
    mesh.decides(&[
        (from("spiffe://a"), "allow w/0"),
        (from("no SPIFFE ID"), "allow w/0"),
        (get(), "deny"),
    ]);
    // simple-policy-td-aliases-in.yaml with the alias td1: aliases are more values.
    let account = "/ns/rule[0]/sa/from[0]-principal[0]";
    let aliased = ["cluster.local", "td1"].map(|td| format!("{td}{account}"));
    let aliased = principals(&[&aliased[0], &aliased[1]]);
    let mesh = Mesh::new().policy("t", Allow, vec![all([aliased, methods(&["GET"])])]);
    mesh.decides(&[
        (
            from("spiffe://td1/ns/rule[0]/sa/from[0]-principal[0]"),
            "allow t/0",
        ),
        (
            from("spiffe://cluster.local/ns/rule[0]/sa/from[0]-principal[0]"),
            "allow t/0",
        ),
        (
            from("spiffe://td2/ns/rule[0]/sa/from[0]-principal[0]"),
            "deny",
        ),
    ]);
}

#[test]
fn parts_of_identities() {
    // trust-domains-in.yaml
    let rule = any([
        trust_domains(&["cluster.local", "another.local"]),
        not(trust_domains(&["bad*", "untrusted"])),
    ]);
    let mesh = Mesh::new().policy("d", Allow, vec![rule]);
    mesh.decides(&[
        (from("spiffe://cluster.local/ns/a/sa/b"), "allow d/0"),
        (from("spiffe://badly/ns/a/sa/b"), "deny"),
        (from("spiffe://untrusted/x"), "deny"),
        (from("spiffe://fine/x"), "allow d/0"),
        (get(), "allow d/0"),
    ]);
    // allow-full-rule-in.yaml, its first rule; the short form is of the policy's namespace.
    let accounts = any([
        service_account("my-ns", "my-sa"),
        service_account("foo", "sa-only"),
    ]);
    let excluded = service_account("my-ns", "my-sa-not");
    let mesh = Mesh::new().policy("s", Allow, vec![all([accounts, not(excluded)])]);
    mesh.decides(&[
        (from("spiffe://td/ns/my-ns/sa/my-sa"), "allow s/0"),
        (from("spiffe://td/ns/my-ns/x/sa/my-sa/y"), "allow s/0"),
        (from("spiffe://td/ns/foo/sa/sa-only"), "allow s/0"),
        (from("spiffe://td/ns/foo/sa/my-sa"), "deny"),
        (from("spiffe:///ns/my-ns/sa/my-sa"), "deny"),
        (get(), "deny"),
    ]);
    // Namespaces are found anywhere in the identity.
    let mesh = Mesh::new().policy("n", Deny, vec![namespaces(&["a", "team-*"])]);
    mesh.decides(&[
        (from("spiffe://td/ns/b/sa/q/ns/a/z"), "deny n/0"),
        (from("spiffe://td/ns/team-x/sa/q"), "deny n/0"),
        (from("spiffe://td/ns/b/sa/a"), "allow"),
        (get(), "allow"),
    ]);
}

#[test]
fn headers_and_addresses() {
    let conditions = [
        ("any-value", header("x-h", &["a", "b*"])),
        (
            "no-value",
            all([header("x-n", &["*"]), not(header("x-n", &["bad"]))]),
        ),
        ("remote", remote_ip_blocks(&["9.0.0.0/8"])),
        (
            "ports",
            all([
                ports(&["80"]),
                not(field(request_attribute("connection.sni"), &["*.bad"])),
            ]),
        ),
    ];
    let mesh = conditions
        .into_iter()
        .fold(Mesh::new(), |mesh, (name, rule)| {
            mesh.policy(name, Allow, vec![rule])
        });
    let port: Attributes<'_> = &[(b"destination.port", text("80"))];
    let bad: Attributes<'_> = &[
        (b"destination.port", text("80")),
        (b"connection.sni", text("x.bad")),
    ];
    mesh.decides(&[
        (
            with_headers(&[(b"x-h", b"c"), (b"x-h", b"bee")]),
            "allow any-value/0",
        ),
        (with_headers(&[(b"x-h", b"c"), (b"x-h", b"A")]), "deny"),
        (with_headers(&[(b"x-n", b"")]), "allow no-value/0"),
        (with_headers(&[(b"x-n", b"good"), (b"x-n", b"bad")]), "deny"),
        (
            with_headers(&[(b"x-forwarded-for", b"1.1.1.1, 9.1.1.1")]),
            "allow remote/0",
        ),
        (
            with_headers(&[(b"x-forwarded-for", b"9.1.1.1, 1.1.1.1")]),
            "deny",
        ),
        (with(get(), port), "allow ports/0"),
        (with(get(), bad), "deny"),
    ]);
    // Absence satisfies every notX, in a DENY too.
    let excluded = not(any([header("x-h", &["a"]), principals(&["*"])]));
    let mesh = Mesh::new().policy("d", Deny, vec![excluded]);
    mesh.decides(&[
        (get(), "deny d/0"),
        (from("x"), "allow"),
        (with_headers(&[(b"x-h", b"b")]), "deny d/0"),
        (with_headers(&[(b"x-h", b"b"), (b"x-h", b"a")]), "allow"),
    ]);
}

#[test]
fn claims() {
    let audiences = all([claim("aud", &["shop", "*-api"]), not(claim("azp", &["*"]))]);
    let mesh = Mesh::new()
        .policy(
            "subject",
            Allow,
            vec![request_principals(&["iss1/*", "*/root"])],
        )
        .policy("audience", Allow, vec![audiences])
        .policy(
            "anybody",
            Allow,
            vec![all([not(request_principals(&["*"])), paths(&["/open"])])],
        );
    let list: Value<'_> = Value::List(&[Value::String(b"x"), Value::String(b"pay-api")]);
    let one: Value<'_> = Value::List(&[Value::String(b"iss1")]);
    let two: Value<'_> = Value::List(&[Value::String(b"iss2")]);
    mesh.decides(&[
        (
            with_token(&[(b"iss", one), (b"sub", text("s"))]),
            "allow subject/0",
        ),
        (with_token(&[(b"iss", one), (b"sub", text(""))]), "deny"),
        (with_token(&[(b"iss", one)]), "deny"),
        (with_token(&[(b"iss", two), (b"sub", text("s"))]), "deny"),
        (
            with_token(&[(b"iss", two), (b"sub", text("root"))]),
            "allow subject/0",
        ),
        (with_token(&[(b"aud", list)]), "allow audience/0"),
        (with_token(&[(b"aud", one)]), "deny"),
        (with_token(&[(b"aud", list), (b"azp", list)]), "deny"),
        (to("/open"), "allow anybody/0"),
        (
            Request {
                path: Some(b"/open"),
                ..with_token(&[(b"iss", two), (b"sub", text("s"))])
            },
            "deny",
        ),
    ]);
}
