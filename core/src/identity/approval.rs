//! Approvals: signed tokens that say who agreed to one act of one principal.

use super::check::text_of;
use super::claims::Claims;
use super::refusal::Refusal;
use super::rules::{Signer, TokenRules};
use super::verified::{Approval, Approver, Kept, Kind, Overage, Verified};
use crate::bytes::is_name;
use crate::crypto::digest;
use crate::json::Json;
use crate::limits::{MAX_APPROVERS, MAX_USED_APPROVALS};
use crate::program::identity::ApprovalSettings;
use crate::program::texts::Texts;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The provider under which approvals are revoked.
pub(crate) const APPROVALS: &[u8] = b"approvals";

/// What an approval's header may say that it is, or nothing.
static TYPES: LazyLock<[Box<str>; 3]> =
    LazyLock::new(|| ["jwt".into(), "approval+jwt".into(), "".into()]);

/// What an approval has to say to count at all; it always ends.
pub(crate) fn rules(settings: &ApprovalSettings) -> TokenRules<'_> {
    TokenRules {
        signer: Signer::Issuer(&settings.issuer),
        audience: &settings.audience,
        audience_claim: &[],
        algorithms: settings.algorithms,
        typ: &*TYPES,
        leeway_ms: settings.leeway_ms,
        require_exp: true,
        required: &[],
        expect: &[],
        max_lifetime_ms: None,
    }
}

/// What a verified approval approves.
pub(crate) fn read(
    claims: &Claims,
    settings: &ApprovalSettings,
    kept: Kept,
    key_id: Option<Box<[u8]>>,
) -> Result<Verified, Refusal> {
    let root = claims.root().ok_or(Refusal::Malformed)?;
    let name = |claim: &[u8]| {
        let claim = root.get(claim).ok_or(Refusal::MissingClaim)?;
        let text = claim.text().filter(|text| is_name(text));
        text.map(Box::<[u8]>::from).ok_or(Refusal::Malformed)
    };
    let approvers = root.get(b"approvers").ok_or(Refusal::MissingClaim)?;
    let approvers = approvers.items().ok_or(Refusal::Malformed)?;
    if approvers.count() > MAX_APPROVERS {
        return Err(Refusal::Oversize);
    }
    let approval = Approval {
        action: name(b"action")?,
        resource: match root.get(b"resource") {
            Some(_) => Some(name(b"resource")?),
            None => None,
        },
        approvers: approvers
            .map(|one| approver(one).ok_or(Refusal::Malformed))
            .collect::<Result<_, _>>()?,
    };
    let times = claims.times();
    let leeway_ms = settings.leeway_ms;
    Ok(Verified {
        kind: Kind::Approval,
        kept,
        provider: APPROVALS.into(),
        issuer: 0,
        configuration: settings.digest,
        layout: [0; 32],
        key: *claims.key(),
        key_id,
        id: name(b"sub")?,
        subject: None,
        token_id: text_of(claims, b"jti"),
        from_ms: times
            .nbf_ms
            .map_or(i64::MIN, |from| from.saturating_sub(leeway_ms)),
        until_ms: times
            .exp_ms
            .map_or(i64::MIN, |until| until.saturating_add(leeway_ms)),
        issued_ms: times.iat_ms,
        certificate: None,
        roles: Box::default(),
        groups: Texts::default(),
        scopes: Texts::default(),
        attributes: Box::default(),
        overage: Overage::default(),
        approval: Some(Box::new(approval)),
    })
}

/// An object with an id and a list of groups.
fn approver(one: Json<'_>) -> Option<Approver> {
    one.members()?;
    let id = one.get(b"id")?.text().filter(|id| is_name(id))?;
    let groups: Vec<&[u8]> = match one.get(b"groups") {
        Some(groups) => groups.items()?.map(Json::text).collect::<Option<_>>()?,
        None => Vec::new(),
    };
    Some(Approver {
        id: id.into(),
        groups: Texts::new(groups),
    })
}

/// Approvals that count once and did.
#[derive(Debug, Default)]
pub(crate) struct UsedApprovals {
    /// By digest of the `jti`: until when it has to be remembered.
    until_ms: Mutex<HashMap<[u8; 32], i64>>,
}

impl UsedApprovals {
    /// Whether it has counted already.
    pub(crate) fn contains(&self, approval: &Verified) -> bool {
        let Some(id) = &approval.token_id else {
            return true;
        };
        let used = self.until_ms.lock().unwrap_or_else(PoisonError::into_inner);
        used.contains_key(&digest([&**id]))
    }

    /// Uses all of them up, or none: false if one has counted already, or there is no room to remember.
    pub(crate) fn take<'v>(
        &self,
        approvals: impl Iterator<Item = &'v Verified> + Clone,
        now_ms: i64,
    ) -> bool {
        let mut used = self.until_ms.lock().unwrap_or_else(PoisonError::into_inner);
        if used.capacity() == 0 {
            // Once and for all: later ones take no memory.
            used.reserve(MAX_USED_APPROVALS);
        }
        let count = approvals.clone().count();
        if used.len() + count > MAX_USED_APPROVALS {
            used.retain(|_, until_ms| now_ms < *until_ms);
        }
        let key = |approval: &Verified| approval.token_id.as_deref().map(|id| digest([id]));
        let is_new = |approval| key(approval).is_some_and(|key| !used.contains_key(&key));
        if used.len() + count > MAX_USED_APPROVALS || !approvals.clone().all(is_new) {
            return false;
        }
        for approval in approvals {
            if let Some(key) = key(approval) {
                used.insert(key, approval.until_ms);
            }
        }
        true
    }
}
