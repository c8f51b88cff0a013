//! Secrets that a process receives and prints.

use super::{HEAD, SECRET, keeps_quiet};
use crate::support::outputs::{asked_for_all, have_none_of};

#[test]
fn process_output_is_redacted_before_it_is_cut() {
    // Enough output follows for its beginning to be no longer among the last lines.
    let script =
        "printf '%s' \\\"$MINE\\\"; i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; exit 1";
    let suite = format!(
        "{HEAD}[[boot]]\nname = \"shop\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\nenv = {{ MINE = \"{{{{mine}}}}\" }}\n\
         ready = {{ log = \"never\" }}\n"
    );
    let ran = asked_for_all().suite(&suite).env("MINE", SECRET).run();
    ran.exits(5);
    keeps_quiet(&ran, SECRET);
    let report = ran.junit();
    let text = &report.case("shop").text;
    assert!(text.contains("***") && !text.contains('ü'), "{text}");
}

#[test]
fn a_boots_environment_value_with_a_secret_name_is_in_no_output() {
    let suite = "[[boot]]\nname = \"shop\"\ncommand = [\"sh\", \"-c\", \"echo key is $API_KEY; exit 1\"]\n\
                 env = { API_KEY = \"in-clear-4711\", MODE = \"smoke\", EMPTY_KEY = \"\" }\nready = { log = \"never\" }\n";
    let ran = asked_for_all().suite(suite).run();
    ran.exits(5);
    have_none_of(&ran, &[("the key", "in-clear-4711".to_owned())]);
    assert!(ran.stderr.contains("key is ***"), "{}", ran.stderr);
    let shown = "API_KEY=\"$API_KEY\" MODE=smoke EMPTY_KEY='' sh -c";
    assert!(ran.stderr.contains(shown), "{}", ran.stderr);
}

#[test]
fn what_a_program_is_given_and_captured_from_as_a_secret_is_in_no_output() {
    let suite = format!(
        "{HEAD}[[command]]\nname = \"gets\"\nrun = [\"sh\", \"-c\", \"echo key is $API_KEY, $1; cat; exit 1\", \"sh\", \"{{{{mine}}}}\"]\n\
         env = {{ API_KEY = \"in-clear-4711\" }}\nstdin = \"{{{{mine}}}}\"\n\
         [[command]]\nname = \"captures\"\nrun = [\"sh\", \"-c\", \"echo made-token-$((4000 + 711)); echo made-token-$((4000 + 711)) >&2\"]\n\
         capture.token = {{ regex = \"made.*\" }}\nexpect.stderr = \"\"\n"
    );
    let ran = asked_for_all().suite(&suite).env("MINE", SECRET).run();
    ran.exits(1);
    keeps_quiet(&ran, SECRET);
    have_none_of(
        &ran,
        &[("the key", "in-clear-4711".to_owned()), ("the token", "made-token-4711".to_owned())],
    );
    assert!(
        ran.stderr.contains("key is ***, ***") && ran.stderr.contains("expected stderr \"\", got \"***\""),
        "{}",
        ran.stderr
    );
}

#[test]
fn of_a_secret_that_is_longer_than_what_is_kept_of_a_log_nothing_is_shown() {
    let secret: String = (0..4_000_u64)
        .map(|n| format!("{:010x}", n * 1_099_511_627_689 % 0xff_ffff_ffff))
        .collect::<Vec<_>>()
        .concat();
    let suite = format!(
        "{HEAD}[[boot]]\nname = \"shop\"\ncommand = [\"sh\", \"-c\", \"printf 'it is %s' \\\"$MINE\\\"; exit 1\"]\n\
         env = {{ MINE = \"{{{{mine}}}}\" }}\nready = {{ log = \"never\" }}\n"
    );
    let ran = asked_for_all().suite(&suite).env("MINE", &secret).run();
    ran.exits(5);
    let end = secret[secret.len() - 20..].to_owned();
    let middle = secret[secret.len() - 10_000..][..20].to_owned();
    have_none_of(&ran, &[("its end", end), ("its middle", middle)]);
    assert!(ran.stderr.contains("***"), "{}", ran.stderr);
}
