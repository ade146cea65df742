//! Fetching over HTTP: one `GET` at a time, bounded in time and size, redirects left to the core.

use gatelet::{Fetch, Fetched};
use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{HeaderMap, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Error, Proxy, Timeout};

/// How documents are fetched.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// How long a connection may take to stand, TLS included (5 s); all of a fetch has a time of its own.
    pub connect_timeout: Duration,
    /// Which certificates are believed.
    pub roots: Roots,
    /// A proxy for what is not on this machine, such as `http://proxy.example:3128`. The environment is not asked.
    pub proxy: Option<String>,
    /// The header `User-Agent`.
    pub user_agent: String,
}

/// The certificate authorities that are believed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Roots {
    /// Those that Mozilla believes, as built in.
    #[default]
    Bundled,
    /// Those of a PEM text, and no others: for issuers with an authority of their own.
    Pem(Vec<u8>),
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            roots: Roots::default(),
            proxy: None,
            user_agent: concat!("gatelet/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why these options cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpOptionsError {
    /// The PEM text holds no certificate, or one that cannot be read.
    Roots,
    /// The proxy's URL cannot be read.
    Proxy,
    /// The user agent holds what a header cannot.
    UserAgent,
}

impl fmt::Display for HttpOptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Roots => "the PEM text of root certificates holds none that can be read",
            Self::Proxy => "the proxy is no URL such as http://proxy.example:3128",
            Self::UserAgent => "the user agent holds a character that a header cannot",
        })
    }
}

impl std::error::Error for HttpOptionsError {}

/// An HTTP client for [`Fetch`]es. Clones share what [`Http::stop`] ends.
#[derive(Clone, Debug)]
pub struct Http {
    agent: Agent,
    proxy: Option<Proxy>,
}

/// Why there is no answer, in words that repeat nothing of the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError(String);

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HttpError {}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    status: u16,
    location: Option<String>,
    cache_control: Option<String>,
    age: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    /// As the engine takes it.
    #[must_use]
    pub fn fetched(&self) -> Fetched<'_> {
        Fetched {
            status: self.status,
            location: self.location.as_deref(),
            cache_control: self.cache_control.as_deref(),
            age: self.age.as_deref(),
            body: &self.body,
        }
    }
}

impl Http {
    /// A client.
    ///
    /// # Errors
    /// The options cannot be used.
    pub fn new(options: &HttpOptions) -> Result<Self, HttpOptionsError> {
        let proxy = options.proxy.as_deref().map(Proxy::new).transpose();
        let proxy = proxy.map_err(|_| HttpOptionsError::Proxy)?;
        let is_text = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if !options.user_agent.bytes().all(is_text) {
            return Err(HttpOptionsError::UserAgent);
        }
        // The process-wide provider belongs to the application.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(root_certificates(&options.roots)?)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .proxy(None)
            .user_agent(options.user_agent.as_str())
            .accept("application/jwk-set+json, application/json")
            .timeout_resolve(Some(options.connect_timeout))
            .timeout_connect(Some(options.connect_timeout))
            .tls_config(tls)
            .build();
        Ok(Self {
            agent: Agent::new_with_config(config),
            proxy,
        })
    }

    /// Makes the request that a fetch asks for.
    ///
    /// # Errors
    /// There is no whole answer.
    pub fn fetch(&self, fetch: &Fetch) -> Result<Answer, HttpError> {
        let timeout = Duration::from_millis(fetch.timeout_ms());
        self.get(fetch.url(), timeout, fetch.max_bytes())
    }

    /// Gets a document: at most one byte more than `max_bytes`, and only with status 200.
    ///
    /// Redirects are answers like others.
    ///
    /// # Errors
    /// There is no whole answer within `timeout`.
    pub fn get(&self, url: &str, timeout: Duration, max_bytes: usize) -> Result<Answer, HttpError> {
        self.request(url, timeout, max_bytes)
            .map_err(|error| HttpError(in_words(&error)))
    }

    fn request(&self, url: &str, timeout: Duration, max_bytes: usize) -> Result<Answer, Error> {
        // Without TLS it is this machine.
        let is_local = url
            .get(..5)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"));
        let proxy = if is_local { None } else { self.proxy.clone() };
        let response = self
            .agent
            .get(url)
            .config()
            .timeout_global(Some(timeout))
            .proxy(proxy)
            .build()
            .call()?;
        let (head, body) = response.into_parts();
        let text = |name| header_text(&head.headers, name);
        let mut answer = Answer {
            status: head.status.as_u16(),
            location: text(header::LOCATION),
            cache_control: text(header::CACHE_CONTROL),
            age: text(header::AGE),
            body: Vec::new(),
        };
        // Of what is no document, and beyond the bound, nothing is read. One byte more tells that it is too long.
        if answer.status == 200 {
            let most = u64::try_from(max_bytes)
                .unwrap_or(u64::MAX)
                .saturating_add(1);
            body.into_reader()
                .take(most)
                .read_to_end(&mut answer.body)?;
        }
        Ok(answer)
    }

    /// Ends what is under way and refuses what comes: connections that stand are cut.
    pub fn stop(&self) {
        self.agent.clone().shutdown();
    }
}

/// All values of a header, as one list.
fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn root_certificates(roots: &Roots) -> Result<RootCerts, HttpOptionsError> {
    let Roots::Pem(text) = roots else {
        return Ok(RootCerts::WebPki);
    };
    let certificates: Result<Vec<Certificate<'static>>, _> = parse_pem(text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(_) => Some(Err(HttpOptionsError::Roots)),
        })
        .collect();
    let certificates = certificates?;
    if certificates.is_empty() {
        return Err(HttpOptionsError::Roots);
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

fn in_words(error: &Error) -> String {
    match error {
        Error::Timeout(Timeout::Resolve) => "the host's name is not resolved in time".to_owned(),
        Error::Timeout(Timeout::Connect) => "no connection in time".to_owned(),
        Error::Timeout(_) => "it is not whole in time".to_owned(),
        Error::HostNotFound => "the host is not found".to_owned(),
        Error::BadUri(_) | Error::RequireHttpsOnly(_) => "the URL is refused".to_owned(),
        Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}
