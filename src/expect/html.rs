//! The elements that a CSS selector finds on a page.

use serde_json::Value;

use super::evaluate::Found;
use crate::probe::http::page_text::{folded, text};
use crate::secret::Message;

/// What is looked for in a page: the text of the elements that a CSS selector finds, or an attribute of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HtmlQuery {
    pub selector: String,
    pub attribute: Option<String>,
}

/// Reads the page, once, and finds what `queries` ask for. There are pages of one mebibyte that take minutes.
pub(super) fn find_all(page: &str, queries: &[HtmlQuery]) -> Vec<Found> {
    let document = scraper::Html::parse_document(page);
    queries.iter().map(|query| find(&document, page, query)).collect()
}

fn find(document: &scraper::Html, page: &str, query: &HtmlQuery) -> Found {
    let text_of = |element: scraper::ElementRef<'_>| folded(&element.text().collect::<String>());
    let values: Vec<Value> = match scraper::Selector::parse(&query.selector) {
        Err(_) => Vec::new(),
        Ok(selector) => document
            .select(&selector)
            .filter_map(|element| match &query.attribute {
                None => Some(text_of(element)),
                Some(attribute) => element.value().attr(attribute).map(str::to_owned),
            })
            .map(Value::from)
            .collect(),
    };
    let surroundings = match values.is_empty() {
        true => says(page),
        false => Message::new(),
    };
    Found { values, surroundings }
}

fn says(page: &str) -> Message {
    match text(page) {
        text if text.is_empty() => Message::new().words("the page has no text"),
        text => Message::new().words("the page says ").excerpt(text, 160),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_in_by_selectors_and_says_what_was_there_instead() {
        let query = |selector: &str, attribute: Option<&str>| HtmlQuery {
            selector: selector.to_owned(),
            attribute: attribute.map(str::to_owned),
        };
        let queries = [query("h1", None), query("input", Some("value")), query("h2", None)];
        let found = find_all("<h1>Good\n day</h1><input value=\"a b\"><input>", &queries);
        assert_eq!(found[0].values, ["Good day"]);
        assert_eq!(found[1].values, ["a b"]);
        assert_eq!(found[2].surroundings.to_string(), "the page says Good day");
        assert!(found[2].values.is_empty());
    }
}
