# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# MOBIKE (RFC 4555): side 1 moves to another address while TCP goes on through the tunnel.

mobile_conf() { # both sides take whatever address the other has
    local original
    original=$(declare -f write_conf)
    eval "${original/write_conf/write_conf_fixed}"
    write_conf() {
        write_conf_fixed "$1" | sed 's/mobike = no/mobike = yes/; s/ local_addrs = .*/ local_addrs = %any/' |
            if [[ $1 == 2 ]]; then sed 's/remote_addrs = .*/remote_addrs = %any/'; else cat; fi
    }
}
moved_to() { list_sas "$1" 2>/dev/null | grep -E "^ +remote .*@ $2\[" ; }
has_moved() { [[ -n $(moved_to "$1" "$2") ]]; }
tcp_through_a_move() { # tcp_through_a_move COMMAND...: 8 s of TCP, and the command in between
    local server client
    ip netns exec "$net_prefix-h2" iperf3 -s -1 -B 10.2.0.2 >"$dir/iperf-server.log" 2>&1 &
    server=$!
    net_pids+=("$server")
    until_true 10 iperf_listens || fail "iperf3 does not listen"
    timeout 60 ip netns exec "$net_prefix-h1" iperf3 -c 10.2.0.2 -t 8 -b 4M -J >"$dir/iperf.json" 2>&1 &
    client=$!
    net_pids+=("$client")
    until_true 10 iperf_runs || fail "iperf3 does not begin"
    "$@"
    wait "$client" || { tail -n 20 "$dir/iperf.json"; fail "TCP did not survive the move"; }
}
iperf_runs() { ns h2 ss -Htn state established 'sport = :5201' | grep -q .; }

move_side_1() { # another address of the same net; the old one is gone
    ns g1 sysctl -qw net.ipv4.conf.all.promote_secondaries=1 net.ipv4.conf.wan.promote_secondaries=1
    ip -n "$net_prefix-g1" addr add 192.0.2.11/24 dev wan
    ip -n "$net_prefix-g1" addr del 192.0.2.1/24 dev wan
    ip -n "$net_prefix-g1" route replace default via 192.0.2.2
    ip -n "$net_prefix-g2" route replace default via 192.0.2.11
    until_true 40 has_moved 2 192.0.2.11 || { list_sas 2; fail "side 2 does not know the new address"; }
}
# While the address changes there is for a moment no way over IPv4; a peer may then take one over IPv6
# and, as it works, stay there.
no_ipv6_outside() {
    side_files() { ns "g$1" sysctl -qw net.ipv6.conf.wan.disable_ipv6=1; }
}
first_ike() { list_sas 1 | grep -oE '^gw: #[0-9]+, ESTABLISHED'; }
case_mobike() {
    mobile_conf
    no_ipv6_outside
    begin
    establish
    traffic
    local before
    before=$(first_ike)
    tcp_through_a_move move_side_1
    expect_sas 1 1 1
    expect_sas 2 1 1
    [[ $(first_ike) == "$before" ]] || fail "side 1 has another IKE SA than before"
    ping_ok h1 10.2.0.2
    ping_ok h2 10.1.0.2
    down 1 ike gw
    expect_sas 1 0 0
    expect_sas 2 0 0
}
move_side_1_to_v6() { # no IPv4 any more; the other side is reached by the IPv6 address that it told
    ip -n "$net_prefix-g1" addr del 192.0.2.1/24 dev wan
    until_true 40 has_moved 2 2001:db8::1 || { list_sas 2; fail "side 2 does not know the new address"; }
}
case_mobike_v4_to_v6() {
    mobile_conf
    begin
    establish
    traffic
    tcp_through_a_move move_side_1_to_v6
    expect_sas 1 1 1
    expect_sas 2 1 1
    ping_ok h1 10.2.0.2
}
# Side 1's selector is its own address: after the move it is the new one, and rekeys go on.
has_selector() { prints "^ +(local|remote) +$2/32\$" list_sas "$1"; }
case_mobike_dynamic() {
    mobile_conf
    no_ipv6_outside
    local fixed
    fixed=$(declare -f write_conf)
    eval "${fixed/write_conf/write_conf_mobile}"
    write_conf() {
        if [[ $1 == 1 ]]; then
            write_conf_mobile 1 | sed 's/ local_ts = .*/ local_ts = dynamic/'
        else
            write_conf_mobile 2 | sed 's/ remote_ts = .*/ remote_ts = dynamic/'
        fi
    }
    begin
    establish
    has_selector 1 192.0.2.1 || { list_sas 1; fail "the selector is not the host's address"; }
    ns g1 ping -n -q -c 3 -i 0.2 -W 3 10.2.0.2 >"$dir/ping.log" || { cat "$dir/ping.log"; fail "no way before the move"; }
    move_side_1
    until_true 20 has_selector 1 192.0.2.11 || { list_sas 1; fail "side 1 keeps its old selector"; }
    until_true 20 has_selector 2 192.0.2.11 || { list_sas 2; fail "side 2 keeps its old selector"; }
    until_true 10 ns g1 ping -n -q -c 1 -W 1 10.2.0.2 >"$dir/ping.log" || { cat "$dir/ping.log"; fail "no way after the move"; }
    expect_sas 1 1 1
    expect_sas 2 1 1
    rekey 1 child net4
    expect_sas 1 1 1
    ns g1 ping -n -q -c 3 -i 0.2 -W 3 10.2.0.2 >"$dir/ping.log" || { cat "$dir/ping.log"; fail "no way after a rekey"; }
    rekey 2 child net4
    expect_sas 2 1 1
    ns g1 ping -n -q -c 3 -i 0.2 -W 3 10.2.0.2 >"$dir/ping.log" || { cat "$dir/ping.log"; fail "no way after the other rekey"; }
}
