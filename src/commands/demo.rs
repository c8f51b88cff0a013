//! `smoke demo`: runs the example suite against the demo shop.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::prepare::SuiteSource;
use super::run::{Job, Rerun, run_job};
use crate::attempt::AfterRed;
use crate::cli::{BaselineArgs, DemoArgs};
use crate::demo::{Break, Shop};
use crate::exit::Exit;
use crate::plan::Choices;

/// The file at the root of the repository.
const EXAMPLE: &str = include_str!("../../smoke.example.toml");

/// The contract that it names, which lies beside it.
const CONTRACT: &str = include_str!("../../smoke.example.odcs.yaml");

/// The environment variables with which the example's `[[boot]]` sets the shop up.
const PASSWORD: &str = "SHOP_PASSWORD";
const FAULT: &str = "SHOP_FAULT";

/// Runs the example, or serves the shop that the example boots.
///
/// # Errors
/// Fails if there is no free port or temporary directory, or if the shop cannot serve.
pub fn run(args: DemoArgs) -> anyhow::Result<Exit> {
    match (args.serve, args.database) {
        (Some(port), Some(database)) => serve(port, &database),
        (_, _) => {
            let folder = Folder::new().context("cannot make a temporary folder for the demo shop")?;
            let port = free_port().context("there is no free port on 127.0.0.1")?;
            let smoke = std::env::current_exe().context("cannot find the smoke program")?;
            let fault = args.fault.map_or("none", name_of);
            let contract = folder.path.join("smoke.example.odcs.yaml");
            std::fs::write(&contract, CONTRACT).context("cannot write into the demo's temporary folder")?;
            let variables = [
                ("contract", contract.display().to_string()),
                ("smoke", smoke.display().to_string()),
                ("port", port.to_string()),
                ("database", folder.path.join("shop.db").display().to_string()),
                ("fault", fault.to_owned()),
            ];
            let choices = Choices {
                variables: variables.map(|(name, value)| (name.to_owned(), value)).to_vec(),
                keep_going: args.keep_going,
                ..Choices::default()
            };
            let source =
                SuiteSource::Text { path: PathBuf::from("smoke.example.toml"), text: EXAMPLE.to_owned() };
            let job = Job {
                source,
                choices,
                rerun: Rerun::Everything,
                after_red: AfterRed::Stop,
                labels: Vec::new(),
                baseline: BaselineArgs { baseline: None },
                outputs: args.outputs,
                look: args.look,
            };
            run_job(job)
        }
    }
}

fn name_of(fault: Break) -> &'static str {
    match fault {
        Break::Db => "db",
        Break::Login => "login",
        Break::Slow => "slow",
        Break::Crash => "crash",
        Break::Version => "version",
        Break::Contract => "contract",
        Break::Metric => "metric",
        Break::Canary => "canary",
    }
}

fn serve(port: u16, database: &Path) -> anyhow::Result<Exit> {
    let password = std::env::var(PASSWORD).with_context(|| format!("the shop needs `{PASSWORD}`"))?;
    let fault = match std::env::var(FAULT) {
        Ok(name) if name != "none" && !name.is_empty() => {
            let fault = <Break as clap::ValueEnum>::from_str(&name, false);
            Some(fault.map_err(|_| {
                anyhow::anyhow!("`{FAULT}` is `{name}`, which is not a way to break the shop")
            })?)
        }
        Ok(_) | Err(_) => None,
    };
    let shop = Shop::open(database, password, fault)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        match shop.serve(listener).await? {}
    })
}

fn free_port() -> std::io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr().map(|address| address.port())
}

/// The demo's own temporary directory, removed when the demo ends.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new() -> std::io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("smoke-demo-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&path)?;
        Ok(Folder { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
