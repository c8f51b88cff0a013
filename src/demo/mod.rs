//! The built-in demo shop: a small but complete web application, so that a smoke test of it is a realistic one.
//!
//! `smoke demo` boots it on a free loopback port and runs the example suite against it. It serves HTML pages with a
//! login (form, CSRF token, session cookie), a JSON API for orders, `/health` and `/version`, and keeps its data in a
//! `SQLite` file that other processes may read at any time. It does not depend on suites, checks or reports, and no
//! other module depends on its internals: they communicate over HTTP and through the database file, as with any shop.
//!
//! Every way of breaking it ([`Break`]) is a fault that real shops have, placed where they have it. Everything else
//! keeps working.
//!
//! | path | answers |
//! |---|---|
//! | `GET /` | the products: `ul.products li[data-sku]` |
//! | `GET /health` | `{"status":"ok","checks":{"database":"ok"},"uptime_seconds":0}`, or 503 and `"degraded"` |
//! | `GET /version` | `{"version":"1.4.2","commit":"…"}` |
//! | `GET /login` | the form: `user`, `password`, and a hidden `csrf` bound to the cookie that comes with it |
//! | `POST /login` | 302 to `/dashboard`, a `session` cookie and `x-token`; 403 without the right `csrf`, 401 without the right password |
//! | `GET /dashboard` | `h1` with a welcome and a table of order counts; 302 to `/login` without a session |
//! | `POST /logout` | ends the session, 302 to `/login` |
//! | `GET /api/orders` | `{"orders":[{"id":1,"sku":"…","status":"new","total":"19.90","created":"…"}],"count":1}` |
//! | `POST /api/orders` | takes `{"sku":"…"}`; 201, `location` and `{"id":7,"sku":"…","status":"new"}` |
//! | `GET /api/orders/{id}` | one order, as in the list |
//! | `GET /api/revenue` | `{"revenue":"125.25"}`, the sum of all orders |
//! | `DELETE /api/orders/{id}` | 204 |
//!
//! The table `mart_orders` is published for others, with the contract `smoke.example.odcs.yaml`.
//! A worker carries what is written into the table `heartbeats` over to `published_heartbeats`, with the country in
//! capitals.
//!
//! The API wants `authorization: Bearer` with the token from `x-token`, or the `session` cookie. Errors are
//! `{"error":"…"}` below `/api` and a page elsewhere. A `HEAD` is answered like its `GET`, without the body.

mod shop;

mod answer;
mod page;
mod request;
mod route;

mod session;
mod store;

pub use shop::{Break, Shop, ShopError};
