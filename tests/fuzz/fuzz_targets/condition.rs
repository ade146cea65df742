//! A condition: parsed, checked, priced and lowered as a policy's, then decided with; and
//! evaluated as an expression of any type. Nothing panics, overflows its stack or hangs.
#![no_main]

use gatelet::{Engine, EngineConfig, Policy, Principal, Request, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let quoted = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace(['\n', '\r'], "\\n");
    let expression =
        format!("{{\"expr\": \"{quoted}\", \"bindings\": {{\"x\": [1, \"a\", null]}}}}");
    let _ = gatelet::eval::evaluate(expression.as_bytes()).to_json();
    for profile in ["strict", "extended"] {
        let policy = format!(
            "gatelet: 1\nprofile: {profile}\nidentity: {{ trust_host: [principal] }}\n\
             rules: {{ a: {{ effect: deny, when: \"{quoted}\" }} }}\n"
        );
        let Ok(policy) = Policy::load(&[Source::new("policy.yaml", policy.as_bytes())]) else {
            continue;
        };
        let Ok(engine) = Engine::new(policy, EngineConfig::replay()) else {
            continue;
        };
        let request = Request {
            method: Some(b"GET"),
            path: Some(b"/a/b?c=d"),
            host: Some(b"a.example"),
            headers: &[(b"x", b"1")],
            principal: Some(Principal {
                id: b"ann",
                groups: &[b"g"],
                ..Principal::default()
            }),
            ..Request::default()
        };
        let mut scratch = engine.scratch();
        let decision = engine.decide(&mut scratch, &request);
        assert!(!decision.allowed());
    }
});
