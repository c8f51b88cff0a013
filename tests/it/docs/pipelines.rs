//! The examples in `docs/ci.md` are valid pipelines, and their smoke commands parse.

use crate::support::pages::blocks;

/// Returns the YAML documents of the documentation.
fn yaml() -> Vec<saphyr::YamlOwned> {
    use saphyr::LoadableYamlNode as _;
    let documents = blocks("yaml").into_iter().flat_map(|block| {
        saphyr::YamlOwned::load_from_str(&block.text)
            .unwrap_or_else(|error| panic!("{}: {error}", block.place))
    });
    documents.collect()
}

/// Collects every string in it. A list of strings counts as one.
fn texts(node: &saphyr::YamlOwned, found: &mut Vec<String>) {
    if let Some(text) = node.as_str() {
        found.push(text.to_owned());
    } else if let Some(mapping) = node.as_mapping() {
        for value in mapping.values() {
            texts(value, found);
        }
    } else if let Some(items) = node.as_sequence() {
        let words: Vec<&str> = items.iter().filter_map(saphyr::YamlOwned::as_str).collect();
        found.push(words.join(" "));
        for item in items {
            texts(item, found);
        }
    }
}

#[test]
fn the_pipelines_are_yaml_and_their_smoke_commands_parse() {
    let documents = yaml();
    let kinds: Vec<_> =
        documents.iter().filter_map(|document| document.as_mapping_get("kind")?.as_str()).collect();
    assert_eq!((documents.len(), kinds), (6, vec!["Job", "Pod", "AnalysisTemplate", "Rollout"]));
    let mut found = Vec::new();
    for document in &documents {
        texts(document, &mut found);
    }
    // In a shell command `smoke` is the first word. In a list of arguments, the program is a separate entry.
    let in_shells =
        found.iter().flat_map(|text| text.lines()).filter_map(|line| line.trim().strip_prefix("smoke "));
    let in_lists = found.iter().map(String::as_str).filter(|text| text.starts_with("run "));
    let groovy: String = blocks("groovy").into_iter().map(|block| block.text).collect();
    let in_groovy = groovy.lines().filter_map(|line| line.split_once("'smoke ")).map(|(_, rest)| rest);
    let calls: Vec<&str> = in_shells.chain(in_lists).chain(in_groovy).collect();
    assert_eq!(calls.len(), 7, "{calls:#?}");
    for call in calls {
        let call = call.split(" || ").next().expect("a call").trim_end_matches('\'');
        let call = call.replace("{{ .Release.Name }}", "shop").replace('"', "");
        let parsed =
            <smoke::cli::Cli as clap::Parser>::try_parse_from(["smoke"].into_iter().chain(call.split(' ')));
        assert!(parsed.is_ok(), "{call}: {}", parsed.expect_err("a mistake"));
    }
}
