# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# What the policies leave alone goes in clear, and nothing else does: what a child for some ports does not name, and
# what the host says from an address that is no policy's. And what a network manager takes away comes back.

# One datagram of 3000 octets from h1 to a port of 10.2.0.2: sent in fragments, taken as a whole.
big_datagram() { # big_datagram PORT
    ns h2 timeout 20 python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.2.0.2", int(sys.argv[1])))
print("ready", flush=True)
print(len(s.recv(65535)), flush=True)' "$1" >"$dir/datagram.log" 2>&1 &
    local pid=$!
    net_pids+=("$pid")
    until_true 10 grep -q ready "$dir/datagram.log" || { cat "$dir/datagram.log"; fail "nobody listens on port $1"; }
    ns h1 python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(bytes(3000), ("10.2.0.2", int(sys.argv[1])))' "$1"
    until_true 10 grep -qx 3000 "$dir/datagram.log" || { cat "$dir/datagram.log"; fail "3000 octets to port $1 did not arrive"; }
}
# Ports 5060 and 5201 are protected, fragments of theirs included; all else between the networks is not.
case_left_ports() {
    ts_local_1='10.1.0.0/24[udp], 10.1.0.0/24[tcp]' ts_remote_1='10.2.0.0/24[udp/5060], 10.2.0.0/24[tcp]'
    ts_local_2=$ts_remote_1 ts_remote_2=$ts_local_1
    wire_allowed="$wire_allowed or (ip proto 1 and net 10.0.0.0/8)"
    begin
    up_ok 1 net4
    tcp_ok 10.2.0.2
    ping_ok h1 10.2.0.2
    ns h1 ping -n -q -c 3 -i 0.2 -W 3 -s 3000 10.2.0.2 >"$dir/ping.log" || { cat "$dir/ping.log"; fail "fragments in clear were lost"; }
    big_datagram 5060
    (($(wire_count 'icmp and net 10.0.0.0/8') > 0)) || fail "what nobody protects was not seen on the wire"
    (($(wire_count 'ip proto 17 and net 10.0.0.0/8') == 0)) || fail "a piece of what is protected was seen on the wire"
    (($(wire_count 'tcp and net 10.0.0.0/8') == 0)) || fail "TCP was seen on the wire"
    down 1 ike gw
}
# A tunnel for everything: who is connected to the gateway itself from outside stays.
case_left_host() {
    ts_remote_1=0.0.0.0/0 ts_local_2=0.0.0.0/0
    wire_allowed="$wire_allowed or (icmp and host 192.0.2.1 and host 192.0.2.2)"
    begin
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    ping_ok g2 192.0.2.1
    ping_ok g1 10.2.0.2
    (($(wire_count 'icmp and host 192.0.2.1') > 0)) || fail "the answers were not seen on the wire"
    (($(wire_count 'net 10.0.0.0/8') == 0)) || fail "the network was seen on the wire"
    down 1 ike gw
}
# Who knows nothing of us takes rules, routes and the interface away.
rule_is_there() { prints '^220:' ip -n "$net_prefix-g1" rule show; }
tun_routes() { ip -n "$net_prefix-g1" route show table 220 2>/dev/null | grep -c 'dev culvert0'; }
has_tun_routes() { [[ $(tun_routes) == "$1" ]]; }
case_left_restored() {
    begin
    establish
    traffic
    local routes
    routes=$(tun_routes)
    ((routes > 0)) || fail "there is no route into the tunnel to begin with"
    ip -n "$net_prefix-g1" rule del pref 220
    until_true 10 rule_is_there || fail "the rule is not there again"
    ip -n "$net_prefix-g1" link set culvert0 down
    until_true 10 has_tun_routes "$routes" || { ip -n "$net_prefix-g1" route show table 220; fail "the routes are not there again"; }
    traffic
    ip -n "$net_prefix-g1" route flush table 220
    until_true 10 has_tun_routes "$routes" || fail "the routes are not there again after a flush"
    traffic
    down 1 ike gw
    gone
}
# But without its interface culvertd ends, so that whoever has it started starts it again; and nothing leaves in clear.
case_left_interface() {
    begin
    establish
    traffic
    ip -n "$net_prefix-g1" link del culvert0
    side_gives_up 1 'TUN interface culvert0.*deleted'
    ns h1 ping -n -q -c 3 -i 0.2 -W 0.5 10.2.0.2 >/dev/null 2>&1 && fail "there is a way without the tunnel"
    side_start 1
    establish
    traffic
    down 1 ike gw
}
# One route that the kernel does not take as it is, for a source address that is not good yet, keeps no tunnel down.
case_left_source() {
    inner=46
    net_gateways
    ns g1 sysctl -qw net.ipv6.conf.all.accept_dad=1 net.ipv6.conf.default.accept_dad=1
    local inside
    inside=$(ip -n "$net_prefix-g1" -o -6 addr show to fd01::/64 | awk '{ print $2; exit }')
    ns g1 sysctl -qw "net.ipv6.conf.$inside.accept_dad=1" "net.ipv6.conf.$inside.dad_transmits=600"
    ip -n "$net_prefix-g1" addr del fd01::1/64 dev "$inside"
    ip -n "$net_prefix-g1" addr add fd01::1/64 dev "$inside"
    [[ $(ip -n "$net_prefix-g1" -6 addr show dev "$inside" to fd01::1) == *tentative* ]] || fail "the address is not tentative"
    wire_begin
    side_start 1
    side_start 2
    up_ok 1 net6
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    [[ $(ip -n "$net_prefix-g1" -6 route show table 220) == *'fd02::/64 dev culvert0'* ]] || fail "there is no route without the source"
    down 1 ike gw
}
# And the packet filter, as a reload of nftables does: nothing that has to be protected comes in clear for long.
our_filter() { ns g1 nft -s list table inet culvert 2>/dev/null; }
filter_is() { [[ $(our_filter) == "$1" ]]; }
times_restored() { culvert_of 1 stats | sed -nE 's/.*filter_restored[^0-9]*([0-9]+).*/\1/p' | head -1; }
filter_returns() { # filter_returns TIMES COMMAND...: what the command does to it is undone
    local before times=$1
    shift
    before=$(our_filter)
    [[ $before == *'counter name "clear_dropped" drop'* ]] || { echo "$before"; fail "the filter protects nothing to begin with"; }
    ns g1 "$@"
    until_true 10 filter_is "$before" || { our_filter; fail "the filter is not as it was after: $*"; }
    restored_so_often() { [[ $(times_restored) == "$times" ]]; }
    until_true 5 restored_so_often || { culvert_of 1 stats; fail "$(times_restored) times restored, not $times"; }
}
case_left_filter() {
    child 1 'start_action = trap'
    net_gateways
    wire_begin
    side_start 1
    trap_is_there() { [[ $(our_filter) == *'counter name "clear_dropped" drop'* ]]; }
    until_true 10 trap_is_there || { our_filter; fail "the trap makes no rule"; }
    filter_returns 1 nft flush ruleset
    says "$(side_log 1)" 'table inet culvert as we wrote it.*another program' "it must be told"
    ns g1 nft 'add table inet of_others; add chain inet of_others nothing; delete table inet of_others'
    filter_returns 2 nft flush chain inet culvert inbound
    filter_returns 3 nft insert rule inet culvert inbound accept
    filter_returns 4 nft 'add table inet culvert { flags dormant; }'
    ns g2 ip addr add 10.2.0.9/32 dev lo
    wire_allowed="$wire_allowed or (icmp and host 10.2.0.9)"
    ns g2 ping -n -q -c 3 -i 0.1 -W 0.2 -I 10.2.0.9 10.1.0.2 >/dev/null 2>&1 && fail "a clear packet is let in"
    # While policies come and go.
    side_start 2
    ns g1 nft flush ruleset
    up_ok 1 net4
    trap_is_there || until_true 10 trap_is_there || { our_filter; fail "the filter is not there again beside an SA"; }
    ping_ok h1 10.2.0.2
    filter_returns "$(($(times_restored) + 1))" nft flush ruleset
    down 1 ike gw
}
# An interface that somebody made beforehand, with an address of his own, stays when we go.
case_left_own_tun() {
    side_files() {
        [[ $1 != 1 ]] || ip -n "$net_prefix-g1" tuntap add dev culvert0 mode tun
        [[ $1 != 1 ]] || ip -n "$net_prefix-g1" addr add 198.51.100.9/32 dev culvert0
    }
    begin
    establish
    traffic
    down 1 ike gw
    gone
    net_stop "$pid_1"
    prints '198\.51\.100\.9' ip -n "$net_prefix-g1" addr show dev culvert0 || fail "the interface is gone that was there before"
    ! rule_is_there || fail "the rule stayed"
}
