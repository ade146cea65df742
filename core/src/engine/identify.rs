//! Identity: from the credentials of a request to its caller.

use super::bind::{Malformed, check_names, check_principal};
use super::view::Caller;
use crate::pattern::spiffe::SpiffeId;
use crate::program::Program;
use crate::program::identity::{self, Credential};
use crate::request::Request;

/// Why there is no caller although a credential came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refused {
    Malformed(Malformed),
    /// The credential is not good; the decision's `detail`.
    Invalid(&'static str),
}

/// The provider of principals that the host gives without naming one.
pub(crate) const HOST: &[u8] = identity::HOST.as_bytes();
/// The provider of workloads.
pub(crate) const WORKLOADS: &[u8] = identity::WORKLOADS.as_bytes();

/// The caller: the first credential in the policy's order; the others must be good and add nothing.
#[inline(always)]
pub(super) fn identify<'a>(
    program: &Program,
    request: &'a Request<'a>,
) -> Result<Option<Caller<'a>>, Refused> {
    // Most requests bring one credential, and there is no order to look up.
    match request.peer {
        None => host(program, request),
        Some(_) => by_order(program, request),
    }
}

#[inline(never)]
fn by_order<'a>(
    program: &Program,
    request: &'a Request<'a>,
) -> Result<Option<Caller<'a>>, Refused> {
    let mut caller = None;
    for credential in &program.identity.credentials {
        let found = match credential {
            Credential::Host => host(program, request)?,
            Credential::Workload => workload(program, request)?,
            Credential::Bearer | Credential::ApiKey => None,
        };
        caller = caller.or(found);
    }
    Ok(caller)
}

#[inline(always)]
fn host<'a>(program: &Program, request: &'a Request<'a>) -> Result<Option<Caller<'a>>, Refused> {
    let Some(given) = request
        .principal
        .as_ref()
        .filter(|_| program.identity.trust_host_principal)
    else {
        return Ok(None);
    };
    check_principal(given).map_err(Refused::Malformed)?;
    if request.peer.is_some() {
        // It may not be the caller, whose roles alone are resolved.
        check_names(given.roles).map_err(Refused::Malformed)?;
    }
    Ok(Some(Caller {
        provider: given.provider.unwrap_or(HOST),
        id: given.id,
        given: Some(given),
    }))
}

fn workload<'a>(
    program: &Program,
    request: &'a Request<'a>,
) -> Result<Option<Caller<'a>>, Refused> {
    let Some(peer) = request.peer.filter(|_| program.identity.trust_host_peer) else {
        return Ok(None);
    };
    let id = SpiffeId::parse(peer).map_err(|_| Refused::Invalid("malformed"))?;
    if program
        .identity
        .trust_domains
        .get(0, id.trust_domain)
        .is_none()
    {
        return Err(Refused::Invalid("unknown_trust_domain"));
    }
    Ok(Some(Caller {
        provider: WORKLOADS,
        id: peer,
        given: None,
    }))
}
