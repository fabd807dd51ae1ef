# bash completion for culvert(1)

_culvert_names() {
    culvert status --json 2>/dev/null | sed -n '/^  "connections": {/,/^  }/{
        s/^    "\([^"]*\)": {$/\1/p
        /^      "children": {/,/^      }/s/^        "\([^"]*\)": {$/\1/p
    }'
}

_culvert() {
    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
    local commands='certs check diagnose diff down import keygen leases log monitor pki redirect rekey reload stats status up version'
    local options='--json --help'
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --json --version" -- "$word")
        return
    fi
    [[ $command == pki || $command == keygen ]] || options+=' --vici'
    case $command in
    up) options+=' --timeout --verbose' ;;
    down) options+=' --timeout --verbose --force' ;;
    rekey) options+=' --timeout --verbose --reauth' ;;
    redirect) options+=' --timeout --verbose --peer-ip --peer-id' ;;
    diagnose) options+=' --timeout --verbose --ping' ;;
    status) options+=' --all' ;;
    log) options+=' --follow --peer' ;;
    keygen) options+=' --type' ;;
    pki) options+=' --dir --out --days --organization --type' ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
        return
    fi
    case $command in
    up | down | redirect | rekey | diagnose | status) mapfile -t COMPREPLY < <(compgen -W "$(_culvert_names)" -- "$word") ;;
    pki) ((COMP_CWORD > 2)) || mapfile -t COMPREPLY < <(compgen -W 'authority issue show' -- "$word") ;;
    check | import | keygen) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
}
complete -F _culvert culvert
