
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'smoke' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'smoke'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'smoke' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a suite')
            [CompletionResult]::new('watch', 'watch', [CompletionResultType]::ParameterValue, 'Run a suite repeatedly and show what changes; `q` quits')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Validate a suite without sending anything')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Show what would run, in which order, and how long it can take; sends nothing')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the checks of a suite: kinds, names, tags')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Run the example suite against a built-in demo shop')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a first suite')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of the suite, for editors')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'smoke;run' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Use this environment of the suite')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Use this environment of the suite')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Run only checks with one of these tags, and what they need (repeatable)')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Run only checks with one of these tags, and what they need (repeatable)')
            [CompletionResult]::new('--skip-tag', '--skip-tag', [CompletionResultType]::ParameterName, 'Exclude checks with one of these tags (repeatable)')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Run only checks whose name matches one of these globs, and what they need (repeatable)')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Exclude checks whose name matches one of these globs (repeatable)')
            [CompletionResult]::new('--repeat', '--repeat', [CompletionResultType]::ParameterName, 'Run the suite N times and report how often each check passed and how long it took')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Maximum number of checks in flight at once; overrides `concurrency`')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Maximum number of checks in flight at once; overrides `concurrency`')
            [CompletionResult]::new('--budget', '--budget', [CompletionResultType]::ParameterName, 'Budget of the whole run; overrides that of the suite')
            [CompletionResult]::new('--baseline', '--baseline', [CompletionResultType]::ParameterName, 'Read what was red before the deploy from the `--json` of a run; if nothing else is red, the exit code is 7')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'Put a name and a value into every report, such as `sha=abc123` (repeatable)')
            [CompletionResult]::new('--junit', '--junit', [CompletionResultType]::ParameterName, 'Write a JUnit XML report to FILE (`-` is standard output)')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write the whole result to FILE as one JSON document')
            [CompletionResult]::new('--events', '--events', [CompletionResultType]::ParameterName, 'Stream events to FILE as JSON Lines')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'When to show a progress bar; `auto`: on a terminal, except in CI')
            [CompletionResult]::new('--rerun-failed', '--rerun-failed', [CompletionResultType]::ParameterName, 'Run only what did not pass in the last run of this suite, and what it needs')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`')
            [CompletionResult]::new('--keep-going', '--keep-going', [CompletionResultType]::ParameterName, 'Do not stop at the first failure')
            [CompletionResult]::new('--keep-running', '--keep-running', [CompletionResultType]::ParameterName, 'After a red run, leave what was booted running and say how to stop it')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only failures and the summary')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only failures and the summary')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Print every request and response, with secrets hidden and long bodies cut')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;watch' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Time from the start of one run to the start of the next')
            [CompletionResult]::new('--every', '--every', [CompletionResultType]::ParameterName, 'Time from the start of one run to the start of the next')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Use this environment of the suite')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Use this environment of the suite')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Run only checks with one of these tags, and what they need (repeatable)')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Run only checks with one of these tags, and what they need (repeatable)')
            [CompletionResult]::new('--skip-tag', '--skip-tag', [CompletionResultType]::ParameterName, 'Exclude checks with one of these tags (repeatable)')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Run only checks whose name matches one of these globs, and what they need (repeatable)')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Exclude checks whose name matches one of these globs (repeatable)')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Maximum number of checks in flight at once; overrides `concurrency`')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Maximum number of checks in flight at once; overrides `concurrency`')
            [CompletionResult]::new('--budget', '--budget', [CompletionResultType]::ParameterName, 'Budget of the whole run; overrides that of the suite')
            [CompletionResult]::new('--baseline', '--baseline', [CompletionResultType]::ParameterName, 'Read what was red before the deploy from the `--json` of a run; if nothing else is red, the exit code is 7')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;check' {
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Set a variable, as for `smoke run` (repeatable)')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'Set a variable, as for `smoke run` (repeatable)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Treat warnings as errors (exit code 2)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;plan' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Use this environment of the suite')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Use this environment of the suite')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Run only checks with one of these tags, and what they need (repeatable)')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Run only checks with one of these tags, and what they need (repeatable)')
            [CompletionResult]::new('--skip-tag', '--skip-tag', [CompletionResultType]::ParameterName, 'Exclude checks with one of these tags (repeatable)')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Run only checks whose name matches one of these globs, and what they need (repeatable)')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Exclude checks whose name matches one of these globs (repeatable)')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Maximum number of checks in flight at once; overrides `concurrency`')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Maximum number of checks in flight at once; overrides `concurrency`')
            [CompletionResult]::new('--budget', '--budget', [CompletionResultType]::ParameterName, 'Budget of the whole run; overrides that of the suite')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the plan as one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;list' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Use this environment of the suite')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Use this environment of the suite')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Run only checks with one of these tags, and what they need (repeatable)')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Run only checks with one of these tags, and what they need (repeatable)')
            [CompletionResult]::new('--skip-tag', '--skip-tag', [CompletionResultType]::ParameterName, 'Exclude checks with one of these tags (repeatable)')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Run only checks whose name matches one of these globs, and what they need (repeatable)')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Exclude checks whose name matches one of these globs (repeatable)')
            [CompletionResult]::new('--print', '--print', [CompletionResultType]::ParameterName, 'Print only these, one a line: what completion scripts ask for')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the checks as one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;demo' {
            [CompletionResult]::new('--break', '--break', [CompletionResultType]::ParameterName, 'Break the shop first, to see what a failure looks like')
            [CompletionResult]::new('--junit', '--junit', [CompletionResultType]::ParameterName, 'Write a JUnit XML report to FILE (`-` is standard output)')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write the whole result to FILE as one JSON document')
            [CompletionResult]::new('--events', '--events', [CompletionResultType]::ParameterName, 'Stream events to FILE as JSON Lines')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'When to show a progress bar; `auto`: on a terminal, except in CI')
            [CompletionResult]::new('--serve', '--serve', [CompletionResultType]::ParameterName, 'Be the shop: what the example''s `[[boot]]` starts')
            [CompletionResult]::new('--database', '--database', [CompletionResultType]::ParameterName, 'The shop''s database')
            [CompletionResult]::new('--keep-going', '--keep-going', [CompletionResultType]::ParameterName, 'Do not stop at the first failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only failures and the summary')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only failures and the summary')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Print every request and response, with secrets hidden and long bodies cut')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'smoke;init' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'The URL to test, such as `http://127.0.0.1:8080`; if omitted, a terminal is prompted for it')
            [CompletionResult]::new('--contract', '--contract', [CompletionResultType]::ParameterName, 'Check a data contract (ODCS 3, YAML or JSON) instead of a URL')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;schema' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;man' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;help' {
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a suite')
            [CompletionResult]::new('watch', 'watch', [CompletionResultType]::ParameterValue, 'Run a suite repeatedly and show what changes; `q` quits')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Validate a suite without sending anything')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Show what would run, in which order, and how long it can take; sends nothing')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the checks of a suite: kinds, names, tags')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Run the example suite against a built-in demo shop')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a first suite')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of the suite, for editors')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'smoke;help;run' {
            break
        }
        'smoke;help;watch' {
            break
        }
        'smoke;help;check' {
            break
        }
        'smoke;help;plan' {
            break
        }
        'smoke;help;list' {
            break
        }
        'smoke;help;demo' {
            break
        }
        'smoke;help;init' {
            break
        }
        'smoke;help;schema' {
            break
        }
        'smoke;help;completions' {
            break
        }
        'smoke;help;man' {
            break
        }
        'smoke;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
