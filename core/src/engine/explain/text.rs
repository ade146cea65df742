//! An explanation as text for a terminal.

use super::{AskedLimit, Candidate, Explanation, Failed, LayerVerdict};
use core::fmt;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decision(f)?;
        self.roles(f)?;
        self.layers.iter().try_for_each(|one| layer(f, one))?;
        if !self.candidates.is_empty() {
            writeln!(f, "candidates:")?;
        }
        self.candidates
            .iter()
            .try_for_each(|one| candidate(f, one))?;
        if let Some(nearest) = &self.nearest {
            writeln!(
                f,
                "nearest: {} at {}; would have had to differ:",
                nearest.rule, nearest.source
            )?;
            lines(f, &nearest.differ)?;
        }
        if !self.limits.is_empty() {
            writeln!(f, "limits:")?;
        }
        self.limits.iter().try_for_each(|one| limit(f, one))
    }
}

impl Explanation {
    fn decision(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.effect, self.reason)?;
        if let Some(detail) = self.detail {
            write!(f, " ({detail})")?;
        }
        match (self.rule.as_ref().or(self.limit.as_ref()), &self.source) {
            (Some(rule), Some(source)) => writeln!(f, " by {rule} at {source}")?,
            _ => writeln!(f)?,
        }
        for shown in &self.credentials {
            write!(f, "  credential {}", shown.kind)?;
            if let Some(provider) = &shown.provider {
                write!(f, " of {provider}")?;
            }
            if let Some(key) = &shown.key {
                write!(f, ", key {key}")?;
            }
            writeln!(f, ": {}", shown.outcome)?;
        }
        let principal = self.principal.as_deref().unwrap_or("nobody");
        writeln!(f, "  principal  {principal}")?;
        let action = self.action.as_deref().unwrap_or("none");
        match &self.action_about {
            Some(about) => writeln!(f, "  action     {action} ({about})")?,
            None => writeln!(f, "  action     {action}")?,
        }
        writeln!(f, "  path       {}", self.path.as_deref().unwrap_or("none"))
    }

    fn roles(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for role in &self.roles {
            let active = if role.active { "" } else { " (not active)" };
            writeln!(f, "  role       {}{active} from {}", role.role, role.from)?;
        }
        for grant in &self.dormant {
            let (role, source) = (&grant.role, &grant.source);
            writeln!(f, "  not held   {role} from grant at {source}:")?;
            lines(f, &grant.because)?;
        }
        if let Some([a, b]) = &self.conflict {
            writeln!(f, "  conflict   {a} and {b} exclude each other")?;
        }
        Ok(())
    }
}

fn layer(f: &mut fmt::Formatter<'_>, layer: &LayerVerdict) -> fmt::Result {
    let allows = if layer.allows {
        "allows"
    } else {
        "does not allow"
    };
    let shadow = if layer.shadow { " (shadow)" } else { "" };
    writeln!(f, "  layer      {} {allows}{shadow}", layer.layer)
}

fn limit(f: &mut fmt::Formatter<'_>, limit: &AskedLimit) -> fmt::Result {
    let shadow = if limit.shadow { ", shadow" } else { "" };
    let (id, kind, source) = (&limit.limit, limit.kind, &limit.source);
    let (outcome, cost) = (limit.outcome, limit.cost);
    write!(
        f,
        "  {id} ({kind}{shadow}) at {source}: {outcome}; cost {cost}"
    )?;
    if let (Some(remaining), Some(reset)) = (limit.remaining, limit.reset_ms) {
        write!(
            f,
            ", {remaining} of {} left, all back in {reset} ms",
            limit.allowed
        )?;
    }
    writeln!(f)?;
    for part in &limit.key {
        writeln!(f, "    {} = {}", part.name, part.value)?;
    }
    Ok(())
}

fn candidate(f: &mut fmt::Formatter<'_>, candidate: &Candidate) -> fmt::Result {
    let shadow = if candidate.shadow { ", shadow" } else { "" };
    writeln!(
        f,
        "  {} ({}{shadow}) at {}: {}",
        candidate.rule, candidate.effect, candidate.source, candidate.outcome
    )?;
    lines(f, &candidate.because)?;
    for part in &candidate.values {
        writeln!(f, "    {} = {}", part.expression, part.value)?;
    }
    Ok(())
}

fn lines(f: &mut fmt::Formatter<'_>, failed: &[Failed]) -> fmt::Result {
    failed
        .iter()
        .try_for_each(|failed| writeln!(f, "    {}; found {}", failed.test, failed.found))
}
