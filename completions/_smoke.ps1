
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
            [CompletionResult]::new('watch', 'watch', [CompletionResultType]::ParameterValue, 'Run a suite again and again, and show what changes; `q` ends it')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Read a suite, report every mistake and what is no smoke test any more; nothing is sent')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Show what would run, in which order, and the longest it can take; nothing is sent')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List a suite''s checks: names, kinds, tags')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Run the example suite against a shop that is built in: nothing else is needed')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a first suite')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of the suite, for editors')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page')
            break
        }
        'smoke;run' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'An environment of the suite')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'An environment of the suite')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Only checks with one of these tags (repeatable), and what they need')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Only checks with one of these tags (repeatable), and what they need')
            [CompletionResult]::new('--skip-tag', '--skip-tag', [CompletionResultType]::ParameterName, 'Not the checks with one of these tags (repeatable)')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only checks whose name matches one of these globs (repeatable), and what they need')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Not the checks whose name matches one of these globs (repeatable)')
            [CompletionResult]::new('--repeat', '--repeat', [CompletionResultType]::ParameterName, 'Run it N times, and say how often each check passed and how long it took')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Checks in flight at once, instead of the suite''s `concurrency`')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Checks in flight at once, instead of the suite''s `concurrency`')
            [CompletionResult]::new('--budget', '--budget', [CompletionResultType]::ParameterName, 'The run''s budget, instead of the suite''s')
            [CompletionResult]::new('--junit', '--junit', [CompletionResultType]::ParameterName, 'Write JUnit XML there (`-` is standard output)')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write the whole result there, as one JSON document')
            [CompletionResult]::new('--events', '--events', [CompletionResultType]::ParameterName, 'Write what happens there as it happens, as one JSON object per line')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: `auto` is on a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'When to show a progress bar: `auto` is on a terminal, and not in CI')
            [CompletionResult]::new('--rerun-failed', '--rerun-failed', [CompletionResultType]::ParameterName, 'Only what did not pass in the last run of this suite, and what it needs')
            [CompletionResult]::new('--keep-going', '--keep-going', [CompletionResultType]::ParameterName, 'Do not stop at the first failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say only what went wrong, and the summary')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say only what went wrong, and the summary')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Show every request and answer, without secrets, bodies cut')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;watch' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'From the start of one run to the start of the next')
            [CompletionResult]::new('--every', '--every', [CompletionResultType]::ParameterName, 'From the start of one run to the start of the next')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'An environment of the suite')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'An environment of the suite')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Only checks with one of these tags (repeatable), and what they need')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Only checks with one of these tags (repeatable), and what they need')
            [CompletionResult]::new('--skip-tag', '--skip-tag', [CompletionResultType]::ParameterName, 'Not the checks with one of these tags (repeatable)')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only checks whose name matches one of these globs (repeatable), and what they need')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Not the checks whose name matches one of these globs (repeatable)')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Checks in flight at once, instead of the suite''s `concurrency`')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Checks in flight at once, instead of the suite''s `concurrency`')
            [CompletionResult]::new('--budget', '--budget', [CompletionResultType]::ParameterName, 'The run''s budget, instead of the suite''s')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: `auto` is on a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;check' {
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'A variable that `smoke run` will be given (repeatable)')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'A variable that `smoke run` will be given (repeatable)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: `auto` is on a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Treat warnings as mistakes: exit code 2')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;plan' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'An environment of the suite')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'An environment of the suite')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Only checks with one of these tags (repeatable), and what they need')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Only checks with one of these tags (repeatable), and what they need')
            [CompletionResult]::new('--skip-tag', '--skip-tag', [CompletionResultType]::ParameterName, 'Not the checks with one of these tags (repeatable)')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only checks whose name matches one of these globs (repeatable), and what they need')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Not the checks whose name matches one of these globs (repeatable)')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Checks in flight at once, instead of the suite''s `concurrency`')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Checks in flight at once, instead of the suite''s `concurrency`')
            [CompletionResult]::new('--budget', '--budget', [CompletionResultType]::ParameterName, 'The run''s budget, instead of the suite''s')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the plan as one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;list' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'An environment of the suite')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'An environment of the suite')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'Set a variable (repeatable)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Only checks with one of these tags (repeatable), and what they need')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Only checks with one of these tags (repeatable), and what they need')
            [CompletionResult]::new('--skip-tag', '--skip-tag', [CompletionResultType]::ParameterName, 'Not the checks with one of these tags (repeatable)')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only checks whose name matches one of these globs (repeatable), and what they need')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Not the checks whose name matches one of these globs (repeatable)')
            [CompletionResult]::new('--print', '--print', [CompletionResultType]::ParameterName, 'Print only these, one a line: what completion scripts ask for')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the checks as one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'smoke;demo' {
            [CompletionResult]::new('--break', '--break', [CompletionResultType]::ParameterName, 'Break the shop in this way first, to see what failure looks like')
            [CompletionResult]::new('--junit', '--junit', [CompletionResultType]::ParameterName, 'Write JUnit XML there (`-` is standard output)')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write the whole result there, as one JSON document')
            [CompletionResult]::new('--events', '--events', [CompletionResultType]::ParameterName, 'Write what happens there as it happens, as one JSON object per line')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: `auto` is on a terminal, unless `NO_COLOR` is set')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'When to show a progress bar: `auto` is on a terminal, and not in CI')
            [CompletionResult]::new('--serve', '--serve', [CompletionResultType]::ParameterName, 'Be the shop: what the example''s `[[boot]]` starts')
            [CompletionResult]::new('--database', '--database', [CompletionResultType]::ParameterName, 'The shop''s database')
            [CompletionResult]::new('--keep-going', '--keep-going', [CompletionResultType]::ParameterName, 'Do not stop at the first failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say only what went wrong, and the summary')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say only what went wrong, and the summary')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Show every request and answer, without secrets, bodies cut')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'smoke;init' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'The URL to test, such as `http://127.0.0.1:8080`; asked for on a terminal')
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
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
