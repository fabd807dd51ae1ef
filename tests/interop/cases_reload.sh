# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# What a reload takes away and what it must not, and traps that follow the host's addresses.

reload_1() { culvert_of 1 reload >"$dir/reload.log" 2>&1; }
lists_conns() { [[ $(swanctl_of 1 --list-conns | grep -c '^gw:') == "$1" ]]; }

case_reload_after_load_all() { # what swanctl has loaded again goes with the file
    begin
    swanctl_of 1 --load-all --file "$dir/1/swanctl/swanctl.conf" >"$dir/load.log" 2>&1 ||
        { cat "$dir/load.log"; fail "swanctl could not load the file"; }
    establish
    lists_conns 1 || fail "the connection is not listed"
    sed -i '/^secrets {/,$d' "$dir/1/swanctl/swanctl.conf"
    reload_1 || { cat "$dir/reload.log"; fail "the file without secrets was not taken"; }
    says "$dir/reload.log" '~ secrets' "that the secrets are gone"
    : >"$dir/1/swanctl/swanctl.conf"
    reload_1 || { cat "$dir/reload.log"; fail "the empty file was not taken"; }
    lists_conns 0 || { swanctl_of 1 --list-conns; fail "the connection is there without the file"; }
    until_true 10 has_ikes 1 0 || fail "its IKE SA stays"
    swanctl_of 1 --load-conns --file "$dir/2/swanctl/swanctl.conf" >/dev/null || fail "swanctl could not load another file"
    reload_1 || { cat "$dir/reload.log"; fail "nothing has changed, and was not taken"; }
    says "$(side_log 1)" 'loaded by VICI and not in the file, and so not touched by the reload: connection gw' "what only VICI has"
}

case_reload_keeps_key() { # a key that cannot be read any more is no reason to drop it
    begin
    mkdir -p "$dir/1/swanctl/private"
    "$culvert" keygen "$dir/1/swanctl/private/gw.key" >/dev/null 2>&1 || "$culvert" keygen --help
    reload_1 || { cat "$dir/reload.log"; fail "a key was not taken"; }
    echo nonsense >"$dir/1/swanctl/private/gw.key"
    ! reload_1 || fail "the reload went on without the key"
    says "$dir/reload.log" 'private/gw.key.*could be used when the configuration was loaded last' "which file it is"
    culvert_of 1 status >"$dir/status.log" || fail "no status"
    says "$dir/status.log" 'the configuration was not reloaded.*gw.key.*ago\)' "that the last reload failed"
    rm "$dir/1/swanctl/private/gw.key"
    reload_1 || { cat "$dir/reload.log"; fail "a key that was taken away is asked for"; }
    culvert_of 1 status >"$dir/status.log"
    ! grep -q 'not reloaded' "$dir/status.log" || fail "the problem is told of though it is over"
    establish
}

case_trap_follows_address() { # a dynamic trap stands for the address that the host has now
    both ts_local dynamic
    both ts_remote dynamic
    side_address() { if [[ $1 == 1 ]]; then echo %any; else echo 192.0.2.2; fi; }
    child 1 'start_action = trap'
    begin
    until_true 10 traps 192.0.2.1 || { swanctl_of 1 --list-pols; fail "no trap"; }
    ip -n "$net_prefix-g1" address del 192.0.2.1/24 dev wan
    ip -n "$net_prefix-g1" address add 192.0.2.9/24 dev wan
    default_routes
    until_true 10 traps 192.0.2.9 || { swanctl_of 1 --list-pols; fail "the trap stays at an address that is gone"; }
}
traps() { swanctl_of 1 --list-pols | grep -q "local: *$1"; }
