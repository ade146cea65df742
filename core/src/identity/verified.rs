//! What is known of a credential that was verified: immutable, and shared by all threads.

use crate::program::roles::RoleId;
use crate::program::texts::Texts;
use core::net::IpAddr;

/// What a credential was handed in as. The same text as another kind is another credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Bearer,
    ApiKey,
    Approval,
}

/// How the credential's text is kept, to be compared with what comes.
#[derive(Debug)]
pub(crate) enum Kept {
    Text(Box<[u8]>),
    Digest([u8; 32]),
}

/// A verified credential and what it says of its holder.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) kind: Kind,
    pub(crate) kept: Kept,
    /// Who vouches for it, and the number of its issuer where it has one.
    pub(crate) provider: Box<[u8]>,
    pub(crate) issuer: u32,
    /// Of the issuer's configuration, and of what the numbers of roles and attributes mean.
    pub(crate) configuration: [u8; 32],
    pub(crate) layout: [u8; 32],
    /// The key that signed it, or the stored digest of the API key.
    pub(crate) key: [u8; 32],
    pub(crate) key_id: Option<Box<[u8]>>,
    /// The principal's id, and the token's own `sub` and `jti`.
    pub(crate) id: Box<[u8]>,
    pub(crate) subject: Option<Box<[u8]>>,
    pub(crate) token_id: Option<Box<[u8]>>,
    /// From (inclusive) and until (exclusive) when it is good, leeway included, in milliseconds since 1970.
    pub(crate) from_ms: i64,
    pub(crate) until_ms: i64,
    pub(crate) issued_ms: Option<i64>,
    /// SHA-256 of the certificate that it is bound to (RFC 8705 §3.1).
    pub(crate) certificate: Option<[u8; 32]>,
    pub(crate) roles: Box<[RoleId]>,
    pub(crate) groups: Texts,
    pub(crate) scopes: Texts,
    /// By number of the declared attribute, ascending.
    pub(crate) attributes: Box<[(u16, Claim)]>,
    /// What the token does not tell because it would be too much.
    pub(crate) overage: Overage,
    pub(crate) approval: Option<Box<Approval>>,
}

/// The value of an attribute, as it is declared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Claim {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<[u8]>),
    Ip(IpAddr),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// Milliseconds.
    Duration(i64),
    Texts(Texts),
    /// It is there and cannot be read as declared.
    Unclear,
    /// It is too much for the token, and stands elsewhere.
    Overage,
}

/// Which lists are elsewhere (OpenID Connect Core §5.6.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overage {
    pub(crate) roles: bool,
    pub(crate) groups: bool,
    pub(crate) scopes: bool,
    /// Any attribute.
    pub(crate) attributes: bool,
}

impl Overage {
    #[inline]
    pub(crate) const fn any(self) -> bool {
        self.roles | self.groups | self.scopes | self.attributes
    }
}

/// What an approval approves, and who gave it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Approval {
    pub(crate) action: Box<[u8]>,
    pub(crate) resource: Option<Box<[u8]>>,
    pub(crate) approvers: Box<[Approver]>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Approver {
    pub(crate) id: Box<[u8]>,
    pub(crate) groups: Texts,
}

impl Verified {
    /// The value of a declared attribute.
    pub(crate) fn attribute(&self, number: u16) -> Option<&Claim> {
        let at = self
            .attributes
            .binary_search_by_key(&number, |(number, _)| *number)
            .ok()?;
        self.attributes.get(at).map(|(_, claim)| claim)
    }

    /// What it takes in memory, in bytes.
    pub(crate) fn bytes_held(&self) -> usize {
        let optional = |text: &Option<Box<[u8]>>| text.as_ref().map_or(0, |text| text.len());
        let kept = match &self.kept {
            Kept::Text(text) => text.len(),
            Kept::Digest(_) => 0,
        };
        let attributes: usize = self.attributes.iter().map(|(_, claim)| claim.bytes()).sum();
        let approval = self.approval.as_ref().map_or(0, |approval| {
            let approvers = approval.approvers.iter();
            let each =
                approvers.map(|one| size_of::<Approver>() + one.id.len() + one.groups.bytes_held());
            size_of::<Approval>()
                + approval.action.len()
                + optional(&approval.resource)
                + each.sum::<usize>()
        });
        size_of::<Self>()
            + kept
            + self.provider.len()
            + self.id.len()
            + optional(&self.key_id)
            + optional(&self.subject)
            + optional(&self.token_id)
            + size_of_val(&*self.roles)
            + self.groups.bytes_held()
            + self.scopes.bytes_held()
            + attributes
            + approval
    }
}

impl Claim {
    fn bytes(&self) -> usize {
        size_of::<(u16, Self)>()
            + match self {
                Self::Text(text) => text.len(),
                Self::Texts(texts) => texts.bytes_held(),
                _ => 0,
            }
    }
}
