//! A report is written where its path leads, and nowhere else.

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
