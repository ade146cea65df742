//! Identity: from the credentials of a request to its caller.

use super::bind::{Bound, Malformed, check_names, check_principal};
use super::credentials::{self, Forwarded, Token};
use super::local::{Local, Memory, Shown, Spot};
use super::moment::Moment;
use super::verdict::Verdict;
use super::view::{Caller, Known};
use crate::base64url;
use crate::decision::Reason;
use crate::identity::check::{Denied, Desk};
use crate::identity::forwarded::Unreadable;
use crate::identity::refusal::Refusal;
use crate::identity::verified::Kind;
use crate::pattern::spiffe::SpiffeId;
use crate::program::identity::{self, Credential, OnInvalid};
use crate::request::Principal;

/// Why there is no caller although a credential came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refused {
    Malformed(Malformed),
    /// The credential is not good; the decision's `detail`.
    Invalid(&'static str, Credential),
    /// Whether it is good cannot be told now.
    Unavailable(&'static str),
}

impl From<Malformed> for Refused {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// The provider of principals that the host gives without naming one.
pub(super) const HOST: &[u8] = identity::HOST.as_bytes();
/// The provider of workloads.
pub(super) const WORKLOADS: &[u8] = identity::WORKLOADS.as_bytes();

/// Who is calling, and whose certificate the connection shows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Identified<'a> {
    pub(super) caller: Option<Caller<'a>>,
    /// The peer's SPIFFE ID.
    pub(super) peer: Option<&'a [u8]>,
}

/// The caller: the first credential in the policy's order; the others must be good and add nothing.
#[inline(always)]
pub(super) fn identify<'a>(
    desk: &Desk<'_>,
    bound: &Bound<'a>,
    moment: &Moment<'_>,
    local: &'a mut Local,
) -> Result<Identified<'a>, Refused> {
    // Most hosts that vouch themselves give one principal, and there is nothing else to look for.
    if local.is_needed || bound.request.peer.is_some() {
        return by_order(desk, bound, moment, local);
    }
    let caller = match host(bound)? {
        Some(given) => Some(caller(desk, bound, Known::Given(given))?),
        None => None,
    };
    Ok(Identified { caller, peer: None })
}

#[inline(never)]
fn by_order<'a>(
    desk: &Desk<'_>,
    bound: &Bound<'a>,
    moment: &Moment<'_>,
    local: &'a mut Local,
) -> Result<Identified<'a>, Refused> {
    let identity = &bound.program.identity;
    let Local {
        certificate,
        memory,
        ..
    } = local;
    let forwarded = credentials::forwarded(bound, identity, certificate)?;
    memory.begin();
    let mut checks = Checks {
        desk,
        bound,
        moment,
        memory,
        forwarded,
        found: None,
        failed: None,
    };
    let mut peer = checks.peer()?;
    for credential in &identity.credentials {
        match credential {
            Credential::Bearer => {
                let places = &desk.keyring.places;
                credentials::tokens(bound, places, |token| checks.token(token))?;
            }
            Credential::ApiKey => checks.api_key()?,
            Credential::Workload if forwarded.is_err() => {
                checks.fails(Refused::Invalid(Refusal::Malformed.slug(), *credential))?;
            }
            Credential::Workload => peer = checks.workload(peer)?,
            Credential::Host => checks.host()?,
        }
    }
    let Checks {
        memory,
        found,
        failed,
        ..
    } = checks;
    let memory: &'a Memory = memory;
    let known = match (found, failed) {
        (Some(Found::Known(known)), _) => Some(known),
        (Some(Found::Spot(spot)), _) => memory.get(spot).map(Known::Verified),
        (None, Some(refused)) => return Err(refused),
        (None, None) => None,
    };
    let caller = match known {
        Some(known) => Some(caller(desk, bound, known)?),
        None => None,
    };
    Ok(Identified { caller, peer })
}

/// What a credential turned out to be.
#[derive(Clone, Copy)]
enum Found<'a> {
    Known(Known<'a>),
    Spot(Spot),
}

/// The checks of one request's credentials.
struct Checks<'c, 'm, 'a> {
    desk: &'c Desk<'c>,
    bound: &'c Bound<'a>,
    moment: &'c Moment<'c>,
    memory: &'m mut Memory,
    forwarded: Forwarded<'a>,
    found: Option<Found<'a>>,
    failed: Option<Refused>,
}

impl<'a> Checks<'_, '_, 'a> {
    /// A credential is not good: the end, or the next one's turn.
    fn fails(&mut self, refused: Refused) -> Result<(), Refused> {
        match self.bound.program.identity.on_invalid {
            OnInvalid::Reject => Err(refused),
            OnInvalid::TryNext => {
                self.failed = self.failed.or(Some(refused));
                Ok(())
            }
        }
    }

    #[inline]
    fn finds(&mut self, found: Found<'a>) {
        if self.found.is_none() {
            self.found = Some(found);
        }
    }

    #[inline]
    fn token(&mut self, token: Token<'_, 'a>) -> Result<(), Refused> {
        self.check(Kind::Bearer, token.text, token.issuers)
    }

    fn api_key(&mut self) -> Result<(), Refused> {
        let Some(settings) = &self.bound.program.identity.api_keys else {
            return Ok(());
        };
        match credentials::api_key(self.bound, &settings.from)? {
            Some(text) => self.check(Kind::ApiKey, text, None),
            None => Ok(()),
        }
    }

    #[inline(always)]
    fn check(&mut self, kind: Kind, text: &[u8], issuers: Option<&[u32]>) -> Result<(), Refused> {
        let (forwarded, request) = (self.forwarded, self.bound.request);
        let certificate = || match forwarded {
            Ok(Some(peer)) => peer.certificate,
            Ok(None) => base64url::decode_digest(request.peer_cert_sha256?),
            Err(Unreadable) => None,
        };
        let shown = Shown {
            kind,
            text,
            issuers,
            certificate: &certificate,
            now_ms: self.moment.wall_ms(),
        };
        match self.memory.check(self.desk, shown) {
            Ok(spot) => {
                self.memory.keep(spot);
                self.finds(Found::Spot(spot));
                Ok(())
            }
            Err(denied) => self.fails(Refused::of(denied, kind)),
        }
    }

    fn host(&mut self) -> Result<(), Refused> {
        if let Some(given) = host(self.bound)? {
            // It may not be the caller, whose roles alone are resolved.
            check_names(given.roles)?;
            self.finds(Found::Known(Known::Given(given)));
        }
        Ok(())
    }

    /// The peer's SPIFFE ID: of the connection whose certificate a trusted proxy forwards, else of
    /// the host's own. Behind a certificate that names nobody, or that cannot be read, is not the proxy.
    fn peer(&self) -> Result<Option<&'a [u8]>, Malformed> {
        let given = peer_of_host(self.bound);
        match self.forwarded {
            Ok(None) => Ok(given),
            Ok(Some(peer)) if given.is_some() && given != peer.uri => {
                Err(Malformed("credential_mismatch"))
            }
            Ok(Some(peer)) => Ok(peer.uri),
            Err(Unreadable) => Ok(None),
        }
    }

    /// The peer as a credential: one that is passed over is no peer either.
    fn workload(&mut self, peer: Option<&'a [u8]>) -> Result<Option<&'a [u8]>, Refused> {
        let Some(peer) = peer else { return Ok(None) };
        let domains = &self.bound.program.identity.trust_domains;
        let refusal = match SpiffeId::parse(peer) {
            Ok(_) if self.desk.revocations.covers_identity(WORKLOADS, peer) => Refusal::Revoked,
            Ok(id) if domains.get(0, id.trust_domain).is_some() => {
                self.finds(Found::Known(Known::Peer(peer)));
                return Ok(Some(peer));
            }
            Ok(_) => Refusal::UnknownTrustDomain,
            Err(_) => Refusal::Malformed,
        };
        self.fails(Refused::Invalid(refusal.slug(), Credential::Workload))?;
        Ok(None)
    }
}

impl Refused {
    pub(super) const fn verdict(self) -> Verdict {
        match self {
            Self::Malformed(malformed) => {
                Verdict::plain(Reason::MalformedRequest, Some(malformed.0))
            }
            Self::Invalid(detail, credential) => Verdict::refused(detail, credential),
            Self::Unavailable(detail) => Verdict::plain(Reason::IdentityUnavailable, Some(detail)),
        }
    }

    fn of(denied: Denied, kind: Kind) -> Self {
        match (denied, kind) {
            (Denied::Unavailable(detail), _) => Self::Unavailable(detail),
            (Denied::Invalid(detail), Kind::ApiKey) => Self::Invalid(detail, Credential::ApiKey),
            (Denied::Invalid(detail), _) => Self::Invalid(detail, Credential::Bearer),
        }
    }
}

/// The peer that the host names, where it is believed.
fn peer_of_host<'a>(bound: &Bound<'a>) -> Option<&'a [u8]> {
    let trusted = bound.program.identity.trust_host_peer;
    bound.request.peer.filter(|_| trusted)
}

/// The principal that the host gives, where it is believed.
#[inline(always)]
fn host<'a>(bound: &Bound<'a>) -> Result<Option<&'a Principal<'a>>, Malformed> {
    let trusted = bound.program.identity.trust_host_principal;
    let Some(given) = bound.request.principal.as_ref().filter(|_| trusted) else {
        return Ok(None);
    };
    check_principal(given)?;
    Ok(Some(given))
}

/// The caller as the identity that stands for it, unless either is revoked.
#[inline]
fn caller<'a>(desk: &Desk<'_>, bound: &Bound<'a>, known: Known<'a>) -> Result<Caller<'a>, Refused> {
    let own = known.identity();
    let links = &bound.program.identity.links;
    let (provider, id) = if links.is_empty() {
        own
    } else {
        links.canonical(own.0, own.1).unwrap_or(own)
    };
    if !desk.revocations.is_empty() {
        not_revoked(desk, known, (provider, id))?;
    }
    Ok(Caller {
        provider,
        id,
        known,
    })
}

#[cold]
fn not_revoked(
    desk: &Desk<'_>,
    known: Known<'_>,
    canonical: (&[u8], &[u8]),
) -> Result<(), Refused> {
    let own = known.identity();
    // Of tokens and peers this was asked when they were checked.
    let (credential, revoked) = match known {
        Known::Verified(verified) if verified.kind == Kind::ApiKey => (Credential::ApiKey, false),
        Known::Verified(_) => (Credential::Bearer, false),
        Known::Peer(_) => (Credential::Workload, false),
        Known::Given(_) => {
            let revoked = desk.revocations.covers_identity(own.0, own.1);
            (Credential::Host, revoked)
        }
    };
    let (provider, id) = canonical;
    let linked = canonical != own && desk.revocations.covers_subject(provider, id);
    if revoked || linked {
        return Err(Refused::Invalid(Refusal::Revoked.slug(), credential));
    }
    Ok(())
}
