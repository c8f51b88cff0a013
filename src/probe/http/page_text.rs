//! The visible text of a page.

/// Elements with invisible text.
const UNREAD: [&str; 4] = ["script", "style", "template", "noscript"];

/// Returns the visible text of a page, with white space collapsed. It removes tags without building a tree, because
/// deeply nested tags would take minutes, and this runs for every unexpected page.
pub fn text(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let markup = &rest[at..];
        match end_of_markup(markup) {
            Some(end) => {
                text.push(' ');
                rest = &markup[end..];
            }
            None => {
                text.push_str("&lt;");
                rest = &markup[1..];
            }
        }
    }
    text.push_str(rest);
    // The remaining text contains no elements. Parsing it only resolves character references.
    let document = scraper::Html::parse_fragment(&text);
    folded(&document.root_element().text().collect::<String>())
}

/// Collapses white space, as a browser does.
pub fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the end of the tag or comment at the start of `markup`, or of the whole element if it is invisible. `None`
/// if it is neither. Source: <https://html.spec.whatwg.org/multipage/parsing.html#tokenization>.
fn end_of_markup(markup: &str) -> Option<usize> {
    let after = |from: usize, what: &str| {
        markup[from..].find(what).map_or(markup.len(), |found| from + found + what.len())
    };
    if markup.starts_with("<!--") {
        return Some(after("<!--".len(), "-->"));
    }
    let name = |markup: &str| {
        let length = markup.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>');
        markup[..length.unwrap_or(markup.len())].to_ascii_lowercase()
    };
    match markup.as_bytes().get(1)? {
        b'!' | b'?' => Some(after(1, ">")),
        b'/' => Some(end_of_tag(markup)),
        letter if letter.is_ascii_alphabetic() => {
            let end = end_of_tag(markup);
            let name = name(&markup[1..]);
            if !UNREAD.contains(&name.as_str()) {
                return Some(end);
            }
            let mut closing = markup[end..].match_indices("</").map(|(at, _)| end + at);
            let closes = |at: &usize| {
                markup.as_bytes()[at + 2..]
                    .get(..name.len())
                    .is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()))
            };
            let closing = closing.find(closes);
            Some(closing.map_or(markup.len(), |at| at + end_of_tag(&markup[at..])))
        }
        _ => None,
    }
}

/// Returns the end of a tag. A `>` in a quoted attribute value does not end it.
fn end_of_tag(tag: &str) -> usize {
    let (mut quote, mut before) = (None, b'<');
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') if before == b'=' => quote = Some(byte),
            (Some(open), close) if open == close => quote = None,
            (Some(_) | None, _) => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    tag.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_page_is_what_a_person_reads() {
        let cases = [
            ("<h1>Not\n  <b>found</b></h1><p>at all", "Not found at all"),
            ("a &amp; b &lt;c&gt; &#x2F; &eacute;&nbsp;d", "a & b <c> / é d"),
            ("<!DOCTYPE html><?xml?><title>Oops</title><!-- <p>no</p> -->!", "Oops !"),
            (
                "<style>p > b {}</style>x<SCRIPT a='1'>if (a</b) '</p>'</Script >y<noscript>z</noscript>",
                "x y",
            ),
            ("<a title=\"5 > 4\" alt = '>'>link</a> <br/>it's", "link it's"),
            ("1 < 2 and <3, a<b", "1 < 2 and <3, a"),
            ("cut in a <a href=\"", "cut in a"),
            ("<script>for ever", ""),
            ("<!-- for ever", ""),
            ("é<é>è", "é<é>è"),
            ("<", "<"),
        ];
        for (page, read) in cases {
            assert_eq!(text(page), read, "{page}");
        }
    }
}
