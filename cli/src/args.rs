//! What may be written after `gatelet`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gatelet::Algorithm;
use gatelet::store::CounterKey;

/// Decide requests against a policy: who is calling, how much they may call, what they may do.
#[derive(Parser)]
#[command(name = "gatelet", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Decide(Decide),
    Check(Check),
    Explain(Explain),
    Bench(Bench),
    Eval(Eval),
    #[command(subcommand)]
    Key(Key),
    #[command(subcommand)]
    Token(Token),
    Quota(Quota),
}

const EXIT_CODES: &str = "\
Exit codes:
  0    fine
  1    problems in what was read: a policy that does not load, a broken line
  2    wrong usage, or a file that cannot be read or written
  130  interrupted";

const DECIDE_HELP: &str = "\
Every line of the requests is one JSON object; empty lines are skipped. A line that is no
request is answered by {\"error\":{\"line\":N,\"message\":\"…\"}}, the rest goes on, and the exit code
is 1. Time stands still: a request's `at` is its clock, else --at, else the time of this machine.
A table is printed at the end, or every 1,000 rows.

Example:
  echo '{\"method\":\"GET\",\"path\":\"/healthz\"}' | gatelet decide --policy shop.yaml --requests -";

/// Answer requests, one per line, in order.
#[derive(Args)]
#[command(after_help = DECIDE_HELP)]
pub(crate) struct Decide {
    #[command(flatten)]
    pub(crate) policy: PolicyFiles,
    /// Requests, one JSON object per line; `-` is standard input, answered line by line.
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) requests: PathBuf,
    /// How to print the decisions.
    #[arg(long, value_enum, default_value_t = DecisionFormat::Json)]
    pub(crate) format: DecisionFormat,
    /// The time of requests that have no `at`: RFC 3339, or milliseconds since 1970.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) at: Option<String>,
}

const CHECK_HELP: &str = "\
Files that a policy includes are read too, from the directory of the first file or below it; and so
are the key sets, API keys and secrets that it needs, unless they are fetched. Warnings alone leave the exit code at 0.

Example:
  gatelet check shop.yaml --values prod.yaml";

/// Report every problem of a policy at once.
#[derive(Args)]
#[command(after_help = CHECK_HELP)]
pub(crate) struct Check {
    /// The files of one policy.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Values of this environment, over the defaults of the policy.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) values: Vec<PathBuf>,
    /// Do not look at the keys and secrets that the policy needs.
    #[arg(long)]
    pub(crate) without_keys: bool,
    /// How to print the problems.
    #[arg(long, value_enum, default_value_t = TextFormat::Human)]
    pub(crate) format: TextFormat,
}

const EXPLAIN_HELP: &str = "\
Example:
  gatelet explain --policy shop.yaml --request '{\"method\":\"GET\",\"path\":\"/t/acme/orders\"}'";

/// Say why one request is decided as it is, and what would have had to differ.
#[derive(Args)]
#[command(after_help = EXPLAIN_HELP)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) policy: PolicyFiles,
    /// The request: JSON that begins with `{`, a file of it, or `-` for standard input.
    #[arg(long, value_name = "JSON|FILE")]
    pub(crate) request: String,
    /// How to print the explanation.
    #[arg(long, value_enum, default_value_t = TextFormat::Human)]
    pub(crate) format: TextFormat,
    /// The time of a request that has no `at`: RFC 3339, or milliseconds since 1970.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) at: Option<String>,
}

const BENCH_HELP: &str = "\
How it is measured: the requests are read first, then decided in turn, again and again. A clock
costs as much as a short decision, so it is read once per batch of at least 10 µs; one sample is the
mean of one batch, and median and p99 are taken over all samples of all threads. A single slow
decision is therefore averaged with its neighbours. Allocations are counted on one more pass over
the requests, after the measured time. Time stands still at each request's `at`, else at the start,
and never goes back: effects and reasons are those of the first pass, as `decide` gives them.

Example:
  gatelet bench --policy shop.yaml --requests requests.jsonl --threads 2";

/// Measure decisions per second on your own policy and requests.
#[derive(Args)]
#[command(after_help = BENCH_HELP)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) policy: PolicyFiles,
    /// Requests, one JSON object per line; `-` is standard input.
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) requests: PathBuf,
    /// How long to measure.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) seconds: u32,
    /// How many threads decide at once.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: u16,
    /// What decisions take from limits, whatever the requests say: one that is used up is refused
    /// faster than a request passes, and `peek` uses none up.
    #[arg(long, value_enum, value_name = "CHARGE")]
    pub(crate) charge: Option<ChargeMode>,
    /// How to print the figures.
    #[arg(long, value_enum, default_value_t = TextFormat::Human)]
    pub(crate) format: TextFormat,
}

/// What decisions take from limits.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ChargeMode {
    /// The cost.
    Take,
    /// Nothing; limits are asked.
    Peek,
    /// Nothing; limits are not looked at.
    None,
}

const EVAL_HELP: &str = "\
Bindings are plain JSON (numbers without a point are ints, objects are maps), or encoded: an object
of one member that names the type, such as {\"uint\": \"3\"}, {\"timestamp\": [\"0\", 0]} or
{\"map\": [[key, value], …]}. Nothing is declared, so types are found out by evaluating.

Lines of --jsonl are {\"id\"?, \"expr\", \"bindings\"?, \"container\"?, \"type_env\"?, \"disable_check\"?,
\"check_only\"?}; each is answered by {\"id\", \"value\"}, {\"id\", \"type\"} or {\"id\", \"error\"}. A line
that is none is answered by {\"error\":{\"line\":N,\"message\":\"…\"}}, the rest goes on, and the exit code is 1.

Example:
  gatelet eval 'ip(a).inCidr(\"10.0.0.0/8\") && size(roles) > 1' \\
    --bindings '{\"a\": \"10.1.2.3\", \"roles\": [\"clerk\", \"manager\"]}'";

/// Evaluate an expression of the condition language, to try it out.
#[derive(Args)]
#[command(after_help = EVAL_HELP)]
pub(crate) struct Eval {
    /// The expression.
    #[arg(
        value_name = "EXPR",
        required_unless_present = "jsonl",
        allow_hyphen_values = true
    )]
    pub(crate) expression: Option<String>,
    /// The variables of the expression: a JSON object of their values.
    #[arg(long, value_name = "JSON", conflicts_with = "jsonl")]
    pub(crate) bindings: Option<String>,
    /// Many expressions, one JSON object per line; `-` is standard input, answered line by line.
    #[arg(long, value_name = "FILE", conflicts_with = "expression")]
    pub(crate) jsonl: Option<PathBuf>,
    /// How to print the value; the answers to --jsonl are always JSON.
    #[arg(long, value_enum, default_value_t = TextFormat::Human)]
    pub(crate) format: TextFormat,
}

const QUOTA_HELP: &str = "\
Counters are told apart by digests of what a limit counts by: the values themselves are not in the
store. What processes hold in leases is counted as used; a reset does not take it from them.

Example:
  gatelet quota show plan --store redis://localhost";

/// Show, reset and export the live counters of a store.
#[derive(Args)]
#[command(after_help = QUOTA_HELP)]
pub(crate) struct Quota {
    #[command(subcommand)]
    pub(crate) act: QuotaAct,
}

#[derive(Subcommand)]
pub(crate) enum QuotaAct {
    /// Show each limit that has live counters, and its fullest one.
    List {
        #[command(flatten)]
        at: StoreAt,
        /// How to print them.
        #[arg(long, value_enum, default_value_t = TextFormat::Human)]
        format: TextFormat,
    },
    /// Show the live counters of one limit, the fullest first.
    Show {
        /// The limit's id.
        limit: String,
        /// Only this counter: 32 hexadecimal digits.
        #[arg(long)]
        key: Option<CounterKey>,
        #[command(flatten)]
        at: StoreAt,
        /// How to print them.
        #[arg(long, value_enum, default_value_t = TextFormat::Human)]
        format: TextFormat,
    },
    /// Forget the counters of one limit: what was used is free again.
    Reset {
        /// The limit's id.
        limit: String,
        /// Only this counter: 32 hexadecimal digits.
        #[arg(long)]
        key: Option<CounterKey>,
        #[command(flatten)]
        at: StoreAt,
    },
    /// Write every live counter as a line of JSON.
    Export {
        #[command(flatten)]
        at: StoreAt,
    },
}

/// The store that is looked at.
#[derive(Args)]
pub(crate) struct StoreAt {
    /// Where it is: `redis://[user[:password]@]host[:port][/database]`.
    #[arg(long, value_name = "URL")]
    pub(crate) store: String,
    /// What its keys begin with.
    #[arg(long, value_name = "TEXT", default_value = "gatelet")]
    pub(crate) prefix: String,
    /// The files of a policy: only its limits are looked at, and those without a live counter are shown too.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) policy: Vec<PathBuf>,
    /// Values of this environment, over the defaults of the policy.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "policy")]
    pub(crate) values: Vec<PathBuf>,
}

/// The policy that decides.
#[derive(Args)]
pub(crate) struct PolicyFiles {
    /// The files of one policy; what they include is read too.
    #[arg(long = "policy", value_name = "FILE", required = true, num_args = 1..)]
    pub(crate) files: Vec<PathBuf>,
    /// Values of this environment, over the defaults of the policy.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) values: Vec<PathBuf>,
    /// The key set of an issuer whose keys would be fetched; nothing is fetched here.
    #[arg(long, value_name = "ISSUER=FILE", num_args = 1..)]
    pub(crate) keys: Vec<String>,
}

/// Make API keys.
#[derive(Subcommand)]
pub(crate) enum Key {
    New(NewKey),
}

const KEY_HELP: &str = "\
The key is printed once, with the entry by which a file of API keys knows it: an HMAC under the
pepper, from which the key cannot be had. Nothing is stored.

Example:
  gatelet key new --env prod --app shop-mobile --pepper-file pepper";

/// Make an API key and show it once, with its entry for the file of API keys.
#[derive(Args)]
#[command(after_help = KEY_HELP)]
pub(crate) struct NewKey {
    /// The environment that the key is for, which its text tells.
    #[arg(long, value_name = "NAME")]
    pub(crate) env: String,
    /// The app that the key stands for.
    #[arg(long, value_name = "NAME")]
    pub(crate) app: String,
    /// The id of the key, which its text tells; by default one that no other key has.
    #[arg(long, value_name = "NAME")]
    pub(crate) id: Option<String>,
    /// The first moment without it, as in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) not_after: Option<String>,
    /// The file that holds the pepper.
    #[arg(long, value_name = "FILE", required_unless_present = "pepper_env")]
    pub(crate) pepper_file: Option<PathBuf>,
    /// The variable of the environment that holds the pepper.
    #[arg(long, value_name = "NAME", conflicts_with = "pepper_file")]
    pub(crate) pepper_env: Option<String>,
    /// How to print the key.
    #[arg(long, value_enum, default_value_t = TextFormat::Human)]
    pub(crate) format: TextFormat,
}

/// Tell why a token is accepted or refused.
#[derive(Subcommand)]
pub(crate) enum Token {
    Inspect(Inspect),
}

/// The name of an algorithm that tokens may be signed with.
fn algorithm(name: &str) -> Result<String, &'static str> {
    let known = Algorithm::of_name(name.as_bytes()).map(|_| name.to_owned());
    known.ok_or("no algorithm that tokens are signed with; one is ES256")
}

const INSPECT_HELP: &str = "\
The exit code is 0 for a token that is good, and 1 for one that is refused. Neither a signature nor a
key is printed. What an engine was told to revoke is not known here. A token on the command line is
seen by who may list processes; `-` reads it from the standard input.

Examples:
  gatelet token inspect --policy shop.yaml - < token
  gatelet token inspect --keys jwks.json --issuer https://login.shop.example/ --audience shop-api -";

/// Say step by step why a token is accepted or refused.
#[derive(Args)]
#[command(after_help = INSPECT_HELP)]
pub(crate) struct Inspect {
    /// The token, or `-` for the standard input.
    #[arg(value_name = "TOKEN", default_value = "-")]
    pub(crate) token: String,
    /// A file of the policy whose issuers are asked.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Vec<PathBuf>,
    /// Values of this environment, over the defaults of the policy.
    #[arg(long, value_name = "FILE")]
    pub(crate) values: Vec<PathBuf>,
    /// A key set: ISSUER=FILE for an issuer of the policy whose keys would be fetched, FILE without a policy.
    #[arg(long, value_name = "[ISSUER=]FILE")]
    pub(crate) keys: Vec<String>,
    /// The issuer: its name in the policy, by default as the token says; the `iss` claim without a policy.
    #[arg(long, value_name = "NAME")]
    pub(crate) issuer: Option<String>,
    /// One of these has to be the audience; without a policy only.
    #[arg(long, value_name = "NAME", conflicts_with = "policy")]
    pub(crate) audience: Vec<String>,
    /// Signed with one of these, by default with any key pair; without a policy only.
    #[arg(long, value_name = "ALG", conflicts_with = "policy", value_parser = algorithm)]
    pub(crate) algorithm: Vec<String>,
    /// The time that counts: RFC 3339, or milliseconds since 1970; by default now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) at: Option<String>,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t = TextFormat::Human)]
    pub(crate) format: TextFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecisionFormat {
    /// One JSON object per line.
    Json,
    /// A table for people.
    Table,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextFormat {
    /// Text for people.
    Human,
    /// One JSON object.
    Json,
}
