//! Completion scripts: what clap writes, and for bash, zsh and fish the names in the suite.
//!
//! A script asks `smoke list --print`, which finds the suite as `smoke run` would, at the moment of the key press.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;

/// The options that take a name of the suite, with their short forms, and what `smoke list --print` calls those names.
const NAMES: [(&str, &str, &str); 5] = [
    ("only", "", "names"),
    ("skip", "", "names"),
    ("tag", "t", "tags"),
    ("skip-tag", "", "tags"),
    ("env", "e", "environments"),
];

/// The script for `shell`.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "smoke", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => bash(&script),
        Shell::Zsh => zsh(&script),
        Shell::Fish => fish(&script),
        // Elvish and PowerShell get what clap knows; so does a shell that it learns of later.
        _ => script,
    }
}

/// In bash a word is compared as it is meant and offered as it must be typed: with its spaces quoted.
const BASH: &str = r#"_smoke_listed() {
    local suite=() typed=$cur word
    for word in "${COMP_WORDS[@]:2}"; do
        [[ $word == *.toml && -f $word ]] && suite=("$word")
    done
    case $cur in
        [\'\"]*) typed=${cur:1} ;;
        *) typed=${cur//\\/} ;;
    esac
    COMPREPLY=()
    while IFS= read -r word; do
        [[ $word == "$typed"* ]] || continue
        [[ $cur == [\'\"]* ]] || printf -v word %q "$word"
        COMPREPLY+=("$word")
    done < <("${COMP_WORDS[0]}" list --print "$1" "${suite[@]}" 2>/dev/null)
}

"#;

fn bash(script: &str) -> String {
    let mut script = script.to_owned();
    for (long, short, what) in NAMES {
        let files = "COMPREPLY=($(compgen -f \"${cur}\"))";
        let listed = format!("_smoke_listed {what}");
        for option in [format!("--{long})"), format!("-{short})")] {
            let case = |action: &str| format!("                {option}\n                    {action}\n");
            script = script.replace(&case(files), &case(&listed));
        }
    }
    BASH.to_owned() + &script
}

const ZSH: &str = r#"_smoke_listed() {
    local -a suite found
    suite=(${(M)${(Q)words}:#*.toml})
    found=("${(@f)$(_call_program smoke-$1 smoke list --print $1 ${suite:+${(q)suite[-1]}} 2>/dev/null)}")
    compadd -a found
}

"#;

fn zsh(script: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in script.lines() {
        // '*--only=[help]:PATTERN:_default' \
        let option = |long: &str, short: &str| {
            line.contains(&format!("--{long}=["))
                || (!short.is_empty() && line.contains(&format!("-{short}+[")))
        };
        let what = NAMES.iter().find(|(long, short, _)| option(long, short)).map(|(_, _, what)| *what);
        lines.push(match what {
            Some(what) => line.replace(":_default'", &format!(": _smoke_listed {what}'")),
            None => line.to_owned(),
        });
    }
    let script = lines.join("\n") + "\n";
    script.replacen("_smoke() {", &format!("{ZSH}_smoke() {{"), 1)
}

fn fish(script: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in script.lines() {
        // complete -c smoke -n "…" -s t -l tag -d '…' -r
        let what = NAMES
            .iter()
            .find(|(long, _, _)| line.contains(&format!(" -l {long} ")))
            .map(|(_, _, what)| *what);
        lines.push(match what {
            Some(what) => format!("{line} -f -a \"(__smoke_listed {what})\""),
            None => line.to_owned(),
        });
    }
    FISH.to_owned() + &lines.join("\n") + "\n"
}

const FISH: &str = r"function __smoke_listed
    set -l words (commandline -opc)
    set -l suite (string match -- '*.toml' $words[3..-1])
    $words[1] list --print $argv[1] $suite[-1] 2>/dev/null
end

";
