
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
            cand watch 'Run a suite again and again, and show what changes; `q` ends it'
            cand check 'Read a suite, report every mistake and what is no smoke test any more; nothing is sent'
            cand plan 'Show what would run, in which order, and the longest it can take; nothing is sent'
            cand list 'List a suite''s checks: names, kinds, tags'
            cand demo 'Run the example suite against a shop that is built in: nothing else is needed'
            cand init 'Write a first suite'
            cand schema 'Print the JSON Schema of the suite, for editors'
            cand completions 'Print a completion script for a shell'
            cand man 'Print the manual page'
        }
        &'smoke;run'= {
            cand -e 'An environment of the suite'
            cand --env 'An environment of the suite'
            cand -v 'Set a variable (repeatable)'
            cand --var 'Set a variable (repeatable)'
            cand -t 'Only checks with one of these tags (repeatable), and what they need'
            cand --tag 'Only checks with one of these tags (repeatable), and what they need'
            cand --skip-tag 'Not the checks with one of these tags (repeatable)'
            cand --only 'Only checks whose name matches one of these globs (repeatable), and what they need'
            cand --skip 'Not the checks whose name matches one of these globs (repeatable)'
            cand --repeat 'Run it N times, and say how often each check passed and how long it took'
            cand -j 'Checks in flight at once, instead of the suite''s `concurrency`'
            cand --jobs 'Checks in flight at once, instead of the suite''s `concurrency`'
            cand --budget 'The run''s budget, instead of the suite''s'
            cand --junit 'Write JUnit XML there (`-` is standard output)'
            cand --json 'Write the whole result there, as one JSON document'
            cand --events 'Write what happens there as it happens, as one JSON object per line'
            cand --color 'When to use colour: `auto` is on a terminal, unless `NO_COLOR` is set'
            cand --progress 'When to show a progress bar: `auto` is on a terminal, and not in CI'
            cand --rerun-failed 'Only what did not pass in the last run of this suite, and what it needs'
            cand --keep-going 'Do not stop at the first failure'
            cand -q 'Say only what went wrong, and the summary'
            cand --quiet 'Say only what went wrong, and the summary'
            cand --trace 'Show every request and answer, without secrets, bodies cut'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;watch'= {
            cand -n 'From the start of one run to the start of the next'
            cand --every 'From the start of one run to the start of the next'
            cand -e 'An environment of the suite'
            cand --env 'An environment of the suite'
            cand -v 'Set a variable (repeatable)'
            cand --var 'Set a variable (repeatable)'
            cand -t 'Only checks with one of these tags (repeatable), and what they need'
            cand --tag 'Only checks with one of these tags (repeatable), and what they need'
            cand --skip-tag 'Not the checks with one of these tags (repeatable)'
            cand --only 'Only checks whose name matches one of these globs (repeatable), and what they need'
            cand --skip 'Not the checks whose name matches one of these globs (repeatable)'
            cand -j 'Checks in flight at once, instead of the suite''s `concurrency`'
            cand --jobs 'Checks in flight at once, instead of the suite''s `concurrency`'
            cand --budget 'The run''s budget, instead of the suite''s'
            cand --color 'When to use colour: `auto` is on a terminal, unless `NO_COLOR` is set'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;check'= {
            cand -v 'A variable that `smoke run` will be given (repeatable)'
            cand --var 'A variable that `smoke run` will be given (repeatable)'
            cand --color 'When to use colour: `auto` is on a terminal, unless `NO_COLOR` is set'
            cand --strict 'Treat warnings as mistakes: exit code 2'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;plan'= {
            cand -e 'An environment of the suite'
            cand --env 'An environment of the suite'
            cand -v 'Set a variable (repeatable)'
            cand --var 'Set a variable (repeatable)'
            cand -t 'Only checks with one of these tags (repeatable), and what they need'
            cand --tag 'Only checks with one of these tags (repeatable), and what they need'
            cand --skip-tag 'Not the checks with one of these tags (repeatable)'
            cand --only 'Only checks whose name matches one of these globs (repeatable), and what they need'
            cand --skip 'Not the checks whose name matches one of these globs (repeatable)'
            cand -j 'Checks in flight at once, instead of the suite''s `concurrency`'
            cand --jobs 'Checks in flight at once, instead of the suite''s `concurrency`'
            cand --budget 'The run''s budget, instead of the suite''s'
            cand --json 'Print the plan as one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;list'= {
            cand -e 'An environment of the suite'
            cand --env 'An environment of the suite'
            cand -v 'Set a variable (repeatable)'
            cand --var 'Set a variable (repeatable)'
            cand -t 'Only checks with one of these tags (repeatable), and what they need'
            cand --tag 'Only checks with one of these tags (repeatable), and what they need'
            cand --skip-tag 'Not the checks with one of these tags (repeatable)'
            cand --only 'Only checks whose name matches one of these globs (repeatable), and what they need'
            cand --skip 'Not the checks whose name matches one of these globs (repeatable)'
            cand --print 'Print only these, one a line: what completion scripts ask for'
            cand --json 'Print the checks as one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'smoke;demo'= {
            cand --break 'Break the shop in this way first, to see what failure looks like'
            cand --junit 'Write JUnit XML there (`-` is standard output)'
            cand --json 'Write the whole result there, as one JSON document'
            cand --events 'Write what happens there as it happens, as one JSON object per line'
            cand --color 'When to use colour: `auto` is on a terminal, unless `NO_COLOR` is set'
            cand --progress 'When to show a progress bar: `auto` is on a terminal, and not in CI'
            cand --serve 'Be the shop: what the example''s `[[boot]]` starts'
            cand --database 'The shop''s database'
            cand --keep-going 'Do not stop at the first failure'
            cand -q 'Say only what went wrong, and the summary'
            cand --quiet 'Say only what went wrong, and the summary'
            cand --trace 'Show every request and answer, without secrets, bodies cut'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'smoke;init'= {
            cand --url 'The URL to test, such as `http://127.0.0.1:8080`; asked for on a terminal'
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
    ]
    $completions[$command]
}
