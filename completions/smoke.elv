
use builtin;
use str;

set edit:completion:arg-completer[smoke] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'smoke'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'smoke'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand run 'Run a suite'
            cand watch 'Run a suite repeatedly and show what changes; `q` quits'
            cand check 'Validate a suite without sending anything'
            cand plan 'Show what would run, in which order, and how long it can take; sends nothing'
            cand list 'List the checks of a suite: kinds, names, tags'
            cand demo 'Run the example suite against a built-in demo shop'
            cand init 'Write a first suite'
            cand schema 'Print the JSON Schema of the suite, for editors'
            cand completions 'Print a completion script for a shell'
            cand man 'Print the manual page'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'smoke;run'= {
            cand -e 'Use this environment of the suite'
            cand --env 'Use this environment of the suite'
            cand -v 'Set a variable (repeatable)'
            cand --var 'Set a variable (repeatable)'
            cand -t 'Run only checks with one of these tags, and what they need (repeatable)'
            cand --tag 'Run only checks with one of these tags, and what they need (repeatable)'
            cand --skip-tag 'Exclude checks with one of these tags (repeatable)'
            cand --only 'Run only checks whose name matches one of these globs, and what they need (repeatable)'
            cand --skip 'Exclude checks whose name matches one of these globs (repeatable)'
            cand --repeat 'Run the suite N times and report how often each check passed and how long it took'
            cand -j 'Maximum number of checks in flight at once; overrides `concurrency`'
            cand --jobs 'Maximum number of checks in flight at once; overrides `concurrency`'
            cand --budget 'Budget of the whole run; overrides that of the suite'
            cand --baseline 'Read what was red before the deploy from the `--json` of a run; if nothing else is red, the exit code is 7'
            cand --label 'Put a name and a value into every report, such as `sha=abc123` (repeatable)'
            cand --junit 'Write a JUnit XML report to FILE (`-` is standard output)'
            cand --json 'Write the whole result to FILE as one JSON document'
            cand --events 'Stream events to FILE as JSON Lines'
            cand --color 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set'
            cand --progress 'When to show a progress bar; `auto`: on a terminal, except in CI'
            cand --rerun-failed 'Run only what did not pass in the last run of this suite, and what it needs'
            cand --read-only 'Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`'
            cand --keep-going 'Do not stop at the first failure'
            cand --keep-running 'After a red run, leave what was booted running and say how to stop it'
            cand -q 'Print only failures and the summary'
            cand --quiet 'Print only failures and the summary'
            cand --trace 'Print every request and response, with secrets hidden and long bodies cut'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;watch'= {
            cand -n 'Time from the start of one run to the start of the next'
            cand --every 'Time from the start of one run to the start of the next'
            cand -e 'Use this environment of the suite'
            cand --env 'Use this environment of the suite'
            cand -v 'Set a variable (repeatable)'
            cand --var 'Set a variable (repeatable)'
            cand -t 'Run only checks with one of these tags, and what they need (repeatable)'
            cand --tag 'Run only checks with one of these tags, and what they need (repeatable)'
            cand --skip-tag 'Exclude checks with one of these tags (repeatable)'
            cand --only 'Run only checks whose name matches one of these globs, and what they need (repeatable)'
            cand --skip 'Exclude checks whose name matches one of these globs (repeatable)'
            cand -j 'Maximum number of checks in flight at once; overrides `concurrency`'
            cand --jobs 'Maximum number of checks in flight at once; overrides `concurrency`'
            cand --budget 'Budget of the whole run; overrides that of the suite'
            cand --baseline 'Read what was red before the deploy from the `--json` of a run; if nothing else is red, the exit code is 7'
            cand --color 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set'
            cand --read-only 'Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;check'= {
            cand -v 'Set a variable, as for `smoke run` (repeatable)'
            cand --var 'Set a variable, as for `smoke run` (repeatable)'
            cand --color 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set'
            cand --strict 'Treat warnings as errors (exit code 2)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;plan'= {
            cand -e 'Use this environment of the suite'
            cand --env 'Use this environment of the suite'
            cand -v 'Set a variable (repeatable)'
            cand --var 'Set a variable (repeatable)'
            cand -t 'Run only checks with one of these tags, and what they need (repeatable)'
            cand --tag 'Run only checks with one of these tags, and what they need (repeatable)'
            cand --skip-tag 'Exclude checks with one of these tags (repeatable)'
            cand --only 'Run only checks whose name matches one of these globs, and what they need (repeatable)'
            cand --skip 'Exclude checks whose name matches one of these globs (repeatable)'
            cand -j 'Maximum number of checks in flight at once; overrides `concurrency`'
            cand --jobs 'Maximum number of checks in flight at once; overrides `concurrency`'
            cand --budget 'Budget of the whole run; overrides that of the suite'
            cand --read-only 'Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`'
            cand --json 'Print the plan as one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;list'= {
            cand -e 'Use this environment of the suite'
            cand --env 'Use this environment of the suite'
            cand -v 'Set a variable (repeatable)'
            cand --var 'Set a variable (repeatable)'
            cand -t 'Run only checks with one of these tags, and what they need (repeatable)'
            cand --tag 'Run only checks with one of these tags, and what they need (repeatable)'
            cand --skip-tag 'Exclude checks with one of these tags (repeatable)'
            cand --only 'Run only checks whose name matches one of these globs, and what they need (repeatable)'
            cand --skip 'Exclude checks whose name matches one of these globs (repeatable)'
            cand --print 'Print only these, one a line: what completion scripts ask for'
            cand --json 'Print the checks as one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;demo'= {
            cand --break 'Break the shop first, to see what a failure looks like'
            cand --junit 'Write a JUnit XML report to FILE (`-` is standard output)'
            cand --json 'Write the whole result to FILE as one JSON document'
            cand --events 'Stream events to FILE as JSON Lines'
            cand --color 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set'
            cand --progress 'When to show a progress bar; `auto`: on a terminal, except in CI'
            cand --serve 'Be the shop: what the example''s `[[boot]]` starts'
            cand --database 'The shop''s database'
            cand --keep-going 'Do not stop at the first failure'
            cand -q 'Print only failures and the summary'
            cand --quiet 'Print only failures and the summary'
            cand --trace 'Print every request and response, with secrets hidden and long bodies cut'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'smoke;init'= {
            cand --url 'The URL to test, such as `http://127.0.0.1:8080`; if omitted, a terminal is prompted for it'
            cand --contract 'Check a data contract (ODCS 3, YAML or JSON) instead of a URL'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;schema'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;completions'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;man'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;help'= {
            cand run 'Run a suite'
            cand watch 'Run a suite repeatedly and show what changes; `q` quits'
            cand check 'Validate a suite without sending anything'
            cand plan 'Show what would run, in which order, and how long it can take; sends nothing'
            cand list 'List the checks of a suite: kinds, names, tags'
            cand demo 'Run the example suite against a built-in demo shop'
            cand init 'Write a first suite'
            cand schema 'Print the JSON Schema of the suite, for editors'
            cand completions 'Print a completion script for a shell'
            cand man 'Print the manual page'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'smoke;help;run'= {
        }
        &'smoke;help;watch'= {
        }
        &'smoke;help;check'= {
        }
        &'smoke;help;plan'= {
        }
        &'smoke;help;list'= {
        }
        &'smoke;help;demo'= {
        }
        &'smoke;help;init'= {
        }
        &'smoke;help;schema'= {
        }
        &'smoke;help;completions'= {
        }
        &'smoke;help;man'= {
        }
        &'smoke;help;help'= {
        }
    ]
    $completions[$command]
}
