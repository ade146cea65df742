//! The verified credentials that one thread met last.

use crate::identity::cache::Cache;
use crate::identity::check::{Denied, Desk};
use crate::identity::forwarded::MAX_CERTIFICATE_BYTES;
use crate::identity::refusal::Refusal;
use crate::identity::table::{At, Credential, Table};
use crate::identity::verified::{Kind, Verified};
use crate::program::identity::Identity;
use std::sync::Arc;

/// What identity needs of one thread.
#[derive(Debug)]
pub(super) struct Local {
    /// Whether the policy reads anything of a request beside what the host vouches for itself.
    pub(super) is_needed: bool,
    pub(super) memory: Memory,
    /// Where a forwarded certificate is decoded.
    pub(super) certificate: Box<[u8]>,
}

/// A table without a lock. What is in it fits the snapshot that is pinned.
#[derive(Debug)]
pub(super) struct Memory {
    seed: u64,
    table: Table,
    /// A credential that the table has no room for.
    aside: Option<Arc<Verified>>,
    /// Where the principal's stands: the others of its request do not take its place.
    principal: Option<Spot>,
}

/// Where a credential stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    Table(At),
    Aside,
}

/// A credential as the request brings it.
#[derive(Clone, Copy)]
pub(super) struct Shown<'s> {
    pub(super) kind: Kind,
    pub(super) text: &'s [u8],
    /// Whose credential may stand where it does; `None` for everybody's.
    pub(super) issuers: Option<&'s [u32]>,
    /// The SHA-256 of the certificate that the connection shows.
    pub(super) certificate: &'s dyn Fn() -> Option<[u8; 32]>,
    pub(super) now_ms: i64,
}

impl Local {
    pub(super) fn new(identity: &Identity, cache: &Cache) -> Self {
        let tokens = !identity.issuers.is_empty() || identity.api_keys.is_some();
        let forwarded = identity.client_cert.is_some();
        Self {
            is_needed: tokens || forwarded || identity.xfcc.is_some(),
            memory: Memory {
                seed: cache.seed,
                table: cache.local(tokens),
                aside: None,
                principal: None,
            },
            certificate: if forwarded {
                vec![0; MAX_CERTIFICATE_BYTES].into()
            } else {
                Box::default()
            },
        }
    }
}

impl Memory {
    /// For the next request.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.principal = None;
    }

    /// The first credential that is good is the principal's.
    #[inline]
    pub(super) fn keep(&mut self, spot: Spot) {
        self.principal = self.principal.or(Some(spot));
    }

    /// Finds a credential that was met before, or checks it now.
    #[inline]
    pub(super) fn check(&mut self, desk: &Desk<'_>, shown: Shown<'_>) -> Result<Spot, Denied> {
        let credential = Credential::new(shown.kind, shown.text, self.seed);
        let allowed = |verified: &Verified| {
            let mut issuers = shown.issuers.iter();
            issuers.all(|issuers| issuers.contains(&verified.issuer))
        };
        if let Some(at) = self.table.find(&credential)
            && let Some(verified) = self.table.get(at)
            && allowed(verified)
        {
            desk.in_time(verified, shown.now_ms)?;
            held(verified, shown)?;
            return Ok(Spot::Table(at));
        }
        self.first_sight(desk, &credential, shown)
    }

    #[cold]
    #[inline(never)]
    fn first_sight(
        &mut self,
        desk: &Desk<'_>,
        credential: &Credential<'_>,
        shown: Shown<'_>,
    ) -> Result<Spot, Denied> {
        let verified = desk.first_sight(credential, shown.issuers, shown.now_ms)?;
        held(&verified, shown)?;
        let keep = match self.principal {
            Some(Spot::Table(at)) => Some(at),
            _ => None,
        };
        let copy = Arc::clone(&verified);
        if let Some(at) = self.table.insert(credential.tag, copy, keep) {
            return Ok(Spot::Table(at));
        }
        if self.principal != Some(Spot::Aside) {
            self.aside = Some(verified);
        }
        Ok(Spot::Aside)
    }

    pub(super) fn get(&self, spot: Spot) -> Option<&Verified> {
        match spot {
            Spot::Table(at) => self.table.get(at).map(|verified| &**verified),
            Spot::Aside => self.aside.as_deref(),
        }
    }

    /// Takes out what does not fit any more.
    pub(super) fn retain(&mut self, desk: &Desk<'_>) {
        self.table
            .retain(|verified| desk.fits(verified) && !desk.revocations.covers(verified));
    }
}

/// Whether who shows a credential is who it is bound to (RFC 8705 §3).
#[inline]
fn held(verified: &Verified, shown: Shown<'_>) -> Result<(), Denied> {
    match verified.certificate {
        Some(bound) if (shown.certificate)() != Some(bound) => {
            Err(Refusal::UnboundCertificate.into())
        }
        _ => Ok(()),
    }
}
