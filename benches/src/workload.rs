//! The rules of a workload, and what they mean by the plainest reading.

use crate::traffic::{Call, Person};
use std::collections::HashMap;

/// Which rules a workload has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `role r may METHOD /svc-i/resource-j/**`.
    R,
    /// As [`Shape::R`], with 15 % of wildcards in the middle of the path, 7 % of
    /// rules bound to a host, 5 % with a condition and 5 % that deny.
    X,
}

impl Shape {
    /// `R` or `X`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::R => "R",
            Self::X => "X",
        }
    }
}

/// What a rule asks beside role, method, path and host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The principal's tenant.
    Tenant(usize),
    /// A header `x-tier: gold`.
    Tier,
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Whether it denies.
    pub deny: bool,
    /// The role that it speaks of.
    pub role: usize,
    /// The method.
    pub method: &'static str,
    /// The number of the service, the first segment.
    pub service: usize,
    /// The number of the resource, the last literal segment.
    pub resource: usize,
    /// Whether any one segment stands between the two.
    pub wild: bool,
    /// The number of the host that it is bound to.
    pub host: Option<usize>,
    /// What else it asks.
    pub condition: Option<Condition>,
}

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
const RESOURCES: usize = 20;
/// Hosts that rules are bound to.
pub(crate) const HOSTS: usize = 7;
/// Tenants of principals.
pub(crate) const TENANTS: usize = 4;

/// Rules with the principals and requests that suit them.
#[derive(Debug)]
pub struct Workload {
    /// Which rules there are.
    pub shape: Shape,
    /// The rules, each allow with a path of its own.
    pub rules: Vec<Rule>,
    /// How many roles there are.
    pub roles: usize,
    by_service: HashMap<String, Vec<usize>>,
}

impl Workload {
    /// `size` rules.
    #[must_use]
    pub fn new(shape: Shape, size: usize) -> Self {
        let roles = (size / 10).clamp(8, 1_000);
        let mut rules: Vec<Rule> = Vec::with_capacity(size);
        for number in 0..size {
            rules.push(match shape {
                Shape::R => plain(number, roles),
                Shape::X => mixed(number, roles, &rules),
            });
        }
        let mut by_service: HashMap<String, Vec<usize>> = HashMap::new();
        for (number, rule) in rules.iter().enumerate() {
            by_service
                .entry(format!("svc-{}", rule.service))
                .or_default()
                .push(number);
        }
        Self {
            shape,
            rules,
            roles,
            by_service,
        }
    }

    /// Whether the call is allowed: no deny matches and some allow does.
    #[must_use]
    pub fn allows(&self, person: &Person, call: &Call) -> bool {
        let segments: Vec<&str> = call.path.split('/').skip(1).collect();
        let rules = segments
            .first()
            .and_then(|service| self.by_service.get(*service));
        let numbers = rules.map_or(&[][..], Vec::as_slice);
        let rules = numbers.iter().filter_map(|number| self.rules.get(*number));
        let matching: Vec<&Rule> = rules
            .filter(|rule| matches(rule, person, call, &segments))
            .collect();
        matching.iter().any(|rule| !rule.deny) && !matching.iter().any(|rule| rule.deny)
    }
}

fn plain(number: usize, roles: usize) -> Rule {
    Rule {
        deny: false,
        role: number % roles,
        method: METHODS.get(number % METHODS.len()).unwrap_or(&"GET"),
        service: number / RESOURCES,
        resource: number % RESOURCES,
        wild: false,
        host: None,
        condition: None,
    }
}

/// Kinds in the shares that [`Shape::X`] says, spread so that already the first ten rules hold them all.
fn mixed(number: usize, roles: usize, before: &[Rule]) -> Rule {
    let rule = plain(number, roles);
    match number * 37 % 100 {
        0..15 => Rule { wild: true, ..rule },
        20..27 => Rule {
            host: Some(number % HOSTS),
            ..rule
        },
        33..36 => Rule {
            condition: Some(Condition::Tenant(number % TENANTS)),
            ..rule
        },
        36..38 => Rule {
            condition: Some(Condition::Tier),
            ..rule
        },
        // The second rule before is a plain one: this takes from its role what a holder of both had.
        46..51 => match number.checked_sub(2).and_then(|at| before.get(at)) {
            Some(other) => Rule {
                deny: true,
                role: rule.role,
                ..*other
            },
            None => rule,
        },
        _ => rule,
    }
}

fn matches(rule: &Rule, person: &Person, call: &Call, segments: &[&str]) -> bool {
    let service = format!("svc-{}", rule.service);
    let resource = format!("resource-{}", rule.resource);
    let path = match segments {
        [first, middle, last, _, ..] if rule.wild => {
            *first == service && !middle.is_empty() && *last == resource
        }
        [first, last, _, ..] if !rule.wild => *first == service && *last == resource,
        _ => false,
    };
    let condition = match rule.condition {
        None => true,
        Some(Condition::Tenant(tenant)) => person.tenant == format!("tenant-{tenant}"),
        Some(Condition::Tier) => call.gold,
    };
    let host = rule
        .host
        .is_none_or(|host| call.host == host_name(Some(host)));
    path && condition && host && call.method == rule.method && person.roles.contains(&rule.role)
}

/// The name of a host; without a number the one that no rule is bound to.
pub(crate) fn host_name(number: Option<usize>) -> String {
    number.map_or_else(
        || "api.shop.example".to_owned(),
        |number| format!("h{number}.shop.example"),
    )
}
