# shellcheck shell=bash disable=SC2154
# Traffic, and what of it can be seen on the wire between the gateways. Needs net.sh and $dir.

# What may be seen there: IKE, ESP, ARP, IGMP, IPv6's neighbour discovery and multicast listener reports,
# the later fragments of what was seen already, and the gateways' own ICMP errors about UDP and ESP.
wire_allowed='arp or igmp or udp port 500 or udp port 4500 or esp
    or (ip[6:2] & 0x1fff != 0)
    or (ip6[6] == 44 and (ip6[40] == 17 or ip6[40] == 50))
    or (ip6[6] == 0 and ip6[40] == 58)
    or (icmp6 and ip6[40] >= 130 and ip6[40] <= 143)
    or (src net 192.0.2.0/24 and icmp[0] == 3 and (icmp[17] == 17 or icmp[17] == 50))
    or (src net 2001:db8::/64 and icmp6 and ip6[40] <= 4 and (ip6[54] == 17 or ip6[54] == 50))'
wire_esp_udp='udp port 4500 and ip and udp[8:4] != 0 and udp[4:2] > 9'
wire_esp_udp6='ip6 and udp port 4500 and ip6[48:4] != 0 and ip6[44:2] > 9'

wire_pid=

wire_begin() { # from now on all of g2's outside goes to $dir/wire.pcap
    local space=g2 interface=wan
    [[ ${BRIDGED:-0} != 1 ]] || space=wire interface=port2
    ip netns exec "$net_prefix-$space" tcpdump -i "$interface" -s "${1:-${WIRE_SNAPLEN:-192}}" -B 32768 -U --immediate-mode -n -Z root -w "$dir/wire.pcap" 2>"$dir/tcpdump.log" &
    wire_pid=$!
    net_pids+=("$wire_pid")
    until_true 10 grep -q 'listening on' "$dir/tcpdump.log" || fail "tcpdump did not start"
}
# wire_end: the capture is whole, or nothing that it does not show is proved.
wire_end() { wire_close || fail "the capture of the wire is not whole"; }
wire_close() {
    [[ -n $wire_pid ]] || return 0
    # The question for an address that nobody has marks the end: all before it has reached the file.
    local pid=$wire_pid
    wire_pid=
    ns g2 ping -n -c 1 -W 1 192.0.2.254 >/dev/null 2>&1 &
    until_true 10 wire_marked || { echo "the end mark is not in the capture" >&2; net_stop "$pid"; return 1; }
    net_stop "$pid"
    tcpdump -n -r "$dir/wire.pcap" -w /dev/null 2>/dev/null || { echo "the capture cannot be read" >&2; return 1; }
    [[ -n ${wire_may_drop-} ]] || grep -q '^0 packets dropped by kernel' "$dir/tcpdump.log" ||
        { cat "$dir/tcpdump.log" >&2; return 1; }
}
wire_marked() { (($(wire_count 'arp host 192.0.2.254') > 0)); }
wire_count() {
    [[ -s $dir/wire.pcap ]] || fail "there is no capture of the wire"
    tcpdump -n -r "$dir/wire.pcap" "$1" 2>/dev/null | wc -l
}
wire_clear() { wire_count "not ($wire_allowed)"; }
wire_all_protected() { # or the case fails, and shows what went in the clear
    local clear
    wire_end
    clear=$(wire_clear)
    ((clear == 0)) || { tcpdump -n -r "$dir/wire.pcap" "not ($wire_allowed)" 2>/dev/null | head; fail "$clear packets in the clear on the wire"; }
}
wire_esp_native() { wire_count esp; }
wire_esp_encapsulated() { echo $(($(wire_count "$wire_esp_udp") + $(wire_count "$wire_esp_udp6"))); }
# Messages of an IKE exchange type (34 IKE_SA_INIT, 35 IKE_AUTH, 36 CREATE_CHILD_SA, 37 INFORMATIONAL).
wire_exchanges() {
    wire_count "(udp port 500 and udp[26] = $1) or (udp port 4500 and udp[8:4] = 0 and udp[30] = $1)"
}

# ping_ok FROM ADDRESS: the way is open within 10 s (the far side may install its half a moment
# later), and then nothing is lost.
ping_ok() {
    until_true 10 ns "$1" ping -n -c 1 -W 1 "$2" || fail "no answer from $2 to $1"
    ns "$1" ping -n -q -c 5 -i 0.1 -W 3 "$2" >"$dir/ping.log" || { cat "$dir/ping.log"; fail "ping from $1 to $2 lost packets"; }
}
# Without a tunnel the gateways would pass it on in the clear, as routers do; that way is closed first.
ping_fails() {
    local side
    for side in 1 2; do
        ip -n "$net_prefix-g$side" route del default 2>/dev/null || :
        ip -n "$net_prefix-g$side" -6 route del default 2>/dev/null || :
    done
    ! ns "$1" ping -n -q -c 2 -i 0.2 -W 1 "$2" >/dev/null 2>&1 || fail "$2 answered $1, which it must not"
}

# tcp_ok ADDRESS OCTETS: h1 sends and receives that much to and from h2's ADDRESS.
tcp_ok() {
    local pid reverse
    ip netns exec "$net_prefix-h2" iperf3 -s -B "$1" >"$dir/iperf-server.log" 2>&1 &
    pid=$!
    net_pids+=("$pid")
    until_true 10 iperf_listens || fail "iperf3 does not listen"
    for reverse in "" -R; do
        # shellcheck disable=SC2086
        timeout 60 ip netns exec "$net_prefix-h1" iperf3 -c "$1" -n "${2:-2M}" -J $reverse >"$dir/iperf.json" ||
            { tail -n 20 "$dir/iperf.json"; fail "TCP ${reverse:+back }between h1 and $1 did not get through"; }
    done
    net_stop "$pid"
}
iperf_listens() { ns h2 ss -Hltn 'sport = :5201' | grep -q .; }
