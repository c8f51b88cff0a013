//! The HTML pages. All inserted text is escaped here.

use std::fmt::Write as _;

use hyper::StatusCode;

use super::store::{OrderCount, Product};

pub(super) fn landing(products: &[Product]) -> String {
    let mut items = String::new();
    for Product { sku, name, price } in products {
        put(
            &mut items,
            format_args!(
                "      <li data-sku=\"{}\"><span class=\"name\">{}</span> <span class=\"price\">€ {}</span></li>\n",
                Escaped(sku),
                Escaped(name),
                Escaped(price),
            ),
        );
    }
    document(
        "Shop",
        &format!(
            "    <h1>Everything for a campfire</h1>\n    <ul class=\"products\">\n{items}    </ul>\n    \
             <p><a href=\"/login\">Log in</a></p>\n"
        ),
    )
}

/// Renders the login page. `csrf` is the token of the form, `error` explains why the last attempt failed.
pub(super) fn login(csrf: &str, error: Option<&str>) -> String {
    let error =
        error.map(|text| format!("    <p class=\"error\">{}</p>\n", Escaped(text))).unwrap_or_default();
    let csrf = Escaped(csrf);
    document(
        "Log in · Shop",
        &format!(
            r#"    <h1>Log in</h1>
{error}    <form method="post" action="/login">
      <input type="hidden" name="csrf" value="{csrf}">
      <label>User <input name="user" autocomplete="username" required></label>
      <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
      <button>Log in</button>
    </form>
"#
        ),
    )
}

pub(super) fn dashboard(user: &str, counts: &[OrderCount]) -> String {
    let user = Escaped(user);
    let mut rows = String::new();
    for OrderCount { status, n } in counts {
        let status = Escaped(status);
        put(
            &mut rows,
            format_args!(
                "        <tr data-status=\"{status}\"><td>{status}</td><td class=\"n\">{n}</td></tr>\n",
            ),
        );
    }
    document(
        "Dashboard · Shop",
        &format!(
            r#"    <h1>Welcome back, {user}</h1>
    <table class="orders">
      <thead><tr><th>Status</th><th>Orders</th></tr></thead>
      <tbody>
{rows}      </tbody>
    </table>
    <form method="post" action="/logout"><button>Log out</button></form>
"#
        ),
    )
}

/// Renders an error page. `reason` is why the request was refused.
pub(super) fn error(status: StatusCode, reason: &str) -> String {
    let name = status.canonical_reason().unwrap_or("Error");
    document(
        &format!("{} {name} · Shop", status.as_u16()),
        &format!("    <h1>{name}</h1>\n    <p class=\"error\">{}</p>\n", Escaped(reason)),
    )
}

/// Renders a document. `title` and `body` are already HTML.
fn document(title: &str, body: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title}</title>
    <style>
      body {{ max-width: 40rem; margin: 3rem auto; padding: 0 1rem; font-family: system-ui, sans-serif; }}
      label {{ display: block; margin: 0.5rem 0; }}
      .error {{ color: #b00020; }}
      .n {{ text-align: right; }}
    </style>
  </head>
  <body>
{body}  </body>
</html>
"#
    )
}

fn put(markup: &mut String, text: std::fmt::Arguments<'_>) {
    markup.write_fmt(text).expect("a `String` takes all that is written to it");
}

/// Escapes text for an HTML element or a quoted attribute.
#[derive(Clone, Copy)]
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                plain => f.write_char(plain)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_page_cannot_leave_its_place() {
        let markup = dashboard("<b>", &[OrderCount { status: "\"><script>".to_owned(), n: 1 }]);
        assert!(markup.contains("Welcome back, &lt;b&gt;</h1>"));
        assert!(!markup.contains("<script>"));
    }
}
