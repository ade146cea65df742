//! A real `redis-server` of a test's own: started, stopped, killed and started again.

use gatelet_io::{RedisOptions, RedisStore};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Tests that were left out because there is no server.
static SKIPPED: AtomicUsize = AtomicUsize::new(0);
static NUMBER: AtomicUsize = AtomicUsize::new(0);

pub(crate) struct Server {
    pub(crate) port: u16,
    folder: PathBuf,
    child: Child,
}

impl Server {
    /// A new server, or nothing, said by name and counted, where none is installed.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let has = Command::new("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        if has.is_err() {
            let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
            eprintln!("skipped {test}, number {count}: redis-server is not installed");
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("redis-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // Another program may take the port between: then the next one.
        for _ in 0..20 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            if let Some(child) = spawn(port, &folder) {
                return Some(Self {
                    port,
                    folder,
                    child,
                });
            }
        }
        panic!("redis-server does not start");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn store(&self) -> RedisStore {
        RedisStore::open(&self.url(), options()).unwrap()
    }

    /// Sends a signal, by its name: `STOP`, `CONT`, `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Kills it as a crash would.
    pub(crate) fn crash(&mut self) {
        self.signal("KILL");
        self.child.wait().unwrap();
    }

    /// Starts it again on what it had written.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.port, &self.folder).unwrap();
    }

    /// Asks the server something apart from any store.
    pub(crate) fn command(&self, words: &[&str]) -> redis::Value {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_connection().unwrap();
        let (first, rest) = words.split_first().unwrap();
        redis::cmd(first).arg(rest).query(&mut connection).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn options() -> RedisOptions {
    RedisOptions::default().with_secret("of the tests")
}

pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(child.id().to_string())
        .status();
    assert!(sent.unwrap().success());
}

/// A server that has said it is ready; nothing if it ended instead.
fn spawn(port: u16, folder: &PathBuf) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        // What was answered is on disk.
        .args(["--appendonly", "yes", "--appendfsync", "always"])
        .args(["--save", "", "--loglevel", "notice"])
        .arg("--dir")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_ready = lines.any(|line| line.is_ok_and(|line| line.contains("Ready to accept")));
    // What it says later is read, so that it never waits for us.
    std::thread::spawn(move || lines.for_each(drop));
    if !is_ready {
        child.wait().unwrap();
        return None;
    }
    Some(child)
}
