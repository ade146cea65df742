//! One connection: a question and its answer, with a deadline that holds.
//!
//! The client's own blocking connection waits without end unless told otherwise,
//! and forgets what it was told while it connects. Here every read and write has
//! what is left of the deadline, and a connection that missed one is closed, so
//! that a late answer is never taken for that of another question.

use super::url::Server;
use redis::{Cmd, ErrorKind, Parser, RedisError, ServerErrorKind, Value};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use gatelet::store::Unavailable;

/// Why there is no answer, with what the server said.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) why: Unavailable,
    pub(super) detail: String,
    /// The server does not know the script: nothing was applied.
    pub(super) no_script: bool,
}

impl Failure {
    pub(super) fn new(why: Unavailable, detail: impl ToString) -> Self {
        Self {
            why,
            detail: detail.to_string(),
            no_script: false,
        }
    }
}

pub(super) struct Connection {
    stream: TcpStream,
    parser: Parser,
    buffer: Vec<u8>,
    read_timeout: Duration,
    write_timeout: Duration,
    /// Of the pool's generations: what is older is not used again.
    pub(super) generation: u64,
}

/// Reads with what is left of a deadline.
struct UpTo<'a> {
    connection: &'a TcpStream,
    timeout: &'a mut Duration,
    started: Instant,
    budget: Duration,
}

impl Read for UpTo<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = left(self.started, self.budget)?;
            // The system's timers are coarser than the little that a first read is late.
            if *self.timeout > left + self.budget / 8 || *self.timeout < left {
                self.connection.set_read_timeout(Some(left))?;
                *self.timeout = left;
            }
            match (&mut &*self.connection).read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

fn left(started: Instant, budget: Duration) -> io::Result<Duration> {
    let left = budget.saturating_sub(started.elapsed());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}

impl Connection {
    /// Connects to the first address that answers, and signs in.
    pub(super) fn open(
        server: &Server,
        addresses: &[SocketAddr],
        started: Instant,
        budget: Duration,
    ) -> Result<Self, Failure> {
        let unreachable = |error: io::Error| Failure::new(Unavailable::Unreachable, error);
        let mut last = Failure::new(Unavailable::Unreachable, "the host has no address");
        for address in addresses {
            let left = left(started, budget).map_err(unreachable)?;
            let stream = match TcpStream::connect_timeout(address, left) {
                Ok(stream) => stream,
                Err(error) => {
                    last = unreachable(error);
                    continue;
                }
            };
            stream.set_nodelay(true).map_err(unreachable)?;
            let mut connection = Self {
                stream,
                parser: Parser::new(),
                buffer: Vec::with_capacity(1 << 10),
                read_timeout: Duration::MAX,
                write_timeout: Duration::MAX,
                generation: 0,
            };
            for command in server.sign_in() {
                // Nothing but the greeting was sent, so nothing was applied.
                connection
                    .ask(&command, started, budget)
                    .map_err(|failure| Failure {
                        why: match failure.why {
                            Unavailable::TimedOut | Unavailable::Lost => Unavailable::Unreachable,
                            why => why,
                        },
                        ..failure
                    })?;
            }
            return Ok(connection);
        }
        Err(last)
    }

    /// Sends a command and reads its answer; after any failure but the server's own the connection is of no use.
    pub(super) fn ask(
        &mut self,
        command: &Cmd,
        started: Instant,
        budget: Duration,
    ) -> Result<Value, Failure> {
        self.buffer.clear();
        command.write_packed_command(&mut self.buffer);
        self.send(started, budget)?;
        let reader = UpTo {
            connection: &self.stream,
            timeout: &mut self.read_timeout,
            started,
            budget,
        };
        let answer = self
            .parser
            .parse_value(reader)
            .and_then(Value::extract_error);
        answer.map_err(|error| classify(&error))
    }

    fn send(&mut self, started: Instant, budget: Duration) -> Result<(), Failure> {
        let mut send = || {
            let left = left(started, budget)?;
            if self.write_timeout > left + budget / 8 || self.write_timeout < left {
                self.stream.set_write_timeout(Some(left))?;
                self.write_timeout = left;
            }
            self.stream.write_all(&self.buffer)
        };
        send().map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                Failure::new(Unavailable::TimedOut, error)
            }
            _ => Failure::new(Unavailable::Lost, error),
        })
    }
}

fn classify(error: &RedisError) -> Failure {
    let why = match error.kind() {
        ErrorKind::Server(kind) => match kind {
            ServerErrorKind::ReadOnly => Unavailable::ReadOnly,
            ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown => Unavailable::Loading,
            _ => Unavailable::Refused,
        },
        ErrorKind::Extension => match error.code() {
            Some("GTCLOCK") => Unavailable::Clock,
            Some("BUSY") => Unavailable::Loading,
            Some("MISCONF" | "NOREPLICAS") => Unavailable::ReadOnly,
            _ => Unavailable::Refused,
        },
        _ if error.is_timeout() => Unavailable::TimedOut,
        _ => Unavailable::Lost,
    };
    let detail = match error.redirect_node() {
        Some(_) => format!("{error}: a Redis Cluster is not supported, only a single primary is"),
        None => error.to_string(),
    };
    Failure {
        why,
        detail,
        no_script: error.kind() == ErrorKind::Server(ServerErrorKind::NoScript),
    }
}

impl Failure {
    /// Whether the connection can be used again: the server answered, and does not stand aside.
    pub(super) fn keeps_connection(&self) -> bool {
        self.no_script
            || matches!(
                self.why,
                Unavailable::Clock | Unavailable::Refused | Unavailable::Unsupported
            )
    }
}
