# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Packets as they are seen outside: header fields and AH as tshark reads them off the wire, the least MTU of
# IPv6, and clear ones that come in.

# seen FILTER: packets of the capture that it matches; the end mark is there first.
# What iperf3 sends is random octets: undirected, tshark takes some for a protocol of a port or one that looks alike, and
# finds that malformed.
seen() {
    tshark -n -d tcp.port==5201,data -d udp.port==5201,data -r "$dir/wire.pcap" -Y "$1" 2>/dev/null | wc -l
}
all_are() { # all_are WHICH WHAT: there are such packets, and each is so
    (($(seen "$1") > 0)) || fail "no packet on the wire is $1"
    (($(seen "($1) && !($2)") == 0)) || fail "on the wire, of what is $1, not all is $2"
}
case_outer_fields() { # each side has its own, whatever the inner packets say
    command -v tshark >/dev/null || skip "tshark is not installed"
    child 1 'culvert_outer_dscp = 101110'
    child 1 'culvert_outer_df = set'
    child 2 'culvert_outer_dscp = 001010'
    child 2 'culvert_outer_df = clear'
    begin
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    local df dscp
    for df in do dont; do
        for dscp in 0x00 0x20 0xfc; do
            ns h1 ping -n -q -M "$df" -Q "$dscp" -c 1 -W 3 -s 900 10.2.0.2 >/dev/null || fail "no answer with DF $df, DSCP $dscp"
            ns h2 ping -n -q -M "$df" -Q "$dscp" -c 1 -W 3 -s 900 10.1.0.2 >/dev/null || fail "no answer to h2 with DF $df, DSCP $dscp"
        done
    done
    ns h1 ping -n -q -M dont -c 2 -i 0.2 -W 3 -s 3000 10.2.0.2 >/dev/null || fail "no answer to a large ping"
    tcp_ok 10.2.0.2
    down 1 ike gw
    wire_end
    all_are 'ip.src == 192.0.2.1 && esp' 'ip.dsfield.dscp == 46 && ip.flags.df == 1'
    all_are 'ip.src == 192.0.2.2 && esp' 'ip.dsfield.dscp == 10 && ip.flags.df == 0'
    (($(seen 'ip.src == 192.0.2.1 && (ip.flags.mf == 1 || ip.frag_offset > 0)') == 0)) || fail "fragments on the wire, though DF is set"
}
# Where no router may cut, what may be cut is cut before ESP; where all may, no DF is there.
case_outer_df_narrow() {
    command -v tshark >/dev/null || skip "tshark is not installed"
    narrow_path
    child 1 'culvert_outer_df = set'
    child 2 'culvert_outer_df = clear'
    begin
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    large() { ns h1 ping -n -q -M dont -c 1 -W 1 -s "$1" 10.2.0.2; }
    until_true 10 large 1400 || fail "a ping of 1400 octets without DF does not pass"
    local size
    for size in 1200 1260 1372 1400 3000; do
        large "$size" >/dev/null || fail "a ping of $size octets without DF does not pass"
    done
    tcp_ok 10.2.0.2
    down 1 ike gw
    wire_end
    all_are 'ip.src == 192.0.2.1 && esp' 'ip.flags.df == 1'
    all_are 'ip.src == 192.0.2.2 && esp' 'ip.flags.df == 0'
    (($(seen 'ip.src == 192.0.2.1 && ip.proto == 50 && (ip.flags.mf == 1 || ip.frag_offset > 0)') == 0)) || fail "fragments on the wire, though DF is set"
}
# RFC 8200 5: a host that is told of less than 1280 goes on sending 1280. They must pass a path that has no
# room for ESP around them.
case_mtu_v6_least() {
    inner=6
    narrow_path
    begin
    up_ok 1 net6
    ping_ok h1 fd02::2
    least() { ns h1 ping -n -q -M do -c 1 -W 1 -s 1232 fd02::2; }
    until_true 10 least || fail "IPv6 packets of 1280 octets do not pass"
    local n
    for n in 1 2; do
        ns "h$n" ping -n -q -M do -c 3 -i 0.2 -W 3 -s 1232 "fd0$((3 - n))::2" >"$dir/ping.log" ||
            { cat "$dir/ping.log"; fail "IPv6 packets of 1280 octets from h$n do not pass"; }
    done
    # The host learns first of the tunnel's MTU, then of the path's.
    fragments() { ns h1 ping -n -q -M dont -c 1 -W 1 -s 2500 fd02::2; }
    until_true 10 fragments || fail "IPv6 packets in fragments do not pass"
    tcp_ok fd02::2
    down 1 ike gw
}
# AH as tshark dissects it: its lengths, the ICV's, and the packet inside. (Whether the ICV is right says scapy, in
# tests/vectors, and the kernel, in lab_matrix: tshark has no keys for AH.)
with_ah() {
    local original
    original=$(declare -f write_conf)
    eval "${original/write_conf/write_conf_fixed}"
    write_conf() { write_conf_fixed "$1" | sed 's/esp_proposals/ah_proposals/'; }
    wire_allowed="$wire_allowed or ah"
}
ah_on_the_wire() { # ah_on_the_wire LENGTH-FIELD ICV-OCTETS
    command -v tshark >/dev/null || skip "tshark is not installed"
    with_ah
    inner=46
    tunnel
    wire_end
    all_are ah "ah.length == $1 && len(ah.icv) == $2 && ah.sequence > 0"
    (($(seen 'ah && (_ws.malformed || _ws.expert.severity >= 8388608)') == 0)) || fail "tshark finds packets malformed"
    (($(seen 'ah && icmp.type == 8') >= 6)) || fail "tshark sees no pings in AH"
    (($(seen 'ah && icmpv6.type == 128') >= 6)) || fail "tshark sees no IPv6 pings in AH"
    (($(seen 'ah && tcp.dstport == 5201') >= 10)) || fail "tshark sees no TCP in AH"
}
case_tshark_ah() { both esp sha256; ah_on_the_wire 5 16; }           # 12 + 16 octets: 7 words
case_tshark_ah_v6() { outer=6; both esp sha384-esn; ah_on_the_wire 8 28; } # 12 + 24, padded to 40: RFC 4302 2.6
# RFC 4301 5.2, abuse I-02: clear packets that a PROTECT policy covers are dropped and counted, before any SA is there
# and while one is; others pass.
case_clear_dropped() {
    inner=46
    child 1 'start_action = trap'
    wire_allowed="$wire_allowed or (icmp and net 10.1.0.0/24) or (icmp6 and net fd01::/64)"
    net_gateways
    wire_begin
    side_start 1
    ns h1 nft -f - <<'NFT'
table inet heard {
    chain in {
        type filter hook input priority 0
        ip saddr 10.2.0.0/24 counter
        ip6 saddr fd02::/64 counter
    }
}
NFT
    heard() { ns h1 nft list table inet heard | sed -nE 's/.*packets ([0-9]+) .*/\1/p' | awk '{ n += $1 } END { print n }'; }
    dropped() { culvert_of 1 stats | sed -nE 's/.*inbound_must_be_protected[^0-9]*([0-9]+).*/\1/p' | head -1; }
    send_clear() { # three packets of each kind, as an inner host of the other side
        ns g2 ping -n -q -c 3 -i 0.1 -W 0.2 -I 10.2.0.1 10.1.0.2 >/dev/null 2>&1 || :
        ns g2 ping -n -q -c 3 -i 0.1 -W 0.2 -I fd02::1 fd01::2 >/dev/null 2>&1 || :
        ns g2 ping -n -q -c 3 -i 0.1 -W 0.2 -s 3000 -I 10.2.0.1 10.1.0.2 >/dev/null 2>&1 || : # in fragments
    }
    ns g2 ip addr add 10.2.0.9/32 dev lo
    send_clear
    enough() { (($(dropped) >= $1)); }
    until_true 10 enough 9 || { culvert_of 1 stats; fail "$(dropped) clear packets were dropped and counted, not 9 or more"; }
    (($(heard) == 0)) || fail "h1 hears $(heard) clear packets that had to be protected"
    # What no policy covers is nobody's business.
    ns g2 ping -n -q -c 3 -i 0.1 -W 3 -I 192.0.2.2 10.1.0.2 >"$dir/ping.log" || { cat "$dir/ping.log"; fail "a clear packet that no policy covers is dropped"; }
    side_start 2
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    local before
    before=$(heard)
    # Behind the tunnel's back: from an address of the same network that is the gateway's own.
    ip -n "$net_prefix-g2" rule add from 10.2.0.9 lookup main pref 1
    ns g2 ping -n -q -c 3 -i 0.1 -W 0.2 -I 10.2.0.9 10.1.0.2 >/dev/null 2>&1 || :
    until_true 10 enough 12 || { culvert_of 1 stats; fail "with an SA there, clear packets are not dropped and counted"; }
    (($(heard) == before)) || fail "h1 hears clear packets beside the tunnel"
    down 1 ike gw
}
# Hop-by-hop and destination options of 8 octets, and behind them, maybe in a fragment, protocol $1.
behind_options() { echo "(ip6 and (ip6[6] == 0 or ip6[6] == 60) and (ip6[40] == $1 or (ip6[40] == 44 and ip6[48] == $1)))"; }
# Transport mode on real addresses, with IP options and extension headers in front: AH covers them, and ESP hands
# them on.
options_between_gateways() { # options_between_gateways 4|6
    local n
    outer=$1 inner=$1
    wire_allowed="$wire_allowed or $(behind_options 50) or $(behind_options 51)"
    for n in 1 2; do child "$n" 'mode = transport'; done
    both ts_local dynamic
    both ts_remote dynamic
    begin
    up_ok 1 "net$inner"
    python3 "$here/lab_cells.py" pings "$net_prefix" "$(side_address 1)" "$(side_address 2)" || fail "not all pings are answered"
    down 1 ike gw
}
case_esp_options_v4() { options_between_gateways 4; }
case_esp_options_v6() { options_between_gateways 6; }
case_ah_options_v4() { with_ah; both esp sha256; options_between_gateways 4; }
case_ah_options_v6() { with_ah; both esp sha256-esn; options_between_gateways 6; }
case_udp_options_v4() { both_conn 'encap = yes'; options_between_gateways 4; }
