//! The same traffic with tokens: each principal has one of about 900 bytes, and the policy verifies it.

use crate::traffic::{PersonView, Traffic};
use crate::workload::Workload;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatelet::{Engine, EngineConfig, Keys, Origin, Policy, Request, Source};
use std::error::Error;

const SECRET: [u8; 32] = [0x5a; 32];
const TRUST: &str = "identity: { trust_host: [principal] }\n";
/// What stands in a token beside what is read.
const FILLING: &str = r#""jti":"7a1f9c6e-1f7b-4f3c-9c5e-0a1b2c3d4e5f","azp":"shop-web","session_state":"f4a1b2c3-d4e5-46f7-8899-aabbccddeeff","acr":"1","scope":"openid profile email orders.read orders.write","email_verified":true,"name":"Dana Example","preferred_username":"dana","email":"dana@shop.example","locale":"en","zoneinfo":"Europe/Berlin","allowed-origins":["https://shop.example"]"#;

/// A policy that verifies tokens, and the tokens of its principals.
#[derive(Debug)]
pub struct Bearers {
    policy: String,
    tokens: Vec<String>,
}

impl Bearers {
    /// One token for each principal; roles come from a claim.
    #[must_use]
    pub fn new(workload: &Workload, traffic: &Traffic) -> Self {
        let roles: Vec<String> = (0..workload.roles)
            .map(|role| format!("role-{role}"))
            .collect();
        let issuer = format!(
            "identity:\n  issuers:\n    login:\n      issuer: https://login.shop.example/\n      audience: [shop-api]\n      algorithms: [HS256]\n      keys: {{ file: login.jwks.json }}\n      principal: {{ id: [sub], roles: {{ from: [[roles]], only: [{}] }} }}\n",
            roles.join(", ")
        );
        let tokens = traffic.people.iter().map(|person| {
            let roles = person.role_names.join("\",\"");
            token(&format!(
                r#"{{"iss":"https://login.shop.example/","aud":"shop-api","sub":"{}","exp":4102444800,"iat":1789999000,"roles":["{roles}"],{FILLING}}}"#,
                person.id
            ))
        });
        Self {
            policy: workload.policy().replace(TRUST, &issuer),
            tokens: tokens.collect(),
        }
    }

    /// An engine that verifies them.
    ///
    /// # Errors
    /// The policy is refused.
    pub fn engine(&self) -> Result<Engine, Box<dyn Error>> {
        let policy = Policy::load(&[Source::new("bench.yaml", self.policy.as_bytes())])?;
        let key = URL_SAFE_NO_PAD.encode(SECRET);
        let set = format!(r#"{{"keys":[{{"kty":"oct","alg":"HS256","k":"{key}"}}]}}"#);
        let keys = Keys::new().with(Origin::file("login.jwks.json"), set);
        Ok(Engine::new(
            policy,
            EngineConfig::default().with_keys(keys),
        )?)
    }

    /// The requests of the traffic, each with its principal's token instead of the principal.
    pub fn requests<'t>(
        &'t self,
        traffic: &'t Traffic,
        views: &'t [PersonView<'t>],
    ) -> impl Iterator<Item = Request<'t>> {
        let tokens = traffic
            .calls
            .iter()
            .map(|call| self.tokens.get(call.person));
        traffic
            .requests(views)
            .zip(tokens)
            .map(|(request, token)| Request {
                principal: None,
                bearer: token.map(String::as_bytes),
                ..request
            })
    }
}

fn token(claims: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &SECRET);
    let signature = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}
