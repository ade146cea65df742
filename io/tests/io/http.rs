//! Fetching: what is taken of an answer, what is no answer, and how it ends.

use crate::server::{PATIENCE, Reply, Server};
use gatelet_io::{Http, HttpOptions, HttpOptionsError, Roots};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

const AUTHORITY: &[u8] = include_bytes!("tls/authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("tls/server.pem");
const KEY: &[u8] = include_bytes!("tls/server.key.pem");
const SHORT: Duration = Duration::from_millis(200);

fn client() -> Http {
    Http::new(&HttpOptions::default()).unwrap()
}

#[test]
fn what_is_taken_of_an_answer() {
    let headers = "cache-control: public\r\nAge: 7\r\nCache-Control: max-age=60\r\n";
    let redirect = "Location: /elsewhere\r\n";
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let table = [
        (Reply::ok("{}"), 200, "{}"),
        (Reply::Says(200, headers, "keys".to_owned()), 200, "keys"),
        (Reply::Says(500, "", "a long story".to_owned()), 500, ""),
        (Reply::Says(404, "", String::new()), 404, ""),
        (Reply::Says(302, redirect, "over there".to_owned()), 302, ""),
        (Reply::Raw(chunked.to_vec()), 200, "abc"),
    ];
    let (server, client) = (Server::start(), client());
    for (number, (reply, status, body)) in table.into_iter().enumerate() {
        let path = format!("/{number}");
        server.set(&path, reply.clone());
        let answer = client.get(&server.url(&path), PATIENCE, 100).unwrap();
        let fetched = answer.fetched();
        assert_eq!(
            (fetched.status, fetched.body),
            (status, body.as_bytes()),
            "{reply:?}"
        );
        if let Reply::Says(200, headers, _) = reply
            && headers.contains("Age")
        {
            assert_eq!(fetched.cache_control, Some("public, max-age=60"));
            assert_eq!(fetched.age, Some("7"));
        }
        let is_redirect = status == 302;
        assert_eq!(fetched.location, is_redirect.then_some("/elsewhere"));
        assert_eq!(server.asked(&path), 1);
    }
    assert_eq!(server.asked("/elsewhere"), 0, "redirects are not followed");
}

#[test]
fn no_more_is_read_than_may_be() {
    let endless = b"HTTP/1.1 200 OK\r\n\r\n"
        .iter()
        .copied()
        .chain([b'x'; 100_000]);
    let table = [Reply::Long(10 << 20), Reply::Raw(endless.collect())];
    let (server, client) = (Server::start(), client());
    for reply in table {
        server.set("/long", reply);
        let answer = client.get(&server.url("/long"), PATIENCE, 1_000).unwrap();
        assert_eq!(
            answer.fetched().body.len(),
            1_001,
            "one more tells that it is too long"
        );
    }
}

#[test]
fn what_is_no_answer() {
    let short_of = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}";
    let half_a_chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc";
    let headers = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let table = [
        (Reply::Stalls, "in time"),
        (Reply::Drips, "in time"),
        (Reply::HangsUp, ""),
        (Reply::Raw(short_of.to_vec()), ""),
        (Reply::Raw(half_a_chunk.to_vec()), ""),
        (Reply::Raw(headers.into_bytes()), ""),
        (Reply::Raw(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()), ""),
        (
            Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}".to_vec()),
            "",
        ),
    ];
    let (server, client) = (Server::start(), client());
    for (reply, words) in table {
        server.set("/keys?code=hidden", reply.clone());
        let refused = client.get(&server.url("/keys?code=hidden"), SHORT, 1_000);
        let error = refused.expect_err(&format!("{reply:?}")).to_string();
        assert!(error.contains(words), "{reply:?}: {error}");
        assert!(
            !error.is_empty() && !error.contains("hidden"),
            "{reply:?}: {error}"
        );
    }
    let gone = server.url("/");
    drop(server);
    let error = client.get(&gone, PATIENCE, 1_000).unwrap_err().to_string();
    assert!(error.to_lowercase().contains("refused"), "{error}");
    assert!(client.get("https://", PATIENCE, 1_000).is_err());
}

#[test]
fn stopping_ends_what_is_under_way() {
    let (server, client) = (Server::start(), client());
    server.set("/stalls", Reply::Stalls);
    server.set("/drips", Reply::Drips);
    let (ended, ends) = channel();
    for path in ["/stalls", "/drips"] {
        let (client, url, ended) = (client.clone(), server.url(path), ended.clone());
        std::thread::spawn(move || ended.send(client.get(&url, PATIENCE * 100, 1_000).is_err()));
    }
    server.wait_for("/stalls", 1);
    server.wait_for("/drips", 1);
    client.stop();
    for _ in 0..2 {
        assert_eq!(ends.recv_timeout(PATIENCE), Ok(true));
    }
    server.set("/", Reply::ok("{}"));
    assert!(
        client.get(&server.url("/"), PATIENCE, 1_000).is_err(),
        "it has stopped"
    );
}

/// One connection after the other, each answered with `{}` if TLS stands.
fn start_with_tls() -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut head = [0; 1_024];
            if stream.read(&mut head).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            }
        }
    });
    port
}

#[test]
fn servers_prove_who_they_are() {
    let port = start_with_tls();
    let own = Roots::Pem(AUTHORITY.to_vec());
    let table = [
        ("localhost", own.clone(), true),
        ("127.0.0.1", own, false),
        ("localhost", Roots::Bundled, false),
    ];
    for (host, roots, is_believed) in table {
        let options = HttpOptions {
            roots: roots.clone(),
            ..HttpOptions::default()
        };
        let client = Http::new(&options).unwrap();
        let got = client.get(&format!("https://{host}:{port}/"), PATIENCE, 100);
        assert_eq!(got.is_ok(), is_believed, "{host} {roots:?} {got:?}");
    }
}

#[test]
fn options_that_cannot_be_used() {
    let with = |change: fn(&mut HttpOptions)| {
        let mut options = HttpOptions::default();
        change(&mut options);
        Http::new(&options).err()
    };
    let table: [(fn(&mut HttpOptions), _); 5] = [
        (
            |options| options.roots = Roots::Pem(Vec::new()),
            HttpOptionsError::Roots,
        ),
        (
            |options| options.roots = Roots::Pem(KEY.to_vec()),
            HttpOptionsError::Roots,
        ),
        (
            |options| options.proxy = Some("a b".into()),
            HttpOptionsError::Proxy,
        ),
        (
            |options| options.user_agent = "a\r\nb".into(),
            HttpOptionsError::UserAgent,
        ),
        (
            |options| options.user_agent = "ä".into(),
            HttpOptionsError::UserAgent,
        ),
    ];
    for (change, expected) in table {
        assert_eq!(with(change), Some(expected));
    }
    assert_eq!(
        with(|options| options.proxy = Some("http://proxy.example:3128".into())),
        None
    );
}
