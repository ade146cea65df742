//! Principals and their requests: nine in ten are allowed.

use crate::rng::Rng;
use crate::workload::{HOSTS, Rule, Shape, TENANTS, Workload, host_name};
use gatelet::{Attribute, Header, Principal, Request, Value};

/// A principal.
#[derive(Clone, Debug)]
pub struct Person {
    /// Its id.
    pub id: String,
    /// The three roles that it holds.
    pub roles: [usize; 3],
    /// The names of these.
    pub role_names: [String; 3],
    /// Its tenant.
    pub tenant: String,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    /// The number of the principal.
    pub person: usize,
    /// The method.
    pub method: &'static str,
    /// The host.
    pub host: String,
    /// The path: what a rule names and one or two segments more.
    pub path: String,
    /// Whether it carries `x-tier: gold`.
    pub gold: bool,
    /// Whether it is to be allowed.
    pub allowed: bool,
}

/// Header fields of an ordinary request.
pub const HEADERS: [Header<'static>; 8] = [
    (b"x-tier", b"gold"),
    (b"accept", b"application/json"),
    (b"accept-encoding", b"gzip, br"),
    (b"user-agent", b"shop-web/4.11 (linux; x86_64)"),
    (b"content-type", b"application/json"),
    (b"x-request-id", b"0198c1d2-77aa-7c01-9c3e-52d1b0a4f6e7"),
    (
        b"traceparent",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    (b"cache-control", b"no-cache"),
];

/// Principals and their requests.
#[derive(Debug)]
pub struct Traffic {
    shape: Shape,
    /// The principals.
    pub people: Vec<Person>,
    /// Their requests, in an order without pattern.
    pub calls: Vec<Call>,
}

const CALLS_EACH: usize = 8;

impl Traffic {
    /// Eight requests for each of `people` principals.
    #[must_use]
    pub fn new(workload: &Workload, people: usize) -> Self {
        let mut generator = Generator::new(workload);
        let people: Vec<Person> = (0..people).map(|number| generator.person(number)).collect();
        let mut calls = Vec::with_capacity(people.len() * CALLS_EACH);
        for round in 0..CALLS_EACH {
            for (number, person) in people.iter().enumerate() {
                let allowed = (round * people.len() + number) % 10 != 9;
                calls.push(generator.call(number, person, allowed));
            }
        }
        let rng = &mut generator.rng;
        for at in (1..calls.len()).rev() {
            calls.swap(at, rng.below(at + 1));
        }
        Self {
            shape: workload.shape,
            people,
            calls,
        }
    }

    /// Only the requests that are not allowed.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.calls.retain(|call| !call.allowed);
        self
    }

    /// The principals as requests borrow them.
    #[must_use]
    pub fn views(&self) -> Vec<PersonView<'_>> {
        self.people.iter().map(PersonView::new).collect()
    }

    /// The requests, without headers but those that rules ask for.
    pub fn requests<'t>(
        &'t self,
        views: &'t [PersonView<'t>],
    ) -> impl Iterator<Item = Request<'t>> {
        self.calls.iter().filter_map(|call| {
            Some(Request {
                method: Some(call.method.as_bytes()),
                host: (self.shape == Shape::X).then_some(call.host.as_bytes()),
                path: Some(call.path.as_bytes()),
                principal: Some(views.get(call.person)?.principal(self.shape)),
                headers: HEADERS.get(..usize::from(call.gold)).unwrap_or_default(),
                ..Request::default()
            })
        })
    }

    /// The requests with as many headers as a gateway sees.
    pub fn requests_with_headers<'t>(
        &'t self,
        views: &'t [PersonView<'t>],
    ) -> impl Iterator<Item = Request<'t>> {
        let silver = HEADERS.get(1..).unwrap_or_default();
        let headers = self
            .calls
            .iter()
            .map(move |call| if call.gold { &HEADERS[..] } else { silver });
        self.requests(views)
            .zip(headers)
            .map(|(request, headers)| Request { headers, ..request })
    }
}

/// A principal as requests borrow it.
#[derive(Debug)]
pub struct PersonView<'p> {
    id: &'p [u8],
    roles: [&'p [u8]; 3],
    attributes: [Attribute<'p>; 1],
}

impl<'p> PersonView<'p> {
    fn new(person: &'p Person) -> Self {
        Self {
            id: person.id.as_bytes(),
            roles: person.role_names.each_ref().map(|name| name.as_bytes()),
            attributes: [(b"tenant", Value::String(person.tenant.as_bytes()))],
        }
    }

    fn principal(&self, shape: Shape) -> Principal<'_> {
        let attributes = if shape == Shape::X {
            &self.attributes[..]
        } else {
            &[]
        };
        Principal {
            id: self.id,
            roles: &self.roles,
            attributes,
            ..Principal::default()
        }
    }
}

struct Generator<'w> {
    workload: &'w Workload,
    by_role: Vec<Vec<&'w Rule>>,
    rng: Rng,
}

impl<'w> Generator<'w> {
    fn new(workload: &'w Workload) -> Self {
        let mut by_role = vec![Vec::new(); workload.roles];
        for rule in &workload.rules {
            if let Some(of_role) = by_role.get_mut(rule.role) {
                of_role.push(rule);
            }
        }
        Self {
            workload,
            by_role,
            rng: Rng::new(workload.rules.len() as u64),
        }
    }

    fn rules(&self, role: usize) -> &[&'w Rule] {
        self.by_role.get(role).map_or(&[], Vec::as_slice)
    }

    fn person(&mut self, number: usize) -> Person {
        let tenant = format!("tenant-{}", self.rng.below(TENANTS));
        // The first role allows something whatever else is held.
        let sure = |rule: &&Rule| !rule.deny && rule.condition.is_none();
        let first = loop {
            let role = self.rng.below(self.workload.roles);
            if self.rules(role).iter().any(sure) {
                break role;
            }
        };
        let mut roles = [first; 3];
        while roles[1] == roles[0] || roles[2] == roles[0] || roles[2] == roles[1] {
            roles = [
                first,
                self.rng.below(self.workload.roles),
                self.rng.below(self.workload.roles),
            ];
        }
        let role_names = roles.map(|role| format!("role-{role}"));
        Person {
            id: format!("user-{number}@shop.example"),
            roles,
            role_names,
            tenant,
        }
    }

    fn call(&mut self, number: usize, person: &Person, wanted: bool) -> Call {
        loop {
            let of_own_role = wanted || self.rng.below(2) == 0;
            let rules = match self.rng.pick(&person.roles) {
                Some(role) if of_own_role => self.by_role.get(*role),
                _ => None,
            };
            let rule = match rules {
                Some(rules) => self.rng.pick(rules).copied(),
                None => self.rng.pick(&self.workload.rules),
            };
            let Some(rule) = rule else { continue };
            let mut call = self.aimed_at(rule, number);
            if !wanted && self.rng.below(4) == 0 {
                call.method = if call.method == "GET" { "POST" } else { "GET" };
            }
            call.allowed = self.workload.allows(person, &call);
            if call.allowed == wanted {
                return call;
            }
        }
    }

    fn aimed_at(&mut self, rule: &Rule, person: usize) -> Call {
        let rng = &mut self.rng;
        let middle = if rule.wild {
            format!("/t{}", rng.below(100))
        } else {
            String::new()
        };
        let mut path = format!(
            "/svc-{}{middle}/resource-{}/{}",
            rule.service,
            rule.resource,
            rng.below(100_000)
        );
        if rng.below(2) == 0 {
            path += "/lines";
        }
        let gold = self.workload.shape == Shape::X && rng.below(2) == 0;
        let host = rule
            .host
            .or_else(|| (rng.below(4) == 0).then(|| rng.below(HOSTS)));
        Call {
            person,
            method: rule.method,
            host: host_name(host),
            path,
            gold,
            allowed: false,
        }
    }
}
