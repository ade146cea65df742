//! AWS IAM: which policies have to agree, within an account and across accounts, and roles to assume.

use super::aws_iam::{
    DANA, account, action, boolean, condition, dana, key, like, networks, resource,
};
use super::*;
use crate::decision::Parameter;
use RuleEffect::{Allow, Deny};

const OURS: &str = "111122223333";
const HOME: Attributes<'static> = &[
    (b"aws:principalaccount", text(OURS)),
    (b"aws:principalorgid", text("o-shop")),
];

fn principal(arns: &[&str]) -> Predicate {
    is(Attribute::PrincipalId, one_of(arns))
}

fn in_account(account: &str) -> Predicate {
    is(key("aws:PrincipalAccount"), exact(account))
}

fn within_one_account() -> Predicate {
    is(
        key("aws:PrincipalAccount"),
        Matcher::Same(key("aws:ResourceAccount")),
    )
}

/// An action on a resource of an account.
fn on<'r>(
    principal: Option<Principal<'r>>,
    action: &'r str,
    id: &'r str,
    attributes: Attributes<'r>,
) -> Request<'r> {
    let resource = Resource {
        id: Some(id.as_bytes()),
        attributes,
        ..Resource::default()
    };
    Request {
        principal,
        action: Some(action.as_bytes()),
        resource: Some(resource),
        ..Request::default()
    }
}

#[test]
fn a_boundary_a_control_policy_and_a_session_only_limit() {
    let (mut draft, identity) = account();
    let limits = ["boundary", "control", "session"].map(|_| draft.layer(false, Mode::Enforce));
    let [boundary, control, session] = limits;
    draft.rule(
        identity,
        "Identity",
        Allow,
        action(&["s3:*", "ec2:*", "iam:*"]),
    );
    // The boundary is dana's, the control policy her organisation's, the session one of hers.
    draft.rule(
        boundary,
        "Boundary",
        Allow,
        action(&["s3:*", "ec2:Describe*", "sqs:*"]),
    );
    draft.rule(boundary, "NotBound", Allow, not(principal(&[DANA])));
    draft.rule(control, "FullAccess", Allow, action(&["*"]));
    let leave = all([action(&["s3:DeleteBucket"]), in_account(OURS)]);
    draft.rule(control, "KeepBuckets", Deny, leave);
    let bucket = resource(&["arn:aws:s3:::corp", "arn:aws:s3:::corp/*"]);
    draft.rule(
        session,
        "Session",
        Allow,
        all([action(&["s3:*", "sqs:*"]), bucket]),
    );
    let eve = Principal {
        id: b"arn:aws:iam::111122223333:user/eve",
        attributes: HOME,
        ..Principal::default()
    };
    draft.decides(&[
        (
            ask(dana(HOME), "s3:GetObject", "arn:aws:s3:::corp/a"),
            "allow Identity",
        ),
        // … each of the four says no
        (ask(dana(HOME), "sqs:Send", "arn:aws:s3:::corp/a"), "deny"),
        (ask(dana(HOME), "iam:Get", "arn:aws:s3:::corp/a"), "deny"),
        (
            ask(dana(HOME), "s3:DeleteBucket", "arn:aws:s3:::corp"),
            "deny KeepBuckets",
        ),
        (
            ask(dana(HOME), "s3:GetObject", "arn:aws:s3:::other/a"),
            "deny",
        ),
        (ask(Some(eve), "iam:Get", "arn:aws:s3:::corp/a"), "deny"),
        (
            ask(Some(eve), "s3:Get", "arn:aws:s3:::corp/a"),
            "allow Identity",
        ),
    ]);
}

/// A statement of an identity policy grants on its side, and within one account on the other too; likewise of a resource policy.
struct TwoSides {
    draft: Draft,
    identity: LayerId,
    resource: LayerId,
}

impl TwoSides {
    fn new() -> Self {
        let (mut draft, identity) = account();
        let resource = draft.layer(false, Mode::Enforce);
        Self {
            draft,
            identity,
            resource,
        }
    }

    fn allow(&mut self, of: LayerId, id: &str, statement: Predicate) {
        let other = if of == self.identity {
            self.resource
        } else {
            self.identity
        };
        self.draft.rule(of, id, Allow, statement.clone());
        let statement = all([within_one_account(), statement]);
        self.draft.rule(other, id, Allow, statement);
    }
}

#[test]
fn across_accounts_both_sides_allow() {
    let mut sides = TwoSides::new();
    let (of_identity, of_resource) = (sides.identity, sides.resource);
    let read = all([principal(&[DANA]), action(&["s3:Get*"])]);
    sides.allow(of_identity, "Identity", read);
    let partner = all([
        in_account(OURS),
        action(&["s3:*"]),
        resource(&["arn:aws:s3:::shared/*"]),
    ]);
    sides.allow(of_resource, "Bucket", partner);
    let public = all([
        action(&["s3:GetObject"]),
        resource(&["arn:aws:s3:::public/*"]),
    ]);
    sides
        .draft
        .rule(of_resource, "Public", Allow, public.clone());
    // Whoever is nobody has no identity policy to agree.
    let nobody = all([not(is(Attribute::PrincipalId, Matcher::Present)), public]);
    sides.draft.rule(of_identity, "Public", Allow, nobody);
    let plain = condition("aws:SecureTransport", boolean, &["false"]);
    sides.draft.rule(of_resource, "Tls", Deny, plain);
    let near: Attributes<'_> = &[(b"aws:resourceaccount", text(OURS))];
    let far: Attributes<'_> = &[(b"aws:resourceaccount", text("444455556666"))];
    let get = |id, account| on(dana(HOME), "s3:GetObject", id, account);
    let put = |id, account| on(dana(HOME), "s3:PutObject", id, account);
    sides.draft.decides(&[
        // One account: a union.
        (get("arn:aws:s3:::mine/a", near), "allow Identity"),
        (put("arn:aws:s3:::shared/a", near), "allow Bucket"),
        (put("arn:aws:s3:::mine/a", near), "deny"),
        // Two accounts: both.
        (get("arn:aws:s3:::shared/a", far), "allow Identity"),
        (get("arn:aws:s3:::mine/a", far), "deny"),
        (put("arn:aws:s3:::shared/a", far), "deny"),
        // Whose account is not known is not one account.
        (get("arn:aws:s3:::mine/a", &[]), "deny"),
        (
            on(None, "s3:GetObject", "arn:aws:s3:::public/a", far),
            "allow Public",
        ),
        (
            on(None, "s3:PutObject", "arn:aws:s3:::public/a", far),
            "deny",
        ),
        (
            with(
                get("arn:aws:s3:::mine/a", near),
                &[(b"aws:securetransport", Value::Bool(false))],
            ),
            "deny Tls",
        ),
    ]);
}

#[test]
fn a_bucket_for_one_organisation_and_network() {
    let (mut draft, layer) = account();
    let anyone = all([
        action(&["s3:GetObject"]),
        resource(&["arn:aws:s3:::corp/*"]),
    ]);
    draft.rule(layer, "Read", Allow, anyone);
    let foreign = not(condition("aws:PrincipalOrgID", like, &["o-shop"]));
    draft.rule(layer, "Organisation", Deny, foreign);
    let outside = not(condition("aws:SourceIp", networks, &["10.0.0.0/8"]));
    let others = not(principal(&["arn:aws:iam::111122223333:role/backup"]));
    draft.rule(layer, "NotPrincipal", Deny, all([others, outside]));
    let backup = Principal {
        id: b"arn:aws:iam::111122223333:role/backup",
        attributes: HOME,
        ..Principal::default()
    };
    let get = |principal| ask(principal, "s3:GetObject", "arn:aws:s3:::corp/a");
    let inside = |principal| Request {
        source_ip: Some(b"10.1.2.3"),
        ..get(principal)
    };
    draft.decides(&[
        (inside(dana(HOME)), "allow Read"),
        (get(dana(HOME)), "deny NotPrincipal"),
        (get(Some(backup)), "allow Read"),
        (inside(dana(&[])), "deny Organisation"),
        (inside(None), "deny Organisation"),
    ]);
}

#[test]
fn a_role_for_a_web_identity() {
    let (mut draft, layer) = account();
    let web = all([
        is(key("aws:Federated"), exact("token.shop.example")),
        action(&["sts:AssumeRoleWithWebIdentity"]),
        condition("token:aud", like, &["sts.amazonaws.com"]),
        condition("token:sub", like, &["repo:shop/*:ref:refs/heads/main"]),
    ]);
    let role = "arn:aws:iam::111122223333:role/deploy";
    let at_most = Matcher::Double(crate::rule::Comparison::LessOrEqual, 7_200.0);
    let short = over(Over::Any, key("duration_seconds"), at_most, Truth::True);
    let trust = all([web, resource(&[role])]);
    draft.rule(layer, "Trust", Allow, all([trust.clone(), short]));
    let assume = Requirement {
        kind: name("assume_role"),
        parameters: vec![
            ("role_arn".into(), Parameter::String(role.into())),
            ("max_duration_ms".into(), Parameter::Int(7_200_000)),
        ],
        bypass: None,
    };
    draft.rule(layer, "Trust", RuleEffect::Require(vec![assume]), trust);
    let token = |sub: &'static str, seconds: Option<i64>| {
        let mut attributes = vec![
            (&b"aws:federated"[..], text("token.shop.example")),
            (b"token:aud", text("sts.amazonaws.com")),
            (b"token:sub", text(sub)),
        ];
        attributes.extend(seconds.map(|seconds| (&b"duration_seconds"[..], Value::Int(seconds))));
        let assume = ask(None, "sts:AssumeRoleWithWebIdentity", role);
        with(assume, attributes.leak())
    };
    let (main, branch) = (
        "repo:shop/web:ref:refs/heads/main",
        "repo:shop/web:ref:refs/heads/x",
    );
    draft.decides(&[
        (token(main, None), "allow Trust +assume_role"),
        (token(main, Some(7_200)), "allow Trust +assume_role"),
        (token(main, Some(7_201)), "deny"),
        (token(branch, None), "deny"),
        (ask(None, "sts:AssumeRoleWithWebIdentity", role), "deny"),
    ]);
}
