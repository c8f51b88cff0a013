//! `smoke init`: writes a first suite that runs as it is.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use url::Url;

use super::prepare::{SUITE_FILE, say};
use crate::check::contract;
use crate::cli::InitArgs;
use crate::exit::Exit;
use crate::language::diagnostic::SuiteError;
use crate::secret::address;

/// The template of the suite, with placeholders such as `@name@`.
const FIRST: &str = include_str!("first.toml");

/// The additional check for a server with a certificate.
const CERTIFICATE: &str = r#"
[[health]]
name = "the certificate lasts two more weeks"
url = "@front@"
expect.status = ["2xx", "3xx", "4xx"]
expect.certificate.days-left = { min = 14 }
"#;

/// Writes `smoke.toml`, unless it exists.
///
/// # Errors
/// Fails if the file cannot be written.
pub fn init(args: InitArgs) -> anyhow::Result<Exit> {
    let folder = args.dir.unwrap_or_default();
    let path = folder.join(SUITE_FILE);
    if path.symlink_metadata().is_ok() {
        return Ok(refuse(&exists(&path)));
    }
    if let Some(contract) = &args.contract {
        return of_contract(contract, &folder, &path);
    }
    let url = match args.url.map_or_else(ask, |url| Ok(Some(url)))? {
        Some(text) => read(&text),
        None => {
            Err("no URL to test, and no terminal to ask for it on\nhint: pass `--url http://127.0.0.1:8080`"
                .to_owned())
        }
    };
    let url = match url {
        Ok(url) => url,
        Err(wrong) => return Ok(refuse(&wrong)),
    };
    if !write_new(&folder, &path, &suite(&url))? {
        return Ok(refuse(&exists(&path)));
    }
    let named = if folder.as_os_str().is_empty() { String::new() } else { format!(" {}", path.display()) };
    say(&format!(
        "wrote `{}`\n\nnext:\n  smoke run{named}      ask {url} now\n  smoke check{named}    after every change: finds mistakes, sends nothing\n  \
         smoke demo{}      see every kind of check at work\n",
        path.display(),
        " ".repeat(named.len())
    ));
    Ok(Exit::Passed)
}

/// The suite of a contract, with `@name@` where something is put in.
const CONTRACT: &str = include_str!("first_contract.toml");

/// Writes a suite that checks this contract.
fn of_contract(contract: &Path, folder: &Path, path: &Path) -> anyhow::Result<Exit> {
    let name = match contract::name_of(contract) {
        Ok(name) => name,
        Err(error) => {
            say(&render_mistakes(&error));
            return Ok(Exit::BadSuite);
        }
    };
    let file = from_folder(contract, folder);
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let check = format!("{name} keeps its contract");
    let text =
        CONTRACT.replace("@name@", &quoted(&check)).replace("@file@", &quoted(&file.to_string_lossy()));
    if !write_new(folder, path, &text)? {
        return Ok(refuse(&exists(path)));
    }
    say(&format!(
        "wrote `{}`\n\nnext:\n  MART_URL=postgres://USER:PASSWORD@HOST/DATABASE smoke run {0}\n  \
         smoke check {0}    after every change of suite or contract: finds mistakes, asks no database\n",
        path.display(),
    ));
    Ok(Exit::Passed)
}

/// The contract's path as the suite in `folder` has it.
fn from_folder(contract: &Path, folder: &Path) -> PathBuf {
    let is_here = folder.as_os_str().is_empty() || folder == Path::new(".");
    match contract.strip_prefix(folder) {
        _ if is_here => contract.to_owned(),
        Ok(below) => below.to_owned(),
        Err(_) => std::path::absolute(contract).unwrap_or_else(|_| contract.to_owned()),
    }
}

fn render_mistakes(error: &SuiteError) -> String {
    let rendered = error.render(false);
    // There is no suite yet.
    rendered.replace("in the suite; nothing was sent", "in the contract; nothing was written")
}

fn exists(path: &Path) -> String {
    format!("`{}` already exists\nhint: remove it first, or name another folder", path.display())
}

fn refuse(what: &str) -> Exit {
    say(&format!("error: {what}\n"));
    Exit::BadSuite
}

/// Prompts for the URL if there is a terminal.
fn ask() -> anyhow::Result<Option<String>> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(None);
    }
    say("The URL to test, such as http://127.0.0.1:8080: ");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the URL")?;
    Ok(Some(line))
}

/// Parses the URL to test, such as `http://127.0.0.1:8080`.
fn read(text: &str) -> Result<Url, String> {
    let text = text.trim();
    let hint = "hint: it is the base of all paths, such as `http://127.0.0.1:8080`";
    if text.is_empty() {
        return Err(format!("no URL was given\n{hint}"));
    }
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        let with_scheme = format!("https://{text}");
        let shown = address::shown(text);
        return Err(if !text.contains("://") && shown == text && Url::parse(&with_scheme).is_ok() {
            format!("`{text}` is not an http URL\nhint: did you mean `{with_scheme}`?")
        } else {
            format!("`{shown}` is not an http URL\n{hint}")
        });
    };
    if url.password().is_some() || !url.username().is_empty() {
        return Err("the URL contains a user, whom everybody with the suite could read\n\
                    hint: omit it, and give the check `auth` with a variable from the environment"
            .to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{text}` has more than a path\n{hint}"));
    }
    Ok(url)
}

fn suite(url: &Url) -> String {
    // Paths are appended to the base. The front page is the URL as given, with or without its slash.
    let (base, front) = match url.as_str().strip_suffix('/') {
        Some(base) => (base, "{{base_url}}/"),
        None => (url.as_str(), "{{base_url}}"),
    };
    let name = url.host_str().unwrap_or("smoke");
    let certificate = if url.scheme() == "https" { CERTIFICATE } else { "" };
    FIRST
        .replace("@certificate@", certificate)
        .replace("@name@", name)
        .replace("@base_url@", base)
        .replace("@front@", front)
}

/// Writes a new file. Returns whether none existed before.
fn write_new(folder: &Path, path: &Path, text: &str) -> anyhow::Result<bool> {
    let cannot = || format!("cannot write `{}`", path.display());
    if !folder.as_os_str().is_empty() {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    match std::fs::File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).with_context(cannot).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(cannot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_as_it_is_given_and_nothing_else_is_one() {
        for (given, base, front) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "{{base_url}}/"),
            (" https://shop.example/ \n", "https://shop.example", "{{base_url}}/"),
            ("http://shop.example/a\"b/", "http://shop.example/a%22b", "{{base_url}}/"),
            ("http://[::1]:80/shop", "http://[::1]/shop", "{{base_url}}"),
        ] {
            let suite = suite(&read(given).unwrap());
            assert!(suite.contains(&format!("base_url = \"{base}\"\n")), "{suite}");
            let urls: Vec<&str> = suite.lines().filter(|line| line.starts_with("url = ")).collect();
            assert!(
                urls.len() >= 2 && urls.iter().all(|url| *url == format!("url = \"{front}\"")),
                "{urls:?}"
            );
        }
        for (wrong, why) in [
            ("", "no URL was given"),
            ("shop.example", "did you mean `https://shop.example`?"),
            ("ftp://shop.example", "not an http URL"),
            ("http://", "not an http URL"),
            ("http://smoke:pass@shop.example", "contains a user"),
            ("http://shop.example/?q=1", "more than a path"),
        ] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }
}
