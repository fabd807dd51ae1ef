# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Path MTU (RFC 4301 8), traps, and transport mode on real addresses.

# Two routers between the gateways, with a link of MTU 1280 between them.
narrow_path() {
    net_wire() {
        net_space r1
        net_space r2
        net_forward r1
        net_forward r2
        net_link g1 wan r1 left
        net_link r1 middle r2 middle
        net_link r2 right g2 wan
        ip -n "$net_prefix-r1" link set middle mtu 1280
        ip -n "$net_prefix-r2" link set middle mtu 1280
        net_address r1 left 192.0.2.101/32
        net_address r1 middle 203.0.113.1/30
        net_address r2 middle 203.0.113.2/30
        net_address r2 right 192.0.2.102/32
        ip -n "$net_prefix-r1" route add 192.0.2.1/32 dev left
        ip -n "$net_prefix-r1" route add 192.0.2.2/32 via 203.0.113.2
        ip -n "$net_prefix-r2" route add 192.0.2.2/32 dev right
        ip -n "$net_prefix-r2" route add 192.0.2.1/32 via 203.0.113.1
        ip -n "$net_prefix-g1" route add 192.0.2.101/32 dev wan
        ip -n "$net_prefix-g1" route add 192.0.2.2/32 via 192.0.2.101 dev wan onlink
        ip -n "$net_prefix-g2" route add 192.0.2.102/32 dev wan
        ip -n "$net_prefix-g2" route add 192.0.2.1/32 via 192.0.2.102 dev wan onlink
    }
    # The routers' ICMP comes from the link between them.
    wire_allowed="$wire_allowed or (src net 203.0.113.0/30 and icmp[0] == 3)"
}
# The MTU that `ping -M do` is told, as the largest ICMP error shows it; empty when nothing is said.
told_mtu() { ns h1 ping -n -M do -c 1 -W 1 -s 1400 10.2.0.2 2>&1 | sed -nE 's/.*mtu ?= ?([0-9]+).*/\1/p' | head -1 || :; }
is_told() { [[ -n $(told_mtu) ]]; }
case_mtu() {
    narrow_path
    begin
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    until_true 10 is_told || fail "ping -M do -s 1400 hears nothing of the path's MTU"
    local mtu
    # The first answer may be of the TUN's own MTU; at the path's it stands still.
    settled() { mtu=$(told_mtu) && [[ -n $mtu ]] && ((mtu < 1280)); }
    until_true 10 settled || fail "ping is told an MTU of ${mtu:-nothing}, though the path has 1280"
    ns h1 ping -n -q -M do -c 2 -W 3 -s $((mtu - 28)) 10.2.0.2 >"$dir/ping.log" ||
        { cat "$dir/ping.log"; fail "a packet of exactly the MTU that was told ($mtu) does not pass"; }
    ! ns h1 ping -n -q -M do -c 1 -W 1 -s $((mtu - 27)) 10.2.0.2 >/dev/null 2>&1 || fail "one octet more passes too"
    # Without DF everything passes, in fragments.
    ns h1 ping -n -q -M dont -c 2 -W 3 -s 1400 10.2.0.2 >/dev/null || fail "a fragmented ping does not pass"
    tcp_ok 10.2.0.2
    down 1 ike gw
}
# TCP alone, before anyone has heard of the path's MTU, with every ICMP error to the hosts lost.
case_mtu_clamped() {
    narrow_path
    begin
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    # One packet that is too big tells the gateways; the hosts are told nothing.
    local host
    for host in h1 h2; do
        ns "$host" nft -f - <<'NFT'
table ip deaf {
    chain in {
        type filter hook input priority 0
        icmp type destination-unreachable drop
    }
}
NFT
    done
    ns h1 ping -n -q -M do -c 3 -i 0.2 -W 1 -s 1300 10.2.0.2 >/dev/null 2>&1 || :
    ns h2 ping -n -q -M do -c 3 -i 0.2 -W 1 -s 1300 10.1.0.2 >/dev/null 2>&1 || :
    tcp_ok 10.2.0.2
    down 1 ike gw
}

# The first packet starts the exchange, waits, and arrives.
case_trap() {
    child 1 'start_action = trap'
    begin
    ns h1 ping -n -q -c 1 -W 10 10.2.0.2 >"$dir/ping.log" || { cat "$dir/ping.log"; fail "the packet that asked for the SA was lost"; }
    expect_sas 1 1 1
    traffic
    down 1 ike gw
}

# Gateway to gateway, on their real addresses.
case_transport_host() {
    local n
    for n in 1 2; do child "$n" 'mode = transport'; done
    ts_local_1=192.0.2.1/32 ts_remote_1=192.0.2.2/32
    ts_local_2=192.0.2.2/32 ts_remote_2=192.0.2.1/32
    begin
    up_ok 1 net4
    expect_sas 1 1 1
    ping_ok g1 192.0.2.2
    ping_ok g2 192.0.2.1
    prints TRANSPORT list_sas 1 || { list_sas 1; fail "the Child SA is not of transport mode"; }
    down 1 ike gw
}

# Policies without an SA: an address that nobody reaches, and one that is reached in the clear.
case_pass_drop() {
    local original
    original=$(declare -f write_conf)
    eval "${original/write_conf/write_conf_fixed}"
    write_conf() {
        local n=$1 other=$((3 - $1))
        write_conf_fixed "$n" | sed "s/^        children {/        children {\n\
            blocked {\n local_ts = 10.$n.0.0\/24\n remote_ts = 10.$other.0.3\/32\n mode = drop\n start_action = trap\n }\n\
            open {\n local_ts = 10.$n.0.4\/32\n remote_ts = 10.$other.0.4\/32\n mode = pass\n start_action = trap\n }/"
    }
    wire_allowed="$wire_allowed or (icmp and host 10.1.0.4 and host 10.2.0.4)"
    begin
    net_address h1 eth0 10.1.0.4/24
    net_address h2 eth0 10.2.0.3/24 10.2.0.4/24
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    ! ns h1 ping -n -q -c 2 -i 0.2 -W 1 10.2.0.3 >/dev/null 2>&1 || fail "10.2.0.3 answers, though its policy is drop"
    ns h1 ping -n -q -c 3 -i 0.2 -W 3 -I 10.1.0.4 10.2.0.4 >"$dir/ping.log" ||
        { cat "$dir/ping.log"; fail "10.2.0.4 does not answer, though its policy is pass"; }
    # To the same address from another, which no policy lets go.
    ns h1 ping -n -q -c 3 -i 0.2 -W 3 -I 10.1.0.2 10.2.0.4 >"$dir/ping.log" ||
        { cat "$dir/ping.log"; fail "10.2.0.4 does not answer to 10.1.0.2"; }
    (($(wire_count 'icmp and host 10.2.0.4') > 0)) || fail "what should pass in the clear was not seen on the wire"
    (($(wire_count 'icmp and host 10.2.0.3') == 0)) || fail "what should be dropped was seen on the wire"
    down 1 ike gw
}

case_ppk() { # RFC 8784
    both_conn "ppk_id = quantum"
    both_conn "ppk_required = yes"
    both secret_lines '    ppk-q {
        id-1 = quantum
        secret = "a secret of thirty-two octets yes"
    }'
    tunnel
}

case_fragmentation_off() { # with messages that would be sent in fragments
    big_certificates
    charon_lines='max_packet = 30000'
    both_conn "fragmentation = no"
    tunnel
    wire_end
    (($(wire_count 'ip[6:2] & 0x2000 != 0') > 0)) || fail "no message was larger than a packet"
    (($(fragments) == 0)) || fail "$(fragments) IKE fragments on the wire, though fragmentation = no"
}
