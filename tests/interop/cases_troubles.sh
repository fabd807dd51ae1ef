# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# What goes wrong around a tunnel that stands: ESP that no longer passes, addresses and interfaces
# that come and go. Culvert on side 1; side 2 may be another.

# ---- IKE works and ESP does not: the operator is told without asking

lost_at_g2() { # lost_at_g2 RULE: what g2 loses of what arrives
    ns g2 nft add table inet lost
    ns g2 nft add chain inet lost in '{ type filter hook input priority -400; }'
    ns g2 nft add rule inet lost in "$1 drop"
}
status_says() { culvert_of 1 status >"$dir/status.log" 2>&1 && grep -qE -- "$1" "$dir/status.log"; }
case_silent_esp() {
    both_conn 'encap = no'
    begin
    establish
    lost_at_g2 'ip protocol esp'
    ns h1 ping -q -i 0.2 10.2.0.2 >/dev/null 2>&1 &
    net_pids+=("$!")
    until_true 40 status_says 'ago, ESP with 192\.0\.2\.2' || { cat "$dir/status.log"; fail "status does not tell that nothing comes back"; }
    says "$dir/status.log" 'got: .*none in for .*IKE works' "what is known"
    says "$dir/status.log" 'to fix it: .*protocol 50' "what to do"
    says "$(side_log 1)" 'none came back' "the log must tell, too"
    expect_sas 1 1 1
}

# ---- addresses, interfaces

pings() { ns h1 ping -q -c 1 -W 1 10.2.0.2; }
works_again() {
    until_true 30 pings || { list_sas 1; fail "nothing passes after $1"; }
    side_alive 1
    side_alive 2
}
default_routes() {
    ip -n "$net_prefix-g1" route replace default via 192.0.2.2
    ip -n "$net_prefix-g2" route replace default via 192.0.2.1
}
case_x09_interface_down() {
    begin
    establish
    traffic
    ip -n "$net_prefix-g1" link set wan down
    ns h1 ping -q -c 1 -W 1 10.2.0.2 >/dev/null && fail "a packet passed through a link that is down"
    side_alive 1
    ip -n "$net_prefix-g1" link set wan up
    default_routes
    works_again "the interface was down and up"
    expect_sas 1 1 1
}
case_x09_address_removed() { # it goes, and comes back
    begin
    establish
    traffic
    ip -n "$net_prefix-g1" addr del 192.0.2.1/24 dev wan
    ns h1 ping -q -c 1 -W 1 10.2.0.2 >/dev/null && fail "a packet left without the address"
    side_alive 1
    ip -n "$net_prefix-g1" addr add 192.0.2.1/24 dev wan
    default_routes
    works_again "the address was gone and back"
}
loses_one_of_two() { # side 1 has two, and takes the first; then that one goes
    ns g1 sysctl -qw net.ipv4.conf.all.promote_secondaries=1 net.ipv4.conf.wan.promote_secondaries=1
    ip -n "$net_prefix-g1" addr del 192.0.2.1/24 dev wan
    ip -n "$net_prefix-g1" route replace default via 192.0.2.2
    ip -n "$net_prefix-g2" route replace default via 192.0.2.11
}
case_x09_two_addresses() {
    mobile_conf
    no_ipv6_outside
    net_gateways_alone=$(declare -f net_gateways)
    eval "${net_gateways_alone/net_gateways/net_gateways_alone}"
    net_gateways() {
        net_gateways_alone
        net_address g1 wan 192.0.2.11/24
    }
    begin
    establish
    traffic
    loses_one_of_two
    works_again "one of two addresses was removed"
    expect_sas 1 1 1
    has_moved 2 192.0.2.11 || { list_sas 2; fail "side 2 does not know the other address"; }
}
case_x09_interface_gone() { # the cable is taken away altogether; another takes its place
    begin
    establish
    traffic
    wire_all_protected # the capture ends with its interface
    ip -n "$net_prefix-g1" link del wan
    ns h1 ping -q -c 1 -W 1 10.2.0.2 >/dev/null && fail "a packet passed without an interface"
    side_alive 1
    side_alive 2
    net_link g1 wan g2 wan
    wire_begin
    net_address g1 wan 192.0.2.1/24 2001:db8::1/64
    net_address g2 wan 192.0.2.2/24 2001:db8::2/64
    default_routes
    works_again "the interface was another"
    expect_sas 1 1 1
    expect_sas 2 1 1
    wire_end
    (($(wire_esp_native) + $(wire_esp_encapsulated) > 0)) || fail "what passed was not ESP"
}
