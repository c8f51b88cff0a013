//! Text that is hard to encode, and its encoding in TOML.

use std::fmt::Write as _;

use proptest::prelude::{Strategy, any};

/// Text with everything that XML, TOML and terminals must escape, and arbitrary characters.
pub fn hostile() -> impl Strategy<Value = String> {
    let piece = proptest::prop_oneof![
        proptest::sample::select(vec![
            "]]>",
            "<![CDATA[",
            "&amp;",
            "<",
            ">",
            "\"",
            "'",
            "\u{0}",
            "\u{1b}[31m",
            "\u{7f}",
            "\u{85}",
            "\u{fffe}",
            "\u{ffff}",
            "\r\n",
            "\n",
            "\t",
            "🔥",
            "\u{202e}",
            "\u{2028}",
            "é",
            "{% x %}",
            "-->",
            "<!--",
            "<?xml?>",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

/// Returns the inside of a TOML string that means `text`.
pub fn toml(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        let _ = write!(out, "\\U{:08X}", u32::from(c));
        out
    })
}
