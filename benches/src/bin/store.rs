//! What limits in a store cost: decisions by leases, and strict ones against a bare round trip of the same script.
//!
//! Starts a `redis-server` of its own on loopback. Figures are for reading, and for
//! comparing within one run.

use comfy_table::Table;
use gatelet::store::{Answer, Charge, CounterKey, Kind, QuotaStore, Window};
use gatelet::{Engine, EngineConfig, Policy, Request, Source};
use gatelet_io::{RedisOptions, RedisStore};
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MEASURED: Duration = Duration::from_millis(500);
/// The one in the middle counts.
const ROUNDS: usize = 9;
/// Rounds that do not count.
const WARM: usize = 2;
const GOAL_PER_S: f64 = 1e6;
const GOAL_RATIO: f64 = 1.3;

/// What the store sends.
const TAKE: &str = concat!(
    include_str!("../../../io/src/redis/scripts/common.lua"),
    "\n",
    include_str!("../../../io/src/redis/scripts/take.lua"),
);

type Failed = Box<dyn Error + Send + Sync>;

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Result<Self, Failed> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let mut child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("redis-server: {error} (apt install redis-server)"))?;
        let lines = child.stdout.take().map(BufReader::new);
        let mut lines = lines.ok_or("redis-server says nothing")?.lines();
        if !lines.any(|line| line.is_ok_and(|line| line.contains("Ready to accept"))) {
            return Err("redis-server does not start".into());
        }
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, port })
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn store(&self) -> Result<Arc<RedisStore>, Failed> {
        let options = RedisOptions::default().with_secret("of the benches");
        Ok(Arc::new(RedisStore::open(&self.url(), options)?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() -> Result<(), Failed> {
    let server = Server::start()?;
    let mut table = Table::new();
    table.set_header(["what", "per second", "goal"]);
    for (batch, threads, callers) in [
        (100, 1, 1),
        (100, 1, 1_000),
        (1_000, 1, 1),
        (1_000, 2, 1_000),
    ] {
        let rate = leased(&server, batch, threads, callers)?;
        table.add_row([
            format!("decisions by leases of {batch}, {threads} threads, {callers} callers"),
            format!("{rate:.0}"),
            format!("{GOAL_PER_S:.0}"),
        ]);
    }
    // By turns, so that what else the machine does meets all of them.
    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let rates = [bare(&server)?, strict(&server)?, strict_decisions(&server)?];
        for (of, rate) in rounds.iter_mut().zip(rates) {
            of.push(rate);
        }
    }
    let [bare, strict, decided] = rounds.map(median);
    for (what, rate) in [
        (
            "bare EVALSHA of the same script, by the client's own connection",
            bare,
        ),
        ("strict charges", strict),
        ("strict decisions", decided),
    ] {
        let goal = format!("{:.2}x of bare, goal {GOAL_RATIO}x", bare / rate);
        table.add_row([what.to_owned(), format!("{rate:.0}"), goal]);
    }
    println!("{table}");
    Ok(())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How often in a second, over the measured time, in batches between looks at the clock.
fn per_second(mut work: impl FnMut(u64) -> Result<u64, Failed>) -> Result<f64, Failed> {
    let started = Instant::now();
    let mut done = 0;
    while started.elapsed() < MEASURED {
        done += work(done)?;
    }
    Ok(done as f64 / started.elapsed().as_secs_f64())
}

fn engine(server: &Server, settings: &str) -> Result<Engine, Failed> {
    let text = format!(
        "gatelet: 1
rules: {{ all: {{ effect: allow, match: {{ who: anyone }} }} }}
limits: {{ plan: {{ by: [source.ip], window: {{ first_request: 30d }}, limit: 100000000000, store: {{ {settings} }} }} }}
"
    );
    let policy = Policy::load(&[Source::new("bench.yaml", text.as_bytes())])?;
    Ok(Engine::new(
        policy,
        EngineConfig::default().with_store(server.store()?),
    )?)
}

fn addresses(count: u32) -> Vec<String> {
    (0..count)
        .map(|number| Ipv4Addr::from(number).to_string())
        .collect()
}

fn request(address: &str) -> Request<'_> {
    Request {
        method: Some(b"GET"),
        path: Some(b"/"),
        source_ip: Some(address.as_bytes()),
        ..Request::default()
    }
}

fn leased(server: &Server, batch: u32, threads: usize, callers: u32) -> Result<f64, Failed> {
    let addresses = addresses(callers);
    let requests: Vec<_> = addresses.iter().map(|address| request(address)).collect();
    let settings = format!("redis: leased, batch: {batch}, budget: 1s");
    let engine = engine(server, &settings)?;
    let rates = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|thread| {
                let (engine, requests) = (&engine, &requests);
                scope.spawn(move || {
                    let mut scratch = engine.scratch();
                    // Threads begin at different callers.
                    let mut turns = requests.iter().cycle().skip(thread * 7);
                    let mut some = |_| {
                        for request in turns.by_ref().take(1_000) {
                            let decision = engine.decide(&mut scratch, black_box(request));
                            if !black_box(&decision).allowed() {
                                return Err(format!("refused: {}", decision.reason()).into());
                            }
                        }
                        Ok(1_000)
                    };
                    // Batches grow while they are used, so every caller has to have come often.
                    for _ in 0..WARM {
                        per_second(&mut some)?;
                    }
                    let rates: Result<Vec<_>, Failed> =
                        (0..ROUNDS).map(|_| per_second(&mut some)).collect();
                    rates.map(median)
                })
            })
            .collect();
        let joined = started.into_iter().map(|thread| match thread.join() {
            Ok(rate) => rate,
            Err(_) => Err("a thread panicked".into()),
        });
        joined.collect::<Result<Vec<_>, Failed>>()
    })?;
    Ok(rates.iter().sum())
}

fn strict_decisions(server: &Server) -> Result<f64, Failed> {
    let engine = engine(server, "redis: strict, budget: 1s")?;
    let mut scratch = engine.scratch();
    let request = request("192.0.2.1");
    per_second(|_| {
        for _ in 0..100 {
            let decision = engine.decide(&mut scratch, black_box(&request));
            if !black_box(&decision).allowed() {
                return Err(format!("refused: {}", decision.reason()).into());
            }
        }
        Ok(100)
    })
}

const KIND: Kind = Kind::Window {
    limit: 100_000_000_000,
    window: Window::FirstRequest {
        length_ms: 3_600_000,
    },
};

fn strict(server: &Server) -> Result<f64, Failed> {
    let (store, limit) = (server.store()?, Arc::<str>::from("plan"));
    let charge = Charge {
        limit: &limit,
        key: CounterKey([1; 16]),
        kind: KIND,
        cost: 1,
        owed: 0,
    };
    let mut answers = [Answer::default()];
    per_second(|_| {
        for _ in 0..100 {
            store.take(&[charge], Duration::from_secs(1), &mut answers)?;
            black_box(&answers);
        }
        Ok(100)
    })
}

/// The same script with the same arguments, found by what the server was sent before.
fn bare(server: &Server) -> Result<f64, Failed> {
    let (key, charge) = (
        "gatelet:w:bare:00",
        ["w", "1", "0", "100000000000", "o", "3600000"],
    );
    let script = redis::Script::new(TAKE);
    let client = redis::Client::open(server.url())?;
    let mut connection = client.get_connection()?;
    let _sha: String = script.load(&mut connection)?;
    per_second(|done| {
        for number in 0..100 {
            let mut command = redis::cmd("EVALSHA");
            command.arg(script.get_hash()).arg(1).arg(key);
            command.arg("take").arg(done + number + 1).arg(&charge);
            command.arg("").arg("").arg("").arg("");
            let answer: Vec<i64> = command.query(&mut connection)?;
            black_box(&answer);
        }
        Ok(100)
    })
}
