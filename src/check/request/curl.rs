//! Renders a request as a `curl` command, so that people can reproduce it.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::auth::{Auth, Basic};
use super::body::PartOfFile;
use super::{Body, Part, Request};
use crate::attempt::shell::{ShellCommand, guarded, seconds, without_clear_password};
use crate::language::template::Template;
use crate::language::value::OneOrMore;
use crate::language::variables::Variables;
use crate::probe::authority::Authority;
use crate::probe::http::{HttpVersion, SESSION_LENGTH, coding};
use crate::probe::trust::Verify;
use crate::secret::placeholder::{Form, has_placeholder, in_form, in_json, placeholder, readable, variable};

/// The context of a request that is not part of its definition.
pub struct CurlContext<'s> {
    /// Contains placeholders for the secrets.
    pub scope: &'s Variables,
    /// The cookies that were sent with the request, without those that its response set.
    pub cookies: &'s [(String, String)],
    /// The address to contact, if it is one of several of the name.
    pub address: Option<IpAddr>,
    pub suite_dir: &'s Path,
    pub limit: Duration,
    /// False if a redirect would drop the body, because curl would keep it.
    pub follows_redirects: bool,
}

impl Request {
    /// Returns a command that sends the same request, or `None` if a value is missing.
    pub fn as_curl(&self, with: &CurlContext<'_>) -> Option<ShellCommand> {
        let scope = with.scope;
        let mut command = ShellCommand::new("curl").words(&["-sS", "-i", "--max-time", &seconds(with.limit)]);
        command = match self.method.as_str() {
            "GET" if matches!(self.body, Body::None) => command,
            "HEAD" => command.word("-I"),
            "POST" if !matches!(self.body, Body::None) => command,
            method => command.words(&["-X", method]),
        };
        command = self.how_to_connect(command, with)?;
        if let Some(redirects @ 1..) = self.options.redirects
            && with.follows_redirects
        {
            command = command.words(&["-L", "--max-redirs", &redirects.to_string()]);
        }
        let shown = self.shown_headers(scope)?;
        let sets = |name: &str| shown.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !sets("accept-encoding") && !sets("range") {
            let accepted = format!("accept-encoding: {}", coding::ACCEPTED);
            command = command.words(&["--compressed", "-H", &accepted]);
        }
        for (name, value) in shown {
            command = command.words(&["-H", &format!("{name}: {value}")]);
        }
        command = match &self.options.auth {
            None => command,
            Some(Auth::Basic(Basic { user, password })) => {
                let password = guarded("password", password.text(scope).ok()?);
                command.words(&["-u", &format!("{}:{password}", user.text(scope).ok()?)])
            }
            Some(Auth::Bearer(token)) => with_bearer(command, &guarded("token", token.text(scope).ok()?)),
            // Each run fetches a new token, and so must anyone who reproduces the request.
            Some(Auth::OAuth2(_)) => with_bearer(command, &placeholder("$ACCESS_TOKEN")),
        };
        let url = self.url.text(scope).ok()?;
        if let Some(cookies) = shown_cookies(with.cookies) {
            command = command.words(&["-b", &cookies]);
        }
        command = self.with_body(command, with)?;
        self.with_url(command, url, scope)
    }

    /// Returns the headers by name. The request's own headers override those of `[defaults]`.
    fn shown_headers(&self, scope: &Variables) -> Option<Vec<(String, String)>> {
        let mut shown: Vec<(String, String)> = Vec::new();
        for (key, value) in &self.options.headers {
            let name = key.template().text(scope).ok()?;
            if !shown.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                let value = guarded(&name, value.text(scope).ok()?);
                shown.push((name, value));
            }
        }
        Some(shown)
    }

    /// Adds the options that affect the host of the URL or, if redirects are followed, any host.
    fn how_to_connect(&self, mut command: ShellCommand, with: &CurlContext<'_>) -> Option<ShellCommand> {
        let options = &self.options;
        let tls = options.tls();
        let at = |path: &Path| with.suite_dir.join(path).display().to_string();
        let follows = with.follows_redirects && options.redirects.is_some_and(|redirects| redirects > 0);
        let url = self.url.text(with.scope).ok().and_then(|url| url::Url::parse(&url).ok());
        if follows || url.as_ref().is_none_or(|url| url.scheme() == "https") {
            if tls.verify() == Verify::Nothing {
                command = command.word("-k");
            }
            if let Some(ca) = &tls.ca {
                command = command.words(&["--cacert", &at(&ca.value)]);
            }
            if let Some((cert, key)) = &tls.client {
                command = command.words(&["--cert", &at(&cert.value), "--key", &at(&key.value)]);
            }
        }
        for entry in &options.resolve {
            let concerns = |url: &url::Url| Authority::of(url).as_ref() == Some(&entry.from.authority);
            if follows || url.as_ref().is_none_or(concerns) {
                let to = entry.to.text(with.scope).ok()?;
                command = command.words(&["--connect-to", &format!("{}:{to}", entry.from.authority)]);
            }
        }
        if let Some(address) = with.address {
            let address = SocketAddr::new(address, 0).to_string();
            let host = address.strip_suffix(":0").unwrap_or(&address);
            command = command.words(&["--connect-to", &format!("::{host}:")]);
        }
        if let Some(proxy) = &options.proxy {
            command = command
                .words(&["-x", &without_clear_password(&proxy.text(with.scope).ok()?, "$PROXY_PASSWORD")]);
        }
        Some(match options.version {
            None => command,
            Some(HttpVersion::One) => command.word("--http1.1"),
            Some(HttpVersion::Two) => command.word("--http2-prior-knowledge"),
        })
    }

    fn with_body(&self, mut command: ShellCommand, with: &CurlContext<'_>) -> Option<ShellCommand> {
        let scope = with.scope;
        Some(match &self.body {
            Body::None => command,
            Body::Text(text) => {
                // curl would label any text as a form.
                let headers = self.shown_headers(scope)?;
                if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                    command = command.words(&["-H", "content-type:"]);
                }
                command.words(&["--data-raw", &text.text(scope).ok()?])
            }
            Body::Json(document) => {
                let mut value = document.value(scope).ok()?;
                guard_fields(&mut value);
                command.words(&[
                    "-H",
                    "content-type: application/json",
                    "--data-raw",
                    &in_json(&value.to_string()),
                ])
            }
            Body::Form(form) => with_fields(command, &texts(form, scope)?),
            Body::Multipart(parts) => {
                for (name, part) in parts {
                    command = part_of_form(command, &name.text(scope).ok()?, part, with)?;
                }
                command
            }
        })
    }

    /// Returns the body with the names of its secrets in their place.
    pub(super) fn shown_body(&self, scope: &Variables) -> Option<String> {
        let lines = |fields: Vec<(String, String)>| {
            let lines: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            lines.join("&")
        };
        let text = match &self.body {
            Body::None => return None,
            Body::Text(text) => text.text(scope).ok()?,
            Body::Json(document) => {
                let mut value = document.value(scope).ok()?;
                guard_fields(&mut value);
                value.to_string()
            }
            Body::Form(form) => lines(texts(form, scope)?),
            Body::Multipart(parts) => lines(
                parts
                    .iter()
                    .map(|(name, part)| {
                        let name = name.text(scope).ok()?;
                        let value = match part {
                            Part::Text(text) => guarded(&name, text.text(scope).ok()?),
                            Part::File(part) => format!("@{}", part.path.value.display()),
                        };
                        Some((name, value))
                    })
                    .collect::<Option<Vec<_>>>()?,
            ),
        };
        Some(readable(&text))
    }

    /// Returns a short description for people: `GET http://127.0.0.1:8080/health`. `None` if a value is missing.
    pub fn named(&self, scope: &Variables) -> Option<String> {
        let url = with_query(self.url.text(scope).ok()?, &texts(&self.query, scope)?);
        Some(format!("{} {}", self.method, readable(&without_clear_password(&url, "$PASSWORD"))))
    }

    /// Adds the URL with its query. curl encodes secrets in the query, unless it already encodes a body.
    fn with_url(&self, command: ShellCommand, url: String, scope: &Variables) -> Option<ShellCommand> {
        let fields = texts(&self.query, scope)?;
        let has_secrets = fields.iter().any(|(_, value)| has_placeholder(value));
        let (command, url) = match (&self.body, has_secrets) {
            (Body::None, true) => (with_fields(command.word("-G"), &fields), url),
            (_, _) => (command, with_query(url, &fields)),
        };
        // curl would expand these characters as patterns, and a secret may contain them.
        let command = if url.contains(['[', ']', '{', '}']) || has_placeholder(&url) {
            command.word("-g")
        } else {
            command
        };
        Some(command.word(&without_clear_password(&url, "$PASSWORD")))
    }
}

fn with_query(mut url: String, fields: &[(String, String)]) -> String {
    if !fields.is_empty() {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&in_form(&encoded, Form::Url));
    }
    url
}

/// Adds fields whose values curl encodes. It does not encode their names.
fn with_fields(command: ShellCommand, fields: &[(String, String)]) -> ShellCommand {
    fields.iter().fold(command, |command, (name, value)| {
        let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        command.words(&["--data-urlencode", &format!("{name}={value}")])
    })
}

fn with_bearer(command: ShellCommand, token: &str) -> ShellCommand {
    command.words(&["-H", &format!("authorization: Bearer {token}")])
}

fn part_of_form(
    command: ShellCommand,
    name: &str,
    part: &Part,
    with: &CurlContext<'_>,
) -> Option<ShellCommand> {
    Some(match part {
        Part::Text(text) => {
            let text = guarded(name, text.text(with.scope).ok()?);
            command.words(&["--form-string", &format!("{name}={text}")])
        }
        Part::File(PartOfFile { path, filename, content_type }) => {
            let mut form = format!("{name}=@{}", with.suite_dir.join(&path.value).display());
            form.extend(filename.iter().map(|filename| format!(";filename={filename}")));
            form.extend(content_type.iter().map(|content_type| format!(";type={content_type}")));
            command.words(&["-F", &form])
        }
    })
}

fn texts(fields: &[(Template, OneOrMore)], scope: &Variables) -> Option<Vec<(String, String)>> {
    fields
        .iter()
        .flat_map(|(name, values)| values.0.iter().map(move |value| (name, &value.0)))
        .map(|(name, value): (&Template, &Template)| {
            let name = name.text(scope).ok()?;
            let value = guarded(&name, value.text(scope).ok()?);
            Some((name, value))
        })
        .collect()
}

fn guard_fields(document: &mut Value) {
    match document {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                match field {
                    Value::String(text) => *text = guarded(name, std::mem::take(text)),
                    other => guard_fields(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(guard_fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns the cookies of a request. Cookies that may hold a session become placeholders.
fn shown_cookies(cookies: &[(String, String)]) -> Option<String> {
    let shown = |(name, value): &(String, String)| {
        if value.len() >= SESSION_LENGTH {
            format!("{name}={}", placeholder(&variable(name)))
        } else {
            format!("{name}={value}")
        }
    };
    let pairs: Vec<String> = cookies.iter().map(shown).collect();
    (!pairs.is_empty()).then(|| pairs.join("; "))
}
