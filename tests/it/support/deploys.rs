//! A shop behind a real HAProxy that is deployed by the recipes of the documentation.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::haproxy::Proxy;
use super::http::{HttpServer, Request, Response};
use super::pages::{Page, page};
use super::smoke::program;
use super::{scratch, wait};

/// The version that is live before the deploy, and the one that is deployed.
const OLD: &str = "0ld";
pub const NEW: &str = "abc123";

/// What a deploy meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// All goes well; HAProxy answers 503 by itself until smoke has seen it.
    Fine,
    /// The new version ends whenever it is started.
    CrashLoop,
    /// The new version answers with another page.
    WrongPage,
    /// A dependency of the shop is down since the deploy.
    ProviderDown,
    /// The machine that deploys has no route to the shop.
    NoRoute,
    /// The cluster that smoke should run in starts no Job.
    NoCluster,
}

/// Where a deploy puts the new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// In the place of the old one.
    Live,
    /// Beside it, until it is promoted.
    Preview,
}

/// What a recipe came to.
#[derive(Debug)]
pub struct Deployed {
    pub code: Option<i32>,
    /// What was done to the shop.
    pub done: Vec<String>,
    pub output: String,
    pub folder: TempDir,
}

/// The shop, and who changes it.
struct Shop {
    weather: Weather,
    target: Target,
    balancer: Proxy,
    old: HttpServer,
    new: HttpServer,
    provider_is_up: Arc<AtomicBool>,
    done: Mutex<Vec<String>>,
}

impl Shop {
    fn start(weather: Weather, target: Target) -> Arc<Shop> {
        let provider_is_up = Arc::new(AtomicBool::new(true));
        let serve = |version: &'static str, heading: &'static str| {
            let provider_is_up = Arc::clone(&provider_is_up);
            HttpServer::start(move |request| {
                answer(request, version, heading, provider_is_up.load(Ordering::SeqCst))
            })
        };
        let old = serve(OLD, "Products");
        let new = serve(NEW, if weather == Weather::WrongPage { "Under construction" } else { "Products" });
        let balancer = Proxy::haproxy(old.address());
        let done = Mutex::default();
        Arc::new(Shop { weather, target, balancer, old, new, provider_is_up, done })
    }

    /// Where the new version listens: nowhere if it does not stay.
    fn new_address(&self) -> SocketAddr {
        match self.weather {
            Weather::CrashLoop => SocketAddr::from(([127, 0, 0, 1], 1)),
            Weather::Fine
            | Weather::WrongPage
            | Weather::ProviderDown
            | Weather::NoRoute
            | Weather::NoCluster => self.new.address(),
        }
    }

    fn note(&self, what: &str) {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(what.to_owned());
    }

    /// What the stand-ins for the tools of a cluster say and ask.
    fn told(self: &Arc<Shop>, what: &str) -> String {
        let (verb, argument) = what.split_once('/').unwrap_or((what, ""));
        match (verb, argument) {
            ("revision", "") => "7".to_owned(),
            ("is-ready", "") => if self.weather == Weather::CrashLoop { "no" } else { "yes" }.to_owned(),
            ("deploy", NEW) => {
                self.note("deploy");
                self.provider_is_up.store(self.weather != Weather::ProviderDown, Ordering::SeqCst);
                if self.target == Target::Live {
                    self.switch();
                }
                String::new()
            }
            ("roll-back", "7" | "1") => {
                self.note("roll back");
                self.balancer.ask(self.old.address());
                String::new()
            }
            ("promote", "") => {
                self.note("promote");
                self.balancer.ask(self.new_address());
                String::new()
            }
            other => panic!("nobody expected {other:?}"),
        }
    }

    /// HAProxy has nobody to ask until smoke has met its 503 a few times: one gate asks once, the other one again.
    fn switch(self: &Arc<Shop>) {
        let before = self.balancer.errors();
        self.balancer.take_away();
        let shop = Arc::clone(self);
        thread::spawn(move || {
            wait::until("smoke to meet the balancer's own answer", Duration::from_mins(1), || {
                (shop.balancer.errors() > before + 2).then_some(())
            });
            shop.balancer.ask(shop.new_address());
        });
    }
}

fn answer(request: &Request, version: &str, heading: &str, provider_is_up: bool) -> Response {
    match request.path.as_str() {
        "/version" => Response::json(&format!("{{\"version\": \"{version}\"}}")),
        "/" => Response::html(&format!("<h1>{heading}</h1>")),
        "/payments/health" if !provider_is_up => Response::json("{\"error\": \"timeout\"}").status(503),
        _ => Response::json("{\"status\": \"ok\"}"),
    }
}

/// The files that the page about CI shows, by the name that their second line begins with, or what comes before them.
#[must_use]
pub fn files(section: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for name in ["A deploy with a gate", "Kubernetes", section] {
        for block in section_of(&page("docs/ci.md"), name).blocks() {
            let file = match block.language.as_str() {
                "bash" => {
                    let named =
                        block.text.lines().nth(1).and_then(|line| line.strip_prefix("# ")).expect("a name");
                    named.split([' ', ':', ',']).next().expect("a name").to_owned()
                }
                "toml" => "smoke.toml".to_owned(),
                "yaml" if block.text.contains("kind: Job\n") => "shop-smoke.yaml".to_owned(),
                _ => continue,
            };
            files.insert(file, block.text);
        }
    }
    files
}

/// One section of a page.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn section_of(page: &Page, name: &str) -> Page {
    let text = page.text.split("\n## ").find(|section| section.starts_with(&format!("{name}\n")));
    Page { path: page.path.clone(), text: text.unwrap_or_else(|| panic!("no section {name:?}")).to_owned() }
}

/// Runs `command` of the section's recipe in this weather.
///
/// # Panics
/// When it cannot be run.
#[must_use]
pub fn deploy(section: &str, command: &str, target: Target, weather: Weather) -> Deployed {
    let shop = Shop::start(weather, target);
    let control = HttpServer::start({
        let shop = Arc::clone(&shop);
        move |request| Response::new(200).body(shop.told(request.path.trim_start_matches('/')))
    });
    let folder = scratch::for_a_test();
    let at = |name: &str| folder.path().join(name);
    for name in ["bin", "cluster/results"] {
        fs::create_dir_all(at(name)).expect("create a folder");
    }
    if weather != Weather::NoCluster {
        fs::create_dir(at("cluster/jobs")).expect("create a folder");
    }
    let mut files = files(section);
    let own_scripts = [
        ("deploy.sh", "#!/bin/sh\nexec curl -fsS \"$CONTROL/deploy/$1\"\n"),
        ("roll-back.sh", "#!/bin/sh\nexec curl -fsS \"$CONTROL/roll-back/7\"\n"),
    ];
    if !matches!(section, "Kubernetes" | "Helm" | "Argo Rollouts") {
        files.extend(own_scripts.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }
    let suite = quicker(&files["smoke.toml"], &shop, weather);
    files.insert("cluster/smoke.toml".to_owned(), suite.clone());
    files.insert("smoke.toml".to_owned(), suite);
    files.insert("bin/kubectl".to_owned(), include_str!("stand_in/kubectl").to_owned());
    files.insert("bin/helm".to_owned(), include_str!("stand_in/helm").to_owned());
    for (name, text) in &files {
        fs::write(at(name), text).expect("write a file");
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).expect("make it a program");
    }
    std::os::unix::fs::symlink(program(), at("bin/smoke")).expect("link smoke");
    let path = std::env::var("PATH").expect("a PATH");
    let ran = Command::new("bash")
        .args(["-eo", "pipefail", "-c", command])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", format!("{}:{path}", at("bin").display()))
        .env("TMPDIR", folder.path())
        .env("HOME", folder.path())
        .env("CLUSTER", at("cluster"))
        .env("CONTROL", control.url(""))
        .envs(["GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "SHA"].map(|name| (name, NEW)))
        .env("PREVIEW_OF_THE_TEST", format!("http://{}", shop.new_address()))
        .stdin(Stdio::null())
        .output()
        .expect("run the recipe");
    let output =
        format!("{}\n{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let done = std::mem::take(&mut *shop.done.lock().unwrap_or_else(PoisonError::into_inner));
    Deployed { code: ran.status.code(), done, output, folder }
}

/// The suite of the documentation, with the addresses of the test, and budgets for who does not want to wait.
fn quicker(suite: &str, shop: &Shop, weather: Weather) -> String {
    let url = match weather {
        Weather::NoRoute => "http://127.0.0.1:1".to_owned(),
        Weather::Fine
        | Weather::CrashLoop
        | Weather::WrongPage
        | Weather::ProviderDown
        | Weather::NoCluster => shop.balancer.url(""),
    };
    let budget = if weather == Weather::CrashLoop { "2s" } else { "30s" };
    let changes = [
        ("http://shop:8080", url.as_str()),
        ("every = \"100ms\"", "every = \"10ms\""),
        ("budget = \"1m\"", &format!("budget = \"{budget}\"")),
    ];
    changes.iter().fold(suite.to_owned(), |suite, (from, to)| {
        assert!(suite.contains(from), "{from} is not in the suite");
        suite.replace(from, to)
    })
}

impl Deployed {
    /// A file of the recipe's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
