# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Native ESP is written to the link, under the address of the next hop that the kernel knows: what
# changes there must be followed at once.

counter() { culvert_of "$1" stats 2>&1 | awk -v name="$2" '$1 == name { print $NF }'; } # counter SIDE NAME
by_link() { counter 1 esp_packets_by_link; }
# More leaves by the link while h1 talks.
leaves_by_link() {
    local before
    before=$(by_link)
    ns h1 ping -n -q -c 5 -i 0.05 -W 1 "$1" >/dev/null 2>&1 || :
    (($(by_link) > before))
}
still_open() { # still_open ADDRESS: nothing is lost, from the first packet on
    ns h1 ping -n -q -c 5 -i 0.1 -W 1 "$1" >"$dir/ping.log" || { cat "$dir/ping.log"; fail "lost to $1 after $2"; }
}
next_hop_of_g2() { if [[ $outer == 6 ]]; then echo 2001:db8::2; else echo 192.0.2.2; fi; }

next_hop() {
    local to=10.2.0.2 mac=02:00:00:00:00:42 hop
    hop=$(next_hop_of_g2)
    both_conn 'encap = no'
    begin
    up_ok 1 net4
    ping_ok h1 "$to"
    ping_ok h2 10.1.0.2
    until_true 10 leaves_by_link "$to" || fail "native ESP never leaves by the link ($(by_link))"
    # The peer has another card, and the kernel hears of it.
    ip -n "$net_prefix-g2" link set wan address "$mac"
    ip -n "$net_prefix-g1" neigh replace "$hop" lladdr "$mac" dev wan nud reachable
    still_open "$to" "the neighbour's address has changed"
    until_true 10 leaves_by_link "$to" || fail "what goes to the neighbour's new address does not leave by the link"
    # Nobody knows it any more: the kernel asks.
    ip -n "$net_prefix-g1" neigh del "$hop" dev wan
    still_open "$to" "the neighbour was forgotten"
    # A route through another cable.
    net_link g1 side g2 side
    net_address g1 side 198.51.100.1/30 2001:db8:1::1/64
    net_address g2 side 198.51.100.2/30 2001:db8:1::2/64
    if [[ $outer == 6 ]]; then
        ip -n "$net_prefix-g1" route add 2001:db8::2/128 via 2001:db8:1::2 src 2001:db8::1
    else
        ip -n "$net_prefix-g1" route add 192.0.2.2/32 via 198.51.100.2 src 192.0.2.1
    fi
    still_open "$to" "the route has changed"
    until_true 10 leaves_by_link "$to" || fail "what takes the other route does not leave by the link"
    (($(ns g1 cat /sys/class/net/side/statistics/tx_packets) >= 10)) || fail "nothing took the other route"
    tcp_ok "$to"
    down 1 ike gw
}
case_next_hop() { next_hop; }
case_next_hop_v6() { outer=6; next_hop; }

# Forbidden, everything leaves by raw sockets.
case_no_packet_socket() {
    export CULVERT_PLANE_WITHOUT=packet-socket
    begin
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    tcp_ok 10.2.0.2
    (($(by_link) == 0)) || fail "packets left by the link, though that is forbidden"
    down 1 ike gw
}

# Transport mode keeps the packet's own IP options: they are seen in front of ESP, and answered.
case_transport_options() {
    local n
    for n in 1 2; do child "$n" 'mode = transport'; done
    ts_local_1=192.0.2.1/32 ts_remote_1=192.0.2.2/32
    ts_local_2=192.0.2.2/32 ts_remote_2=192.0.2.1/32
    begin
    up_ok 1 net4
    ping_ok g1 192.0.2.2
    ns g1 ping -n -c 3 -i 0.2 -W 3 -R 192.0.2.2 >"$dir/ping.log" || { cat "$dir/ping.log"; fail "no answer to packets with options"; }
    grep -q '^RR:' "$dir/ping.log" || { cat "$dir/ping.log"; fail "the route was not recorded"; }
    down 1 ike gw
    wire_end
    (($(wire_count 'ip proto 50 and (ip[0] & 0xf) > 5') >= 6)) || fail "options were not seen in front of ESP"
}
