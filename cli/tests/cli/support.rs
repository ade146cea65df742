//! Runs the built binary in a directory of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A policy that says something of everything that the command line prints.
pub(crate) const POLICY: &str = "\
gatelet: 1
identity: { trust_host: [principal] }
actions:
  orders.read: { about: Read orders, routes: [\"GET /t/{tenant}/orders\"] }
  orders.refund: { about: Pay back, routes: [\"POST /t/{tenant}/refund\"] }
roles:
  clerk: { can: [orders.read] }
  manager: { inherits: [clerk], can: [orders.refund] }
grants:
  - { role: manager, to: { user: dana, of: host }, until: 2026-06-01T00:00:00Z }
rules:
  health: { effect: allow, match: { route: \"GET /healthz\", who: anyone } }
  closed: { effect: deny, match: { path: \"/internal/{**}\" } }
  audit: { effect: require, match: { action: orders.refund }, require: { audit: { level: full } } }
  trial: { effect: deny, mode: shadow, match: { path: /healthz } }
on_allow: { headers: { x-principal: { from: principal.id } } }
strip: [x-principal]
";

/// Before the grant of [`POLICY`] ends.
pub(crate) const EARLY: &str = "2026-03-01T12:00:00Z";

pub(crate) struct Directory(PathBuf);

impl Directory {
    /// An empty directory for one test.
    pub(crate) fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory for the test");
        Self(path)
    }

    /// One with `shop.yaml` in it.
    pub(crate) fn with_policy(test: &str) -> Self {
        let directory = Self::new(test);
        directory.write("shop.yaml", POLICY);
        directory
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file of the test");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatelet"));
        command
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::new(self.command(arguments).output().expect("the binary runs"))
    }

    /// Runs with `input` as the standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Run {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // A command that fails early does not read to the end.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("the binary ends");
        writer.join().expect("the writer ends");
        Run::new(output)
    }
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    fn new(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("the output is text"),
            stderr: String::from_utf8(output.stderr).expect("the errors are text"),
        }
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Checks that the one line of errors says all of this.
    #[track_caller]
    pub(crate) fn fails_with(self, code: i32, words: &[&str]) {
        let run = self.exits(code);
        assert!(run.stderr.starts_with("gatelet: "), "{run:#?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
        for word in words {
            assert!(run.stderr.contains(word), "{word:?} is missing: {run:#?}");
        }
    }

    /// The output, one JSON value per line.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).expect(line);
        self.stdout.lines().map(parse).collect()
    }
}
