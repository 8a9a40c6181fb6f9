# Completion of dgw in bash: dgw itself is asked what fits.
_dgw() {
    local IFS=$'\013' at has_command=
    # What stands behind `--` is a line of its own.
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
            run | connect) has_command=yes ;;
            --)
                if [[ $has_command ]]; then
                    _dgw_command $((at + 1)) "$2"
                    return
                fi
                ;;
        esac
    done
    local words=("${COMP_WORDS[@]}")
    # `=` and `=@` are words of their own to bash, and what follows another: dgw puts them together again.
    if [[ ${words[COMP_CWORD]} != '=' && ${words[COMP_CWORD]} != '=@' ]]; then
        words[COMP_CWORD]=$2
    fi
    COMPREPLY=($(
        COMPLETE=bash _CLAP_IFS=$IFS _CLAP_COMPLETE_INDEX=$COMP_CWORD dgw -- "${words[@]}" 2>/dev/null
    ))
    if [[ ${COMPREPLY-} == *[=/] ]]; then
        compopt -o nospace
    fi
}
# Completes the command that begins at the word $1, the word so far being $2: as it would be by itself
# where bash-completion is loaded, else by the names of commands and files.
_dgw_command() {
    local IFS=$' \t\n' helper
    for helper in _comp_command_offset _command_offset; do
        if declare -F "$helper" >/dev/null; then
            "$helper" "$1"
            return
        fi
    done
    IFS=$'\n'
    if ((COMP_CWORD == $1)) && [[ $2 != */* ]]; then
        COMPREPLY=($(compgen -c -- "$2"))
    else
        compopt -o filenames
        COMPREPLY=($(compgen -f -- "$2"))
    fi
}
if ((BASH_VERSINFO[0] > 4 || (BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4))); then
    complete -o bashdefault -o nosort -F _dgw dgw
else
    complete -o bashdefault -F _dgw dgw
fi
