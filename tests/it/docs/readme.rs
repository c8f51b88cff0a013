//! The README is a short landing page, and every link in the documentation has a target.

use std::path::Path;

use crate::architecture::LAYERS;
use crate::support::corpus;
use crate::support::pages::{page, pages};

#[test]
fn the_readme_is_a_landing_page_of_at_most_8_kb() {
    let length = corpus::text("README.md").len();
    assert!(length <= 8 * 1024, "it has {length} bytes: move details to docs/");
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = pages();
    let link = regex::Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    let mut count = 0;
    let mut dead = Vec::new();
    for from in &pages {
        // Text inside code blocks contains no links.
        let mut text = from.text.clone();
        for block in from.blocks() {
            text = text.replace(&block.text, "");
        }
        for found in link.captures_iter(&text) {
            let to = &found[1];
            if to.starts_with("https://") || to.starts_with("http://") {
                continue;
            }
            count += 1;
            let (path, anchor) = to.split_once('#').map_or((to, None), |(path, anchor)| (path, Some(anchor)));
            let folder = Path::new(&from.path).parent().expect("a folder");
            let path = if path.is_empty() { from.path.clone() } else { tidy(&folder.join(path)) };
            let is_there = corpus::path(&path).exists();
            let has_anchor =
                || anchor.is_none_or(|anchor| page(&path).anchors().iter().any(|one| one == anchor));
            if !is_there || !has_anchor() {
                dead.push(format!("{}: {to}", from.path));
            }
        }
    }
    assert!(count > 60, "{count}");
    assert!(dead.is_empty(), "these links lead nowhere:\n{}", dead.join("\n"));
}

/// Removes `..` from the path.
fn tidy(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.to_str().expect("text").split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn every_page_is_linked_from_the_readme_or_from_a_page_that_is() {
    let pages = pages();
    for wanted in pages.iter().filter(|page| page.path != "README.md") {
        let name = wanted.path.trim_start_matches("docs/");
        let is_linked = pages
            .iter()
            .filter(|page| page.path != wanted.path)
            .any(|page| page.text.contains(&format!("{name})")) || page.text.contains(&format!("{name}#")));
        assert!(is_linked, "no page links to {}", wanted.path);
    }
}

#[test]
fn every_exit_code_says_what_a_pipeline_does_with_it() {
    let page = page("docs/ci.md");
    for exit in smoke::exit::Exit::ALL {
        let row = format!("\n| {} | ", exit.code());
        assert_eq!(page.text.matches(&row).count(), 2, "{row}: what it means, and what a pipeline does");
    }
}

#[test]
fn the_layers_are_listed_in_their_order() {
    let page = page("docs/architecture.md");
    let section =
        page.text.split("## Layers").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the section");
    let name = regex::Regex::new(r"^\| `([a-z]+)(?:/|\.rs)`").expect("a pattern");
    let listed: Vec<&str> =
        section.lines().filter_map(|line| name.captures(line)?.get(1)).map(|name| name.as_str()).collect();
    assert_eq!(listed, LAYERS);
}
