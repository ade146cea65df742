//! Azure: role definitions, assignments, deny assignments and their conditions.

use super::*;
use RuleEffect::{Allow, Deny};

/// One set of permissions of a role definition.
#[derive(Clone, Copy, Default)]
struct Role {
    actions: &'static [&'static str],
    not_actions: &'static [&'static str],
    data_actions: &'static [&'static str],
    not_data_actions: &'static [&'static str],
}

const CONTRIBUTOR: Role = Role {
    actions: &["*"],
    not_actions: &[
        "Microsoft.Authorization/*/Delete",
        "Microsoft.Authorization/*/Write",
        "Microsoft.Authorization/elevateAccess/Action",
    ],
    data_actions: &[],
    not_data_actions: &[],
};

const ACCESS_ADMINISTRATOR: Role = Role {
    actions: &["*/read", "Microsoft.Authorization/*"],
    not_actions: &[],
    data_actions: &[],
    not_data_actions: &[],
};

const SECRETS_USER: Role = Role {
    actions: &[],
    not_actions: &[],
    data_actions: &[
        "Microsoft.KeyVault/vaults/secrets/getSecret/action",
        "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    ],
    not_data_actions: &[],
};

const SECRETS_OFFICER: Role = Role {
    actions: &["Microsoft.KeyVault/vaults/*/read"],
    not_actions: &[],
    data_actions: &["Microsoft.KeyVault/vaults/secrets/*"],
    not_data_actions: &["Microsoft.KeyVault/vaults/secrets/purge/action"],
};

const BLOB_READER: Role = Role {
    actions: &["Microsoft.Storage/storageAccounts/blobServices/containers/read"],
    not_actions: &[],
    data_actions: &["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"],
    not_data_actions: &[],
};

const VM_OPERATOR: Role = Role {
    actions: &[
        "Microsoft.Compute/virtualMachines/*/action",
        "Microsoft.Compute/*/read",
    ],
    not_actions: &["Microsoft.Compute/virtualMachines/runCommand/action"],
    data_actions: &[],
    not_data_actions: &[],
};

fn plane(data: bool) -> Predicate {
    is(request_attribute("data_action"), Matcher::Bool(data))
}

fn action(patterns: &[&str]) -> Predicate {
    any(patterns
        .iter()
        .map(|pattern| is(Attribute::Action, glob(wildcards(pattern), true, None))))
}

/// What a role permits: in each plane its actions without its not-actions.
fn permitted(role: Role) -> Predicate {
    let control = all([
        plane(false),
        action(role.actions),
        not(action(role.not_actions)),
    ]);
    let data = all([
        plane(true),
        action(role.data_actions),
        not(action(role.not_data_actions)),
    ]);
    any([control, data])
}

/// The scope itself, and what is below it.
fn scope(path: &str, children: bool) -> Predicate {
    let fold = |pattern| is(Attribute::ResourceId, Matcher::TextFold(pattern));
    let exact = fold(TextPattern::Exact(path.as_bytes().into()));
    let below = fold(TextPattern::Prefix(format!("{path}/").as_bytes().into()));
    if children { any([exact, below]) } else { exact }
}

/// A user, or a group, by object id.
fn held_by(id: &str) -> Predicate {
    let fold = || Matcher::TextFold(TextPattern::Exact(id.as_bytes().into()));
    any([
        is(Attribute::PrincipalId, fold()),
        is(Attribute::Groups, fold()),
    ])
}

/// `!(ActionMatches{'…'}) OR expression`
fn for_action(pattern: &str, expression: Predicate) -> Predicate {
    any([not(action(&[pattern])), expression])
}

struct Tenant {
    draft: Draft,
    layer: LayerId,
}

impl Tenant {
    fn new() -> Self {
        let mut draft = Draft::new();
        let layer = draft.layer(false, Mode::Enforce);
        draft.declare(AttributeType::Bool, &[request_attribute("data_action")]);
        let strings = [
            resource_attribute("container"),
            resource_attribute("path"),
            resource_attribute("department"),
            principal_attribute("department"),
        ];
        draft.declare(AttributeType::String, &strings);
        let lists = [resource_attribute("tags"), principal_attribute("projects")];
        draft.declare(AttributeType::StringList, &lists);
        draft.declare(AttributeType::Int, &[resource_attribute("size")]);
        Self { draft, layer }
    }

    fn assign(self, id: &str, to: &str, role: Role, at: &str) -> Self {
        self.assign_if(id, to, role, at, Predicate::TRUE)
    }

    fn assign_if(mut self, id: &str, to: &str, role: Role, at: &str, when: Predicate) -> Self {
        let allowed = all([held_by(to), permitted(role), scope(at, true), when]);
        self.draft.rule(self.layer, id, Allow, allowed);
        self
    }

    fn deny(mut self, id: &str, who: Predicate, role: Role, at: Predicate) -> Self {
        self.draft
            .rule(self.layer, id, Deny, all([who, permitted(role), at]));
        self
    }

    fn decides(&self, table: &[(Request<'_>, &str)]) {
        self.draft.decides(table);
    }
}

const SUBSCRIPTION: &str = "/subscriptions/s1";
const GROUP: &str = "/subscriptions/s1/resourceGroups/shop";
const VAULT: &str = "/subscriptions/s1/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/kv";
const SECRET: &str =
    "/subscriptions/s1/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/kv/secrets/db";
const CONTROL: Attributes<'static> = &[(b"data_action", Value::Bool(false))];
const DATA: Attributes<'static> = &[(b"data_action", Value::Bool(true))];

fn user<'r>(id: &'r str, groups: &'r [&'r [u8]]) -> Option<Principal<'r>> {
    Some(Principal {
        id: id.as_bytes(),
        groups,
        ..Principal::default()
    })
}

fn control<'r>(id: &'r str, action: &'r str, at: &'r str) -> Request<'r> {
    with(ask(user(id, &[]), action, at), CONTROL)
}

fn data<'r>(id: &'r str, action: &'r str, at: &'r str) -> Request<'r> {
    with(ask(user(id, &[]), action, at), DATA)
}

#[test]
fn a_role_subtracts_within_its_plane() {
    let one = Tenant::new().assign("contributor", "dana", CONTRIBUTOR, SUBSCRIPTION);
    let (write, lock) = (
        "Microsoft.Authorization/roleAssignments/write",
        "Microsoft.Authorization/locks/read",
    );
    one.decides(&[
        (
            control(
                "dana",
                "Microsoft.Compute/virtualMachines/start/action",
                GROUP,
            ),
            "allow contributor",
        ),
        (
            control("DANA", "microsoft.compute/VIRTUALMACHINES/delete", GROUP),
            "allow contributor",
        ),
        (control("dana", write, GROUP), "deny"),
        (
            control(
                "dana",
                "MICROSOFT.authorization/policies/deep/DELETE",
                GROUP,
            ),
            "deny",
        ),
        (control("dana", lock, GROUP), "allow contributor"),
        (
            control("eve", "Microsoft.Compute/virtualMachines/read", GROUP),
            "deny",
        ),
        // `*` is of the control plane.
        (
            data(
                "dana",
                "Microsoft.KeyVault/vaults/secrets/getSecret/action",
                SECRET,
            ),
            "deny",
        ),
        (
            ask(
                user("dana", &[]),
                "Microsoft.Compute/virtualMachines/read",
                GROUP,
            ),
            "deny",
        ),
        (
            Request {
                principal: None,
                ..control("", lock, GROUP)
            },
            "deny",
        ),
    ]);
}

#[test]
fn what_one_role_subtracts_another_grants() {
    let write = "Microsoft.Authorization/roleAssignments/write";
    let two = Tenant::new()
        .assign("contributor", "dana", CONTRIBUTOR, SUBSCRIPTION)
        .assign("access", "admins", ACCESS_ADMINISTRATOR, GROUP);
    let admin = |action, at| {
        with(
            ask(user("dana", &[b"staff", b"Admins"]), action, at),
            CONTROL,
        )
    };
    two.decides(&[
        (admin(write, GROUP), "allow access"),
        (admin(write, VAULT), "allow access"),
        (admin(write, SUBSCRIPTION), "deny"),
        (
            admin("Microsoft.Network/x/read", GROUP),
            "allow contributor",
        ),
        (control("dana", write, GROUP), "deny"),
    ]);
}

#[test]
fn scopes_hold_what_is_below_them() {
    let get = "Microsoft.KeyVault/vaults/secrets/getSecret/action";
    let tenant = Tenant::new()
        .assign("user", "app", SECRETS_USER, SECRET)
        .assign("officer", "dana", SECRETS_OFFICER, VAULT)
        .assign("operator", "ops", VM_OPERATOR, GROUP);
    let vault = "Microsoft.KeyVault/vaults/secrets";
    let [set, purge, listed] =
        ["set/action", "purge/action", "read"].map(|it| format!("{vault}/{it}"));
    let run = "Microsoft.Compute/virtualMachines/runCommand/action";
    let start = "Microsoft.Compute/virtualMachines/start/action";
    tenant.decides(&[
        (data("app", get, SECRET), "allow user"),
        (
            data("app", get, &format!("{SECRET}/versions/1")),
            "allow user",
        ),
        (data("app", get, &SECRET.to_ascii_uppercase()), "allow user"),
        (data("app", get, &format!("{SECRET}2")), "deny"),
        (data("app", get, VAULT), "deny"),
        (data("app", &set, SECRET), "deny"),
        (control("app", get, SECRET), "deny"),
        (data("dana", get, SECRET), "allow officer"),
        (data("dana", &set, SECRET), "allow officer"),
        (data("dana", &purge, SECRET), "deny"),
        (control("dana", &listed, SECRET), "allow officer"),
        (data("dana", get, GROUP), "deny"),
        (control("ops", start, GROUP), "allow operator"),
        (control("ops", run, GROUP), "deny"),
        (
            control("ops", "Microsoft.Compute/disks/read", GROUP),
            "allow operator",
        ),
        (control("ops", start, SUBSCRIPTION), "deny"),
    ]);
}

#[test]
fn deny_assignments() {
    let everything = Role {
        actions: &["*"],
        data_actions: &["*"],
        ..Role::default()
    };
    let writes = Role {
        actions: &["*/write", "*/delete"],
        ..Role::default()
    };
    let tenant = Tenant::new()
        .assign("owner", "dana", everything, SUBSCRIPTION)
        .assign("owner-2", "breakglass", everything, SUBSCRIPTION)
        // The all-zero id is everybody; some are excluded.
        .deny(
            "locked",
            not(held_by("breakglass")),
            writes,
            scope(VAULT, true),
        )
        .deny("group-only", Predicate::TRUE, writes, scope(GROUP, false));
    tenant.decides(&[
        (
            control("dana", "Microsoft.KeyVault/vaults/write", VAULT),
            "deny locked",
        ),
        (
            control("dana", "Microsoft.KeyVault/vaults/secrets/WRITE", SECRET),
            "deny locked",
        ),
        (
            control("dana", "Microsoft.KeyVault/vaults/read", VAULT),
            "allow owner",
        ),
        (
            data("dana", "Microsoft.KeyVault/vaults/write", VAULT),
            "allow owner",
        ),
        (
            control("breakglass", "Microsoft.KeyVault/vaults/write", VAULT),
            "allow owner-2",
        ),
        // Not applied to the scopes below.
        (
            control("breakglass", "Microsoft.Resources/tags/write", GROUP),
            "deny group-only",
        ),
        (
            control(
                "dana",
                "Microsoft.Web/sites/write",
                &format!("{GROUP}/providers/x"),
            ),
            "allow owner",
        ),
    ]);
}

const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
const BLOBS: &str =
    "/subscriptions/s1/resourceGroups/shop/providers/Microsoft.Storage/storageAccounts/st";

fn blob<'r>(
    principal: Attributes<'r>,
    action: &'r str,
    attributes: Attributes<'r>,
    plane: Attributes<'r>,
) -> Request<'r> {
    Request {
        principal: Some(Principal {
            id: b"dana",
            attributes: principal,
            ..Principal::default()
        }),
        action: Some(action.as_bytes()),
        resource: Some(Resource {
            id: Some(BLOBS.as_bytes()),
            attributes,
            ..Resource::default()
        }),
        attributes: plane,
        ..Request::default()
    }
}

#[test]
fn conditions_bind_the_actions_that_they_name() {
    let expression = all([
        is(resource_attribute("container"), exact("public")),
        any([
            is(
                resource_attribute("path"),
                glob(wildcards("logs/*"), false, None),
            ),
            is(
                resource_attribute("department"),
                Matcher::Same(principal_attribute("department")),
            ),
        ]),
    ]);
    let tenant = Tenant::new().assign_if(
        "reader",
        "dana",
        BLOB_READER,
        SUBSCRIPTION,
        for_action(READ, expression),
    );
    let sales: Attributes<'_> = &[(b"department", text("sales"))];
    let containers = "Microsoft.Storage/storageAccounts/blobServices/containers/read";
    let at = |attributes| blob(sales, READ, attributes, DATA);
    tenant.decides(&[
        (blob(&[], containers, &[], CONTROL), "allow reader"),
        (
            at(&[(b"container", text("public")), (b"path", text("logs/a/b"))]),
            "allow reader",
        ),
        (
            at(&[(b"container", text("Public")), (b"path", text("logs/a"))]),
            "deny",
        ),
        (
            at(&[(b"container", text("public")), (b"path", text("x"))]),
            "deny",
        ),
        (
            at(&[
                (b"container", text("public")),
                (b"department", text("sales")),
            ]),
            "allow reader",
        ),
        (
            at(&[(b"container", text("public")), (b"department", text("it"))]),
            "deny",
        ),
        (at(&[]), "deny"),
        (
            blob(
                &[],
                READ,
                &[
                    (b"container", text("public")),
                    (b"department", text("sales")),
                ],
                DATA,
            ),
            "deny",
        ),
    ]);
}

#[test]
fn conditions_over_several_values() {
    let tags = || resource_attribute("tags");
    let of = |matchers: &[&str], any: bool| {
        let each = matchers
            .iter()
            .map(|text| glob(wildcards(text), false, None))
            .collect();
        if any {
            Matcher::AnyOf(each)
        } else {
            Matcher::AllOf(each)
        }
    };
    let over = |reading, matcher| over(reading, tags(), matcher, Truth::False);
    let small = not(is(
        resource_attribute("size"),
        Matcher::Int(crate::rule::Comparison::Greater, 9),
    ));
    let conditions = [
        ("ForAnyOfAnyValues", over(Over::Any, of(&["a*", "b"], true))),
        ("ForAllOfAnyValues", over(Over::All, of(&["a*", "b"], true))),
        (
            "ForAnyOfAllValues",
            over(Over::Any, of(&["a*", "*z"], false)),
        ),
        (
            "ForAllOfAllValues",
            over(Over::All, of(&["a*", "*z"], false)),
        ),
        ("NumericNotGreater", small),
    ];
    const A: Value<'_> = Value::String(b"ax");
    const B: Value<'_> = Value::String(b"b");
    const C: Value<'_> = Value::String(b"cz");
    const AZ: Value<'_> = Value::String(b"az");
    let lists: [&[Value<'_>]; 6] = [&[A, B], &[A, C], &[C], &[AZ, C], &[AZ, AZ], &[]];
    for (condition, expected) in conditions.into_iter().zip([
        [true, true, false, true, true, false],
        [true, false, false, false, true, false],
        [false, false, false, true, true, false],
        [false, false, false, false, true, false],
        [true; 6],
    ]) {
        let (name, expression) = condition;
        let when = for_action(READ, expression);
        let tenant = Tenant::new().assign_if(name, "dana", BLOB_READER, SUBSCRIPTION, when);
        for (list, expected) in lists.into_iter().zip(expected) {
            let tags: Attributes<'_> = &[(b"tags", Value::List(list))];
            let allowed = format!("allow {name}");
            let expected = if expected { &allowed } else { "deny" };
            tenant.decides(&[(blob(&[], READ, tags, DATA), expected)]);
        }
    }
}
