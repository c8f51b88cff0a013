//! A report is written to the target of its path, and nowhere else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::http::{HttpServer, Response};
use crate::support::scratch;
use crate::support::smoke::{Smoke, program};

fn suite(server: &HttpServer) -> String {
    format!("[[health]]\nname = \"up\"\nurl = \"{}\"\n", server.url("/"))
}

fn up() -> HttpServer {
    HttpServer::start(|_| Response::new(200))
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).unwrap().is_symlink()
}

#[test]
fn a_symlink_is_kept_and_its_target_written() {
    let server = up();
    for option in ["--junit", "--json", "--events"] {
        for is_there in [true, false] {
            let folder = scratch::for_a_test();
            let (link, file) = (folder.path().join("report"), folder.path().join("reports/of-the-run"));
            fs::create_dir(folder.path().join("reports")).unwrap();
            symlink("reports/of-the-run", &link).unwrap();
            if is_there {
                fs::write(&file, "an earlier run").unwrap();
            }

            let ran = Smoke::bare().arg("run").suite(&suite(&server)).arg(option).arg(&link).run();

            ran.exits(0);
            assert!(is_link(&link), "{option}");
            let report = fs::read_to_string(&file).unwrap();
            assert!(report.contains("up") && !report.contains("earlier"), "{option}: {report}");
        }
    }
}

#[test]
fn a_descriptor_path_is_written_to_and_not_replaced() {
    let server = up();
    for option in ["--junit", "--json", "--events"] {
        let folder = scratch::for_a_test();
        let (link, file) = (folder.path().join("stdout"), folder.path().join("out"));
        // Like `/dev/stdout`, which the tests share.
        symlink("/proc/self/fd/1", &link).unwrap();
        let ran = Smoke::imitated_by("sh")
            .suite(&suite(&server))
            .env("SMOKE", program())
            .env("OUT", &file)
            .env("LINK", &link)
            .args(["-c", "exec \"$SMOKE\" run $0 \"$LINK\" > \"$OUT\"", option])
            .run();

        ran.exits(0);
        assert!(is_link(&link), "{option}");
        let report = fs::read_to_string(&file).unwrap();
        assert!(report.contains("up"), "{option}: {report}");
    }
}

#[test]
fn no_report_is_written_over_the_suite() {
    let server = up();
    for option in ["--junit", "--json", "--events"] {
        for name in ["smoke.toml", "./smoke.toml", "link.toml"] {
            let smoke = Smoke::bare().args(["run", option, name]).suite(&suite(&server));
            let file = smoke.path("smoke.toml");
            symlink("smoke.toml", smoke.path("link.toml")).unwrap();

            let ran = smoke.run();

            ran.exits(2);
            let expected = format!("error: `{option}` goes to `{name}`, which is the suite\n");
            assert!(ran.stderr.starts_with(&expected), "{}", ran.stderr);
            assert_eq!(fs::read_to_string(file).unwrap(), suite(&server));
        }
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn two_reports_to_one_file_are_refused_however_it_is_spelled() {
    let server = up();
    for other in ["a.xml", "./a.xml", "link/a.xml"] {
        let smoke = Smoke::bare().args(["run", "--junit", "a.xml", "--json", other]).suite(&suite(&server));
        symlink(".", smoke.path("link")).unwrap();

        let ran = smoke.run();

        ran.exits(2);
        assert!(ran.stderr.contains("`--junit` and `--json` both go to"), "{}", ran.stderr);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_folder_that_does_not_exist_is_made() {
    let server = up();
    for option in ["--junit", "--json", "--events"] {
        let ran =
            Smoke::bare().arg("run").suite(&suite(&server)).args([option, "reports/today/report"]).run();
        ran.exits(0);
        assert!(fs::read_to_string(ran.path("reports/today/report")).unwrap().contains("up"), "{option}");
    }
}

/// Runs smoke in its own mount namespace, after this command. `None` if that is not permitted.
fn run_after_mount(command: &str, option: &str, server: &HttpServer) -> Option<(String, i32)> {
    let smoke = Smoke::imitated_by("unshare").suite(&suite(server));
    let report = smoke.path("report");
    fs::write(&report, "an earlier run, which is longer than a report of this one could be".repeat(200))
        .unwrap();
    let allowed = std::process::Command::new("unshare").args(["-rm", "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        return None;
    }
    let command = format!("{command} && exec {} run {option} report", program());
    let ran = smoke.args(["-rm", "sh", "-c", &command]).run();
    let text =
        fs::read_to_string(ran.path("source")).or_else(|_| fs::read_to_string(ran.path("report"))).unwrap();
    Some((text, ran.code.unwrap_or(-1)))
}

#[test]
fn a_report_that_something_is_mounted_over_is_written_in_place() {
    let server = up();
    for option in ["--junit", "--json", "--events"] {
        let mount = "cp report source && mount --bind source report";
        let Some((text, code)) = run_after_mount(mount, option, &server) else { return };
        assert_eq!(code, 0, "{option}: {text}");
        assert!(text.contains("up") && !text.contains("earlier"), "{option}: {text}");
    }
}

#[test]
fn a_report_in_a_folder_that_may_not_be_written_is_written_in_place() {
    let server = up();
    for option in ["--junit", "--json", "--events"] {
        // The directory is read-only, but the file in it is not.
        let mount = "cp report source && mkdir ro && cp report ro/report && mount --bind ro ro && \
                     mount -o remount,bind,ro ro && touch ro/x 2>/dev/null; mount --bind source ro/report && rm report && \
                     ln -s ro/report report";
        let Some((text, code)) = run_after_mount(mount, option, &server) else { return };
        assert_eq!(code, 0, "{option}: {text}");
        assert!(text.contains("up") && !text.contains("earlier"), "{option}: {text}");
    }
}

#[test]
fn nothing_that_others_put_beside_a_report_is_written_to() {
    let server = up();
    // What an attacker can guess: the name of the report and the process ID.
    let command = format!("ln -s victim report.$$.tmp; exec {} run --json report", program());
    let ran = Smoke::imitated_by("sh")
        .suite(&suite(&server))
        .file("victim", "precious")
        .args(["-c", &command])
        .run();
    ran.exits(0);
    assert_eq!(fs::read_to_string(ran.path("victim")).unwrap(), "precious");
}
