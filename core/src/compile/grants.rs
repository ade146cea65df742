//! Grants: who is meant, in which domains and when, and whether two of them may not meet.

use super::hierarchy::Hierarchy;
use super::identity::providers::Providers;
use super::names::{Vocabulary, unknown};
use super::separation::Separation;
use crate::diagnostic::{Code, Diagnostics};
use crate::pattern::spiffe::SpiffePattern;
use crate::program::Place;
use crate::program::grants::{Grant, Grants, Within};
use crate::program::hash::BuildFold;
use crate::program::leaf::{Leaf, LeavesBuilder};
use crate::program::names::{Names, number};
use crate::program::paths::{PathIndexBuilder, RootId, Step};
use crate::program::roles::{Lists, RoleId};
use crate::rule::{self, RuleSet, Subject};
use crate::text::{Sources, Span};
use std::collections::{BTreeMap, HashMap};

/// Grants of one subject.
#[derive(Default)]
struct Subjects<'r> {
    ids: HashMap<(u32, &'r str), u32, BuildFold>,
    names: Vec<(u32, &'r str)>,
    grants: Vec<Vec<u32>>,
}

impl<'r> Subjects<'r> {
    /// Notes a grant to a subject; gives the subject's number.
    fn add(&mut self, space: u32, name: &'r str, grant: u32) -> u32 {
        let next = number(self.names.len());
        let id = *self.ids.entry((space, name)).or_insert(next);
        if id == next {
            self.names.push((space, name));
            self.grants.push(Vec::new());
        }
        if let Some(grants) = self.grants.get_mut(id as usize) {
            grants.push(grant);
        }
        id
    }

    fn build(&self, seed: u64) -> (Names, Lists) {
        let names = Names::build(
            self.names
                .iter()
                .map(|(space, name)| (*space, name.as_bytes())),
            seed,
        );
        (
            names,
            Lists::build(self.grants.iter().map(|grants| grants.iter().copied())),
        )
    }
}

/// When a grant holds, if it does not always.
fn window(grant: &rule::Grant) -> Option<(i64, i64)> {
    (grant.from.is_some() || grant.until.is_some()).then_some((
        grant.from.unwrap_or(i64::MIN),
        grant.until.unwrap_or(i64::MAX),
    ))
}

/// Compiles the grants of a rule set.
pub(super) struct GrantCompiler<'c, 'r> {
    pub(super) rules: &'r RuleSet,
    pub(super) vocabulary: &'c mut Vocabulary<'r>,
    pub(super) hierarchy: &'c Hierarchy,
    pub(super) sources: &'c Sources,
    pub(super) seed: u64,
    pub(super) diagnostics: &'c mut Diagnostics,
}

impl<'r> GrantCompiler<'_, 'r> {
    pub(super) fn compile(mut self) -> Grants {
        let providers = Providers::of(self.rules);
        let (mut provider_names, mut users, mut groups) = (
            Subjects::default(),
            Subjects::default(),
            Subjects::default(),
        );
        let mut workloads: Vec<(&'r SpiffePattern, u32)> = Vec::new();
        let mut withins = Shared::default();
        let mut windows = Shared::default();
        let mut grants = Vec::with_capacity(self.rules.grants.len());
        for grant in &self.rules.grants {
            let id = number(grants.len());
            let role = self.vocabulary.role(&grant.role, self.diagnostics);
            let within = self.within(grant);
            let place = match &grant.to {
                Subject::User { provider, id } => providers
                    .user(provider.as_ref(), id.span, self.diagnostics)
                    .map(|provider| (&mut users, provider, &*id.text)),
                Subject::Group { provider, name } => providers
                    .group(provider.as_ref(), name.span, self.diagnostics)
                    .map(|provider| (&mut groups, provider, &*name.text)),
                Subject::Workload { pattern, span } => {
                    self.check_trust_domain(pattern, *span);
                    workloads.push((pattern, id));
                    None
                }
            };
            if let Some((subjects, provider, name)) = place {
                let space = provider_names.add(0, provider, id);
                subjects.add(space, name, id);
            }
            let when = grant.when.as_ref();
            grants.push(Grant::new(
                role.unwrap_or(RoleId(u32::MAX)),
                (!within.is_empty()).then(|| withins.id(within)),
                window(grant).map(|window| windows.id(window)),
                when.map(|when| self.vocabulary.condition(when)),
                Place {
                    source: grant.span.source.0,
                    line: self.sources.position(grant.span).line,
                },
            ));
        }
        self.check_separation(&users, &groups, &workloads);
        let (trust_domains, index, workload_grants) = self.workloads(&workloads);
        let (users, user_grants) = users.build(self.seed);
        let (groups, group_grants) = groups.build(self.seed);
        Grants {
            grants: grants.into(),
            providers: provider_names.build(self.seed).0,
            users,
            user_grants,
            groups,
            group_grants,
            trust_domains,
            workloads: index,
            workload_grants,
            withins: withins.list.into(),
            windows: windows.list.into(),
        }
    }

    fn within(&mut self, grant: &'r rule::Grant) -> Within {
        let mut within: Vec<(u16, Box<[u8]>)> = Vec::new();
        for (name, value) in &grant.within {
            match self
                .rules
                .domains
                .iter()
                .position(|domain| domain.name.text == name.text)
            {
                Some(at) => within.push((
                    u16::try_from(at).unwrap_or(u16::MAX),
                    value.as_bytes().into(),
                )),
                None => {
                    let known = self.rules.domains.iter().map(|domain| &*domain.name.text);
                    self.diagnostics.push(unknown(
                        Code::UNKNOWN_DOMAIN,
                        "domain",
                        &name.text,
                        name.span,
                        known,
                        "declare it under `domains`",
                    ));
                }
            }
        }
        within.sort();
        within.into()
    }

    fn check_trust_domain(&mut self, pattern: &SpiffePattern, span: Span) {
        let trusted = &self.rules.identity.trust_domains;
        if !trusted
            .iter()
            .any(|name| name.text.as_bytes() == pattern.trust_domain())
        {
            let name = String::from_utf8_lossy(pattern.trust_domain());
            let known = trusted.iter().map(|name| &*name.text);
            self.diagnostics.push(unknown(
                Code::UNKNOWN_PROVIDER,
                "trust domain",
                &name,
                span,
                known,
                "list it under `identity.workloads.trust_domains`",
            ));
        }
    }

    fn check_separation(
        &mut self,
        users: &Subjects<'r>,
        groups: &Subjects<'r>,
        workloads: &[(&'r SpiffePattern, u32)],
    ) {
        let mut same: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (pattern, id) in workloads {
            same.entry(pattern.to_string()).or_default().push(*id);
        }
        let mut separation = Separation::new(self.rules, self.vocabulary, self.hierarchy);
        for of_one in users
            .grants
            .iter()
            .chain(&groups.grants)
            .chain(same.values())
        {
            separation.check(of_one, self.diagnostics);
        }
        separation.finish(self.diagnostics);
    }

    /// Workloads by the segments of their paths, one root for each trust domain.
    fn workloads(
        &self,
        workloads: &[(&'r SpiffePattern, u32)],
    ) -> (Names, crate::program::paths::PathIndex, Lists) {
        let (mut builder, mut leaves) = (PathIndexBuilder::default(), LeavesBuilder::default());
        let mut domains: Vec<&[u8]> = Vec::new();
        let mut lists: Vec<Vec<u32>> = Vec::new();
        for (pattern, id) in workloads {
            let at = domains
                .iter()
                .position(|domain| *domain == pattern.trust_domain())
                .unwrap_or_else(|| {
                    domains.push(pattern.trust_domain());
                    builder.root();
                    domains.len() - 1
                });
            let steps = pattern
                .segments()
                .map(|segment| segment.map_or(Step::Any, Step::Literal));
            let leaf =
                builder.leaf(RootId(number(at)), steps, pattern.tail(), &mut leaves) as usize;
            if lists.len() <= leaf {
                lists.resize(leaf + 1, Vec::new());
            }
            if let Some(list) = lists.get_mut(leaf) {
                list.push(*id);
            }
        }
        let places: Vec<Leaf> = (0..number(lists.len()))
            .map(|at| Leaf { at, len: 1 })
            .collect();
        let names = Names::build(domains.into_iter().map(|domain| (0, domain)), self.seed);
        (
            names,
            builder.finish(&places, self.seed),
            Lists::build(lists.into_iter()),
        )
    }
}

/// Values numbered in the order in which they are first met.
struct Shared<T> {
    ids: HashMap<T, u32>,
    list: Vec<T>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self {
            ids: HashMap::new(),
            list: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Shared<T> {
    fn id(&mut self, value: T) -> u32 {
        if let Some(id) = self.ids.get(&value) {
            return *id;
        }
        let id = number(self.list.len());
        self.ids.insert(value.clone(), id);
        self.list.push(value);
        id
    }
}
