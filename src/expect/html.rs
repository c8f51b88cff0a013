//! Elements of a page, found by CSS selectors.

use html5ever::driver::{self, ParseOpts};
use html5ever::tendril::TendrilSink as _;
use scraper::{ElementRef, Html, HtmlTreeSink};
use serde_json::Value;

use super::evaluate::FoundTexts;
use crate::attempt::abandoned::end_if_abandoned;
use crate::probe::http::page_text::{folded, text};
use crate::secret::{Message, message};

/// The deepest nesting of elements, as in browsers. Parsing takes quadratic time in the depth.
const DEEPEST: usize = 512;

/// The most elements and texts of a page. They can multiply, because a `<p>` reopens every `<b>` that was left open.
const NODES: usize = 100_000;

/// The most bytes that may be found on a page. They can multiply, because the text of an element includes all nested
/// ones.
const FOUND: usize = 8 * 1024 * 1024;

/// The fewest bytes that are parsed at a time.
const PIECE: usize = 256;

/// A query on a page: the text of the elements that a CSS selector finds, or one of their attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HtmlQuery {
    pub selector: String,
    pub attribute: Option<String>,
}

/// A limit that a page exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMuch {
    Depth,
    Nodes,
    Found,
}

impl TooMuch {
    /// Describes the limit, and that this page exceeds it.
    pub fn in_words(self) -> (Message, Message) {
        let words = |text: String| Message::new().words(text);
        match self {
            TooMuch::Depth => (
                words(format!("to nest at most {DEEPEST} elements")),
                words("a page that nests more".to_owned()),
            ),
            TooMuch::Nodes => (
                words(format!("to have at most {NODES} elements and texts")),
                words("a page with more".to_owned()),
            ),
            TooMuch::Found => (
                words(format!("to find at most {} MiB of text", FOUND >> 20)),
                words("more: select fewer elements".to_owned()),
            ),
        }
    }
}

/// Parses the page once, and runs all `queries`.
pub(super) fn find_all(page: &str, queries: &[HtmlQuery]) -> Result<Vec<FoundTexts>, TooMuch> {
    let document = read(page)?;
    let mut left = FOUND;
    queries.iter().map(|query| find(&document, page, query, &mut left)).collect()
}

/// Parses the page.
fn read(page: &str) -> Result<Html, TooMuch> {
    let sink = HtmlTreeSink::new(Html::new_document());
    let mut parser = driver::parse_document(sink, ParseOpts::default());
    let mut rest = page;
    while !rest.is_empty() {
        end_if_abandoned();
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(PIECE.min(rest.len())));
        parser.process(piece.into());
        rest = after;
        let read = parser.tokenizer.sink.sink.0.borrow();
        if read.tree.nodes().len() > NODES {
            return Err(TooMuch::Nodes);
        }
        let last = read.tree.nodes().next_back();
        if last.is_some_and(|last| last.ancestors().nth(DEEPEST).is_some()) {
            return Err(TooMuch::Depth);
        }
    }
    Ok(parser.finish())
}

fn find(document: &Html, page: &str, query: &HtmlQuery, left: &mut usize) -> Result<FoundTexts, TooMuch> {
    let text_of = |element: ElementRef<'_>| folded(&element.text().collect::<String>());
    let mut values = Vec::new();
    if let Ok(selector) = scraper::Selector::parse(&query.selector) {
        for element in document.select(&selector) {
            end_if_abandoned();
            let text = match &query.attribute {
                None => text_of(element),
                Some(attribute) => match element.value().attr(attribute) {
                    Some(value) => value.to_owned(),
                    None => continue,
                },
            };
            *left = left.checked_sub(text.len()).ok_or(TooMuch::Found)?;
            values.push(Value::from(text));
        }
    }
    let surroundings = if values.is_empty() { says(page) } else { Message::new() };
    Ok(FoundTexts { values, surroundings })
}

fn says(page: &str) -> Message {
    match text(page) {
        text if text.is_empty() => message!("the page has no text"),
        text => message!("the page says ").excerpt(text, 160),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(selector: &str, attribute: Option<&str>) -> HtmlQuery {
        HtmlQuery { selector: selector.to_owned(), attribute: attribute.map(str::to_owned) }
    }

    #[test]
    fn a_page_is_found_in_by_selectors_and_says_what_was_there_instead() {
        let queries = [query("h1", None), query("input", Some("value")), query("h2", None)];
        let found = find_all("<h1>Good\n day</h1><input value=\"a b\"><input>", &queries).unwrap();
        assert_eq!(found[0].values, ["Good day"]);
        assert_eq!(found[1].values, ["a b"]);
        assert_eq!(found[2].surroundings.to_string(), "the page says Good day");
        assert!(found[2].values.is_empty());
    }

    #[test]
    fn a_page_read_in_pieces_is_the_same_page() {
        let pieces: Vec<String> =
            (0..200).map(|n| format!("<p class=c{n}>é €{n}</p>\r\n<!-- {n} -->&amp;")).collect();
        let page = pieces.concat();
        assert_eq!(read(&page).unwrap().html(), Html::parse_document(&page).html());
    }

    #[test]
    fn a_page_has_bounds() {
        let what = |page: &str, selector: &str| find_all(page, &[query(selector, None)]).map(|_| ());
        assert_eq!(what(&"<div>".repeat(500), "h1"), Ok(()));
        assert_eq!(what(&"<div>".repeat(200_000), "h1"), Err(TooMuch::Depth));
        assert_eq!(what(&"<i></i>".repeat(120_000), "h1"), Err(TooMuch::Nodes));
        let open = (0..400).map(|n| format!("<b n={n}>")).collect::<Vec<_>>().concat();
        assert_eq!(what(&format!("{open}{}", "<p>".repeat(100_000)), "h1"), Err(TooMuch::Nodes));
        let deep = format!("{}{}", "<div>".repeat(400), "x".repeat(100_000));
        assert_eq!(what(&deep, "body"), Ok(()));
        assert_eq!(what(&deep, "div"), Err(TooMuch::Found));
    }
}
