//! `[[contract]]`: what a data product promises, against the database that it is in.

mod bad_input;
mod documents;
mod promises;
mod quality;
mod speed;
mod sqlite;

use serde_json::Value;

use crate::support::postgres::{Database, Postgres};
use crate::support::smoke::{Ran, Smoke};

/// A contract of orders in YAML.
const ORDERS: &str = "\
apiVersion: v3.1.0
kind: DataContract
id: orders-1
version: 1.0.0
status: active
name: orders
schema:
  - name: orders
    physicalName: mart.orders
    physicalType: table
    properties:
      - name: order_id
        logicalType: integer
        physicalType: bigint
        primaryKey: true
      - name: ordered_at
        logicalType: timestamp
        physicalType: timestamptz
        required: true
      - name: total
        logicalType: number
        physicalType: numeric(10,2)
      - name: country
        logicalType: string
        required: true
slaProperties:
  - property: freshness
    value: 2
    unit: h
    element: orders.ordered_at
";

/// The tables that keep it.
const MART: &str = "\
create schema mart;
create table mart.orders (
    order_id bigint primary key, ordered_at timestamptz not null, total numeric(10,2), country text not null
);
insert into mart.orders select n, now() - n * interval '1 minute', n, 'DE' from generate_series(1, 100) as n;
";

fn mart() -> Database {
    let database = Postgres::shared().create_database();
    database.sql(MART);
    database
}

/// What a contract came to.
struct Checked {
    ran: Ran,
    check: Value,
}

/// Runs one contract check with this contract and more keys of the check.
fn check(url: &str, contract: &str, keys: &str) -> Checked {
    let suite =
        format!("[[contract]]\nname = \"it\"\nfile = \"orders.odcs.yaml\"\ndatabase = \"{url}\"\n{keys}\n");
    run(Smoke::new().file("orders.odcs.yaml", contract), &suite)
}

/// Runs one contract check with promises of its own.
fn inline(url: &str, keys: &str) -> Checked {
    run(Smoke::new(), &format!("[[contract]]\nname = \"it\"\ndatabase = \"{url}\"\n{keys}\n"))
}

fn run(smoke: Smoke, suite: &str) -> Checked {
    let ran = smoke.suite(suite).args(["--json", "out.json"]).run();
    let text =
        std::fs::read_to_string(ran.path("out.json")).unwrap_or_else(|_| panic!("a report: {}", ran.stderr));
    let json: Value = serde_json::from_str(&text).expect("the report is JSON");
    let check = json["checks"][0].clone();
    Checked { ran, check }
}

impl Checked {
    fn outcome(&self) -> &str {
        self.check["outcome"].as_str().expect("an outcome")
    }

    fn message(&self) -> &str {
        self.check["failure"]["message"].as_str().unwrap_or_default()
    }

    fn hint(&self) -> &str {
        self.check["failure"]["fault"]["hint"].as_str().unwrap_or_default()
    }

    fn summary(&self) -> &str {
        self.check["promises_summary"].as_str().expect("a summary")
    }

    /// Every promise with this verdict: `orders.total type bigint: what was found`.
    fn with(&self, verdict: &str) -> Vec<String> {
        let promises = self.check["promises"].as_array().expect("promises");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        promises
            .iter()
            .filter(|promise| promise["verdict"] == verdict)
            .map(|promise| {
                let names: Vec<String> = [text(&promise["object"]), text(&promise["column"])]
                    .into_iter()
                    .filter(|name| !name.is_empty())
                    .collect();
                let subject = if names.is_empty() { String::new() } else { format!("{} ", names.join(".")) };
                format!("{subject}{}: {}", text(&promise["promise"]), text(&promise["found"]))
            })
            .collect()
    }

    /// Those that did not pass, with their verdicts and lines: `failed 12: …`.
    fn findings(&self) -> Vec<String> {
        let promises = self.check["promises"].as_array().expect("promises");
        let line = |wanted: &str| -> Vec<u64> {
            let of_it = promises.iter().filter(|promise| promise["verdict"] == wanted);
            of_it.map(|promise| promise["place"]["line"].as_u64().expect("a line")).collect()
        };
        let mut findings = Vec::new();
        for verdict in ["failed", "errored", "warned"] {
            let told = self.with(verdict).into_iter().zip(line(verdict));
            findings.extend(told.map(|(text, line)| format!("{verdict} {line}: {text}")));
        }
        findings
    }

    #[track_caller]
    fn passes(&self) -> &Checked {
        assert_eq!((self.outcome(), self.findings()), ("passed", vec![]), "{}", self.ran.stderr);
        self.ran.exits(0);
        self
    }

    /// The check has this outcome and this one finding.
    #[track_caller]
    fn finds(&self, outcome: &str, finding: &str) -> &Checked {
        assert_eq!(
            (self.outcome(), self.findings()),
            (outcome, vec![finding.to_owned()]),
            "{}",
            self.ran.stderr
        );
        self
    }
}
