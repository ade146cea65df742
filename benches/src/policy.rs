//! A workload as policy text.

use crate::workload::{Condition, Rule, Shape, Workload, host_name};
use std::fmt::Write;

impl Workload {
    /// As rules: `match: { roles, route, … }`.
    #[must_use]
    pub fn policy(&self) -> String {
        let mut text = String::from("gatelet: 1\nidentity: { trust_host: [principal] }\n");
        if self.shape == Shape::X {
            text += "attributes: { tenant: { of: principal, type: string } }\n";
        }
        text += "roles:\n";
        (0..self.roles).for_each(|role| line(&mut text, format_args!("  role-{role}: {{}}")));
        text += "rules:\n";
        for (number, rule) in self.rules.iter().enumerate() {
            let effect = if rule.deny { "deny" } else { "allow" };
            let (role, route, more) = (rule.role, route(rule), more(rule));
            line(
                &mut text,
                format_args!(
                    "  r{number}: {{ effect: {effect}, match: {{ roles: [role-{role}], route: \"{route}\"{more} }} }}"
                ),
            );
        }
        text
    }

    /// The same said by actions and permissions of roles; `None` where rules say what these cannot.
    #[must_use]
    pub fn policy_by_actions(&self) -> Option<String> {
        if self.shape != Shape::R {
            return None;
        }
        let mut text =
            String::from("gatelet: 1\nidentity: { trust_host: [principal] }\nactions:\n");
        for rule in &self.rules {
            line(
                &mut text,
                format_args!("  {}: {{ routes: [\"{}\"] }}", action(rule), route(rule)),
            );
        }
        text += "roles:\n";
        let mut permissions = vec![Vec::new(); self.roles];
        for rule in &self.rules {
            if let Some(of_role) = permissions.get_mut(rule.role) {
                of_role.push(action(rule));
            }
        }
        for (role, actions) in permissions.iter().enumerate() {
            line(
                &mut text,
                format_args!("  role-{role}: {{ can: [{}] }}", actions.join(", ")),
            );
        }
        Some(text)
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

fn route(rule: &Rule) -> String {
    let middle = if rule.wild { "/{any}" } else { "" };
    format!(
        "{} /svc-{}{middle}/resource-{}/{{**}}",
        rule.method, rule.service, rule.resource
    )
}

fn action(rule: &Rule) -> String {
    format!(
        "svc-{}.resource-{}.{}",
        rule.service,
        rule.resource,
        rule.method.to_ascii_lowercase()
    )
}

fn more(rule: &Rule) -> String {
    let host = rule
        .host
        .map(|host| format!(", host: {}", host_name(Some(host))));
    let condition = rule.condition.map(|condition| match condition {
        Condition::Tenant(tenant) => format!(", attr: {{ tenant: tenant-{tenant} }}"),
        Condition::Tier => ", header: { x-tier: gold }".to_owned(),
    });
    host.into_iter().chain(condition).collect()
}
