//! Generated policies and requests, and how they are measured.
//!
//! Every workload is a function of its shape and size: two runs, on whatever
//! machine, decide the same requests by the same rules. What an engine answers
//! is compared with [`Workload::allows`] before it is timed.

mod bearer;
pub mod measure;
mod policy;
mod rng;
mod traffic;
mod workload;

pub use bearer::Bearers;
pub use rng::Rng;
pub use traffic::{Call, HEADERS, Person, PersonView, Traffic};
pub use workload::{Condition, Rule, Shape, Workload};

/// How many rules the policies have.
pub const SIZES: [usize; 4] = [10, 1_000, 10_000, 100_000];
