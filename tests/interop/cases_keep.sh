# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Children that stay up whatever happens (culvert_keep_up), and such as end when nobody uses them
# (inactivity).

case_keep_up() { # from the start, over a crash of the peer, and over a peer that refuses
    retransmit_tries=2
    child 1 'culvert_keep_up = yes'
    both_conn 'dpd_delay = 1s'
    begin
    expect_sas 1 1 1
    ping_ok h1 10.2.0.2
    side_kill 2
    until_true 60 has_ikes 1 0 || fail "side 1 still believes in a dead peer"
    # It comes back with another secret: refused, and tried again all the same.
    local right=$psk_2
    psk_2='of somebody else entirely'
    side_start 2
    until_true 60 keeps_trying 2 || fail "it was not tried again after a refusal"
    side_kill 2
    psk_2=$right
    side_start 2
    until_true 60 has_children 1 1 || { tail -n 20 "$(side_log 1)"; fail "the tunnel did not come back"; }
    ping_ok h1 10.2.0.2
    # Whoever takes it down means it.
    down 1 child net4
    until_true 10 has_children 1 0 || fail "it is up though it was taken down"
    until_true 10 says_held || fail "nothing says that it stays down"
    up_ok 1 net4
    down 1 ike gw
    expect_sas 1 0 0
}
keeps_trying() { (($(grep -c 'culvert_keep_up) did not come up, try' "$(side_log 1)") >= $1)); }
says_held() { grep -q 'not kept up any more' "$(side_log 1)"; }

case_inactivity() { # used it stays, unused it ends; the IKE SA stays
    child 1 'inactivity = 3s'
    begin
    establish
    ns h1 ping -q -i 0.5 -c 12 10.2.0.2 >/dev/null || fail "the tunnel ended while it was used"
    expect_sas 1 1 1
    until_true 20 has_children 1 0 || fail "nobody uses it, and it is still there"
    has_ikes 1 1 || fail "the IKE SA ended, too"
    says "$(side_log 1)" 'nothing went through for 3 s \(inactivity\)' "why it ended"
    until_true 10 has_children 2 0 || fail "the peer was not told"
}

# What is wrong in the file that the daemon takes by itself costs that alone, and is told.
case_wrong_one() {
    [[ -d /etc/swanctl ]] || skip "no /etc/swanctl, over which the test's own could be laid"
    start_culvert() {
        local place=/etc/netns/$net_prefix-g$1
        mkdir -p "$place"
        cp -r "$dir/$1/swanctl" "$place/swanctl"
        sed -i '0,/^connections {/s//connections {\n    wrong {\n        if_id_in = 7\n    }/' "$place/swanctl/swanctl.conf"
        setsid ip netns exec "$net_prefix-g$1" "$culvertd" --settings "$dir/$1/strongswan.conf" --vici "$(vici "$1")" \
            --plane user --state-dir "$dir/$1/state" --log info,ike=debug --foreground >"$(side_log "$1")" 2>&1 </dev/null &
        printf -v "pid_$1" %s $!
        net_pids+=("$!")
        until_true 15 side_answers "$1" "$!" || fail "culvertd of side $1 did not start"
    }
    begin
    establish
    traffic
    says "$(side_log 1)" 'left out, the rest is in use.*connections\.wrong\.if_id_in' "what was left out"
    culvert_of 1 reload >"$dir/reload.log" 2>&1 && fail "a reload took what is wrong"
    says "$dir/reload.log" 'connections\.wrong\.if_id_in' "why nothing was reloaded"
    expect_sas 1 1 1
}

# A trap whose selectors are the gateways' own addresses, at a start without a way to the peer.
case_trap_waits() {
    both ts_local dynamic
    both ts_remote dynamic
    side_address() { if [[ $1 == 1 ]]; then echo %any; else echo 192.0.2.2; fi; }
    child 1 'start_action = trap'
    eval "plain_$(declare -f start_culvert)"
    start_culvert() {
        [[ $1 == 2 ]] || ip -n "$net_prefix-g1" link set wan down
        plain_start_culvert "$1"
    }
    begin
    until_true 10 grep -q 'the trap of gw/net4 waits' "$(side_log 1)" || fail "nothing says that the trap waits"
    ip -n "$net_prefix-g1" link set wan up
    default_routes
    until_true 30 trapped || fail "the trap was not placed when there was a way"
    ns g1 ping -q -c 5 -W 5 192.0.2.2 >/dev/null || fail "nothing passes"
    expect_sas 1 1 1
}
trapped() { swanctl_of 1 --list-pols | grep -q net4; }
