//! MySQL's own login, `caching_sha2_password`, against a stand-in; and servers that are none.

use std::time::Duration;

use crate::support::ask::Asked;
use crate::support::mysql_stand_in::{Behaviour, PASSWORD, StandIn, public_key_file};
use crate::support::smoke::Ran;

fn check(url: &str) -> Ran {
    Asked::at(url).check("it", "budget = '20s'").run()
}

/// What is told of the check, without a trace of the password.
fn told(ran: &Ran) -> String {
    let report = ran.junit();
    for output in [&ran.stderr, &ran.stdout, &report.xml] {
        assert!(!output.contains(PASSWORD), "{output}");
    }
    format!("{}\n{}", report.case("it").told(), report.case("it").text)
}

#[test]
fn caching_sha2_password_logs_in_with_its_hash_over_tls_and_by_rsa() {
    for (behaviour, has_tls, parameters, seen) in [
        (Behaviour::Fast, true, "", None),
        (Behaviour::Fast, false, "", None),
        (Behaviour::Full, true, "", Some(PASSWORD)),
        (Behaviour::Full, false, "", Some(PASSWORD)),
        (Behaviour::Full, true, "?ssl-mode=disabled", Some(PASSWORD)),
        (Behaviour::FullAfterSwitch, true, "?ssl-mode=required", Some(PASSWORD)),
        (Behaviour::FullAfterSwitch, false, "?get-server-public-key=true", Some(PASSWORD)),
    ] {
        let server = StandIn::start(behaviour, has_tls);
        check(&format!("{}{parameters}", server.url())).exits(0);
        let expected: Vec<&str> = seen.into_iter().collect();
        assert_eq!(server.seen(), expected, "{behaviour:?} {has_tls} {parameters}");
    }
}

#[test]
fn a_wrong_password_is_refused_by_each_way_of_caching_sha2_password() {
    for (behaviour, has_tls) in [(Behaviour::Fast, true), (Behaviour::Full, true), (Behaviour::Full, false)] {
        let server = StandIn::start(behaviour, has_tls);
        let ran = check(&server.url().replace(PASSWORD, "wrong-donkey"));
        ran.exits(1);
        let told = told(&ran);
        assert!(told.starts_with("auth: logging in at 127.0.0.1:"), "{told}");
        assert!(told.contains("Access denied for user 'smoke' (error 1045, SQLSTATE 28000)"), "{told}");
        assert!(!told.contains("wrong-donkey"), "{told}");
    }
}

#[test]
fn a_key_that_comes_in_clear_is_used_only_if_that_is_not_refused() {
    let server = StandIn::start(Behaviour::Full, false);
    let ran = check(&format!("{}?get-server-public-key=false", server.url()));
    ran.exits(1);
    assert!(told(&ran).contains("`get-server-public-key` is off"), "{}", told(&ran));
    assert!(server.seen().is_empty(), "{:?}", server.seen());
    // With the user's own copy nothing has to be asked for; the stand-in expects the question.
    let named =
        format!("{}?get-server-public-key=false&server-public-key-path={}", server.url(), public_key_file());
    check(&named).exits(1);
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.starts_with("in clear: ") && !seen.contains(PASSWORD)), "{seen:?}");
    assert_eq!(seen.len(), 1);
}

#[test]
fn what_a_hostile_server_asks_for_it_does_not_get() {
    for (behaviour, has_tls, expected) in [
        (Behaviour::BadKey, false, "protocol: "),
        (Behaviour::Clear, false, "asks for the password in clear text"),
        (Behaviour::Clear, true, "asks for the password in clear text"),
        (Behaviour::UnknownMethod, false, "login method `dialog`, which is not supported"),
        (Behaviour::WantsFile, false, "asks for a file of this machine"),
        (Behaviour::LargeRow, false, "a row of 16 MiB or more, and 1 MiB is read at most"),
    ] {
        let server = StandIn::start(behaviour, has_tls);
        let ran = check(&server.url());
        ran.exits(1);
        assert!(told(&ran).contains(expected), "{behaviour:?}: {}", told(&ran));
        assert!(told(&ran).contains("hint: "), "{behaviour:?}: {}", told(&ran));
        assert!(server.seen().is_empty(), "{behaviour:?}: {:?}", server.seen());
    }
}

#[test]
fn a_server_that_stalls_is_cut_with_the_phase_named_and_one_that_breaks_off_fails_at_once() {
    // The packets of the server: its greeting, its word on the hash, the end of the login, and the answer to `select 1`.
    let mute = [
        (false, 0, "while logging in (authenticate)"),
        (false, 1, "while logging in (authenticate)"),
        (false, 2, "while logging in (authenticate)"),
        (false, 3, "while waiting for the first answer, or for a free connection of a pooler (begin)"),
        (false, 5, "(begin)"),
        (true, 1, "while logging in (authenticate)"),
        (true, 3, "(begin)"),
    ];
    for (has_tls, count, phase) in mute {
        let server = StandIn::start(Behaviour::MuteAfter(count), has_tls);
        let ran = Asked::at(&server.url()).check("it", "budget = '1500ms'").run();
        let told = told(&ran);
        assert!(
            told.starts_with("timeout: no ") && told.contains(" within 1.5s (check budget), "),
            "{count}: {told}"
        );
        assert!(told.contains(phase), "{count} {has_tls}: {told}");
    }
    for behaviour in (0..6).flat_map(|count| [Behaviour::CloseAfter(count), Behaviour::GarbageAfter(count)]) {
        let server = StandIn::start(behaviour, false);
        let ran = check(&server.url());
        let told = told(&ran);
        assert!(told.starts_with("protocol: "), "{behaviour:?}: {told}");
        assert!(told.contains("hint: "), "{behaviour:?}: {told}");
        assert!(ran.took < Duration::from_secs(15), "{behaviour:?}: {:?}", ran.took);
    }
    let ssh = crate::support::fault::FaultServer::start(crate::support::fault::Fault::SshBanner);
    let ran = check(&format!("mysql://u:{PASSWORD}@{}/d", ssh.address()));
    assert!(told(&ran).contains("the answer is not MySQL's"), "{}", told(&ran));
}

#[test]
fn rows_without_an_end_are_cut_and_take_no_memory() {
    let server = StandIn::start(Behaviour::Endless, false);
    let asked = Asked::at(&server.url()).check("it", "budget = '1500ms'");
    let ran = asked.smoke().watch_memory().run();
    assert!(told(&ran).starts_with("timeout: no answer within 1.5s (check budget)"), "{}", told(&ran));
}
