# Completion of dgw in bash: dgw itself is asked what fits.
_dgw() {
    local IFS=$'\013'
    local words=("${COMP_WORDS[@]}")
    # `=` is a word of its own to bash, and what follows it another: dgw puts them together again.
    if [[ ${words[COMP_CWORD]} != '=' ]]; then
        words[COMP_CWORD]=$2
    fi
    COMPREPLY=($(
        COMPLETE=bash _CLAP_IFS=$IFS _CLAP_COMPLETE_INDEX=$COMP_CWORD dgw -- "${words[@]}" 2>/dev/null
    ))
    if [[ ${COMPREPLY-} == *[=/] ]]; then
        compopt -o nospace
    fi
}
if ((BASH_VERSINFO[0] > 4 || (BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4))); then
    complete -o bashdefault -o nosort -F _dgw dgw
else
    complete -o bashdefault -F _dgw dgw
fi
