//! Redacts what a server issues in its headers.

use cookie_store::RawCookie;
use hyper::Response;
use hyper::header::{CONTENT_LOCATION, HeaderValue, LINK, LOCATION, REFRESH};
use reqwest::Body;

use super::cookies::SESSION_LENGTH;
use crate::attempt::Context;
use crate::attempt::cost::Cost;
use crate::language::variables::is_secret_name;

/// Redacts what a server issues in its headers.
pub(super) async fn hide_issued(response: &Response<Body>, set: &[RawCookie<'static>], context: &Context) {
    // Headers with secret names are secret in responses as well.
    let headers = response.headers();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let named = headers.iter().filter(|(name, _)| is_secret_name(name.as_str()));
    let mut values: Vec<String> = named.map(|(_, value)| text(value)).collect();
    // A session cookie is a credential, whatever its name. `theme=dark` is not.
    let sessions = set.iter().map(RawCookie::value).filter(|value| value.len() >= SESSION_LENGTH);
    values.extend(sessions.map(str::to_owned));
    // Whoever follows the redirect of a login is logged in.
    let addresses: Vec<String> = [LOCATION, CONTENT_LOCATION, LINK, REFRESH]
        .iter()
        .flat_map(|name| headers.get_all(name))
        .map(text)
        .collect();
    let load = Cost::TO_READ.on(values.iter().chain(&addresses).map(String::len).sum());
    let keeper = context.clone();
    let hide = move || {
        for value in &values {
            keeper.hide(value);
        }
        for address in &addresses {
            keeper.run.redactor.add_issued_address(address);
        }
    };
    context.offload(context.timeline.phase(), load, hide).await;
}
