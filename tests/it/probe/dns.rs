//! `dns://`, against a real server, and against answers that are none.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use crate::support::dns::{Dnsmasq, Over, answer, name, record, stand_in};
use crate::support::junit::Outcome;
use crate::support::smoke::{Ran, Smoke};
use crate::support::{stalled_dns, thorough};

/// The numbers of the types.
const A: u16 = 1;
const CNAME: u16 = 5;

fn check(server: SocketAddr, asked: &str, keys: &str) -> String {
    format!("[[health]]\nname = \"it\"\nurl = \"dns://{server}/{asked}\"\n{keys}\n")
}

/// Runs one check of a real server.
fn real(asked: &str, keys: &str) -> Ran {
    Smoke::new().suite(&check(Dnsmasq::shared().address, asked, keys)).run()
}

/// Runs one check of a server that answers as `answers` says.
fn of(answers: impl Fn(&[u8], Over) -> Vec<Vec<u8>> + Send + Sync + 'static, asked: &str, keys: &str) -> Ran {
    Smoke::new().suite(&check(stand_in(answers), asked, keys)).run()
}

#[track_caller]
fn says(ran: &Ran, code: i32, said: &[&str]) {
    ran.exits(code);
    for said in said {
        assert!(ran.stderr.contains(said), "no `{said}` in\n{}", ran.stderr);
    }
}

#[test]
fn every_type_of_record_is_found_and_compared() {
    for (asked, records) in [
        ("shop.test", "['10.0.0.8', '10.0.0.7']"),
        ("shop.test?type=A", "['10.0.0.7', '10.0.0.8']"),
        ("shop.test.?type=a", "['10.0.0.7', '10.0.0.8']"),
        ("SHOP.test?type=AAAA", "'2001:DB8:0:0::7'"),
        ("www.shop.test?type=CNAME", "['shop.test']"),
        ("www.shop.test?type=CNAME", "'Shop.Test.'"),
        ("www.shop.test", "['10.0.0.8', '10.0.0.7']"),
        ("shop.test?type=MX", "['10 mail.shop.test']"),
        ("shop.test?type=TXT", "['v=spf1 -all']"),
        ("_sip._tcp.shop.test?type=SRV", "['1 5 5060 sip.shop.test']"),
        ("shop.test?type=NS", "['ns1.shop.test']"),
        ("shop.test?type=CAA", "['0 issue \"letsencrypt.org\"']"),
        ("7.0.0.10.in-addr.arpa?type=PTR", "['shop.test']"),
        ("10.0.0.7?type=PTR", "['shop.test']"),
        ("2001:db8::7?type=PTR", "['shop.test']"),
        ("bär.test", "['10.0.0.10']"),
    ] {
        real(asked, &format!("expect.records = {records}")).exits(0);
        let ran = real(asked, "expect.records = ['another']");
        says(&ran, 1, &[" records of ", " another, got "]);
    }
}

#[test]
fn every_expectation_holds_and_fails() {
    for (asked, expect, unmet) in [
        ("shop.test", "records = { contains = '10.0.0.7' }", ""),
        ("shop.test", "records = { contains = '10.0.0.9' }", "expected A records of shop.test to contain"),
        ("shop.test", "records = { each = { matches = '^10[.]' } }", ""),
        ("shop.test", "records = { each = { matches = '8$' } }", "expected A records of shop.test each"),
        ("shop.test", "records = { any = '10.0.0.8' }", ""),
        ("shop.test", "records = { length = 2 }", ""),
        ("shop.test", "records = { count = 2 }", ""),
        ("shop.test", "records = { count = 3 }", "expected A records of shop.test count 3, got 2"),
        ("shop.test", "records = ['10.0.0.7']", "expected A records of shop.test 10.0.0.7, got 10.0.0."),
        ("shop.test?type=MX", "records = []", "expected MX records of shop.test none, got 10 mail.shop.test"),
        ("short.test?type=MX", "records = []", ""),
        ("short.test?type=MX", "records = { count = 0 }", ""),
        (
            "short.test?type=MX",
            "records = { each = 'x' }",
            "expected MX records of short.test to exist, got none",
        ),
        ("shop.test", "ttl = 300", ""),
        ("shop.test", "ttl = { min = 60, max = 300 }", ""),
        ("short.test", "ttl = { min = 60 }", "expected ttl at least 60, got 30"),
        ("none.test", "rcode = 'NXDOMAIN'", ""),
        (
            "shop.test",
            "rcode = 'NXDOMAIN'",
            "expected rcode \"NXDOMAIN\", got NOERROR (there is such a name)",
        ),
        ("shop.test", "rcode = 'NOERROR'", ""),
        ("short.test?type=MX", "rcode = 'NOERROR'", "expected MX records of short.test to exist, got none"),
        ("other.example", "rcode = { one-of = ['REFUSED', 'SERVFAIL'] }", ""),
        ("shop.test", "within = '50s'", ""),
        ("shop.test", "within = '1us'", "expected an answer within"),
    ] {
        let ran = real(asked, &format!("expect.{expect}\nbudget = '55s'"));
        says(&ran, i32::from(!unmet.is_empty()), &[unmet]);
    }
}

#[test]
fn a_name_that_does_not_exist_and_a_server_that_refuses_are_told_as_that() {
    let ran = real("none.test", "");
    says(&ran, 1, &["expected rcode NOERROR, got NXDOMAIN (there is no such name)"]);
    let report = ran.junit();
    let case = report.case("it");
    assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Failed, Some("mismatch")));
    let ran = real("other.example", "");
    says(&ran, 1, &["got REFUSED (the server does not answer this client, or knows nothing of this zone)"]);
    let port = Dnsmasq::shared().address.port();
    let command = format!("reproduce: dig @127.0.0.1 -p {port} +time=5 +tries=1 other.example A");
    says(&ran, 1, &[&command]);
    let ran = of(|question, _| vec![answer(question, 2, &[])], "shop.test", "");
    says(&ran, 1, &["got SERVFAIL (the server could not find out: a server that it asks, or DNSSEC)"]);
    let ran = of(|question, _| vec![answer(question, 11, &[])], "shop.test", "");
    says(&ran, 1, &["got RCODE11 (what that means is not known)"]);
}

#[test]
fn a_name_without_records_of_the_type_is_told_with_what_there_is() {
    says(
        &real("short.test?type=MX", ""),
        1,
        &[
            "expected MX records of short.test to exist, got none: there is such a name, without records of this type",
            "NOERROR from 127.0.0.1:",
        ],
    );
    let alias = |question: &[u8], _| {
        vec![answer(question, 0, &[record("away.test", CNAME, &name("elsewhere.test"))])]
    };
    let said = "got none: it is an alias of elsewhere.test, of which the answer has no A records";
    says(&of(alias, "away.test", ""), 1, &[said, "away.test 60 CNAME elsewhere.test"]);
}

#[test]
fn a_loop_of_aliases_is_told_with_all_its_names() {
    let looped = |question: &[u8], _| {
        let aliases = [("a.test", "b.test"), ("b.test", "c.test"), ("c.test", "B.test")];
        let records = aliases.map(|(owner, alias)| record(owner, CNAME, &name(alias)));
        vec![answer(question, 0, &records)]
    };
    for keys in ["", "expect.records = []"] {
        let said =
            "expected A records of a.test to exist, got a loop of CNAMEs: a.test → b.test → c.test → B.test";
        says(&of(looped, "a.test", keys), 1, &[said]);
    }
}

#[test]
fn a_long_answer_is_asked_for_over_tcp() {
    let ran = real("long.test?type=TXT", "expect.records = { length = 30, any = { length = 200 } }");
    ran.exits(0);
    let ran =
        Smoke::new().arg("--trace").suite(&check(Dnsmasq::shared().address, "shop.test?type=MX", "")).run();
    says(&ran, 0, &["shop.test MX to 127.0.0.1:", "shop.test 300 MX 10 mail.shop.test"]);
}

#[test]
fn what_goes_wrong_over_tcp_is_told_as_what_it_is() {
    let truncated = |question: &[u8]| {
        let mut message = answer(question, 0, &[]);
        message[2] |= 0x02;
        message
    };
    let over_tcp = move |edit: fn(Vec<u8>) -> Vec<Vec<u8>>| {
        move |question: &[u8], over| match over {
            Over::Udp => vec![truncated(question)],
            Over::Tcp => edit(answer(question, 0, &[record("shop.test", A, &[10, 0, 0, 1])])),
        }
    };
    of(over_tcp(|message| vec![message]), "shop.test", "expect.records = '10.0.0.1'").exits(0);
    let doing = "over TCP, because the answer was truncated over UDP: ";
    for (edit, said) in [
        (
            (|_| Vec::new()) as fn(Vec<u8>) -> Vec<Vec<u8>>,
            "the server closed the connection before the end of the answer",
        ),
        (
            |mut message| {
                message[0] ^= 1;
                vec![message]
            },
            "the answer has another id, or is one to another question",
        ),
        (
            |mut message| {
                message.truncate(40);
                vec![message]
            },
            "the answer is no DNS message: it ends in the middle",
        ),
    ] {
        let ran = of(over_tcp(edit), "shop.test", "");
        says(&ran, 1, &[doing, said]);
        assert_eq!(ran.junit().case("it").kind.as_deref(), Some("protocol"), "{said}");
    }
    // Nobody listens on the port over TCP.
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = udp.local_addr().expect("know the port");
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut buffer) {
            let _ = udp.send_to(&truncated(&buffer[..length]), from);
        }
    });
    let ran = Smoke::new().suite(&check(address, "shop.test", "")).run();
    says(&ran, 1, &[doing, "connection refused", "does a DNS server listen there?"]);
}

#[test]
fn answers_with_another_id_or_to_another_question_do_not_count_and_are_told() {
    let good = |question: &[u8]| answer(question, 0, &[record("shop.test", A, &[10, 0, 0, 1])]);
    let other_id = move |question: &[u8]| {
        let mut message = good(question);
        message[0] ^= 0x55;
        message
    };
    let other_question = move |question: &[u8]| {
        let mut message = good(question);
        message[13] = b'x';
        message
    };
    let ran = of(move |question, _| vec![other_id(question)], "shop.test", "budget = '600ms'");
    says(
        &ran,
        1,
        &[
            "no answer within 600ms (check budget), while the query ran (query): 1 answer had another id than the question, and did not count",
        ],
    );
    let ran = of(move |question, _| vec![other_question(question); 2], "shop.test", "budget = '600ms'");
    says(&ran, 1, &["2 answers had another question, and did not count"]);
    let all = move |question: &[u8], _| vec![other_id(question), other_question(question), good(question)];
    of(all, "shop.test", "expect.records = '10.0.0.1'").exits(0);
}

#[test]
fn a_mute_server_is_cut_and_garbage_is_an_error() {
    let ran = of(|_, _| Vec::new(), "shop.test", "budget = '600ms'");
    says(&ran, 1, &["no answer within 600ms (check budget), while the query ran (query)\n", "127.0.0.1:"]);
    assert_eq!(ran.junit().case("it").kind.as_deref(), Some("timeout"));
    assert!(ran.took < thorough::bound(Duration::from_secs(2)), "{:?}", ran.took);
    for (cut, said) in
        [(11, "it ends in the middle"), (30, "it ends in the middle"), (47, "it ends in the middle")]
    {
        let short = move |question: &[u8], _| {
            let mut message = answer(question, 0, &[record("shop.test", A, &[10, 0, 0, 1])]);
            message.truncate(cut);
            vec![message]
        };
        let ran = of(short, "shop.test", "");
        says(&ran, 1, &["over UDP: the answer is no DNS message: ", said]);
        assert_eq!(ran.junit().case("it").kind.as_deref(), Some("protocol"), "{cut}");
    }
    let ran = of(|question, _| vec![answer(question, 0, &[vec![0xC0, 200]])], "shop.test", "");
    says(&ran, 1, &["a name in it is too long, or refers to itself"]);
}

#[test]
fn a_lost_question_is_sent_again_and_old_servers_are_asked_without_extensions() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let loses_one = move |question: &[u8], _| {
        let is_first = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        if is_first {
            Vec::new()
        } else {
            vec![answer(question, 0, &[record("shop.test", A, &[10, 0, 0, 1])])]
        }
    };
    of(loses_one, "shop.test", "budget = '30s'").exits(0);
    let old = |question: &[u8], _| {
        let has_extensions = question[11] == 1;
        let records = [record("shop.test", A, &[10, 0, 0, 1])];
        vec![if has_extensions { answer(question, 1, &[]) } else { answer(question, 0, &records) }]
    };
    of(old, "shop.test", "expect.records = '10.0.0.1'").exits(0);
}

#[test]
fn a_port_where_nobody_listens_and_a_resolver_without_an_address_are_errors() {
    let free = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let ran = Smoke::new().suite(&check(free, "shop.test", "")).run();
    says(&ran, 1, &["over UDP: connection refused", "does a DNS server listen there?"]);
    assert_eq!(ran.junit().case("it").kind.as_deref(), Some("connect"));
    let suite = "[[health]]\nname = \"it\"\nurl = \"dns://no-such-resolver.invalid/shop.test\"\n";
    let ran = Smoke::new().suite(suite).run();
    ran.exits(1);
    assert!(ran.stderr.contains("no-such-resolver.invalid"), "{}", ran.stderr);
}

#[test]
fn the_resolver_may_be_a_name() {
    let port = Dnsmasq::shared().address.port();
    let suite = format!(
        "[vars]\nname = \"shop.test\"\n[[health]]\nname = \"it\"\nurl = \"dns://localhost:{port}/{{{{name}}}}?type=MX\"\n\
         expect.records = [\"10 mail.{{{{name}}}}\"]\n"
    );
    Smoke::new().suite(&suite).run().exits(0);
}

#[test]
fn what_is_wrong_with_a_url_is_found_before_anything_is_sent() {
    for (url, said) in [
        ("dns://10.0.0.1", "needs a name to look up"),
        ("dns:///", "needs a name to look up"),
        ("dns:///shop.test?type=AXFR", "unknown record type `AXFR`"),
        ("dns:///shop.test?typ=A", "unknown parameter `typ`"),
        ("dns:///a..b", "is no name of DNS"),
        ("dns:///10.0.0.7", "is an address, and has no A records"),
        ("dns://user:pw@10.0.0.1/shop.test", "takes no user, password or fragment"),
    ] {
        let ran = Smoke::new().suite(&format!("[[health]]\nname = \"it\"\nurl = \"{url}\"\n")).run();
        says(&ran, 2, &[said]);
    }
    for (keys, said) in [
        ("method = \"POST\"", "`method` does not apply to a `dns://` check"),
        ("tls = { insecure = true }", "`tls` does not apply to a `dns://` check"),
        ("addresses = \"all\"", "`addresses` does not apply"),
        ("expect.status = 200", "`status` does not apply to a `dns://` check"),
        ("expect.rcode = \"NXDOMIAN\"", "did you mean `NXDOMAIN`?"),
        ("expect.records = 7", "the records as text, or a list of them"),
    ] {
        let suite = format!("[[health]]\nname = \"it\"\nurl = \"dns:///shop.test\"\n{keys}\n");
        says(&Smoke::new().suite(&suite).run(), 2, &[said]);
    }
}

/// The addresses of the resolver `two.test`, on a port where nobody else listens: what the first and the second answer.
fn two(
    first: Option<fn(&[u8]) -> Vec<u8>>,
    second: Option<fn(&[u8]) -> Vec<u8>>,
) -> (u16, Vec<std::thread::JoinHandle<()>>) {
    let bind = |address: &str| UdpSocket::bind(address).expect("a port");
    let one = bind("127.0.0.1:0");
    let port = one.local_addr().expect("know the port").port();
    let other = bind(&format!("127.0.0.2:{port}"));
    let serve = |(socket, answers): (UdpSocket, Option<fn(&[u8]) -> Vec<u8>>)| {
        let answers = answers?;
        Some(std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let message = answers(&buffer[..length]);
                if !message.is_empty() {
                    let _ = socket.send_to(&message, from);
                }
            }
        }))
    };
    (port, [(one, first), (other, second)].into_iter().filter_map(serve).collect())
}

#[test]
fn the_next_server_is_asked_where_one_refuses_is_mute_or_could_not_find_out() {
    let good = |question: &[u8]| answer(question, 0, &[record("shop.test", A, &[10, 0, 0, 1])]);
    let no_name = |question: &[u8]| answer(question, 3, &[]);
    let failed = |question: &[u8]| answer(question, 2, &[]);
    let mute = |_: &[u8]| Vec::new();
    for (first, second, code, said) in [
        (None, Some(good as fn(&[u8]) -> Vec<u8>), 0, ""),
        (Some(mute as fn(&[u8]) -> Vec<u8>), Some(good as _), 0, ""),
        (Some(failed as _), Some(good as _), 0, ""),
        // What it says counts, and the next one is not asked.
        (Some(no_name as _), Some(good as _), 1, "got NXDOMAIN"),
        // It is what is known.
        (Some(failed as _), None, 1, "got SERVFAIL"),
        (Some(failed as _), Some(mute as _), 1, "got SERVFAIL"),
        (None, None, 1, "over UDP: connection refused"),
    ] {
        let (port, _servers) = two(first, second);
        let suite = format!(
            "[[health]]\nname = \"it\"\nurl = \"dns://two.test:{port}/shop.test\"\nbudget = \"6s\"\n"
        );
        let ran = Smoke::new().suite(&suite).env("LD_PRELOAD", stalled_dns::library()).run();
        says(&ran, code, &[said]);
    }
}

#[test]
fn without_a_resolver_the_servers_of_this_machine_are_asked() {
    let source = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

int open64(const char *path, int flags, unsigned mode) {
    int (*real)(const char *, int, unsigned) = dlsym(RTLD_NEXT, "open64");
    return real(strcmp(path, "/etc/resolv.conf") ? path : getenv("RESOLV_CONF"), flags, mode);
}
"#;
    let library = stalled_dns::compiled("resolv_conf", source);
    let suite = "[[health]]\nname = \"it\"\nurl = \"dns:///shop.test?type=TXT\"\n";
    let smoke = Smoke::new()
        .suite(suite)
        .file("resolv.conf", "search test\nnameserver 127.66.0.1\nnameserver 127.66.0.2\n");
    let file = smoke.path("resolv.conf");
    let ran = smoke.env("LD_PRELOAD", library).env("RESOLV_CONF", file).run();
    says(
        &ran,
        1,
        &[
            "asking 127.66.0.2:53 over UDP: connection refused",
            "reproduce: dig +time=5 +tries=1 shop.test TXT",
        ],
    );
}
