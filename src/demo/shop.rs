//! The shop itself: opens its store, listens, and dispatches requests.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::answer::{self, Answer, Refusal};
use super::page;
use super::request::{self, Asked};
use super::route::{self, Route};
use super::session::{LoginForm, LoginRefused, SESSION_COOKIE, Sessions, USER, VISIT_COOKIE};
use super::store::{Mart, OrdersTable, Revenue, Store};

/// The ways to break the shop on purpose, so that newcomers see what a failure looks like.
///
/// `/health` reports `ok` under each of them. Even with [`Break::Db`] the database itself responds, so the shop
/// considers itself healthy, as real shops do. Only a check of the orders and of their table finds the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Break {
    /// The orders table was never migrated: every use of it fails, while /health stays green
    Db,
    /// The session store is lost: a right password leads back to the login page
    Login,
    /// Every answer but /version takes 3 s
    Slow,
    /// The process dies with exit code 70 when the first order is placed
    Crash,
    /// The deploy did not take: the previous release, 1.4.1, is still live
    Version,
    /// A release has renamed a column of the table that the shop publishes for others
    Contract,
    /// The API's revenue leaves out the orders that are new; the database has them
    Metric,
    /// The worker is stuck: heartbeats are taken, and never published
    Canary,
}

/// The demo shop, opened and ready to serve.
pub struct Shop {
    store: Store,
    sessions: Sessions,
    fault: Option<Break>,
    started: Instant,
}

/// Why the shop cannot be opened, or cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    #[error("cannot open the shop's database `{}`", path.display())]
    Database { path: PathBuf, source: Box<dyn Error + Send + Sync> },
    #[error("cannot tell where the shop listens")]
    Announce(#[source] io::Error),
    #[error("cannot accept connections")]
    Accept(#[source] io::Error),
}

impl Shop {
    /// Opens the `SQLite` file `database`, and creates the file, its tables and its first rows if they are missing.
    ///
    /// `password` is that of the only user, `smoke`. With [`Break::Db`], a new file has no orders table. An existing
    /// table stays, because a demonstration must not destroy data.
    ///
    /// # Errors
    ///
    /// Returns [`ShopError::Database`] if the file cannot be created, or is not a database of the shop.
    pub fn open(database: &Path, password: String, fault: Option<Break>) -> Result<Shop, ShopError> {
        let orders = if fault == Some(Break::Db) { OrdersTable::Forgotten } else { OrdersTable::Migrated };
        let mart = if fault == Some(Break::Contract) { Mart::Renamed } else { Mart::AsPromised };
        let store = Store::open(database, orders, mart)
            .map_err(|source| ShopError::Database { path: database.to_owned(), source: source.into() })?;
        Ok(Shop { store, sessions: Sessions::new(password), fault, started: Instant::now() })
    }

    /// Announces its address on stdout, then serves connections until the process is stopped or the future is dropped.
    /// Dropping it closes all connections.
    ///
    /// # Errors
    ///
    /// Returns [`ShopError::Announce`] if stdout is closed, and [`ShopError::Accept`] if the listener is broken.
    pub async fn serve(self, listener: TcpListener) -> Result<Infallible, ShopError> {
        let address = listener.local_addr().map_err(ShopError::Announce)?;
        announce(self.release(), address).map_err(ShopError::Announce)?;

        let shop = Arc::new(self);
        let mut connections = JoinSet::new();
        let mut worker = tokio::time::interval(WORKER);
        worker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        // Why: a connection ends with the set, which ends with the shop.
                        connections.spawn(Arc::clone(&shop).converse(stream));
                    }
                    // The client disconnected before it was accepted. The listener is unaffected.
                    Err(error) if is_of_one_client(&error) => {}
                    Err(error) => return Err(ShopError::Accept(error)),
                },
                // What could not be published now is published the next time.
                _ = worker.tick(), if shop.fault != Some(Break::Canary) => {
                    let _ = shop.store.publish().await;
                }
                // Nothing is learned from a connection's end, but the set must not grow with every client.
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn converse(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(|request| {
            let shop = Arc::clone(&self);
            async move { Ok::<_, Infallible>(shop.answer(request).await) }
        });
        // An error here is the client's fault: it sent invalid HTTP or disconnected. It has been answered as far as
        // possible.
        let _ = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let audience = route::audience(request.uri().path());
        let route = route::find(request.method(), request.uri().path());
        if self.fault == Some(Break::Slow) && !matches!(route, Ok(Route::Version)) {
            tokio::time::sleep(SLOWNESS).await;
        }
        let answered = match route {
            Ok(route) => self.handle(route, request).await,
            Err(refusal) => Err(refusal),
        };
        answered.unwrap_or_else(|refusal| answer::refused(&refusal, audience))
    }

    async fn handle(&self, route: Route, request: Request<Incoming>) -> Result<Answer, Refusal> {
        let (asked, body) = Asked::of(request);
        match route {
            Route::Landing => Ok(answer::page(StatusCode::OK, page::landing(&self.store.products().await?))),
            Route::Health => Ok(self.health().await),
            Route::Version => Ok(answer::json(StatusCode::OK, &self.release().described())),
            Route::LoginForm => Ok(self.login_form(&asked)),
            Route::LogIn => self.log_in(&asked, &request::read(body).await?),
            Route::Dashboard => self.dashboard(&asked).await,
            Route::LogOut => Ok(self.log_out(&asked)),
            Route::Orders => {
                self.authorize(&asked)?;
                let orders = self.store.orders().await?;
                Ok(answer::json(StatusCode::OK, &json!({ "orders": &orders, "count": orders.len() })))
            }
            Route::Revenue => {
                self.authorize(&asked)?;
                let orders = if self.fault == Some(Break::Metric) { Revenue::Sold } else { Revenue::All };
                Ok(answer::json(StatusCode::OK, &json!({ "revenue": self.store.revenue(orders).await? })))
            }
            Route::PlaceOrder => {
                self.authorize(&asked)?;
                self.place_order(&request::read(body).await?).await
            }
            Route::Order(id) => {
                self.authorize(&asked)?;
                let order = self.store.order(id).await?.ok_or(Refusal::NotFound)?;
                Ok(answer::json(StatusCode::OK, &order))
            }
            Route::RemoveOrder(id) => {
                self.authorize(&asked)?;
                if self.store.remove_order(id).await? { Ok(answer::empty()) } else { Err(Refusal::NotFound) }
            }
        }
    }

    async fn health(&self) -> Answer {
        let uptime = self.started.elapsed().as_secs();
        let (status, verdict, database) = match self.store.ping().await {
            Ok(()) => (StatusCode::OK, "ok", "ok".to_owned()),
            Err(error) => (StatusCode::SERVICE_UNAVAILABLE, "degraded", error.to_string()),
        };
        answer::json(
            status,
            &json!({ "status": verdict, "checks": { "database": database }, "uptime_seconds": uptime }),
        )
    }

    fn login_form(&self, asked: &Asked) -> Answer {
        let visit = self.sessions.visit(asked.cookie(VISIT_COOKIE));
        let error = asked.query("error").map(|_| "Your session was lost. Please log in again.");
        let form = answer::page(StatusCode::OK, page::login(&visit.csrf, error));
        answer::with_cookie(form, VISIT_COOKIE, &visit.id)
    }

    fn log_in(&self, asked: &Asked, body: &[u8]) -> Result<Answer, Refusal> {
        match self.sessions.log_in(asked.cookie(VISIT_COOKIE), &LoginForm::parse(body)) {
            // The browser is redirected to the login page again and again, and the log does not say why.
            Ok(session) if self.fault == Some(Break::Login) => {
                self.sessions.end(Some(&session));
                Ok(answer::redirect("/login?error=session"))
            }
            Ok(session) => {
                let welcome = answer::with_token(answer::redirect("/dashboard"), self.sessions.api_token());
                Ok(answer::with_cookie(
                    answer::without_cookie(welcome, VISIT_COOKIE),
                    SESSION_COOKIE,
                    &session,
                ))
            }
            Err(LoginRefused::Csrf) => Err(Refusal::Forged),
            Err(LoginRefused::Credentials(visit)) => {
                let error = "Wrong user name or password.";
                Ok(answer::page(StatusCode::UNAUTHORIZED, page::login(&visit.csrf, Some(error))))
            }
        }
    }

    async fn dashboard(&self, asked: &Asked) -> Result<Answer, Refusal> {
        if !self.sessions.is_live(asked.cookie(SESSION_COOKIE)) {
            return Ok(answer::redirect("/login"));
        }
        Ok(answer::page(StatusCode::OK, page::dashboard(USER, &self.store.order_counts().await?)))
    }

    fn log_out(&self, asked: &Asked) -> Answer {
        self.sessions.end(asked.cookie(SESSION_COOKIE));
        answer::without_cookie(answer::redirect("/login"), SESSION_COOKIE)
    }

    async fn place_order(&self, body: &[u8]) -> Result<Answer, Refusal> {
        let sku = wanted_sku(body).map_err(Refusal::BadRequest)?;
        let order = self.store.place_order(sku).await?;
        if self.fault == Some(Break::Crash) {
            crash();
        }
        let created = answer::json(
            StatusCode::CREATED,
            &json!({ "id": order.id, "sku": order.sku, "status": order.status }),
        );
        Ok(answer::with_location(created, &format!("/api/orders/{}", order.id)))
    }

    fn authorize(&self, asked: &Asked) -> Result<(), Refusal> {
        let known = asked.bearer().is_some_and(|token| token == self.sessions.api_token())
            || self.sessions.is_live(asked.cookie(SESSION_COOKIE));
        if known { Ok(()) } else { Err(Refusal::Unauthorized) }
    }

    fn release(&self) -> &'static Release {
        if self.fault == Some(Break::Version) { &PREVIOUS } else { &CURRENT }
    }
}

/// Parses the `sku` of `body`, the JSON of `POST /api/orders`. Other keys are ignored. The SKU need not be a product,
/// so a smoke test may order something that nobody will ever send.
fn wanted_sku(body: &[u8]) -> Result<String, String> {
    let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    match body.get("sku") {
        Some(Value::String(sku)) if (1..=LONGEST_SKU).contains(&sku.chars().count()) => Ok(sku.clone()),
        Some(_) => Err(format!("`sku` must be a text of 1 to {LONGEST_SKU} characters")),
        None => Err("`sku` is missing".to_owned()),
    }
}

struct Release {
    version: &'static str,
    commit: &'static str,
}

impl Release {
    fn described(&self) -> Value {
        json!({ "version": self.version, "commit": self.commit })
    }
}

const CURRENT: Release = Release { version: "1.4.2", commit: "7d0c5ab41f6e29d38b0a9c11e5f27c604e83d1fa" };
const PREVIOUS: Release = Release { version: "1.4.1", commit: "c35e8f02ba947160de51c2f7806b9ad4e1703f5c" };
const SLOWNESS: Duration = Duration::from_secs(3);
/// How often the worker looks for what is to be published.
const WORKER: Duration = Duration::from_millis(50);
/// In characters.
const LONGEST_SKU: usize = 100;

/// Writes the first line of the application's log, which tells whoever booted it that it is ready and on which port.
fn announce(release: &Release, address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "shop {} listening on http://{address}", release.version)?;
    stdout.flush()
}

fn crash() -> ! {
    // stderr may be closed, and nobody is left to notice.
    let _ = writeln!(io::stderr(), "shop: fatal: payment worker lost its queue, exiting");
    // Why: exiting without a response in the middle of a request is the purpose of `Break::Crash`. The shop is a
    // separate process, so the runner is not affected.
    std::process::exit(70)
}

fn is_of_one_client(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}
