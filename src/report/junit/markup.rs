//! Markup that the library does not write: the suite's own time and count of skipped cases, properties, and flaky
//! passes.

use std::time::Duration;

/// The additions to a finished document.
#[derive(Debug, Default)]
pub(super) struct Additions {
    pub took: Duration,
    pub skipped: usize,
    /// Names and values, as they may appear in a report.
    pub properties: Vec<(String, String)>,
    /// For each case in order, the elements to insert before those that the library writes.
    pub of_cases: Vec<String>,
}

impl Additions {
    /// Returns the document with all additions.
    pub fn put_into(&self, document: &str) -> String {
        let Some((start, end)) = tag(document, 0, "<testsuite ") else { return document.to_owned() };
        let (open, slash) = opened(&document[start..end]);
        let open = with_time(open, self.took);
        let mut text = format!("{}{open} skipped=\"{}\"", &document[..start], self.skipped);
        let properties = self.properties();
        match (slash, properties.is_empty()) {
            (true, true) => text.push_str("/>"),
            (true, false) => text.push_str(&format!(">{properties}</testsuite>")),
            (false, _) => text.push_str(&format!(">{properties}")),
        }
        let mut at = end + 1;
        for elements in &self.of_cases {
            let Some((start, end)) = tag(document, at, "<testcase ") else { break };
            let (open, slash) = opened(&document[start..end]);
            text.push_str(&document[at..start]);
            text.push_str(open);
            match (slash, elements.is_empty()) {
                (true, true) => text.push_str("/>"),
                (true, false) => text.push_str(&format!(">{elements}</testcase>")),
                (false, _) => text.push_str(&format!(">{elements}")),
            }
            at = end + 1;
        }
        text.push_str(&document[at..]);
        text.push('\n');
        text
    }

    fn properties(&self) -> String {
        if self.properties.is_empty() {
            return String::new();
        }
        let each = self.properties.iter().map(|(name, value)| {
            format!("<property name=\"{}\" value=\"{}\"/>", attribute(name), attribute(value))
        });
        format!("<properties>{}</properties>", each.collect::<String>())
    }
}

/// Builds the element for an attempt that failed before another passed: `flakyFailure` or `flakyError`.
pub(super) fn flaky(element: &str, kind: &str, message: &str, text: &str) -> String {
    let (kind, message) = (attribute(kind), attribute(message));
    format!(
        "<{element} message=\"{message}\" type=\"{kind}\"><stackTrace><![CDATA[{text}]]></stackTrace></{element}>"
    )
}

/// Escapes the value of an attribute.
fn attribute(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c => out.push(c),
        }
    }
    out
}

/// Returns the start of the next tag that begins with `name`, and the position of its `>`. Text in a CDATA section is
/// not a tag, and attributes do not contain `>`.
fn tag(document: &str, from: usize, name: &str) -> Option<(usize, usize)> {
    const CDATA: &str = "<![CDATA[";
    let mut at = from;
    loop {
        let found = at + document[at..].find(name)?;
        let Some(section) = document[at..found].find(CDATA).map(|section| at + section) else {
            return Some((found, found + document[found..].find('>')?));
        };
        at = section + document[section..].find("]]>")?;
    }
}

/// Splits the end off a tag, and returns whether the element is empty.
fn opened(tag: &str) -> (&str, bool) {
    match tag.strip_suffix('/') {
        Some(open) => (open, true),
        None => (tag, false),
    }
}

/// Replaces the time. The library adds up the cases' times, although the cases ran concurrently.
fn with_time(tag: &str, took: Duration) -> String {
    let Some(at) = tag.find(" time=\"") else { return tag.to_owned() };
    let value = at + " time=\"".len();
    let after = tag[value..].find('"').map_or(tag.len(), |quote| value + quote);
    format!("{}{}{}", &tag[..value], seconds(took), &tag[after..])
}

/// Formats seconds with three decimals, as the schema's `SUREFIRE_TIME` requires.
fn seconds(span: Duration) -> String {
    format!("{:.3}", span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_case_in_a_text_is_left_alone() {
        let document = concat!(
            r#"<testsuite time="9"><testcase name="a"><failure><![CDATA[<testcase name="x">]]></failure></testcase>"#,
            r#"<testcase name="b"/><testcase name="c"/></testsuite>"#
        );
        let additions = Additions {
            took: Duration::from_millis(1500),
            skipped: 1,
            properties: vec![("sha".to_owned(), "<\"1\">".to_owned())],
            of_cases: vec![String::new(), "<x/>".to_owned(), String::new()],
        };
        let expected = concat!(
            r#"<testsuite time="1.500" skipped="1"><properties><property name="sha" value="&lt;&quot;1&quot;&gt;"/></properties>"#,
            r#"<testcase name="a"><failure><![CDATA[<testcase name="x">]]></failure></testcase>"#,
            r#"<testcase name="b"><x/></testcase><testcase name="c"/></testsuite>"#,
            "\n"
        );
        assert_eq!(additions.put_into(document), expected);
        let empty = Additions { properties: vec![("a".to_owned(), "b".to_owned())], ..Additions::default() };
        let expected = concat!(
            r#"<testsuite time="0.000" skipped="0"><properties><property name="a" value="b"/></properties></testsuite>"#,
            "\n"
        );
        assert_eq!(empty.put_into(r#"<testsuite time="0"/>"#), expected);
    }
}
