//! The request keys that `[defaults.http]` may also set: everything except the destination and the body.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::auth::Auth;
use super::file;
use super::resolve;
use super::resolve_entry::{ResolveEntry, resolve_key};
use crate::expect::header_key::{HEADER_NAME, HeaderKey};
use crate::language::diagnostic::Diagnostic;
use crate::language::placed::Placed;
use crate::language::read::{FromTable, FromToml, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::table::Rule;
use crate::language::template::Template;
use crate::language::value::ByteSize;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::probe::http::HttpVersion;
use crate::probe::http::proxy::{EXPECTED, Proxy};
use crate::probe::trust::{TlsOptions, Verify};

/// The default of `max-body`. Larger response bodies fail.
const MAX_BODY: ByteSize = ByteSize(1 << 20);

/// The default of `redirects`. None are followed, so a 302 is reported as a 302.
pub(super) const REDIRECTS: u32 = 0;

/// The request keys that `[defaults.http]` may also set.
#[derive(Debug, Clone, Default)]
pub struct RequestOptions {
    pub(super) headers: Vec<(HeaderKey, Template)>,
    pub(super) auth: Option<Auth>,
    pub(super) redirects: Option<u32>,
    pub(super) tls: Option<TlsKeys>,
    pub(in crate::check) resolve: Vec<ResolveEntry>,
    pub(super) proxy: Option<Template>,
    pub(super) version: Option<HttpVersion>,
    pub(super) max_body: Option<ByteSize>,
}

/// The key `tls = { ca, cert, key, insecure }`.
#[derive(Debug, Clone, Default)]
pub struct TlsKeys {
    pub ca: Option<Placed<PathBuf>>,
    pub client: Option<(Placed<PathBuf>, Placed<PathBuf>)>,
    /// `None` differs from `false`, because `[defaults.http]` may set it.
    insecure: Option<bool>,
}

impl TlsKeys {
    pub(in crate::check) fn from_key(table: &mut Table<'_, '_, '_>) -> Option<TlsKeys> {
        table.optional(
            "tls",
            ("certificates; by default, the system's trust store", r#"tls = { ca = "ca.pem" }"#),
        )
    }

    /// Fills omitted keys from `other`.
    fn or(self, other: &TlsKeys) -> TlsKeys {
        TlsKeys {
            ca: self.ca.or_else(|| other.ca.clone()),
            client: self.client.or_else(|| other.client.clone()),
            insecure: self.insecure.or(other.insecure),
        }
    }

    /// Returns the handshake options for these keys. File paths are relative to `dir`. No protocol is offered yet.
    pub fn in_dir(&self, dir: &Path) -> TlsOptions {
        let at = |path: &Placed<PathBuf>| dir.join(&path.value);
        TlsOptions {
            verify: self.verify(),
            ca: self.ca.as_ref().map(at),
            client: self.client.as_ref().map(|(cert, key)| (at(cert), at(key))),
            alpn: Vec::new(),
        }
    }

    /// Returns how far the server's certificate is verified.
    pub fn verify(&self) -> Verify {
        if self.insecure == Some(true) { Verify::Nothing } else { Verify::Full }
    }
}

impl FromTable for TlsKeys {
    const DEFINITION: &'static str = "tls";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let ca: Option<Placed<String>> = table.placed(
            "ca",
            ("PEM file of the certificates to trust instead of the system's", r#"ca = "ca.pem""#),
        );
        let cert: Option<Placed<String>> = table
            .placed("cert", ("PEM file of the client certificate; needs `key`", r#"cert = "client.pem""#));
        let key: Option<Placed<String>> = table
            .placed("key", ("PEM file of the client's private key; needs `cert`", r#"key = "client.key""#));
        let insecure = table.overridable(
            "insecure",
            ("accept any certificate; the report says so", "insecure = true"),
            &false,
        );
        table.needs("cert", "key", "`cert` needs its `key`")?;
        table.needs("key", "cert", "`key` needs its `cert`")?;
        let path = |written: Placed<String>| written.map(PathBuf::from);
        let client = cert.zip(key).map(|(cert, key)| (path(cert), path(key)));
        Some(TlsKeys { ca: ca.map(path), client, insecure })
    }
}

impl FromToml for HttpVersion {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) if text == "1.1" => Some(HttpVersion::One),
            DeValue::String(text) if text == "2" => Some(HttpVersion::Two),
            _ => parse.expected(value, "\"1.1\" or \"2\""),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "enum": ["1.1", "2"] })
    }
}

impl FromTable for RequestOptions {
    const DEFINITION: &'static str = "http";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let headers: Vec<(HeaderKey, Template)> = table
            .optional("headers", ("request headers", r#"headers = { accept = "application/json" }"#))
            .unwrap_or_default();
        table.obeys(Rule::NamesLike("headers", HEADER_NAME));
        let resolve = resolve_key(table);
        let proxy: Option<Template> = table.optional("proxy", (r#"proxy to use, `http://` or `socks5://`; `""` uses none; by default, `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` decide"#, r#"proxy = "http://proxy.internal:3128""#));
        let literal = proxy.as_ref().and_then(|proxy| Some((proxy.literal()?, proxy.place())));
        if let Some((_, place)) = literal.filter(|(text, _)| Proxy::parse(text).is_none()) {
            let mistake = Diagnostic::new(place, "nothing can go through this as a proxy")
                .hint(format!("write {EXPECTED}; `proxy = \"\"` goes without one"));
            let _: Option<()> = table.parse.reject(mistake);
        }
        Some(RequestOptions {
            headers,
            auth: table.optional("auth", ("credentials: one of `basic`, `bearer` and `oauth2`", r#"auth = { bearer = "{{token}}" }"#)),
            redirects: table.overridable("redirects", ("number of redirects to follow; credentials, cookies and the suite's headers are not sent to another origin, and a redirect that would send a request body there fails the check", "redirects = 3"), &REDIRECTS),
            tls: TlsKeys::from_key(table),
            resolve,
            proxy,
            version: table.optional("http", ("HTTP version; by default, it is negotiated", r#"http = "2""#)),
            max_body: table.overridable("max-body", ("largest body to accept; a larger one fails the check", r#"max-body = "10MiB""#), &MAX_BODY),
        })
    }
}

impl RequestOptions {
    /// Returns the options of a protocol that connects without a request.
    pub(in crate::check) fn of_connection(
        resolve: Vec<ResolveEntry>,
        tls: Option<TlsKeys>,
    ) -> RequestOptions {
        RequestOptions { tls, resolve, ..RequestOptions::default() }
    }

    /// Fills omitted options from `other`. `headers`, `resolve` and `tls` are merged key by key.
    pub fn or(mut self, other: &RequestOptions) -> RequestOptions {
        for (key, value) in &other.headers {
            if !self.headers.iter().any(|(own, _)| own.is_same(key)) {
                self.headers.push((key.clone(), value.clone()));
            }
        }
        for entry in &other.resolve {
            if !self.resolve.iter().any(|own| own.from.authority == entry.from.authority) {
                self.resolve.push(ResolveEntry { is_default: true, ..entry.clone() });
            }
        }
        RequestOptions {
            headers: self.headers,
            auth: self.auth.or_else(|| other.auth.clone()),
            redirects: self.redirects.or(other.redirects),
            tls: match (self.tls, &other.tls) {
                (Some(own), Some(other)) => Some(own.or(other)),
                (own, other) => own.or_else(|| other.clone()),
            },
            resolve: self.resolve,
            proxy: self.proxy.or_else(|| other.proxy.clone()),
            version: self.version.or(other.version),
            max_body: self.max_body.or(other.max_body),
        }
    }

    pub(super) fn max_body(&self) -> usize {
        self.max_body.unwrap_or(MAX_BODY).0
    }

    /// Returns `tls`, for protocols that have no other HTTP options.
    pub fn tls(&self) -> TlsKeys {
        self.tls.clone().unwrap_or_default()
    }

    /// Returns the address that `resolve` sets for the host and port of `url`, if it does.
    ///
    /// # Errors
    /// Fails if a value of `resolve` is not an address.
    pub fn resolved(&self, url: &url::Url, scope: &Variables) -> Result<Option<SocketAddr>, Failure> {
        let entries = resolve::resolve(self, scope)?;
        Ok(entries.iter().find(|entry| entry.applies_to(url)).map(|entry| entry.address))
    }

    /// Returns why the addresses of a request's host cannot be checked individually.
    pub fn refuses_addresses(&self, url: &Template, scope: &Variables) -> Option<&'static str> {
        let proxy = self.proxy.as_ref().filter(|proxy| proxy.literal().is_none_or(|text| !text.is_empty()));
        match proxy {
            Some(_) => Some("`addresses` does not work with a `proxy`, which chooses the address itself"),
            None => self.refuses_addresses_by_resolve(url, scope),
        }
    }

    /// Returns the same for protocols that connect without a proxy.
    pub fn refuses_addresses_by_resolve(&self, url: &Template, scope: &Variables) -> Option<&'static str> {
        let url = url.text(scope).ok().and_then(|text| url::Url::parse(&text).ok())?;
        match self.resolved(&url, scope) {
            // An invalid entry is reported separately.
            Ok(None) | Err(_) => None,
            Ok(Some(_)) => {
                Some("`addresses` does not work with `resolve`, which gives the one address to ask")
            }
        }
    }

    /// Returns the options for reaching another server that this request relies on, without credentials.
    pub(super) fn way_only(&self) -> RequestOptions {
        RequestOptions {
            tls: self.tls.as_ref().map(|tls| TlsKeys { client: None, ..tls.clone() }),
            resolve: self.resolve.clone(),
            proxy: self.proxy.clone(),
            ..RequestOptions::default()
        }
    }

    /// Whether any certificate is accepted.
    pub fn is_insecure(&self) -> bool {
        self.tls().verify() == Verify::Nothing
    }

    /// Returns mistakes for the files that it names but that cannot be read.
    pub(in crate::check) fn missing_files(&self, scope: &Variables) -> Vec<Diagnostic> {
        let Some(tls) = &self.tls else { return Vec::new() };
        let client = tls.client.iter().flat_map(|(cert, key)| [cert, key]);
        tls.ca.iter().chain(client).filter_map(|file| file::missing(file, scope)).collect()
    }

    pub(super) fn templates(&self) -> Vec<&Template> {
        let headers = self.headers.iter().flat_map(|(key, value)| [key.template(), value]);
        let mut all: Vec<&Template> = headers.chain(self.resolve.iter().map(|entry| &entry.to)).collect();
        all.extend(self.auth.iter().flat_map(Auth::templates));
        all.extend(&self.proxy);
        all
    }
}
