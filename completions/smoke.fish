function __smoke_listed
    set -l words (commandline -opc)
    set -l suite (string match -- '*.toml' $words[3..-1])
    $words[1] list --print $argv[1] $suite[-1] 2>/dev/null
end

# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_smoke_global_optspecs
    string join \n h/help V/version
end

function __fish_smoke_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_smoke_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_smoke_using_subcommand
    set -l cmd (__fish_smoke_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c smoke -n "__fish_smoke_needs_command" -s h -l help -d 'Print help'
complete -c smoke -n "__fish_smoke_needs_command" -s V -l version -d 'Print version'
complete -c smoke -n "__fish_smoke_needs_command" -f -a "run" -d 'Run a suite'
complete -c smoke -n "__fish_smoke_needs_command" -f -a "watch" -d 'Run a suite repeatedly and show what changes; `q` quits'
complete -c smoke -n "__fish_smoke_needs_command" -f -a "check" -d 'Validate a suite without sending anything'
complete -c smoke -n "__fish_smoke_needs_command" -f -a "plan" -d 'Show what would run, in which order, and how long it can take; sends nothing'
complete -c smoke -n "__fish_smoke_needs_command" -f -a "list" -d 'List the checks of a suite: kinds, names, tags'
complete -c smoke -n "__fish_smoke_needs_command" -f -a "demo" -d 'Run the example suite against a built-in demo shop'
complete -c smoke -n "__fish_smoke_needs_command" -f -a "init" -d 'Write a first suite'
complete -c smoke -n "__fish_smoke_needs_command" -f -a "schema" -d 'Print the JSON Schema of the suite, for editors'
complete -c smoke -n "__fish_smoke_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c smoke -n "__fish_smoke_needs_command" -f -a "man" -d 'Print the manual page'
complete -c smoke -n "__fish_smoke_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c smoke -n "__fish_smoke_using_subcommand run" -s e -l env -d 'Use this environment of the suite' -r -f -a "(__smoke_listed environments)"
complete -c smoke -n "__fish_smoke_using_subcommand run" -s v -l var -d 'Set a variable (repeatable)' -r
complete -c smoke -n "__fish_smoke_using_subcommand run" -s t -l tag -d 'Run only checks with one of these tags, and what they need (repeatable)' -r -f -a "(__smoke_listed tags)"
complete -c smoke -n "__fish_smoke_using_subcommand run" -l skip-tag -d 'Exclude checks with one of these tags (repeatable)' -r -f -a "(__smoke_listed tags)"
complete -c smoke -n "__fish_smoke_using_subcommand run" -l only -d 'Run only checks whose name matches one of these globs, and what they need (repeatable)' -r -f -a "(__smoke_listed names)"
complete -c smoke -n "__fish_smoke_using_subcommand run" -l skip -d 'Exclude checks whose name matches one of these globs (repeatable)' -r -f -a "(__smoke_listed names)"
complete -c smoke -n "__fish_smoke_using_subcommand run" -l repeat -d 'Run the suite N times and report how often each check passed and how long it took' -r
complete -c smoke -n "__fish_smoke_using_subcommand run" -s j -l jobs -d 'Maximum number of checks in flight at once; overrides `concurrency`' -r
complete -c smoke -n "__fish_smoke_using_subcommand run" -l budget -d 'Budget of the whole run; overrides that of the suite' -r
complete -c smoke -n "__fish_smoke_using_subcommand run" -l baseline -d 'Read what was red before the deploy from the `--json` of a run; if nothing else is red, the exit code is 7' -r -F
complete -c smoke -n "__fish_smoke_using_subcommand run" -l label -d 'Put a name and a value into every report, such as `sha=abc123` (repeatable)' -r
complete -c smoke -n "__fish_smoke_using_subcommand run" -l junit -d 'Write a JUnit XML report to FILE (`-` is standard output)' -r
complete -c smoke -n "__fish_smoke_using_subcommand run" -l json -d 'Write the whole result to FILE as one JSON document' -r
complete -c smoke -n "__fish_smoke_using_subcommand run" -l events -d 'Stream events to FILE as JSON Lines' -r
complete -c smoke -n "__fish_smoke_using_subcommand run" -l color -d 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c smoke -n "__fish_smoke_using_subcommand run" -l progress -d 'When to show a progress bar; `auto`: on a terminal, except in CI' -r -f -a "auto\t''
always\t''
never\t''"
complete -c smoke -n "__fish_smoke_using_subcommand run" -l rerun-failed -d 'Run only what did not pass in the last run of this suite, and what it needs'
complete -c smoke -n "__fish_smoke_using_subcommand run" -l read-only -d 'Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`'
complete -c smoke -n "__fish_smoke_using_subcommand run" -l keep-going -d 'Do not stop at the first failure'
complete -c smoke -n "__fish_smoke_using_subcommand run" -l keep-running -d 'After a red run, leave what was booted running and say how to stop it'
complete -c smoke -n "__fish_smoke_using_subcommand run" -s q -l quiet -d 'Print only failures and the summary'
complete -c smoke -n "__fish_smoke_using_subcommand run" -l trace -d 'Print every request and response, with secrets hidden and long bodies cut'
complete -c smoke -n "__fish_smoke_using_subcommand run" -s h -l help -d 'Print help'
complete -c smoke -n "__fish_smoke_using_subcommand watch" -s n -l every -d 'Time from the start of one run to the start of the next' -r
complete -c smoke -n "__fish_smoke_using_subcommand watch" -s e -l env -d 'Use this environment of the suite' -r -f -a "(__smoke_listed environments)"
complete -c smoke -n "__fish_smoke_using_subcommand watch" -s v -l var -d 'Set a variable (repeatable)' -r
complete -c smoke -n "__fish_smoke_using_subcommand watch" -s t -l tag -d 'Run only checks with one of these tags, and what they need (repeatable)' -r -f -a "(__smoke_listed tags)"
complete -c smoke -n "__fish_smoke_using_subcommand watch" -l skip-tag -d 'Exclude checks with one of these tags (repeatable)' -r -f -a "(__smoke_listed tags)"
complete -c smoke -n "__fish_smoke_using_subcommand watch" -l only -d 'Run only checks whose name matches one of these globs, and what they need (repeatable)' -r -f -a "(__smoke_listed names)"
complete -c smoke -n "__fish_smoke_using_subcommand watch" -l skip -d 'Exclude checks whose name matches one of these globs (repeatable)' -r -f -a "(__smoke_listed names)"
complete -c smoke -n "__fish_smoke_using_subcommand watch" -s j -l jobs -d 'Maximum number of checks in flight at once; overrides `concurrency`' -r
complete -c smoke -n "__fish_smoke_using_subcommand watch" -l budget -d 'Budget of the whole run; overrides that of the suite' -r
complete -c smoke -n "__fish_smoke_using_subcommand watch" -l baseline -d 'Read what was red before the deploy from the `--json` of a run; if nothing else is red, the exit code is 7' -r -F
complete -c smoke -n "__fish_smoke_using_subcommand watch" -l color -d 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c smoke -n "__fish_smoke_using_subcommand watch" -l read-only -d 'Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`'
complete -c smoke -n "__fish_smoke_using_subcommand watch" -s h -l help -d 'Print help'
complete -c smoke -n "__fish_smoke_using_subcommand check" -s v -l var -d 'Set a variable, as for `smoke run` (repeatable)' -r
complete -c smoke -n "__fish_smoke_using_subcommand check" -l color -d 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c smoke -n "__fish_smoke_using_subcommand check" -l strict -d 'Treat warnings as errors (exit code 2)'
complete -c smoke -n "__fish_smoke_using_subcommand check" -s h -l help -d 'Print help'
complete -c smoke -n "__fish_smoke_using_subcommand plan" -s e -l env -d 'Use this environment of the suite' -r -f -a "(__smoke_listed environments)"
complete -c smoke -n "__fish_smoke_using_subcommand plan" -s v -l var -d 'Set a variable (repeatable)' -r
complete -c smoke -n "__fish_smoke_using_subcommand plan" -s t -l tag -d 'Run only checks with one of these tags, and what they need (repeatable)' -r -f -a "(__smoke_listed tags)"
complete -c smoke -n "__fish_smoke_using_subcommand plan" -l skip-tag -d 'Exclude checks with one of these tags (repeatable)' -r -f -a "(__smoke_listed tags)"
complete -c smoke -n "__fish_smoke_using_subcommand plan" -l only -d 'Run only checks whose name matches one of these globs, and what they need (repeatable)' -r -f -a "(__smoke_listed names)"
complete -c smoke -n "__fish_smoke_using_subcommand plan" -l skip -d 'Exclude checks whose name matches one of these globs (repeatable)' -r -f -a "(__smoke_listed names)"
complete -c smoke -n "__fish_smoke_using_subcommand plan" -s j -l jobs -d 'Maximum number of checks in flight at once; overrides `concurrency`' -r
complete -c smoke -n "__fish_smoke_using_subcommand plan" -l budget -d 'Budget of the whole run; overrides that of the suite' -r
complete -c smoke -n "__fish_smoke_using_subcommand plan" -l read-only -d 'Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`'
complete -c smoke -n "__fish_smoke_using_subcommand plan" -l json -d 'Print the plan as one JSON document'
complete -c smoke -n "__fish_smoke_using_subcommand plan" -s h -l help -d 'Print help'
complete -c smoke -n "__fish_smoke_using_subcommand list" -s e -l env -d 'Use this environment of the suite' -r -f -a "(__smoke_listed environments)"
complete -c smoke -n "__fish_smoke_using_subcommand list" -s v -l var -d 'Set a variable (repeatable)' -r
complete -c smoke -n "__fish_smoke_using_subcommand list" -s t -l tag -d 'Run only checks with one of these tags, and what they need (repeatable)' -r -f -a "(__smoke_listed tags)"
complete -c smoke -n "__fish_smoke_using_subcommand list" -l skip-tag -d 'Exclude checks with one of these tags (repeatable)' -r -f -a "(__smoke_listed tags)"
complete -c smoke -n "__fish_smoke_using_subcommand list" -l only -d 'Run only checks whose name matches one of these globs, and what they need (repeatable)' -r -f -a "(__smoke_listed names)"
complete -c smoke -n "__fish_smoke_using_subcommand list" -l skip -d 'Exclude checks whose name matches one of these globs (repeatable)' -r -f -a "(__smoke_listed names)"
complete -c smoke -n "__fish_smoke_using_subcommand list" -l print -d 'Print only these, one a line: what completion scripts ask for' -r -f -a "names\t'The checks\' names, as `--only` and `--skip` take them: what would be a glob is escaped'
tags\t''
environments\t''"
complete -c smoke -n "__fish_smoke_using_subcommand list" -l json -d 'Print the checks as one JSON document'
complete -c smoke -n "__fish_smoke_using_subcommand list" -s h -l help -d 'Print help'
complete -c smoke -n "__fish_smoke_using_subcommand demo" -l break -d 'Break the shop first, to see what a failure looks like' -r -f -a "db\t'The orders table was never migrated: every use of it fails, while /health stays green'
login\t'The session store is lost: a right password leads back to the login page'
slow\t'Every answer but /version takes 3 s'
crash\t'The process dies with exit code 70 when the first order is placed'
version\t'The deploy did not take: the previous release, 1.4.1, is still live'
contract\t'A release has renamed a column of the table that the shop publishes for others'
metric\t'The API\'s revenue leaves out the orders that are new; the database has them'
canary\t'The worker is stuck: heartbeats are taken, and never published'"
complete -c smoke -n "__fish_smoke_using_subcommand demo" -l junit -d 'Write a JUnit XML report to FILE (`-` is standard output)' -r
complete -c smoke -n "__fish_smoke_using_subcommand demo" -l json -d 'Write the whole result to FILE as one JSON document' -r
complete -c smoke -n "__fish_smoke_using_subcommand demo" -l events -d 'Stream events to FILE as JSON Lines' -r
complete -c smoke -n "__fish_smoke_using_subcommand demo" -l color -d 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c smoke -n "__fish_smoke_using_subcommand demo" -l progress -d 'When to show a progress bar; `auto`: on a terminal, except in CI' -r -f -a "auto\t''
always\t''
never\t''"
complete -c smoke -n "__fish_smoke_using_subcommand demo" -l serve -d 'Be the shop: what the example\'s `[[boot]]` starts' -r
complete -c smoke -n "__fish_smoke_using_subcommand demo" -l database -d 'The shop\'s database' -r -F
complete -c smoke -n "__fish_smoke_using_subcommand demo" -l keep-going -d 'Do not stop at the first failure'
complete -c smoke -n "__fish_smoke_using_subcommand demo" -s q -l quiet -d 'Print only failures and the summary'
complete -c smoke -n "__fish_smoke_using_subcommand demo" -l trace -d 'Print every request and response, with secrets hidden and long bodies cut'
complete -c smoke -n "__fish_smoke_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c smoke -n "__fish_smoke_using_subcommand init" -l url -d 'The URL to test, such as `http://127.0.0.1:8080`; if omitted, a terminal is prompted for it' -r
complete -c smoke -n "__fish_smoke_using_subcommand init" -l contract -d 'Check a data contract (ODCS 3, YAML or JSON) instead of a URL' -r -F
complete -c smoke -n "__fish_smoke_using_subcommand init" -s h -l help -d 'Print help'
complete -c smoke -n "__fish_smoke_using_subcommand schema" -s h -l help -d 'Print help'
complete -c smoke -n "__fish_smoke_using_subcommand completions" -s h -l help -d 'Print help'
complete -c smoke -n "__fish_smoke_using_subcommand man" -s h -l help -d 'Print help'
complete -c smoke -n "__fish_smoke_using_subcommand help; and not __fish_seen_subcommand_from run watch check plan list demo init schema completions man help" -f -a "run" -d 'Run a suite'
complete -c smoke -n "__fish_smoke_using_subcommand help; and not __fish_seen_subcommand_from run watch check plan list demo init schema completions man help" -f -a "watch" -d 'Run a suite repeatedly and show what changes; `q` quits'
complete -c smoke -n "__fish_smoke_using_subcommand help; and not __fish_seen_subcommand_from run watch check plan list demo init schema completions man help" -f -a "check" -d 'Validate a suite without sending anything'
complete -c smoke -n "__fish_smoke_using_subcommand help; and not __fish_seen_subcommand_from run watch check plan list demo init schema completions man help" -f -a "plan" -d 'Show what would run, in which order, and how long it can take; sends nothing'
complete -c smoke -n "__fish_smoke_using_subcommand help; and not __fish_seen_subcommand_from run watch check plan list demo init schema completions man help" -f -a "list" -d 'List the checks of a suite: kinds, names, tags'
complete -c smoke -n "__fish_smoke_using_subcommand help; and not __fish_seen_subcommand_from run watch check plan list demo init schema completions man help" -f -a "demo" -d 'Run the example suite against a built-in demo shop'
complete -c smoke -n "__fish_smoke_using_subcommand help; and not __fish_seen_subcommand_from run watch check plan list demo init schema completions man help" -f -a "init" -d 'Write a first suite'
complete -c smoke -n "__fish_smoke_using_subcommand help; and not __fish_seen_subcommand_from run watch check plan list demo init schema completions man help" -f -a "schema" -d 'Print the JSON Schema of the suite, for editors'
complete -c smoke -n "__fish_smoke_using_subcommand help; and not __fish_seen_subcommand_from run watch check plan list demo init schema completions man help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c smoke -n "__fish_smoke_using_subcommand help; and not __fish_seen_subcommand_from run watch check plan list demo init schema completions man help" -f -a "man" -d 'Print the manual page'
complete -c smoke -n "__fish_smoke_using_subcommand help; and not __fish_seen_subcommand_from run watch check plan list demo init schema completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
