//! Names that DNS does not know, or knows otherwise.

use super::health;
use crate::support::dns::Dnsmasq;

#[test]
fn a_name_that_does_not_exist() {
    let url = format!("dns://{}/shop-2.test", Dnsmasq::shared().address);
    health("dns_no_name", &url, "").says("got NXDOMAIN (there is no such name)", "status: NXDOMAIN");
}

#[test]
fn a_name_with_other_addresses() {
    let url = format!("dns://{}/short.test", Dnsmasq::shared().address);
    health("dns_other_address", &url, "expect.records = [\"10.0.0.7\"]\nexpect.ttl = { min = 60 }")
        .says("expected A records of short.test 10.0.0.7, got 10.0.0.9", "10.0.0.9");
}
