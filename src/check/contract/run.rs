//! A run of a contract check: the catalog first, then what it does not prove, cheapest first, in one snapshot.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

use super::Contract;
use super::entry::{Came, Entry, Test, entries, promises, verdict};
use super::lookup::Found;
use super::probing::{Probe, not_fresh_in_time, not_in_time};
use super::promise::{Fresh, Measure, Promised};
use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::attempt::shell::ShellCommand;
use crate::check::query::unusable;
use crate::check::{Running, template_failure};
use crate::deadline::{BudgetScope, Deadline};
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault, Phase, Promises};
use crate::probe::database::{Access, Database, Reproduction, Session, TableKind};
use crate::probe::databases;
use crate::secret::{Message, Redacted, message};

/// The bounds of the time that is kept back from the budget for reporting the findings.
const TELL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(200));

pub(super) struct Run {
    contract: Arc<Contract>,
    pub(super) promised: Promised,
    scope: Variables,
    pub(super) entries: Vec<Entry>,
    /// The range of entries for each object, without those that cannot be tested.
    of_objects: Vec<Range<usize>>,
    pub(super) found: Vec<Found>,
    /// Notes that every reader of the result should see.
    pub(super) notes: Vec<Message>,
    /// The promise being tested, and the time it was given.
    under_way: Option<(usize, Duration)>,
    /// The statement that showed the first failure.
    shown_by: Option<String>,
}

impl Run {
    pub fn new(contract: Arc<Contract>, scope: Variables) -> Run {
        let promised = contract.promised();
        let paths = contract.document.paths().filter(|_| promised.document.is_some()).collect();
        let (entries, of_objects) = entries(&promised, contract.forbids_others, paths);
        Run {
            contract,
            promised,
            scope,
            entries,
            of_objects,
            found: Vec::new(),
            notes: Vec::new(),
            under_way: None,
            shown_by: None,
        }
    }

    fn begin_again(&mut self) {
        *self = Run::new(Arc::clone(&self.contract), self.scope.clone());
        for object in &self.promised.objects {
            if let Some(slice) = &object.slice {
                self.notes.push(message!("scans of `{}` only where {}", object.name, slice.written()));
            }
        }
    }

    fn url(&self) -> Result<String, Failure> {
        self.contract.database.text(&self.scope).map_err(template_failure)
    }

    async fn all(&mut self, own: Deadline, context: &Context) -> Result<(), Failure> {
        self.judge_document(context).await?;
        if self.promised.objects.is_empty() {
            return Ok(());
        }
        let url = self.url()?;
        context.run.redactor.add_address(&url);
        let database =
            databases::of_url(&url).map_err(|mistake| unusable("reading the database URL", mistake))?;
        let mut session = database.open(&url, Access::Snapshot, context).await?;
        self.ask_catalog(database, &mut *session, context).await?;
        self.probe(database, &mut *session, own, context).await;
        context.timeline.enter(Phase::Query);
        session.close(context).await;
        Ok(())
    }

    /// Compares the document itself with the suite's expectations.
    async fn judge_document(&mut self, context: &Context) -> Result<(), Failure> {
        let expect = self.contract.document.clone();
        let Some(document) = self.promised.document.clone().filter(|_| !expect.is_empty()) else {
            return Ok(());
        };
        let (load, scope) = (expect.cost().on(document.to_string().len()), self.scope.clone());
        let judged = context.offload(Phase::Judge, load, move || expect.judge(&document, &scope)).await;
        for (number, judged) in judged.map_err(template_failure)?.into_iter().enumerate() {
            let came = match judged.mismatches.into_iter().next() {
                None => Came::Passed(None),
                Some(mismatch) => Came::Failed { expected: mismatch.expected, actual: mismatch.actual },
            };
            self.settle(Test::Document(number), None, came);
        }
        Ok(())
    }

    /// Tests what only the data can show, one statement after another, until the time is up.
    async fn probe(
        &mut self,
        database: &dyn Database,
        session: &mut dyn Session,
        own: Deadline,
        context: &Context,
    ) {
        let budget = context.deadline.cut().budget;
        let scope = self.scope.clone();
        let mut probe = Probe::new(database, session, &scope, own, budget, context);
        for object in 0..self.promised.objects.len() {
            let Found::There { name, table, .. } = self.found[object].clone() else { continue };
            if !table.is_readable {
                let cause = message!("permission denied");
                self.leave(object, &Came::Errored { fault: Fault::Sql, cause, hint: None });
                continue;
            }
            let came = probe.is_filled(&self.promised.objects[object], &table.schema, &name).await;
            match came {
                Ok(came) => {
                    if self.promised.objects[object].rows.is_none() {
                        self.settle(Test::Rows, Some(object), came);
                    }
                }
                // Nothing can be found out about this object.
                Err(came) => self.leave(object, &came),
            }
            if probe.is_over() {
                return;
            }
        }
        for kind in [is_fresh, is_scan, is_rule] {
            for at in 0..self.entries.len() {
                let Entry { object: Some(object), test, came: Came::NotReached, .. } = self.entries[at]
                else {
                    continue;
                };
                let Found::There { name, table, .. } = self.found[object].clone() else { continue };
                if !kind(test) {
                    continue;
                }
                self.under_way = Some((at, own.remaining()));
                let promised = &self.promised.objects[object];
                let zone = &self.contract.zone;
                let is_view = matches!(table.kind, TableKind::View);
                let came = match test {
                    Test::Fresh(number) => {
                        let fresh = &promised.fresh[number];
                        let physical = self.physical(object, &fresh.column);
                        let family = table
                            .columns
                            .iter()
                            .find(|column| column.name == physical)
                            .map(|column| column.family);
                        let fresh = Fresh { column: physical, ..fresh.clone() };
                        probe.newest(promised, &table.schema, &name, &fresh, family, zone).await
                    }
                    Test::NotNull(number) => {
                        let column = promised.columns[number].physical.clone();
                        probe.has_null(promised, &table.schema, &name, &column, is_view).await
                    }
                    Test::Unique(number) => {
                        let key = &promised.keys[number];
                        let columns: Vec<String> =
                            key.columns.iter().map(|column| self.physical(object, column)).collect();
                        let is_enforceable =
                            key.is_primary && matches!(table.kind, TableKind::Table | TableKind::Partitioned);
                        let came =
                            probe.has_duplicate(promised, &table.schema, &name, &columns, is_view).await;
                        match came {
                            Came::Passed(_) if is_enforceable => Came::Unguarded(message!(
                                "no row twice, and no unique index that keeps it so"
                            )),
                            came => came,
                        }
                    }
                    Test::Rows => probe.rows(promised, &table.schema, &name).await,
                    Test::Rule(number) => {
                        let rule = promised.quality[number].clone();
                        let names = match &rule.measure {
                            Measure::Duplicates(columns) => columns.clone(),
                            _ => rule.column.iter().cloned().collect(),
                        };
                        let columns: Vec<String> =
                            names.iter().map(|column| self.physical(object, column)).collect();
                        probe.rule(promised, &table.schema, &name, &rule, &columns).await
                    }
                    Test::Document(_)
                    | Test::Exists
                    | Test::Column(_)
                    | Test::Type(_)
                    | Test::NoOtherColumns
                    | Test::Nothing => continue,
                };
                if matches!(came, Came::Failed { .. } | Came::Errored { .. }) && self.shown_by.is_none() {
                    self.shown_by = probe.last_statement();
                }
                self.entries[at].came = came;
                self.under_way = None;
                if probe.is_over() {
                    return;
                }
            }
        }
    }

    /// Marks the promise that was being tested when the time ran out.
    fn cut(&mut self) {
        let Some((at, given)) = self.under_way else { return };
        self.entries[at].came = match (self.entries[at].test, &self.entries[at].column) {
            (Test::Fresh(_), Some(column)) => not_fresh_in_time(column, given),
            _ => not_in_time("not found out", given),
        };
    }

    /// Returns the entries about an object, or all of them for the contract itself.
    pub(super) fn about(&mut self, object: Option<usize>) -> &mut [Entry] {
        match object {
            Some(object) => &mut self.entries[self.of_objects[object].clone()],
            None => &mut self.entries,
        }
    }

    /// Records the result of a promise, if there is such a promise and it has no result yet.
    pub(super) fn settle(&mut self, test: Test, object: Option<usize>, came: Came) {
        let is_open = |entry: &&mut Entry| entry.test == test && matches!(entry.came, Came::NotReached);
        if let Some(entry) = self.about(object).iter_mut().find(is_open) {
            entry.came = came;
        }
    }

    /// Records the result for every promise on this object that has none yet.
    pub(super) fn leave(&mut self, object: usize, came: &Came) {
        for entry in self.about(Some(object)) {
            if matches!(entry.came, Came::NotReached) {
                entry.came = came.clone();
            }
        }
    }
}

/// The data is tested in the order of these functions: whatever reads little of a large table comes first.
fn is_fresh(test: Test) -> bool {
    matches!(test, Test::Fresh(_))
}

fn is_scan(test: Test) -> bool {
    matches!(test, Test::NotNull(_) | Test::Unique(_) | Test::Rows)
}

fn is_rule(test: Test) -> bool {
    matches!(test, Test::Rule(_))
}

impl Attempt for Run {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.begin_again();
            let left = context.deadline.remaining();
            let tell = (left / 20).clamp(TELL.0, TELL.1);
            let own = context.deadline.tighten(left.saturating_sub(tell), BudgetScope::Check);
            match own.bound(self.all(own, context)).await {
                Ok(done) => done?,
                // Nothing has been found out yet.
                Err(_) if self.found.is_empty() => {
                    return Err(Failure::timed_out(context.deadline.cut(), context.timeline.phase()));
                }
                Err(_) => self.cut(),
            }
            verdict(&self.entries, &self.promised.objects, &self.notes)
        })
    }
}

impl Running for Run {
    fn reproduce(&self, context: &Context) -> Option<Redacted<Message>> {
        let url = self.url().ok()?;
        let reproduction = Reproduction {
            url: &url,
            shown_url: &self.contract.database.text(&self.scope.for_people()).ok()?,
            statement: self.shown_by.as_deref(),
            access: Access::Read,
            limit: context.deadline.cut().budget,
            folder: &context.run.suite_dir,
            run: &context.run,
        };
        let command: ShellCommand = databases::of_url(&url).ok()?.reproduce(&reproduction);
        self.shown_by.as_ref()?;
        Some(context.run.redactor.redact(command.into_message(&context.run.redactor)))
    }

    fn promises(&mut self) -> Option<Promises> {
        Some(promises(&self.entries, &self.promised.objects, &self.notes))
    }

    fn into_scope(self: Box<Self>) -> Variables {
        self.scope
    }
}

/// Parses the clock of a server in the form it is reported.
pub(super) fn clock(now: &Value) -> Option<Timestamp> {
    now.as_str()?.parse().ok()
}
