//! Where the server is and how to sign in, from a URL.

use redis::{Cmd, ConnectionAddr, IntoConnectionInfo};
use std::fmt;

/// Host, port, database and credentials.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    database: i64,
    username: Option<String>,
    password: Option<String>,
}

/// Why a URL names no server that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreUrlError(String);

impl fmt::Display for StoreUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreUrlError {}

impl Server {
    /// Reads `redis://[user[:password]@]host[:port][/database]`.
    pub(super) fn parse(url: &str) -> Result<Self, StoreUrlError> {
        // The URL may hold a password: it is in no message.
        let wrong = |what: &str| {
            StoreUrlError(format!(
                "{what}: write redis://[user[:password]@]host[:port][/database]"
            ))
        };
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        match scheme {
            Some("redis" | "valkey") => {}
            Some("rediss" | "valkeys") => {
                return Err(wrong(
                    "TLS to the store is not supported, use a TLS proxy beside this process",
                ));
            }
            Some("unix" | "redis+unix" | "valkey+unix") => {
                return Err(wrong("Unix sockets are not supported"));
            }
            _ => return Err(wrong("this is no URL of a store")),
        }
        let info = url
            .into_connection_info()
            .map_err(|_| wrong("this is no URL of a store"))?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(wrong("only TCP is supported"));
        };
        let settings = info.redis_settings();
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: *port,
            database: settings.db(),
            username: settings.username().map(str::to_owned),
            password: settings.password().map(str::to_owned),
        })
    }

    /// What is sent first.
    pub(super) fn sign_in(&self) -> impl Iterator<Item = Cmd> {
        let auth = self.password.as_ref().map(|password| {
            let mut auth = redis::cmd("AUTH");
            if let Some(username) = &self.username {
                auth.arg(username);
            }
            auth.arg(password);
            auth
        });
        let select = (self.database != 0).then(|| {
            let mut select = redis::cmd("SELECT");
            select.arg(self.database);
            select
        });
        auth.into_iter().chain(select)
    }
}

impl fmt::Debug for Server {
    /// Without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.host, self.port, self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (url, expected, commands) in [
            ("redis://cache", "cache:6379/0", 0),
            ("redis://cache:7000/3", "cache:7000/3", 1),
            ("redis://:secret@cache/3", "cache:6379/3", 2),
            ("redis://app:secret@cache", "cache:6379/0", 1),
            ("valkey://10.0.0.1:1", "10.0.0.1:1/0", 0),
            ("redis://[::1]:7000", "::1:7000/0", 0),
        ] {
            let server = Server::parse(url).unwrap();
            assert_eq!(format!("{server:?}"), expected, "{url}");
            assert_eq!(server.sign_in().count(), commands, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_said_without_its_password() {
        for (url, part) in [
            ("rediss://:secret@cache", "TLS"),
            ("redis+unix:///run/redis.sock", "Unix"),
            ("http://cache", "no URL of a store"),
            ("cache:6379", "no URL of a store"),
            ("", "no URL of a store"),
            ("redis://:secret@cache/nine", "no URL of a store"),
            ("redis://:secret@cache:99999", "no URL of a store"),
        ] {
            let error = Server::parse(url).unwrap_err().to_string();
            assert!(error.contains(part), "{url}: {error}");
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }
}
