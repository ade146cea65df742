//! AWS IAM: statements, elements and condition operators, in documents of the usual kinds.

use super::*;
use crate::rule::Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
use RuleEffect::{Allow, Deny};

/// Context keys are looked up in lower case. Those of the principal are its attributes, the others the request's.
pub(super) fn key(name: &str) -> Attribute {
    let name = name.to_ascii_lowercase();
    match &*name {
        "aws:sourceip" => Attribute::SourceIp,
        "aws:currenttime" => Attribute::Time,
        "aws:principalarn" => Attribute::PrincipalId,
        _ if name.starts_with("aws:principal") || name == "aws:username" => {
            principal_attribute(&name)
        }
        _ if name.starts_with("aws:resource") => resource_attribute(&name),
        _ => request_attribute(&name),
    }
}

/// Text in which `*` and `?` are wildcards and `${…}` stands for something else.
fn variables(text: &str) -> Vec<GlobPart> {
    let mut pieces = text.split("${");
    let mut parts = wildcards(pieces.next().unwrap());
    for piece in pieces {
        let (inside, rest) = piece.split_once('}').unwrap();
        parts.push(match (inside, inside.split_once(", ")) {
            ("*" | "?" | "$", _) => literal(inside),
            (_, Some((name, default))) => value(name, Some(default.trim_matches('\''))),
            _ => value(inside, None),
        });
        parts.extend(wildcards(rest));
    }
    parts
}

fn value(name: &str, default: Option<&str>) -> GlobPart {
    GlobPart::Value {
        attribute: key(name),
        default: default.map(Into::into),
    }
}

pub(super) fn like(text: &str) -> Matcher {
    glob(variables(text), false, None)
}

/// Nothing is a wildcard.
fn equals(text: &str) -> Matcher {
    let parts = variables(text).into_iter().map(|part| match part {
        GlobPart::Run { .. } => literal("*"),
        GlobPart::One => literal("?"),
        part => part,
    });
    glob(parts.collect(), false, None)
}

/// Segment by segment; the sixth is the rest of the name.
fn arn_like(text: &str) -> Matcher {
    let mut parts = Vec::new();
    for (at, segment) in text.splitn(6, ':').enumerate() {
        parts.push(literal(if at > 0 { ":" } else { "" }));
        parts.extend(variables(segment).into_iter().map(|part| match part {
            GlobPart::Run { .. } => GlobPart::Run { across: at == 5 },
            part => part,
        }));
    }
    glob(parts, false, Some(b':'))
}

pub(super) fn action(patterns: &[&str]) -> Predicate {
    any(patterns
        .iter()
        .map(|pattern| is(Attribute::Action, glob(wildcards(pattern), true, None))))
}

pub(super) fn resource(patterns: &[&str]) -> Predicate {
    any(patterns
        .iter()
        .map(|pattern| is(Attribute::ResourceId, like(pattern))))
}

/// A condition on a key: true if one of the values is met, false without the key.
pub(super) fn condition(name: &str, of: fn(&str) -> Matcher, values: &[&str]) -> Predicate {
    is(
        key(name),
        Matcher::AnyOf(values.iter().map(|value| of(value)).collect()),
    )
}

/// `…IfExists`
fn if_exists(name: &str, matcher: Matcher) -> Predicate {
    over(Over::Any, key(name), matcher, Truth::True)
}

/// `ForAllValues:…`, true without the key.
fn for_all(name: &str, of: fn(&str) -> Matcher, values: &[&str]) -> Predicate {
    let matcher = Matcher::AnyOf(values.iter().map(|value| of(value)).collect());
    over(Over::All, key(name), matcher, Truth::True)
}

/// `ForAnyValue:…Not…`: some value is none of these.
fn any_is_none_of(name: &str, of: fn(&str) -> Matcher, values: &[&str]) -> Predicate {
    not(for_all(name, of, values))
}

/// `Null`
fn null(name: &str, wanted: bool) -> Predicate {
    let there = is(key(name), Matcher::Present);
    if wanted { not(there) } else { there }
}

pub(super) fn boolean(wanted: &str) -> Matcher {
    Matcher::Bool(wanted == "true")
}

pub(super) fn networks(network: &str) -> Matcher {
    cidrs(&[network])
}

/// The policies of one principal.
pub(super) fn account() -> (Draft, LayerId) {
    let mut draft = Draft::new();
    let layer = draft.layer(false, Mode::Enforce);
    let strings = [
        "aws:username",
        "aws:PrincipalTag/team",
        "aws:PrincipalOrgID",
        "aws:PrincipalAccount",
        "s3:prefix",
        "aws:RequestedRegion",
        "aws:SourceArn",
        "aws:ResourceTag/team",
        "aws:ResourceAccount",
        "token:aud",
        "token:sub",
        "aws:Federated",
    ];
    draft.declare(AttributeType::String, &strings.map(key));
    draft.declare(AttributeType::StringList, &[key("aws:TagKeys")]);
    let booleans = [
        "aws:MultiFactorAuthPresent",
        "aws:SecureTransport",
        "aws:ViaAWSService",
    ];
    draft.declare(AttributeType::Bool, &booleans.map(key));
    draft.declare(
        AttributeType::Double,
        &["s3:max-keys", "duration_seconds"].map(key),
    );
    (draft, layer)
}

pub(super) const DANA: &str = "arn:aws:iam::111122223333:user/dana";

pub(super) fn dana<'r>(attributes: Attributes<'r>) -> Option<Principal<'r>> {
    Some(Principal {
        id: DANA.as_bytes(),
        attributes,
        ..Principal::default()
    })
}

const NAMED: Attributes<'static> = &[(b"aws:username", text("dana"))];

#[test]
fn a_home_folder_by_variable() {
    let (mut draft, layer) = account();
    let own = condition(
        "s3:prefix",
        like,
        &["", "staff/", "staff/${aws:username}/*"],
    );
    let bucket = resource(&["arn:aws:s3:::corp"]);
    let list = all([action(&["s3:ListBucket"]), bucket, own]);
    draft.rule(layer, "List", Allow, list);
    let folder = resource(&["arn:aws:s3:::corp/staff/${aws:username}/*"]);
    draft.rule(layer, "Home", Allow, all([action(&["s3:*"]), folder]));
    let star: Attributes<'_> = &[(b"aws:username", text("*"))];
    let (put, home) = ("s3:PutObject", |rest: &str| {
        format!("arn:aws:s3:::corp/staff/{rest}")
    });
    for (who, action, object, expected) in [
        (NAMED, put, "dana/a/b", "allow Home"),
        (NAMED, "S3:PUTOBJECT", "dana/", "allow Home"),
        (NAMED, put, "Dana/a", "deny"),
        (NAMED, put, "eve/a", "deny"),
        (NAMED, "ec2:PutObject", "dana/a", "deny"),
        // What a variable holds is no wildcard, and one that holds nothing matches nothing.
        (star, put, "eve/a", "deny"),
        (star, put, "*/a", "allow Home"),
        (&[], put, "/a", "deny"),
    ] {
        draft.decides(&[(ask(dana(who), action, &home(object)), expected)]);
    }
    let list = |prefix| {
        let bucket = ask(dana(NAMED), "s3:ListBucket", "arn:aws:s3:::corp");
        with(bucket, prefix)
    };
    draft.decides(&[
        (list(&[(b"s3:prefix", text("staff/dana/x"))]), "allow List"),
        (list(&[(b"s3:prefix", text(""))]), "allow List"),
        (list(&[(b"s3:prefix", text("staff/eve/"))]), "deny"),
        (list(&[]), "deny"),
    ]);
}

#[test]
fn defaults_and_escapes_of_variables() {
    let (mut draft, layer) = account();
    let shared = resource(&["arn:aws:s3:::corp/${aws:PrincipalTag/team, 'all'}/file-${?}-?.txt"]);
    let get = all([action(&["S3:getobject"]), shared]);
    draft.rule(layer, "Team", Allow, get);
    // Under Version 2008-10-17 a variable is text.
    let old = glob(wildcards("arn:aws:s3:::old/${aws:username}/*"), false, None);
    draft.rule(layer, "Old", Allow, is(Attribute::ResourceId, old));
    let team: Attributes<'_> = &[(b"aws:principaltag/team", text("blue"))];
    for (who, object, expected) in [
        (team, "corp/blue/file-?-1.txt", "allow Team"),
        (team, "corp/blue/file-1-1.txt", "deny"),
        (team, "corp/all/file-?-1.txt", "deny"),
        (&[], "corp/all/file-?-1.txt", "allow Team"),
        (NAMED, "old/dana/a", "deny"),
        (NAMED, "old/${aws:username}/a", "allow Old"),
    ] {
        let object = format!("arn:aws:s3:::{object}");
        draft.decides(&[(ask(dana(who), "s3:GetObject", &object), expected)]);
    }
}

#[test]
fn denied_without_a_second_factor() {
    let (mut draft, layer) = account();
    draft.rule(
        layer,
        "Admin",
        Allow,
        all([action(&["*"]), resource(&["*"])]),
    );
    let harmless = not(action(&["iam:ListMFADevices", "sts:Get*"]));
    let weak = if_exists("aws:MultiFactorAuthPresent", Matcher::Bool(false));
    draft.rule(
        layer,
        "NeedsMfa",
        Deny,
        all([harmless, resource(&["*"]), weak]),
    );
    let plain = condition("aws:SecureTransport", boolean, &["false"]);
    draft.rule(layer, "NeedsTls", Deny, all([action(&["s3:*"]), plain]));
    let ask = |action, attributes| with(ask(dana(&[]), action, "arn:aws:s3:::corp/a"), attributes);
    let mfa = |given| (&b"aws:multifactorauthpresent"[..], Value::Bool(given));
    let tls = |given| (&b"aws:securetransport"[..], Value::Bool(given));
    draft.decides(&[
        (ask("s3:GetObject", &[]), "deny NeedsMfa"),
        (ask("s3:GetObject", &[mfa(false)]), "deny NeedsMfa"),
        (ask("s3:GetObject", &[mfa(true)]), "allow Admin"),
        (ask("sts:GetCallerIdentity", &[]), "allow Admin"),
        (ask("IAM:listmfadevices", &[mfa(false)]), "allow Admin"),
        // Bool without IfExists is false where the key is missing.
        (ask("s3:GetObject", &[mfa(true), tls(true)]), "allow Admin"),
        (
            ask("s3:GetObject", &[mfa(true), tls(false)]),
            "deny NeedsTls",
        ),
    ]);
}

#[test]
fn negated_operators_hold_for_missing_keys() {
    let (mut draft, layer) = account();
    draft.rule(
        layer,
        "All",
        Allow,
        all([action(&["*"]), not(resource(&["arn:aws:s3:::secret*"]))]),
    );
    let elsewhere = not(condition(
        "aws:RequestedRegion",
        equals,
        &["eu-west-1", "eu-central-1"],
    ));
    draft.rule(
        layer,
        "Region",
        Deny,
        all([not(action(&["iam:*", "sts:*"])), elsewhere]),
    );
    let outside = not(condition(
        "aws:SourceIp",
        networks,
        &["192.0.2.0/24", "2001:db8::/32"],
    ));
    let direct = null("aws:ViaAWSService", true);
    draft.rule(
        layer,
        "Network",
        Deny,
        all([action(&["iam:*"]), outside, direct]),
    );
    let unnamed = not(condition("aws:username", like, &["d*"]));
    draft.rule(layer, "Names", Deny, all([action(&["sts:*"]), unnamed]));
    let in_region = |region| with(ask(dana(NAMED), "ec2:Run", "arn:aws:ec2:::i"), region);
    let ip = |ip: &'static [u8]| Request {
        source_ip: Some(ip),
        ..ask(dana(NAMED), "iam:Get", "r")
    };
    draft.decides(&[
        (
            in_region(&[(b"aws:requestedregion", text("eu-west-1"))]),
            "allow All",
        ),
        (
            in_region(&[(b"aws:requestedregion", text("us-east-1"))]),
            "deny Region",
        ),
        (in_region(&[]), "deny Region"),
        (ip(b"192.0.2.7"), "allow All"),
        (ip(b"2001:db8::1"), "allow All"),
        (ip(b"198.51.100.1"), "deny Network"),
        (ask(dana(NAMED), "iam:Get", "r"), "deny Network"),
        (
            with(
                ask(dana(NAMED), "iam:Get", "r"),
                &[(b"aws:viaawsservice", Value::Bool(true))],
            ),
            "allow All",
        ),
        (ask(dana(NAMED), "sts:Get", "r"), "allow All"),
        (
            ask(dana(&[(b"aws:username", text("eve"))]), "sts:Get", "r"),
            "deny Names",
        ),
        (ask(dana(&[]), "sts:Get", "r"), "deny Names"),
        (ask(dana(NAMED), "sts:Get", "arn:aws:s3:::secret/x"), "deny"),
    ]);
}

#[test]
fn keys_with_several_values() {
    let (mut draft, layer) = account();
    let known = for_all("aws:TagKeys", like, &["team", "cost-*"]);
    let tag = all([
        action(&["ec2:CreateTags"]),
        known,
        null("aws:TagKeys", false),
    ]);
    draft.rule(layer, "Tag", Allow, tag);
    draft.rule(
        layer,
        "Untag",
        Allow,
        all([
            action(&["ec2:DeleteTags"]),
            for_all("aws:TagKeys", equals, &["team"]),
        ]),
    );
    let one = condition("aws:TagKeys", equals, &["team", "owner"]);
    draft.rule(
        layer,
        "See",
        Allow,
        all([action(&["ec2:DescribeTags"]), one]),
    );
    let other = any_is_none_of("aws:TagKeys", equals, &["team", "owner"]);
    draft.rule(layer, "Odd", Allow, all([action(&["ec2:Odd"]), other]));
    let none = not(condition("aws:TagKeys", like, &["team*"]));
    draft.rule(layer, "None", Allow, all([action(&["ec2:None"]), none]));
    let keys = |name, keys: Attributes<'static>| with(ask(dana(&[]), name, "r"), keys);
    const TEAM: Value<'_> = Value::String(b"team");
    const COST: Value<'_> = Value::String(b"cost-1");
    const EVIL: Value<'_> = Value::String(b"evil");
    let none: Attributes<'_> = &[];
    let empty: Attributes<'_> = &[(b"aws:tagkeys", Value::List(&[]))];
    let team: Attributes<'_> = &[(b"aws:tagkeys", Value::List(&[TEAM]))];
    // Each meets another of the two patterns.
    let both: Attributes<'_> = &[(b"aws:tagkeys", Value::List(&[TEAM, COST]))];
    let evil: Attributes<'_> = &[(b"aws:tagkeys", Value::List(&[TEAM, EVIL]))];
    draft.decides(&[
        (keys("ec2:CreateTags", both), "allow Tag"),
        (keys("ec2:CreateTags", evil), "deny"),
        (keys("ec2:CreateTags", none), "deny"),
        (keys("ec2:DeleteTags", team), "allow Untag"),
        (keys("ec2:DeleteTags", evil), "deny"),
        (keys("ec2:DeleteTags", none), "allow Untag"),
        (keys("ec2:DeleteTags", empty), "allow Untag"),
        (keys("ec2:DescribeTags", evil), "allow See"),
        (keys("ec2:DescribeTags", none), "deny"),
        (keys("ec2:Odd", evil), "allow Odd"),
        (keys("ec2:Odd", team), "deny"),
        (keys("ec2:Odd", none), "deny"),
        (keys("ec2:None", evil), "deny"),
        (keys("ec2:None", none), "allow None"),
    ]);
}

#[test]
fn numbers_and_dates() {
    let (mut draft, layer) = account();
    let few = all([
        is(key("s3:max-keys"), Matcher::Double(LessOrEqual, 10.0)),
        not(is(key("s3:max-keys"), Matcher::Double(Equal, 7.0))),
        is(key("s3:max-keys"), Matcher::Double(Greater, 0.5)),
    ]);
    draft.rule(layer, "Few", Allow, all([action(&["s3:List*"]), few]));
    let (from, until) = (1_780_000_000_000, 1_790_000_000_000);
    let during = all([
        action(&["sqs:Send*"]),
        is(key("aws:CurrentTime"), Matcher::Time(GreaterOrEqual, from)),
        is(key("aws:CurrentTime"), Matcher::Time(Less, until)),
    ]);
    draft.rule(layer, "During", Allow, during);
    let keys = |keys| with(ask(dana(&[]), "s3:ListBucket", "b"), keys);
    let when = |at| Request {
        at: Some(at),
        ..ask(dana(&[]), "sqs:SendMessage", "q")
    };
    draft.decides(&[
        (keys(&[(b"s3:max-keys", Value::Int(10))]), "allow Few"),
        (keys(&[(b"s3:max-keys", Value::Int(11))]), "deny"),
        (keys(&[(b"s3:max-keys", Value::Int(7))]), "deny"),
        (keys(&[(b"s3:max-keys", Value::Double(0.5))]), "deny"),
        (keys(&[]), "deny"),
        (when(from - 1), "deny"),
        (when(from), "allow During"),
        (when(until - 1), "allow During"),
        (when(until), "deny"),
    ]);
}

#[test]
fn names_of_resources_segment_by_segment() {
    let (mut draft, layer) = account();
    let topic = ["arn:aws:sns:*:111122223333:alerts*"];
    let topic = condition("aws:SourceArn", arn_like, &topic);
    draft.rule(layer, "Topic", Allow, all([action(&["sns:*"]), topic]));
    let short = not(condition("aws:SourceArn", arn_like, &["arn:aws:*"]));
    draft.rule(layer, "Short", Allow, all([action(&["x:*"]), short]));
    for (action, arn, expected) in [
        (
            "sns:Publish",
            "arn:aws:sns:eu-west-1:111122223333:alerts:x",
            "allow Topic",
        ),
        (
            "sns:Publish",
            "arn:aws:sns:eu:x:111122223333:alerts",
            "deny",
        ),
        ("x:Do", "arn:aws:sns:eu:1:t", "allow Short"),
        ("x:Do", "arn:aws:sns", "deny"),
    ] {
        let source: Attributes<'_> = &[(b"aws:sourcearn", text(arn))];
        draft.decides(&[(with(ask(dana(&[]), action, "t"), source), expected)]);
    }
    draft.decides(&[(ask(dana(&[]), "sns:Publish", "t"), "deny")]);
}

#[test]
fn tags_that_agree() {
    let (mut draft, layer) = account();
    let same = ["${aws:PrincipalTag/team}"];
    let team = condition("aws:ResourceTag/team", equals, &same);
    draft.rule(layer, "SameTeam", Allow, team);
    let blue: Attributes<'_> = &[(b"aws:principaltag/team", text("blue"))];
    let stop = |principal, tags| Request {
        resource: Some(Resource {
            attributes: tags,
            ..Resource::default()
        }),
        ..ask(dana(principal), "ec2:StopInstances", "i")
    };
    let tag = b"aws:resourcetag/team";
    draft.decides(&[
        (stop(blue, &[(tag, text("blue"))]), "allow SameTeam"),
        (stop(blue, &[(tag, text("red"))]), "deny"),
        (stop(&[], &[(tag, text(""))]), "deny"),
        (stop(blue, &[]), "deny"),
    ]);
}
