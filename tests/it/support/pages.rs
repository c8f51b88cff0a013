//! The pages of the documentation: the README and everything in `docs/`.

use std::fs;
use std::path::Path;

use super::corpus;

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its path from the root, such as `docs/checks/boot.md`.
    pub path: String,
    pub text: String,
}

/// A code block on a page.
#[derive(Debug, Clone)]
pub struct Block {
    /// The page and the first line, for messages.
    pub place: String,
    /// The language after the backticks.
    pub language: String,
    pub text: String,
}

/// Every page, the README first.
///
/// # Panics
/// When one cannot be read.
#[must_use]
pub fn pages() -> Vec<Page> {
    let mut paths = vec!["README.md".to_owned()];
    add_pages("docs", &mut paths);
    paths.into_iter().map(|path| Page { text: corpus::text(&path), path }).collect()
}

fn add_pages(folder: &str, found: &mut Vec<String>) {
    let entries = fs::read_dir(corpus::path(folder)).expect("read the documentation");
    let mut names: Vec<String> = entries
        .map(|entry| format!("{folder}/{}", entry.expect("a file").file_name().to_string_lossy()))
        .collect();
    names.sort();
    for name in names {
        match Path::new(&name).extension() {
            Some(extension) if extension == "md" => found.push(name),
            Some(_) => panic!("{name} is not a page"),
            None => add_pages(&name, found),
        }
    }
}

/// Returns a page by its path.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn page(path: &str) -> Page {
    Page { path: path.to_owned(), text: corpus::text(path) }
}

/// Returns every block in this language, on all pages.
#[must_use]
pub fn blocks(language: &str) -> Vec<Block> {
    let all = pages().into_iter().flat_map(|page| page.blocks());
    all.filter(|block| block.language == language).collect()
}

impl Page {
    /// Returns its code blocks, from top to bottom.
    ///
    /// # Panics
    /// When one does not end.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut lines = self.text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let Some(language) = line.strip_prefix("```") else { continue };
            let place = format!("{}:{}", self.path, number + 1);
            let mut text = String::new();
            loop {
                let (_, line) = lines.next().unwrap_or_else(|| panic!("{place} does not end"));
                if line == "```" {
                    break;
                }
                text.push_str(line);
                text.push('\n');
            }
            blocks.push(Block { place, language: language.to_owned(), text });
        }
        blocks
    }

    /// Returns the anchors of its headings, ignoring headings inside code blocks.
    #[must_use]
    pub fn anchors(&self) -> Vec<String> {
        let mut is_code = false;
        let mut anchors = Vec::new();
        for line in self.text.lines() {
            if line.starts_with("```") {
                is_code = !is_code;
            }
            if let Some((marks, heading)) = line.split_once(' ').filter(|_| !is_code)
                && !marks.is_empty()
                && marks.bytes().all(|byte| byte == b'#')
            {
                anchors.push(anchor(heading));
            }
        }
        anchors
    }
}

/// Returns the anchor of a heading in links.
#[must_use]
pub fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
