//! The unique values of a canary: `{{canary.id}}`, and `{{canary.uuid}}` for columns that take only a UUID.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::json;

use crate::attempt::Context;
use crate::language::variables::Variables;

pub(super) const VARIABLE: &str = "canary";
pub(super) const NONCE: [&str; 2] = ["canary.id", "canary.uuid"];

/// The maximum number of characters of a name in an id.
const LONGEST_NAME: usize = 40;

/// Sets the variable `canary` in `scope`, unique to this run and check, and returns its id.
pub(super) fn give(scope: &mut Variables, context: &Context) -> String {
    let run = scope.run_id().unwrap_or_default();
    let id = format!("smoke-{}-{run}-{}", slug(&context.run.suite), slug(&context.check));
    scope.set(VARIABLE, &json!({ "id": id, "uuid": uuid::Uuid::new_v4().to_string() }));
    id
}

/// Returns the name in lowercase letters, digits and dashes. If that loses information, a short hash keeps the slug
/// unique.
fn slug(name: &str) -> String {
    let small = |c: char| match c {
        'a'..='z' | '0'..='9' => c,
        _ => '-',
    };
    let slug: String = name.chars().take(LONGEST_NAME).map(small).collect();
    let is_whole = slug.len() == name.len() && name.chars().all(|c| c == ' ' || small(c) == c && c != '-');
    if is_whole {
        return slug;
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    format!("{slug}-{:06x}", hasher.finish() & 0x00ff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_have_slugs_that_differ() {
        assert_eq!(slug("an order arrives"), "an-order-arrives");
        assert_eq!(slug("shop2"), "shop2");
        let long = "x".repeat(100);
        let others = ["an-order-arrives", "An order arrives", "än order arrives", long.as_str(), &long[..99]];
        let slugs: std::collections::BTreeSet<String> =
            others.iter().chain(&["an order arrives"]).map(|name| slug(name)).collect();
        assert_eq!(slugs.len(), others.len() + 1);
        assert!(slugs.iter().all(|slug| slug.len() <= 47 && slug.is_ascii()), "{slugs:?}");
    }
}
