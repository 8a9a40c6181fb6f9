# Completion of dgw in fish: dgw itself is asked what fits.

# The words before the cursor's, of the command that stands behind `--`; fails where there is none.
function __dgw_command
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l dashes (contains --index -- -- $words); or return
    string match --quiet --regex '^(run|connect)$' -- $words[1..$dashes]; or return
    set --erase words[1..$dashes]
    string escape -- $words
    return 0
end

# A line of its own, and completed as such.
function __dgw_complete_command
    set -l words (__dgw_command) (commandline --current-token)
    complete --do-complete (string join ' ' -- $words)
end

complete --command dgw --condition '__dgw_command >/dev/null' --exclusive --arguments '(__dgw_complete_command)'
complete --command dgw --condition 'not __dgw_command >/dev/null' --keep-order --exclusive --arguments '(COMPLETE=fish dgw -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))'
