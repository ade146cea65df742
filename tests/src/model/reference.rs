//! The reference: decides by the contract, linearly and on strings, without an index or a compiler.

use std::collections::BTreeSet;

use super::render::Lines;
use super::when::{Context, Failure, When};
use super::{
    ATTRIBUTES, Answer, Effect, Key, Model, Principal, Request, Requirement, Rule, Who, matching,
};

/// False, true, undecided, undecided for want of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    F,
    T,
    U,
    N,
}
use Truth::{F, N, T, U};

fn truth(value: bool) -> Truth {
    if value { T } else { F }
}

fn all(list: impl IntoIterator<Item = Truth>) -> Truth {
    let list: Vec<_> = list.into_iter().collect();
    [F, U, N]
        .into_iter()
        .find(|each| list.contains(each))
        .unwrap_or(T)
}

fn any(list: impl IntoIterator<Item = Truth>) -> Truth {
    let list: Vec<_> = list.into_iter().collect();
    [T, U, N]
        .into_iter()
        .find(|each| list.contains(each))
        .unwrap_or(F)
}

fn not(value: Truth) -> Truth {
    match value {
        F => T,
        T => F,
        open => open,
    }
}

/// The model with a request, and what follows from both.
struct Case<'a> {
    model: &'a Model,
    request: &'a Request,
    lines: &'a Lines,
    action: Option<String>,
    held: BTreeSet<String>,
    active: BTreeSet<String>,
}

/// One side of a decision: everything that is compared but the shadow.
struct Verdict {
    effect: &'static str,
    reason: &'static str,
    rule: Option<String>,
    obligations: Vec<String>,
}

/// Decides.
#[must_use]
pub fn decide(model: &Model, request: &Request, lines: &Lines) -> Answer {
    let (action, tenant) = route(model, request);
    let mismatch = matches!((&action, &request.action), (Some(one), Some(other)) if one != other);
    let action = action.or_else(|| request.action.clone());
    let (held, active) = roles(model, request, tenant.as_deref());
    let case = Case {
        model,
        request,
        lines,
        action: action.clone(),
        held,
        active,
    };
    let enforced = if mismatch {
        Verdict::deny("malformed_request", None)
    } else {
        case.verdict(false)
    };
    let has_shadow =
        model.rules.iter().any(|rule| rule.shadow) || model.layers.iter().any(|layer| layer.shadow);
    let shadow = (has_shadow && !mismatch).then(|| case.verdict(true));
    Answer {
        effect: enforced.effect.to_owned(),
        reason: enforced.reason.to_owned(),
        source: enforced
            .rule
            .as_ref()
            .and_then(|rule| lines.get(rule))
            .map(|(file, line)| format!("{file}:{line}")),
        rule: enforced.rule,
        action: if mismatch { None } else { action },
        obligations: enforced.obligations,
        shadow: shadow.map(|shadow| {
            (
                shadow.effect.to_owned(),
                shadow.reason.to_owned(),
                shadow.rule,
            )
        }),
    }
}

impl Verdict {
    fn deny(reason: &'static str, rule: Option<String>) -> Self {
        Self {
            effect: "deny",
            reason,
            rule,
            obligations: Vec::new(),
        }
    }
}

/// The action of the most specific route, and the tenant that it captures.
fn route(model: &Model, request: &Request) -> (Option<String>, Option<String>) {
    let (Some(method), Some(path)) = (&request.method, &request.path) else {
        return (None, None);
    };
    let all = model
        .actions
        .iter()
        .flat_map(|action| action.routes.iter().map(|route| (&action.name, route)));
    let matching = all.filter(|(_, (pattern, template))| {
        matching::method(pattern, method, model.head_as_get) && matching::template(template, path)
    });
    let best = matching
        .min_by_key(|(_, (pattern, template))| (matching::specificity(template), pattern == "*"));
    let tenant = best.and_then(|(_, (_, template))| matching::capture(template, path, "tenant"));
    (
        best.map(|(name, _)| name.clone()),
        tenant.map(str::to_owned),
    )
}

/// Roles that are held and roles that are active, both with what they inherit.
fn roles(
    model: &Model,
    request: &Request,
    tenant: Option<&str>,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let Some(principal) = &request.principal else {
        return (BTreeSet::new(), BTreeSet::new());
    };
    let declared = |name: &&String| model.roles.iter().any(|role| role.name == **name);
    let mut given: BTreeSet<String> = principal.roles.iter().filter(declared).cloned().collect();
    for grant in &model.grants {
        let names = if grant.group {
            principal.groups.clone()
        } else {
            vec![principal.id.clone()]
        };
        let is_to = grant.provider == principal.provider && names.contains(&grant.name);
        let is_now = grant.from.is_none_or(|from| from <= request.at)
            && grant.until.is_none_or(|until| request.at < until);
        let is_here = grant.within.iter().all(|(domain, value)| {
            let actual = if domain == "tenant" {
                tenant
            } else {
                request.attributes.get("region").map(String::as_str)
            };
            actual == Some(value.as_str())
        });
        if is_to && is_now && is_here {
            given.insert(grant.role.clone());
        }
    }
    let held = closure(model, given);
    let active = match &request.active_roles {
        None => held.clone(),
        Some(wanted) => closure(
            model,
            held.iter()
                .filter(|role| wanted.contains(role))
                .cloned()
                .collect(),
        ),
    };
    (held, active)
}

/// The roles with all that they inherit.
fn closure(model: &Model, mut roles: BTreeSet<String>) -> BTreeSet<String> {
    loop {
        let inherited = model
            .roles
            .iter()
            .filter(|role| roles.contains(&role.name))
            .flat_map(|role| role.inherits.clone());
        let more: BTreeSet<String> = roles.iter().cloned().chain(inherited).collect();
        if more.len() == roles.len() {
            return roles;
        }
        roles = more;
    }
}

impl Case<'_> {
    /// The order of a decision, over the enforced rules alone or with those on trial.
    fn verdict(&self, with_shadow: bool) -> Verdict {
        let counts =
            |rule: &&Rule| with_shadow || !(rule.shadow || self.model.layers[rule.layer].shadow);
        let mut rules: Vec<&Rule> = self.model.rules.iter().filter(counts).collect();
        rules.sort_by_key(|rule| self.place(&rule.id));

        let denies = || rules.iter().filter(|rule| rule.effect == Effect::Deny);
        for (wanted, reason) in [
            (T, "denied_by_rule"),
            (U, "indeterminate"),
            (N, "unauthenticated"),
        ] {
            if let Some(rule) = denies().find(|rule| self.rule(rule) == wanted) {
                return Verdict::deny(reason, Some(rule.id.clone()));
            }
        }
        if self.conflict() {
            return Verdict::deny("role_conflict", None);
        }
        let mut reported: Vec<String> = Vec::new();
        let mut layers: Vec<_> = self.model.layers.iter().enumerate().collect();
        layers.retain(|(layer, of_layer)| (with_shadow || !of_layer.shadow) && self.speaks(*layer));
        if layers.is_empty() {
            return self.not_allowed();
        }
        for (layer, of_layer) in layers {
            let allows = rules
                .iter()
                .filter(|rule| rule.layer == layer && rule.effect == Effect::Allow);
            let mut allowed: Vec<_> = allows
                .filter(|rule| self.rule(rule) == T)
                .map(|rule| rule.id.clone())
                .collect();
            if layer == 0 {
                allowed.extend(self.permitting_roles());
            }
            if allowed.is_empty() && !of_layer.default_allow {
                return self.not_allowed();
            }
            reported.extend(allowed);
        }
        reported.sort_by_key(|rule| self.place(rule));
        self.requirements(&rules, reported.first().cloned())
    }

    /// Whether the layer is there: without a name it takes a rule or a role.
    fn speaks(&self, layer: usize) -> bool {
        layer > 0
            || !self.model.roles.is_empty()
            || self.model.rules.iter().any(|rule| rule.layer == 0)
    }

    fn not_allowed(&self) -> Verdict {
        let reason = if self.request.principal.is_some() {
            "not_permitted"
        } else {
            "unauthenticated"
        };
        Verdict::deny(reason, None)
    }

    /// The last part: what the matching requirements say to an allow.
    fn requirements(&self, rules: &[&Rule], allowed_by: Option<String>) -> Verdict {
        // An allow hands out what is left to do, a refusal the approvals that are missing.
        let (mut duties, mut approvals) = (Vec::new(), Vec::new());
        let (mut unmet, mut open) = (None, None);
        for rule in rules {
            let Effect::Require(requirement) = &rule.effect else {
                continue;
            };
            let bound = self.rule(rule);
            if bound == F {
                continue;
            }
            let Requirement::Approval { bypass } = requirement else {
                duties.push(rule.id.clone());
                continue;
            };
            let groups = self
                .request
                .principal
                .as_ref()
                .map(|principal| principal.groups.clone())
                .unwrap_or_default();
            if bypass.iter().any(|group| groups.contains(group)) {
                continue;
            }
            let first = if bound == T { &mut unmet } else { &mut open };
            first.get_or_insert_with(|| rule.id.clone());
            approvals.push(rule.id.clone());
        }
        let (effect, reason, rule) = match (unmet, open) {
            (Some(rule), _) => ("deny", "approval_required", Some(rule)),
            (None, Some(rule)) => ("deny", "indeterminate", Some(rule)),
            (None, None) => ("allow", "allowed", allowed_by),
        };
        Verdict {
            effect,
            reason,
            rule,
            obligations: if effect == "allow" { duties } else { approvals },
        }
    }

    fn place(&self, id: &str) -> Option<&(String, usize)> {
        self.lines.get(id)
    }

    fn conflict(&self) -> bool {
        self.model.exclusions.iter().any(|(fixed, roles)| {
            let among = if *fixed { &self.held } else { &self.active };
            roles.iter().filter(|role| among.contains(*role)).count() > 1
        })
    }

    fn permitting_roles(&self) -> Vec<String> {
        let Some(action) = &self.action else {
            return Vec::new();
        };
        let active = self
            .model
            .roles
            .iter()
            .filter(|role| self.active.contains(&role.name));
        let can = active.filter(|role| {
            role.can
                .iter()
                .any(|pattern| matching::action(pattern, action))
        });
        can.map(|role| format!("roles.{}", role.name)).collect()
    }

    fn rule(&self, rule: &Rule) -> Truth {
        let is_allow = rule.effect == Effect::Allow;
        let who = match rule.who {
            Some(who) => who,
            None if is_allow => Who::Authenticated,
            None => Who::Anyone,
        };
        let known = self.request.principal.is_some();
        let who = match who {
            Who::Anyone => T,
            Who::Authenticated => truth(known),
            Who::Anonymous => truth(!known),
        };
        all([who]
            .into_iter()
            .chain(rule.keys.iter().map(|key| self.key(key, is_allow, false)))
            .chain(rule.when.iter().map(|when| self.when(when))))
    }

    fn when(&self, when: &When) -> Truth {
        let context = Context {
            request: self.request,
            action: self.action.as_deref(),
            active: &self.active,
        };
        match when.holds(&context) {
            Ok(holds) => truth(holds),
            Err(Failure::Undecided) => U,
            Err(Failure::NoPrincipal) => N,
        }
    }

    /// One key, in a rule that allows or not, under `not` or not.
    fn key(&self, key: &Key, is_allow: bool, negated: bool) -> Truth {
        let request = self.request;
        let path = request.path.as_deref();
        let matches = |value: Option<&str>, list: &[String], test: &dyn Fn(&str, &str) -> bool| {
            truth(value.is_some_and(|value| list.iter().any(|pattern| test(pattern, value))))
        };
        match key {
            Key::Route(list) => {
                truth(list.iter().any(|(method, template)| {
                    request.method.as_ref().is_some_and(|given| {
                        matching::method(method, given, self.model.head_as_get)
                    }) && path.is_some_and(|path| matching::template(template, path))
                }))
            }
            Key::Action(list) => matches(self.action.as_deref(), list, &matching::action),
            Key::Method(list) => {
                let test = |pattern: &str, value: &str| {
                    matching::method(pattern, value, self.model.head_as_get)
                };
                matches(request.method.as_deref(), list, &test)
            }
            Key::Path(list) => matches(path, list, &matching::template),
            Key::Host(list) => {
                let test = |pattern: &str, value: &str| matching::host(pattern, value, !is_allow);
                matches(request.host.as_deref(), list, &test)
            }
            // Without an address nothing can be said about it.
            Key::SourceIp(_) if request.source_ip.is_none() => U,
            Key::SourceIp(list) => matches(request.source_ip.as_deref(), list, &matching::cidr),
            Key::Resource(kinds, ids) => {
                truth(request.resource.as_ref().is_some_and(|(kind, id)| {
                    let is_any = |patterns: &[String], value: &str| {
                        patterns
                            .iter()
                            .any(|pattern| matching::text(pattern, value))
                    };
                    is_any(kinds, kind) && is_any(ids, id)
                }))
            }
            Key::Attr(map) => all(map
                .iter()
                .map(|(name, patterns)| self.attribute(name, patterns, negated))),
            Key::Header(_) | Key::Query(_) => self.field(key, is_allow, negated),
            Key::Principal(_) | Key::Roles(_) | Key::Groups(_) => self.of_caller(key, negated),
            Key::Not(list) => not(any(list
                .iter()
                .map(|key| self.key(key, is_allow, !negated)))),
        }
    }

    /// What may be there several times.
    fn field(&self, key: &Key, is_allow: bool, negated: bool) -> Truth {
        let is_header = matches!(key, Key::Header(_));
        let (Key::Header(map) | Key::Query(map)) = key else {
            return F;
        };
        let path = self.request.path.as_deref().unwrap_or_default();
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let query = query.split('&').filter(|pair| !pair.is_empty());
        let query: Vec<_> = query
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        let headers = &self.request.headers;
        let test = |(name, patterns): (&String, &Vec<String>)| {
            let given: Vec<&str> = if is_header {
                let named = headers
                    .iter()
                    .filter(|(given, _)| given.eq_ignore_ascii_case(name));
                named.map(|(_, value)| value.as_str()).collect()
            } else {
                query
                    .iter()
                    .filter(|(given, _)| given == name)
                    .map(|(_, value)| *value)
                    .collect()
            };
            repeated(&given, patterns, is_allow, negated)
        };
        all(map.iter().map(test))
    }

    fn of_caller(&self, key: &Key, negated: bool) -> Truth {
        self.of_principal(negated, |principal| match key {
            Key::Principal(list) => list
                .iter()
                .any(|(provider, id)| *provider == principal.provider && *id == principal.id),
            Key::Roles(list) => list.iter().any(|role| self.active.contains(role)),
            Key::Groups(list) => list.iter().any(|group| principal.groups.contains(group)),
            _ => false,
        })
    }

    fn of_principal(&self, negated: bool, test: impl Fn(&Principal) -> bool) -> Truth {
        match &self.request.principal {
            Some(principal) => truth(test(principal)),
            None if negated => N,
            None => F,
        }
    }

    fn attribute(&self, name: &str, patterns: &[String], negated: bool) -> Truth {
        let declared = ATTRIBUTES.iter().find(|(declared, ..)| *declared == name);
        let (of, optional) =
            declared.map_or(("request", true), |(_, of, _, optional)| (*of, *optional));
        if of == "principal" && self.request.principal.is_none() {
            return if negated { N } else { F };
        }
        match self.request.attributes.get(name) {
            Some(value) => truth(
                patterns
                    .iter()
                    .any(|pattern| matching::text(pattern, value)),
            ),
            None if optional => F,
            None => U,
        }
    }
}

/// A header or a query parameter: once in an allow; any value in what restricts, every value under `not` there.
fn repeated(given: &[&str], patterns: &[String], is_allow: bool, negated: bool) -> Truth {
    let matches = |value: &&str| {
        patterns
            .iter()
            .any(|pattern| matching::text(pattern, value))
    };
    match given {
        [] => F,
        [_, _, ..] if is_allow => U,
        _ if negated => truth(given.iter().all(matches)),
        _ => truth(given.iter().any(matches)),
    }
}
