//! The cookie jar of one visitor, which follows browser rules.
//!
//! Source: RFC 6265, and draft-ietf-httpbis-rfc6265bis for prefixes and sizes.

use cookie_store::{CookieStore, RawCookie};
use hyper::header::HeaderValue;
use url::Url;

/// Cookie values of at least this length may hold a session.
pub const SESSION_LENGTH: usize = 12;

/// The longest name and value together that browsers store, in bytes.
const LONGEST_COOKIE: usize = 4096;

/// The cookie jar of one visitor.
#[derive(Debug, Default)]
pub struct CookieJar {
    store: CookieStore,
    /// The cookies sent with the first request of the last question.
    sent: Vec<(String, String)>,
    /// The cookies that were not stored, by name, and why.
    refused: Vec<(String, &'static str)>,
}

impl CookieJar {
    /// Returns the cookies sent with the first request of the last question, without those that its response set.
    pub fn sent(&self) -> &[(String, String)] {
        &self.sent
    }

    /// Returns the cookies that browsers would not store, and why.
    pub fn refused(&self) -> &[(String, &'static str)] {
        &self.refused
    }

    /// Returns the cookies that a request for `url` omits because they are `Secure`.
    pub fn withheld(&self, url: &Url) -> Vec<String> {
        let mut secure = url.clone();
        if url.scheme() != "http" || secure.set_scheme("https").is_err() {
            return Vec::new();
        }
        let sent: Vec<&str> = self.cookies_for(url).map(|(name, _)| name).collect();
        let all = self.cookies_for(&secure).map(|(name, _)| name);
        all.filter(|name| !sent.contains(name)).map(str::to_owned).collect()
    }

    /// Returns the cookies for a request, longer paths first, then in creation order (RFC 6265, section 5.4). If two
    /// have the same name, many servers use the first.
    fn cookies_for(&self, url: &Url) -> impl Iterator<Item = (&str, &str)> {
        let mut found = self.store.matches(url);
        found.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        found.into_iter().map(|cookie| cookie.name_value())
    }

    /// Starts a question, and forgets what was sent with the last one.
    pub(super) fn begin(&mut self, url: &Url) {
        let cookies =
            self.cookies_for(url).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.sent = cookies;
    }

    /// Returns the value of `Cookie` for `url`.
    pub(super) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let pairs: Vec<String> =
            self.cookies_for(url).map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| HeaderValue::from_str(&pairs.join("; ")).ok()).flatten()
    }

    /// Stores the cookies that a response from `url` sets, if a browser would.
    pub(super) fn store(&mut self, cookies: Vec<RawCookie<'static>>, url: &Url) {
        for cookie in cookies {
            let name = cookie.name().to_owned();
            self.refused.retain(|(known, _)| *known != name);
            let refusal = refusal(&cookie).or_else(|| match self.store.insert_raw(&cookie, url) {
                Err(cookie_store::CookieError::DomainMismatch) => Some("its Domain is not of this host"),
                // An expired cookie is how a server deletes one.
                Err(_) | Ok(_) => None,
            });
            self.refused.extend(refusal.map(|why| (name, why)));
        }
    }
}

/// Parses a `Set-Cookie` header.
pub(super) fn parse(header: &HeaderValue) -> Option<RawCookie<'static>> {
    RawCookie::parse(with_readable_date(&String::from_utf8_lossy(header.as_bytes()))).ok()
}

/// Returns why browsers would not store `cookie`, if they would not.
fn refusal(cookie: &RawCookie<'_>) -> Option<&'static str> {
    let starts = |prefix: &str| {
        cookie.name().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let is_secure = cookie.secure() == Some(true);
    if cookie.name().len() + cookie.value().len() > LONGEST_COOKIE {
        return Some("it is longer than 4096 bytes");
    }
    if (starts("__Secure-") || starts("__Host-")) && !is_secure {
        return Some("its name needs `Secure`");
    }
    if starts("__Host-") && (cookie.domain().is_some() || cookie.path() != Some("/")) {
        return Some("its name needs `Path=/` and no `Domain`");
    }
    None
}

/// Rewrites the date into the format that the library parses reliably, or removes it if it is invalid.
fn with_readable_date(header: &str) -> String {
    let attribute = |part: &str| match part.split_once('=') {
        Some((name, date)) if name.trim().eq_ignore_ascii_case("expires") => {
            expiry(date).map_or_else(String::new, |date| format!(" Expires={date}"))
        }
        Some(_) | None => part.to_owned(),
    };
    let mut parts = header.split(';');
    let pair = parts.next().unwrap_or_default().to_owned();
    std::iter::once(pair).chain(parts.map(attribute)).collect::<Vec<_>>().join(";")
}

/// Parses a date as browsers do (RFC 6265, section 5.1.1), and formats it as servers should.
fn expiry(date: &str) -> Option<String> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    // The delimiters of tokens.
    let divides = |c: char| !(c.is_ascii_alphanumeric() || c == ':' || !c.is_ascii() || c.is_ascii_control());
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in date.split(divides).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = time_of(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = leading_number(token, 1..=2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = token.get(..3).and_then(|start| {
                (1..).zip(MONTHS).find(|(_, name)| start.eq_ignore_ascii_case(name)).map(|(number, _)| number)
            })
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = leading_number(token, 2..=4)
        {
            year = Some(match found {
                70..=99 => found + 1900,
                0..=69 => found + 2000,
                _ => found,
            });
        }
    }
    let ((hour, minute, second), year) = (time?, year?);
    if year < 1601 {
        return None;
    }
    let number = |number: i32| i8::try_from(number).ok();
    let date = jiff::civil::Date::new(i16::try_from(year).ok()?, month?, number(day?)?).ok()?;
    let time = jiff::civil::Time::new(number(hour)?, number(minute)?, number(second)?, 0).ok()?;
    Some(date.to_datetime(time).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// Parses `10:05:30`, with one or two digits each, followed by anything.
fn time_of(token: &str) -> Option<(i32, i32, i32)> {
    let mut parts = token.splitn(3, ':');
    let whole = |part: &str| {
        let is_number = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    };
    let (hour, minute) = (whole(parts.next()?)?, whole(parts.next()?)?);
    Some((hour, minute, leading_number(parts.next()?, 1..=2)?))
}

/// Returns the number at the start of a token, if it has an allowed number of digits.
fn leading_number(token: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i32> {
    let length = token.bytes().take_while(u8::is_ascii_digit).count();
    digits.contains(&length).then(|| token[..length].parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_browsers_read_them() {
        let wanted = Some("Wed, 21 Oct 2015 07:28:00 GMT".to_owned());
        for date in [
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "Wed, 21-Oct-2015 07:28:00 UTC",
            "Wed, 21 Oct 2015 07:28:00 +0000",
            "Wednesday, 21-Oct-15 07:28:00 GMT",
            "Wed Oct 21 07:28:00 2015",
            "2015 october 21 7:28:0",
        ] {
            assert_eq!(expiry(date), wanted, "{date}");
        }
        for none in ["", "tomorrow", "31 Feb 2015 07:28:00", "21 Oct 1515 07:28:00", "21 Oct 2015"] {
            assert_eq!(expiry(none), None, "{none}");
        }
    }
}
