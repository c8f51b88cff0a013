//! The common keys of checks, and the tables around them: `[suite]`, `[defaults]`, `[env.NAME]`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::each::Each;
use super::kind_defaults;
use crate::check::request::RequestOptions;
use crate::check::{KINDS, Kind};
use crate::language::diagnostic::Diagnostic;
use crate::language::name::CheckName;
use crate::language::period::Zone;
use crate::language::read::{DefaultValues, FromTable, FromToml, Named, ParseContext, Table, Templates};
use crate::language::repeat::{Connections, Repeat, Retry};
use crate::language::schema::{Definitions, Schema};
use crate::language::severity::Severity;
use crate::language::source::Place;
use crate::language::table::{Rule, Shape, ToToml};
use crate::language::variables::Variable;

/// The keys of `[suite]`, which `[env.NAME]` can override.
#[derive(Debug, Clone, Default)]
pub struct SuiteKeys {
    pub name: Option<String>,
    pub budget: Option<Duration>,
    pub concurrency: Option<NonZeroU32>,
    pub fail_fast: Option<bool>,
    pub grace: Option<Duration>,
    pub timezone: Option<Zone>,
}

impl SuiteKeys {
    /// The defaults, if neither the suite nor the command line sets a value.
    pub const BUDGET: Duration = Duration::from_mins(1);
    pub const CONCURRENCY: NonZeroU32 = NonZeroU32::MIN.saturating_add(15);
    pub const FAIL_FAST: bool = true;
    pub const GRACE: Duration = Duration::from_secs(3);

    pub fn default_name() -> String {
        "smoke".to_owned()
    }
}

impl FromTable for SuiteKeys {
    const DEFINITION: &'static str = "suite";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        Some(SuiteKeys {
            name: table
                .overridable(
                    "name",
                    ("name of the suite in every report", r#"name = "shop""#),
                    &SuiteName(Self::default_name()),
                )
                .map(|SuiteName(name)| name),
            budget: table.overridable(
                "budget",
                ("hard limit on the whole run, in wall-clock time", r#"budget = "2m""#),
                &Self::BUDGET,
            ),
            concurrency: table.overridable(
                "concurrency",
                ("maximum number of checks in flight at once", "concurrency = 4"),
                &Self::CONCURRENCY,
            ),
            fail_fast: table.overridable(
                "fail-fast",
                ("end the run at the first critical failure", "fail-fast = false"),
                &Self::FAIL_FAST,
            ),
            grace: table.overridable(
                "grace",
                (
                    "extra time after the budget, only for cleanup steps and for stopping booted processes",
                    r#"grace = "10s""#,
                ),
                &Self::GRACE,
            ),
            timezone: table.overridable(
                "timezone",
                (
                    "where days begin, for `{{yesterday.start}}` and its like; a name of the IANA database",
                    r#"timezone = "Europe/Berlin""#,
                ),
                &Zone::default(),
            ),
        })
    }
}

impl SuiteKeys {
    /// Fills omitted keys from `other`.
    pub fn or(self, other: &SuiteKeys) -> SuiteKeys {
        SuiteKeys {
            name: self.name.or_else(|| other.name.clone()),
            budget: self.budget.or(other.budget),
            concurrency: self.concurrency.or(other.concurrency),
            fail_fast: self.fail_fast.or(other.fail_fast),
            grace: self.grace.or(other.grace),
            timezone: self.timezone.or_else(|| other.timezone.clone()),
        }
    }
}

/// `[env.NAME]`: variables, suite keys and defaults of one environment.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentKeys {
    pub suite: SuiteKeys,
    pub vars: BTreeMap<String, Variable>,
    /// As far as they are no kind's.
    pub defaults: Option<Defaults>,
}

impl FromTable for EnvironmentKeys {
    const DEFINITION: &'static str = "environment";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        Some(EnvironmentKeys {
            suite: table
                .optional("suite", ("overrides for keys of `[suite]`", r#"suite = { budget = "30s" }"#))
                .unwrap_or_default(),
            vars: table
                .optional(
                    "vars",
                    ("overrides for variables, and variables of its own", "vars = { port = 80 }"),
                )
                .unwrap_or_default(),
            defaults: table.optional(
                "defaults",
                ("overrides for keys of `[defaults]`, one by one", r#"defaults = { budget = "10s" }"#),
            ),
        })
    }
}

/// `[defaults]`: for every check that omits the key. What is for the checks of one kind is in
/// `KindDefaults`.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    check: CheckDefaults,
    http: RequestOptions,
}

/// The defaults for keys that every check has.
#[derive(Debug, Clone, Copy, Default)]
struct CheckDefaults {
    budget: Option<Duration>,
    retry: Option<Retry>,
}

impl FromTable for Defaults {
    const DEFINITION: &'static str = "defaults";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let defaults = Defaults {
            check: CheckDefaults {
                budget: table.optional(
                    "budget",
                    (
                        "budget of every check that sets none; by default, it depends on the kind",
                        r#"budget = "5s""#,
                    ),
                ),
                retry: table
                    .optional("retry", ("`retry` of every check that sets none", "retry = { attempts = 2 }")),
            },
            http: table
                .optional(
                    "http",
                    (
                        "keys for every request, such as `headers`, `auth` and `tls`",
                        r#"http = { headers = { accept = "application/json" } }"#,
                    ),
                )
                .unwrap_or_default(),
        };
        for kind in KINDS {
            let meaning = "values for every check of this kind that omits the key, for all of its keys but `name` and `each`";
            if let Some(value) = table.raw(kind.name, meaning, Shape::PartOf(kind)) {
                kind_defaults::check(kind, value, table.parse);
            }
        }
        Some(defaults)
    }
}

impl Defaults {
    /// Fills omitted defaults from `other`.
    pub fn or(self, other: &Defaults) -> Defaults {
        let check = CheckDefaults {
            budget: self.check.budget.or(other.check.budget),
            retry: self.check.retry.or(other.check.retry),
        };
        Defaults { check, http: self.http.or(&other.http) }
    }

    /// Hands each part to the readers that ask for it.
    pub fn hand_on(&self, values: &mut DefaultValues) {
        values.set(self.check);
        values.set(self.http.clone());
    }
}

/// Why a check is skipped, for reports.
struct SkipReasonText(String);

/// The name of the suite, which every report shows.
struct SuiteName(String);

impl FromToml for SuiteName {
    const IS_SHOWN: bool = true;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        String::from_toml(value, parse).map(SuiteName)
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        String::schema(definitions)
    }
}

impl ToToml for SuiteName {
    fn to_toml(&self) -> serde_json::Value {
        self.0.to_toml()
    }
}

impl FromToml for SkipReasonText {
    const IS_SHOWN: bool = true;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let Named { name, place } = Named::from_toml(value, parse)?;
        if name.trim().is_empty() {
            parse.reject(
                Diagnostic::new(place, "`skip` gives no reason")
                    .hint("say why it is skipped, for the reports; to run it, remove `skip`"),
            )
        } else {
            Some(SkipReasonText(name))
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "string", "pattern": "\\S" })
    }
}

/// The name of another check as written. With `each`, it stands for all instances.
struct NeedName(Named);

impl FromToml for NeedName {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        Named::from_toml(value, parse).map(NeedName)
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        Named::schema(definitions)
    }
}

struct Tag(String);

impl FromToml for Tag {
    const TEMPLATES: Templates = Templates::Refused;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        String::from_toml(value, parse).map(Tag)
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        String::schema(definitions)
    }
}

/// The keys that every check has.
#[derive(Debug, Clone)]
pub struct CheckKeys {
    pub name: Named,
    pub budget: Option<(Duration, Place)>,
    /// The value from `[defaults]`, for a check that omits the key.
    pub default_budget: Option<Duration>,
    pub tags: Vec<String>,
    pub needs: Vec<Named>,
    pub gate: Option<bool>,
    pub severity: Severity,
    pub dependency: bool,
    pub repeat: Repeat,
    /// The place of `poll`.
    pub repeat_place: Place,
    pub envs: Option<Vec<Named>>,
    pub skip: Option<String>,
}

impl CheckKeys {
    pub fn from_table(table: &mut Table<'_, '_, '_>, kind: &Kind) -> Option<CheckKeys> {
        let defaults = table.parse.defaults.get::<CheckDefaults>().copied().unwrap_or_default();
        let CheckDefaults { retry: default_retry, budget: default_budget } = defaults;
        let name = table.required(
            "name",
            ("unique name; reports and `--only` identify checks by it", r#"name = "shop is healthy""#),
        );
        let name = name.map(|CheckName(named)| named);
        // The loader reads its values.
        let _: Option<Each> = table.optional(
            "each",
            (
                "make one check for each of these values; the name must have the variable in it",
                r#"each = { host = ["web-1", "web-2"] }"#,
            ),
        );
        let budget = table.overridable(
            "budget",
            (
                "hard limit on the whole check: every attempt, step, DNS lookup, handshake and body byte",
                r#"budget = "2m""#,
            ),
            &kind.budget,
        );
        let budget = budget.map(|budget| (budget, table.key_place("budget")));
        let tags: Vec<Tag> = table
            .optional("tags", ("labels for `--tag` and `--skip-tag`", r#"tags = ["payments"]"#))
            .unwrap_or_default();
        let needs: Vec<NeedName> = table.optional("needs", ("checks that must pass first; if one does not, this check is skipped and the report says why", r#"needs = ["shop starts"]"#)).unwrap_or_default();
        let gate = table.overridable(
            "gate",
            ("make every check that is not itself a gate need this one", "gate = true"),
            &kind.gate,
        );
        let severity = table.optional_or(
            "severity",
            (r#"`"warn"` reports a failure without failing or stopping the run"#, r#"severity = "warn""#),
            Severity::default(),
        );
        let dependency = table.optional_or(
            "dependency",
            (
                "it is about something that a deploy does not change, such as another team's API: alone it ends no run and no deploy (exit code 7)",
                "dependency = true",
            ),
            false,
        );
        if dependency && gate.unwrap_or(kind.gate) {
            let mistake = Diagnostic::new(
                table.key_place("dependency"),
                "a gate cannot be a `dependency`: it is never excused",
            );
            let hint = if kind.gate {
                "remove `dependency`, or set `gate = false`"
            } else {
                "remove `dependency`, or `gate`"
            };
            let _: Option<()> = table.parse.reject(mistake.hint(hint));
        }
        let repeat = match kind.connections {
            Connections::Once => Some(Repeat::Once),
            Connections::New | Connections::MayBeKept => {
                Repeat::from_table(table, default_retry, kind.connections)
            }
        };
        let envs: Option<Vec<Named>> =
            table.optional("envs", ("run only in these environments (`--env`)", r#"envs = ["staging"]"#));
        if envs.as_ref().is_some_and(Vec::is_empty) {
            let mistake =
                Diagnostic::new(table.key_place("envs"), "with no environment the check would never run");
            let hint = "name one, omit `envs` for all of them, or say why with `skip = \"…\"`";
            let _: Option<()> = table.parse.reject(mistake.hint(hint));
        }
        table.obeys(Rule::Filled("envs"));
        let skip = table.optional(
            "skip",
            ("reason to skip the check; it is listed and reported as skipped", r#"skip = "being rebuilt""#),
        );
        let skip = skip.map(|SkipReasonText(reason)| reason);
        Some(CheckKeys {
            name: name?,
            budget,
            default_budget,
            tags: tags.into_iter().map(|Tag(tag)| tag).collect(),
            needs: needs.into_iter().map(|NeedName(named)| named).collect(),
            gate,
            severity,
            dependency,
            repeat: repeat?,
            repeat_place: table.key_place("poll"),
            envs,
            skip,
        })
    }
}
