//! A way to the server that loses, delays and doubles answers.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What becomes of answers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Fate {
    Passes,
    /// Swallowed; the connection stays.
    Lost,
    /// Kept until the fate is another.
    Late,
    /// Sent two times.
    Twice,
    /// The connection ends instead.
    Cut,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    fate: Arc<(Mutex<Fate>, Condvar)>,
}

impl Proxy {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fate = Arc::new((Mutex::new(Fate::Passes), Condvar::new()));
        let shared = Arc::clone(&fate);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server)))
                else {
                    continue;
                };
                let (from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut &from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
                let fate = Arc::clone(&shared);
                std::thread::spawn(move || answers(&server, &client, &fate));
            }
        });
        Self { port, fate }
    }

    pub(crate) fn set(&self, fate: Fate) {
        *self.fate.0.lock().unwrap() = fate;
        self.fate.1.notify_all();
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

fn answers(mut server: &TcpStream, mut client: &TcpStream, fate: &(Mutex<Fate>, Condvar)) {
    let mut bytes = [0; 64 << 10];
    while let Ok(count @ 1..) = server.read(&mut bytes) {
        let answer = &bytes[..count];
        let mut now = fate.0.lock().unwrap();
        while *now == Fate::Late {
            now = fate.1.wait(now).unwrap();
        }
        let fate = *now;
        drop(now);
        let sent = match fate {
            Fate::Lost => Ok(()),
            Fate::Cut => break,
            Fate::Twice => client.write_all(&[answer, answer].concat()),
            Fate::Passes | Fate::Late => client.write_all(answer),
        };
        if sent.is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
