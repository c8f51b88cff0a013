//! The shop's data: products and orders, in one `SQLite` file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior};
use serde::Serialize;

/// The shop's database. Other processes may read the file at any time: it uses `SQLite`'s default rollback journal,
/// which needs no other file. A write-ahead log would need two more, which a read-only reader may be unable to create.
pub(super) struct Store {
    connection: Arc<Mutex<Connection>>,
}

/// Whether the migration that creates the orders table runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OrdersTable {
    Migrated,
    Forgotten,
}

/// What is published for others to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mart {
    AsPromised,
    /// One of its columns has another name than the contract says.
    Renamed,
}

/// Which orders are revenue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Revenue {
    All,
    /// Those that are paid or shipped.
    Sold,
}

pub(super) struct Product {
    pub(super) sku: String,
    pub(super) name: String,
    /// In euros, as a decimal: `"19.90"`.
    pub(super) price: String,
}

#[derive(Serialize)]
pub(super) struct Order {
    pub(super) id: i64,
    pub(super) sku: String,
    /// `new`, `paid` or `shipped`.
    pub(super) status: String,
    /// In euros, as a decimal: `"19.90"`.
    pub(super) total: String,
    /// RFC 3339, in UTC: `"2026-01-31T12:00:00Z"`.
    pub(super) created: String,
}

/// A row of the view `order_counts`.
pub(super) struct OrderCount {
    pub(super) status: String,
    pub(super) n: i64,
}

/// Why a database operation failed. Its text is exactly `SQLite`'s own message.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("{0}")]
    Sqlite(String),
    #[error("the shop's work on its database was broken off")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl Store {
    /// Opens or creates the file at `path` and runs the migrations that it has not seen.
    pub(super) fn open(path: &Path, orders: OrdersTable, mart: Mart) -> Result<Store, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let wanted: &[&str] = match orders {
            OrdersTable::Migrated => &[
                PRODUCTS,
                ORDERS,
                HEARTBEATS,
                match mart {
                    Mart::AsPromised => MART,
                    Mart::Renamed => RENAMED_MART,
                },
            ],
            OrdersTable::Forgotten => &[PRODUCTS],
        };
        migrate(&mut connection, wanted)?;
        Ok(Store { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs a `select 1` that has to read the file. Without a table, SQLite would answer it without reading.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.run(|db| db.query_row("select 1 from sqlite_schema limit 1", [], |_| Ok(()))).await
    }

    pub(super) async fn products(&self) -> Result<Vec<Product>, StoreError> {
        self.run(|db| {
            db.prepare("select sku, name, price from products order by name")?
                .query_map([], |row| {
                    Ok(Product { sku: row.get("sku")?, name: row.get("name")?, price: row.get("price")? })
                })?
                .collect()
        })
        .await
    }

    pub(super) async fn order_counts(&self) -> Result<Vec<OrderCount>, StoreError> {
        self.run(|db| {
            db.prepare("select status, n from order_counts order by status")?
                .query_map([], |row| Ok(OrderCount { status: row.get("status")?, n: row.get("n")? }))?
                .collect()
        })
        .await
    }

    pub(super) async fn orders(&self) -> Result<Vec<Order>, StoreError> {
        self.run(|db| {
            db.prepare("select id, sku, status, total, created from orders order by id")?
                .query_map([], Order::of_row)?
                .collect()
        })
        .await
    }

    pub(super) async fn order(&self, id: i64) -> Result<Option<Order>, StoreError> {
        self.run(move |db| {
            db.prepare("select id, sku, status, total, created from orders where id = ?1")?
                .query_row([id], Order::of_row)
                .optional()
        })
        .await
    }

    /// Places an order of one piece. An unknown product costs nothing.
    pub(super) async fn place_order(&self, sku: String) -> Result<Order, StoreError> {
        self.run(move |db| {
            db.prepare(
                "insert into orders (sku, status, total, created) values (
                    ?1,
                    'new',
                    coalesce((select price from products where sku = ?1), '0.00'),
                    strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
                ) returning id, sku, status, total, created",
            )?
            .query_row([sku], Order::of_row)
        })
        .await
    }

    /// What the orders come to, in euros, as a decimal: `"125.25"`.
    pub(super) async fn revenue(&self, orders: Revenue) -> Result<String, StoreError> {
        let sold = match orders {
            Revenue::All => "1",
            Revenue::Sold => "status <> 'new'",
        };
        let sum = format!("select sum(cast(round(total * 100) as integer)) from orders where {sold}");
        let cents: Option<i64> = self.run(move |db| db.query_row(&sum, [], |row| row.get(0))).await?;
        let cents = cents.unwrap_or(0);
        Ok(format!("{}.{:02}", cents / 100, cents % 100))
    }

    /// Carries over the heartbeats that have come since the last time.
    pub(super) async fn publish(&self) -> Result<(), StoreError> {
        self.run(|db| {
            let new = "from heartbeats where id not in (select id from published_heartbeats)";
            // Looked at first: what writes locks the file, though there may be nothing to write.
            if db.query_row(&format!("select exists (select 1 {new})"), [], |row| row.get(0))? {
                db.execute(&format!("insert into published_heartbeats select id, upper(country) {new}"), [])?;
            }
            Ok(())
        })
        .await
    }

    /// Whether there was such an order.
    pub(super) async fn remove_order(&self, id: i64) -> Result<bool, StoreError> {
        self.run(move |db| Ok(db.prepare("delete from orders where id = ?1")?.execute([id])? > 0)).await
    }

    /// Runs `work` on the connection. Only one call runs at a time.
    async fn run<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    {
        let connection = Arc::clone(&self.connection);
        // Why: SQLite blocks, for up to `BUSY_TIMEOUT` if another process holds the file, and must not delay the
        // connections that share this thread. The thread may outlive a request whose client disconnected, but ends with
        // its one statement.
        let worked = tokio::task::spawn_blocking(move || {
            // A panic in other work cannot leave a transaction open, because each runs a single statement.
            work(&connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Ok(worked.await??)
    }
}

impl Order {
    fn of_row(row: &Row<'_>) -> Result<Order, rusqlite::Error> {
        Ok(Order {
            id: row.get("id")?,
            sku: row.get("sku")?,
            status: row.get("status")?,
            total: row.get("total")?,
            created: row.get("created")?,
        })
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        // rusqlite's own text quotes the whole statement, but users of the shop see only the message.
        StoreError::Sqlite(match error {
            rusqlite::Error::SqlInputError { msg, .. } | rusqlite::Error::SqliteFailure(_, Some(msg)) => msg,
            other => other.to_string(),
        })
    }
}

/// Runs the pending migrations of `wanted`, each in a transaction. `user_version` counts them.
fn migrate(connection: &mut Connection, wanted: &[&str]) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let seen: u32 = transaction.query_row("pragma user_version", [], |row| row.get(0))?;
    for (version, migration) in (1_u32..).zip(wanted).filter(|(version, _)| *version > seen) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    transaction.commit()
}

const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

const PRODUCTS: &str = "
create table products (
    sku text primary key,
    name text not null,
    price text not null
);
insert into products (sku, name, price) values
    ('kettle-1l', 'Camp kettle, 1 l', '24.50'),
    ('lantern-s', 'Storm lantern, small', '19.90'),
    ('matches-100', 'Storm matches, 100', '3.20'),
    ('grill-40', 'Folding grill, 40 cm', '49.00'),
    ('mug-enamel', 'Enamel mug', '8.75');
";

/// Order IDs are never reused, so a smoke test that removes its order can see that it is gone.
const ORDERS: &str = "
create table orders (
    id integer primary key autoincrement,
    sku text not null,
    status text not null,
    total text not null,
    created text not null
);
create view order_counts (status, n) as select status, count(*) from orders group by status;
insert into orders (sku, status, total, created) values
    ('kettle-1l', 'shipped', '24.50', strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-6 days')),
    ('lantern-s', 'shipped', '19.90', strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-4 days')),
    ('grill-40', 'paid', '49.00', strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-2 days')),
    ('mug-enamel', 'paid', '8.75', strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-1 days')),
    ('matches-100', 'new', '3.20', strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-3 hours')),
    ('lantern-s', 'new', '19.90', strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-20 minutes'));
";

/// What `smoke.example.odcs.yaml` promises.
const MART: &str = "
create table mart_orders (
    order_id integer primary key,
    sku text not null,
    total numeric not null,
    ordered_at text not null
);
insert into mart_orders select id, sku, total, created from orders;
";

const RENAMED_MART: &str = "
create table mart_orders (
    order_id integer primary key,
    sku text not null,
    amount numeric not null,
    ordered_at text not null
);
insert into mart_orders select id, sku, total, created from orders;
";

const HEARTBEATS: &str = "
create table heartbeats (id text primary key, country text not null);
create table published_heartbeats (id text primary key, country text not null);
";
