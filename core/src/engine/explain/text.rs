//! An explanation as text for a terminal.

use super::{Explanation, Failed};
use core::fmt;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.effect, self.reason)?;
        if let Some(detail) = self.detail {
            write!(f, " ({detail})")?;
        }
        match (&self.rule, &self.source) {
            (Some(rule), Some(source)) => writeln!(f, " by {rule} at {source}")?,
            _ => writeln!(f)?,
        }
        let or_none =
            |text: &Option<String>, none: &str| text.clone().unwrap_or_else(|| none.into());
        writeln!(f, "  principal  {}", or_none(&self.principal, "nobody"))?;
        writeln!(f, "  action     {}", or_none(&self.action, "none"))?;
        writeln!(f, "  path       {}", or_none(&self.path, "none"))?;
        for role in &self.roles {
            writeln!(
                f,
                "  role       {}{} from {}",
                role.role,
                if role.active { "" } else { " (not active)" },
                role.from
            )?;
        }
        for grant in &self.dormant {
            writeln!(
                f,
                "  not held   {} from grant at {}:",
                grant.role, grant.source
            )?;
            grant
                .because
                .iter()
                .try_for_each(|failed| line(f, failed))?;
        }
        if let Some([a, b]) = &self.conflict {
            writeln!(f, "  conflict   {a} and {b} exclude each other")?;
        }
        for layer in &self.layers {
            writeln!(
                f,
                "  layer      {} {}{}",
                layer.layer,
                if layer.allows {
                    "allows"
                } else {
                    "does not allow"
                },
                if layer.shadow { " (shadow)" } else { "" }
            )?;
        }
        if !self.candidates.is_empty() {
            writeln!(f, "candidates:")?;
        }
        for candidate in &self.candidates {
            let shadow = if candidate.shadow { ", shadow" } else { "" };
            writeln!(
                f,
                "  {} ({}{shadow}) at {}: {}",
                candidate.rule, candidate.effect, candidate.source, candidate.outcome
            )?;
            candidate
                .because
                .iter()
                .try_for_each(|failed| line(f, failed))?;
            for part in &candidate.values {
                writeln!(f, "    {} = {}", part.expression, part.value)?;
            }
        }
        if let Some(nearest) = &self.nearest {
            writeln!(
                f,
                "nearest: {} at {}; would have had to differ:",
                nearest.rule, nearest.source
            )?;
            nearest
                .differ
                .iter()
                .try_for_each(|failed| line(f, failed))?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, failed: &Failed) -> fmt::Result {
    writeln!(f, "    {}; found {}", failed.test, failed.found)
}
