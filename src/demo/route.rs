//! Routing: the table of paths and methods.

use hyper::Method;

use super::answer::{Audience, Refusal};

/// A route, with its path parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Landing,
    Health,
    Version,
    LoginForm,
    LogIn,
    Dashboard,
    LogOut,
    Orders,
    Revenue,
    PlaceOrder,
    Order(i64),
    RemoveOrder(i64),
}

/// Returns the route for `path`, which does not include the query.
///
/// # Errors
///
/// Returns [`Refusal::NotFound`] for an unknown path, and [`Refusal::NotAllowed`] for one that supports other methods.
pub(super) fn find(method: &Method, path: &str) -> Result<Route, Refusal> {
    // hyper drops the body of a response to HEAD, and keeps its `content-length`.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let offers = offers(path);
    match offers.iter().find(|(offered, _)| offered == method) {
        Some((_, route)) => Ok(*route),
        None if offers.is_empty() => Err(Refusal::NotFound),
        None => Err(Refusal::NotAllowed { allow: allow(&offers) }),
    }
}

/// Returns who reads responses below `path`: programs use the API, people everything else.
pub(super) fn audience(path: &str) -> Audience {
    if path == "/api" || path.starts_with("/api/") { Audience::Programs } else { Audience::People }
}

fn offers(path: &str) -> Vec<(Method, Route)> {
    match path {
        "/" => vec![(Method::GET, Route::Landing)],
        "/health" => vec![(Method::GET, Route::Health)],
        "/version" => vec![(Method::GET, Route::Version)],
        "/login" => vec![(Method::GET, Route::LoginForm), (Method::POST, Route::LogIn)],
        "/dashboard" => vec![(Method::GET, Route::Dashboard)],
        "/logout" => vec![(Method::POST, Route::LogOut)],
        "/api/revenue" => vec![(Method::GET, Route::Revenue)],
        "/api/orders" => vec![(Method::GET, Route::Orders), (Method::POST, Route::PlaceOrder)],
        other => match other.strip_prefix("/api/orders/").and_then(|id| id.parse().ok()) {
            Some(id) => vec![(Method::GET, Route::Order(id)), (Method::DELETE, Route::RemoveOrder(id))],
            None => vec![],
        },
    }
}

fn allow(offers: &[(Method, Route)]) -> String {
    let methods: Vec<&str> = offers
        .iter()
        .flat_map(
            |(method, _)| if method == Method::GET { vec!["GET", "HEAD"] } else { vec![method.as_str()] },
        )
        .collect();
    methods.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_routed_like_its_get() {
        assert_eq!(find(&Method::HEAD, "/login").ok(), Some(Route::LoginForm));
    }

    #[test]
    fn an_order_is_found_by_its_number_only() {
        assert_eq!(find(&Method::DELETE, "/api/orders/12").ok(), Some(Route::RemoveOrder(12)));
        assert!(matches!(find(&Method::GET, "/api/orders/twelve"), Err(Refusal::NotFound)));
        assert!(matches!(find(&Method::GET, "/api/orders/"), Err(Refusal::NotFound)));
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let Err(Refusal::NotAllowed { allow }) = find(&Method::PUT, "/api/orders") else {
            panic!("a PUT of all orders has a route");
        };
        assert_eq!(allow, "GET, HEAD, POST");
    }
}
