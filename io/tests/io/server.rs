//! A key server on loopback that does as it is told: answers, rotates, stalls, lies, dies, comes back.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a test waits for what has to happen before it gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Status, headers as lines, body.
    Says(u16, &'static str, String),
    /// Exactly these bytes.
    Raw(Vec<u8>),
    /// A body of this many bytes.
    Long(usize),
    /// Never a word.
    Stalls,
    /// One byte of the body after the other, slowly.
    Drips,
    /// The connection is closed.
    HangsUp,
}

impl Reply {
    pub(crate) fn ok(body: &str) -> Self {
        Self::Says(200, "Content-Type: application/json\r\n", body.to_owned())
    }
}

#[derive(Default)]
struct Shared {
    replies: BTreeMap<String, Reply>,
    /// The paths that were asked for.
    asked: Vec<String>,
    open: Vec<TcpStream>,
    is_over: bool,
}

/// Stops when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<(Mutex<Shared>, Condvar)>,
    listening: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    /// Again where another one was.
    pub(crate) fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<(Mutex<Shared>, Condvar)>::default();
        let theirs = Arc::clone(&shared);
        let listening = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut state = theirs.0.lock().unwrap();
                if state.is_over {
                    break;
                }
                state.open.push(stream.try_clone().unwrap());
                drop(state);
                let shared = Arc::clone(&theirs);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self {
            address,
            shared,
            listening: Some(listening),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn set(&self, path: &str, reply: Reply) {
        let mut state = self.shared.0.lock().unwrap();
        state.replies.insert(path.to_owned(), reply);
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let state = self.shared.0.lock().unwrap();
        state.asked.iter().filter(|asked| *asked == path).count()
    }

    /// Waits until a path has been asked for so often.
    pub(crate) fn wait_for(&self, path: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.0.lock().unwrap();
        while state.asked.iter().filter(|asked| *asked == path).count() < times {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{path} was asked for: {:?}", state.asked);
            state = self.shared.1.wait_timeout(state, left).unwrap().0;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut state = self.shared.0.lock().unwrap();
        state.is_over = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.1.notify_all();
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn serve(mut stream: TcpStream, shared: &(Mutex<Shared>, Condvar)) {
    let Some(path) = read_path(&mut stream) else {
        return;
    };
    let reply = {
        let mut state = shared.0.lock().unwrap();
        state.asked.push(path.clone());
        shared.1.notify_all();
        state.replies.get(&path).cloned()
    };
    let reply = reply.unwrap_or(Reply::Says(404, "", "nothing is here".to_owned()));
    // Whoever asked may have gone.
    let _ = answer(&mut stream, &reply, shared);
    let _ = stream.shutdown(Shutdown::Both);
}

fn read_path(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    Some(head.split(' ').nth(1)?.to_owned())
}

fn answer(
    stream: &mut TcpStream,
    reply: &Reply,
    shared: &(Mutex<Shared>, Condvar),
) -> std::io::Result<()> {
    match reply {
        Reply::Says(status, headers, body) => write!(
            stream,
            "HTTP/1.1 {status} As told\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        ),
        Reply::Raw(bytes) => stream.write_all(bytes),
        Reply::Long(length) => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
            )?;
            let block = [b' '; 4_096];
            for _ in 0..length / block.len() {
                stream.write_all(&block)?;
            }
            Ok(())
        }
        Reply::Stalls => {
            pause(shared, PATIENCE);
            Ok(())
        }
        Reply::Drips => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
            while !pause(shared, Duration::from_millis(5)) {
                stream.write_all(b" ")?;
            }
            Ok(())
        }
        Reply::HangsUp => Ok(()),
    }
}

/// Waits until the time or the server is over; whether it is the server.
fn pause(shared: &(Mutex<Shared>, Condvar), time: Duration) -> bool {
    let state = shared.0.lock().unwrap();
    let ended = shared
        .1
        .wait_timeout_while(state, time, |state| !state.is_over)
        .unwrap();
    ended.0.is_over
}
