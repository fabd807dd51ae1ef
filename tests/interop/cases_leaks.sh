# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Abuse V-07: while both hosts never stop talking, in both families, nothing of it is seen in the clear
# between the gateways, whatever happens there. run counts what was.

talk() { # ping without end, both ways and families
    local way
    for way in 'h1 10.2.0.2' 'h1 fd02::2' 'h2 10.1.0.2' 'h2 fd01::2'; do
        # shellcheck disable=SC2086
        set -- $way
        ip netns exec "$net_prefix-$1" ping -n -q -i 0.02 "$2" >/dev/null 2>&1 &
        net_pids+=("$!")
    done
}
# Both children are up and carry what the hosts say.
talks() { ping_ok h1 10.2.0.2; ping_ok h1 fd02::2; }

case_v07_no_clear_text() {
    inner=46
    local n
    for n in 1 2; do child "$n" 'start_action = trap'; done
    begin
    talk
    talks # start-up: the packets themselves ask for the SAs
    local what
    for what in 'child net4' 'child net6' 'ike gw'; do
        # shellcheck disable=SC2086
        rekey 1 $what
        talks
    done
    # Routes that would lead around the tunnel, and the way to the peer laid anew.
    ip -n "$net_prefix-g1" route add 10.2.0.0/25 via 192.0.2.2
    ip -n "$net_prefix-g1" route add fd02::/65 via 2001:db8::2
    ip -n "$net_prefix-g1" route replace default via 192.0.2.2 metric 1
    talks
    for n in 1 2; do
        culvert_of "$n" reload >"$dir/reload.log" 2>&1 || { cat "$dir/reload.log"; fail "side $n cannot read its configuration again"; }
    done
    talks
    down 1 child net4
    down 2 child net6
    talks # the traps ask again
    down 1 ike gw
    talks
    side_kill 1
    ! ns h1 ping -n -q -c 5 -i 0.1 -W 1 10.2.0.2 >/dev/null 2>&1 || fail "10.2.0.2 answers although the gateway's daemon is dead"
    side_start 1
    talks
    side_alive 1
    side_alive 2
}
