//! Hostile input: policies get a diagnostic, requests a deny; nothing panics, hangs or is allowed.

mod hostile {
    pub(crate) mod bounds;
    pub(crate) mod conditions;
    pub(crate) mod mutation;
    pub(crate) mod policies;
    pub(crate) mod requests;
    pub(crate) mod tokens;
}

use gatelet::{Engine, EngineConfig, LoadError, Policy, Source};

/// Smaller than any thread that a host would start.
const SMALL_STACK: usize = 128 << 10;

fn load(bytes: &[u8]) -> Result<Policy, LoadError> {
    Policy::load(&[Source::new("policy.yaml", bytes)])
}

fn engine(text: &str) -> Engine {
    let policy = load(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    Engine::new(policy, EngineConfig::replay()).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs the work on a thread whose stack a recursion over the input would exhaust.
fn on_small_stack(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(SMALL_STACK)
            .spawn_scoped(scope, work);
        assert!(thread.unwrap().join().is_ok());
    });
}
