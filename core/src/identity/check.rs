//! Checking a credential: remembered, or at first sight.

use super::api_key;
use super::approval;
use super::cache::Cache;
use super::claims::Claims;
use super::jwt::{self, Opened};
use super::keyring::{Keyring, Signers};
use super::principal;
use super::refresh::{KeyStates, UnknownKey};
use super::refusal::Refusal;
use super::revocation::Revocations;
use super::rules::TokenRules;
use super::table::Credential;
use super::verified::{Kind, Verified};
use crate::keys::KeySet;
use crate::pattern::spiffe::SpiffeId;
use crate::program::Program;
use crate::program::identity::{Authority, Issuer};
use std::sync::Arc;

/// Why a credential does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It is not good: the decision's `detail`.
    Invalid(&'static str),
    /// That cannot be told now: the keys are not there, or too old.
    Unavailable(&'static str),
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Invalid(refusal.slug())
    }
}

/// No key set was fetched yet, or the one that was is too old.
const KEYS_UNAVAILABLE: Denied = Denied::Unavailable("keys_unavailable");
/// A fetch that may bring the key is under way.
const KEY_UNDER_WAY: Denied = Denied::Unavailable("key_under_way");

/// What credentials are checked with in one decision.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'e> {
    pub(crate) program: &'e Program,
    pub(crate) keyring: &'e Keyring,
    pub(crate) revocations: &'e Revocations,
    pub(crate) cache: &'e Cache,
    pub(crate) states: &'e KeyStates,
    /// Number of the installation that all of these are of.
    pub(crate) installation: u64,
    pub(crate) clock: &'e dyn Fn() -> u64,
}

impl Desk<'_> {
    /// What is known of a credential that no table of this thread holds. It may take memory.
    #[cold]
    #[inline(never)]
    pub(crate) fn first_sight(
        &self,
        credential: &Credential<'_>,
        issuers: Option<&[u32]>,
        now_ms: i64,
    ) -> Result<Arc<Verified>, Denied> {
        let allowed =
            |verified: &Verified| issuers.is_none_or(|issuers| issuers.contains(&verified.issuer));
        if let Some(verified) = self.cache.find(credential)
            && self.fits(&verified)
            && allowed(&verified)
        {
            self.still_good(&verified, now_ms)?;
            return Ok(verified);
        }
        if let Some(detail) = self
            .cache
            .refused((credential, issuers), self.installation, now_ms)
        {
            return Err(Denied::Invalid(detail));
        }
        let verified = match credential.kind {
            Kind::Bearer => self.bearer(credential.text, issuers, now_ms),
            Kind::ApiKey => self.api_key(credential.text, now_ms),
            Kind::Approval => self.approval(credential.text, now_ms),
        };
        let verified = verified.inspect_err(|denied| {
            if let Denied::Invalid(detail) = denied
                && !PASSING.iter().any(|passing| passing.slug() == *detail)
            {
                let shown = (credential, issuers);
                self.cache.refuse(shown, self.installation, now_ms, detail);
            }
        })?;
        let verified = Arc::new(verified);
        self.still_good(&verified, now_ms)?;
        self.cache.insert(credential, &verified);
        Ok(verified)
    }

    /// Whether it was verified by what is in force: the same configuration, a key that still counts.
    pub(crate) fn fits(&self, verified: &Verified) -> bool {
        let identity = &self.program.identity;
        let signed = |signers: &Signers| {
            let mut keys = signers.keys.iter();
            keys.any(|keys| keys.holds(&verified.key))
        };
        let number = verified.issuer as usize;
        match verified.kind {
            Kind::Bearer => {
                let issuer = identity.issuers.get(number);
                issuer.is_some_and(|issuer| {
                    issuer.digest == verified.configuration
                        && *issuer.name.as_bytes() == *verified.provider
                }) && identity.layout == verified.layout
                    && self.keyring.issuers.get(number).is_some_and(signed)
            }
            Kind::ApiKey => {
                let keys = self.keyring.api_keys.as_ref();
                keys.is_some_and(|keys| keys.digest == verified.configuration)
                    && identity.layout == verified.layout
            }
            Kind::Approval => {
                let settings = identity.approvals.as_ref();
                settings.is_some_and(|settings| settings.digest == verified.configuration)
                    && self.keyring.approvals.as_ref().is_some_and(signed)
            }
        }
    }

    /// What time and revocation say of it, and how old its keys are.
    fn still_good(&self, verified: &Verified, now_ms: i64) -> Result<(), Denied> {
        if self.revocations.covers(verified) {
            return Err(Refusal::Revoked.into());
        }
        self.in_time(verified, now_ms)
    }

    /// What time says of it: asked on every hit.
    #[inline]
    pub(crate) fn in_time(&self, verified: &Verified, now_ms: i64) -> Result<(), Denied> {
        if now_ms >= verified.until_ms {
            return Err(match verified.kind {
                Kind::ApiKey => Refusal::KeyExpired.into(),
                _ => Refusal::Expired.into(),
            });
        }
        if now_ms < verified.from_ms {
            return Err(match verified.kind {
                Kind::ApiKey => Refusal::KeyNotYetValid.into(),
                _ => Refusal::NotYetValid.into(),
            });
        }
        let signers = match verified.kind {
            Kind::Bearer => self.keyring.issuers.get(verified.issuer as usize),
            Kind::Approval => self.keyring.approvals.as_ref(),
            Kind::ApiKey => return Ok(()),
        };
        if signers.is_none_or(|signers| !self.is_usable(signers)) {
            return Err(KEYS_UNAVAILABLE);
        }
        Ok(())
    }

    /// Whether the keys are not too old.
    #[inline]
    fn is_usable(&self, signers: &Signers) -> bool {
        signers
            .remote
            .as_ref()
            .is_none_or(|remote| remote.is_usable((self.clock)()))
    }

    /// The keys of an issuer, if there are any that count.
    fn keys<'k>(&self, signers: &'k Signers) -> Result<&'k KeySet, Denied> {
        match &signers.keys {
            Some(keys) if self.is_usable(signers) => Ok(keys),
            _ => Err(KEYS_UNAVAILABLE),
        }
    }

    /// Verifies a token; one whose key is not in the set may have come before the fetch that brings it.
    fn signed(
        &self,
        opened: Opened<'_>,
        rules: &TokenRules<'_>,
        signers: &Signers,
        now_ms: i64,
    ) -> Result<Claims, Denied> {
        let kid = opened.kid().map(Box::<[u8]>::from);
        let keys = self.keys(signers)?;
        opened
            .verify(rules, keys, now_ms)
            .map_err(|refusal| match (refusal, &signers.remote) {
                (Refusal::UnknownKey, Some(remote)) => {
                    let kid = kid.as_deref().unwrap_or_default();
                    match self.states.unknown_key(remote, kid, (self.clock)()) {
                        UnknownKey::UnderWay => KEY_UNDER_WAY,
                        UnknownKey::Unknown => refusal.into(),
                    }
                }
                _ => refusal.into(),
            })
    }

    /// A token: who it says that issued it, and whom for, chooses whose rules are asked, and these alone.
    fn bearer(
        &self,
        text: &[u8],
        issuers: Option<&[u32]>,
        now_ms: i64,
    ) -> Result<Verified, Denied> {
        let opened = jwt::open(text)?;
        let candidates = self.issuers_of(&opened);
        let is_meant = |(_, issuer): &&(u32, &Issuer)| opened.is_meant(&TokenRules::from(*issuer));
        let chosen = match &*candidates {
            [] => return Err(Refusal::WrongIssuer.into()),
            [one] => one,
            [first, ..] => {
                let mut meant = candidates.iter().filter(is_meant);
                // If it is meant for none, the first one says why not.
                let one = meant.next().unwrap_or(first);
                if meant.next().is_some() {
                    return Err(Refusal::WrongAudience.into());
                }
                one
            }
        };
        if issuers.is_some_and(|issuers| !issuers.contains(&chosen.0)) {
            return Err(Refusal::WrongIssuer.into());
        }
        self.token(opened, text, *chosen, now_ms)
    }

    /// The issuers that a token may be of, by what it says itself.
    fn issuers_of<'s>(&'s self, opened: &Opened<'_>) -> Vec<(u32, &'s Issuer)> {
        let all = (0..).zip(&self.program.identity.issuers);
        let hint = opened.issuer_hint();
        let named = |issuer: &Issuer| matches!(&issuer.authority, Authority::Issuer(name) if hint == Some(name.as_bytes()));
        let found: Vec<_> = all.clone().filter(|(_, issuer)| named(issuer)).collect();
        if !found.is_empty() {
            return found;
        }
        let subject = opened.subject_hint();
        let subject = subject.and_then(|subject| SpiffeId::parse(subject).ok());
        let trusts = |issuer: &Issuer| match &issuer.authority {
            Authority::TrustDomain(domain) => {
                subject.is_some_and(|id| id.trust_domain == domain.as_bytes())
            }
            Authority::Issuer(_) => false,
        };
        all.filter(|(_, issuer)| trusts(issuer)).collect()
    }

    fn token(
        &self,
        opened: Opened<'_>,
        text: &[u8],
        (number, issuer): (u32, &Issuer),
        now_ms: i64,
    ) -> Result<Verified, Denied> {
        let signers = self.keyring.issuers.get(number as usize);
        let signers = signers.ok_or(KEYS_UNAVAILABLE)?;
        let key_id = opened.kid().map(Box::from);
        let claims = self.signed(opened, &TokenRules::from(issuer), signers, now_ms)?;
        let mapped = principal::map(&claims, &issuer.principal, self.program)?;
        let times = claims.times();
        Ok(Verified {
            kind: Kind::Bearer,
            kept: self.cache.keep(text),
            provider: issuer.name.as_bytes().into(),
            issuer: number,
            configuration: issuer.digest,
            layout: self.program.identity.layout,
            key: *claims.key(),
            key_id,
            id: mapped.id,
            subject: text_of(&claims, b"sub"),
            token_id: text_of(&claims, b"jti"),
            from_ms: times
                .nbf_ms
                .map_or(i64::MIN, |from| from.saturating_sub(issuer.leeway_ms)),
            until_ms: times
                .exp_ms
                .map_or(i64::MAX, |until| until.saturating_add(issuer.leeway_ms)),
            issued_ms: times.iat_ms,
            certificate: claims.certificate(),
            roles: mapped.roles,
            groups: mapped.groups,
            scopes: mapped.scopes,
            attributes: mapped.attributes,
            overage: mapped.overage,
            approval: None,
        })
    }

    fn approval(&self, text: &[u8], now_ms: i64) -> Result<Verified, Denied> {
        let settings = self.program.identity.approvals.as_ref();
        let signers = self.keyring.approvals.as_ref();
        let (settings, signers) = settings.zip(signers).ok_or(KEYS_UNAVAILABLE)?;
        let opened = jwt::open(text)?;
        let key_id = opened.kid().map(Box::from);
        let claims = self.signed(opened, &approval::rules(settings), signers, now_ms)?;
        let kept = self.cache.keep(text);
        Ok(approval::read(&claims, settings, kept, key_id)?)
    }

    fn api_key(&self, text: &[u8], now_ms: i64) -> Result<Verified, Denied> {
        let keys = self.keyring.api_keys.as_ref().ok_or(KEYS_UNAVAILABLE)?;
        let kept = self.cache.keep(text);
        let pepper = &keys.pepper.0;
        let (set, digest) = (&keys.set, keys.digest);
        let verified = api_key::verify(set, pepper, digest, (text, kept), self.program, now_ms)?;
        Ok(verified)
    }
}

/// A claim that is a text.
pub(super) fn text_of(claims: &Claims, name: &[u8]) -> Option<Box<[u8]>> {
    claims.root()?.get(name)?.text().map(Box::from)
}

/// Refusals that time, or a fetch, may change; all others are remembered for a while.
const PASSING: &[Refusal] = &[
    Refusal::NotYetValid,
    Refusal::IssuedInFuture,
    Refusal::LifetimeTooLong,
    Refusal::KeyNotYetValid,
    Refusal::UnknownKey,
];
