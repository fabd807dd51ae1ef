# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# IKE and ESP in TCP (RFC 9329), where UDP does not pass: fallback, and connections that break. What
# is in the stream is put into UDP for tshark, whose "tcpencap" is Cisco's older format.

tcp_wire() { # what may be seen there besides
    wire_allowed="$wire_allowed or tcp port 4500"
}
tcp_block() { # no UDP of IKE leaves or enters either gateway
    local n port
    for n in 1 2; do
        if [[ -n ${plane-} ]]; then # in the lab, whose kernel has no nftables
            for port in 500 4500; do tcp_hole "g$n" udp "$port"; done
            continue
        fi
        ns "g$n" nft -f - <<'NFT'
table inet tcp_block {
    chain in {
        type filter hook input priority -10
        udp dport { 500, 4500 } drop
    }
    chain out {
        type filter hook output priority -10
        udp dport { 500, 4500 } drop
    }
}
NFT
    done
}
tcp_hole() { ip -n "$net_prefix-$1" rule add pref 1 ipproto "$2" dport "$3" blackhole; }
tcp_begin() { # topology, no UDP, capture, both daemons
    tcp_wire
    net_gateways
    tcp_block
    wire_begin
    side_start 2
    side_start 1
}
tcp_says() { # both sides show it, in swanctl's way and in ours
    local n
    for n in 1 2; do
        ! is_culvert "$n" || prints 'way    TCP' culvert_of "$n" status || fail "culvert status of side $n says nothing of TCP"
    done
}
# Nothing over UDP; and in a case of its own, what tshark makes of the messages.
tcp_expect_wire() {
    wire_end
    (($(wire_count 'udp port 500 or udp port 4500 or esp') == 0)) || fail "UDP or native ESP on the wire"
    (($(wire_count 'tcp port 4500') > 10)) || fail "no TCP on the wire"
}
tcp_shark() { tshark -r "$dir/messages.pcap" -Y "$1" 2>/dev/null | wc -l; }
tcp_kill() { # the connection breaks at g1, which its kernel tells g2
    ns g1 ss -K -t 'dport = :4500' >/dev/null 2>&1 || skip "ss cannot end connections here (INET_DIAG_DESTROY)"
}
tcp_opened() { culvert_of "$1" stats 2>/dev/null | awk '/tcp_opened/ { print $2 }'; }
tcp_opened_more() { (($(tcp_opened 1) > $1)); }

case_tcp_fallback() {
    conn 1 'culvert_tcp = fallback'
    charon_lines='culvert_tcp_listen = yes'
    tcp_begin
    establish
    tcp_says
    traffic
    down 1 ike gw
    gone
    tcp_expect_wire
}
case_tcp_always() {
    conn 1 'culvert_tcp = yes'
    conn 1 'encap = no'
    charon_lines='culvert_tcp_listen = yes'
    tcp_begin
    establish
    traffic
    rekey 1 child net4
    rekey 2 child net4
    rekey 1 ike gw
    rekey 2 ike gw
    expect_sas 1 1 1
    expect_sas 2 1 1
    traffic
    down 2 ike gw
    gone
    tcp_expect_wire
}
# Each message in the stream is what RFC 3948 would put into UDP: tshark reads it as such.
case_tcp_tshark() {
    command -v text2pcap >/dev/null || skip "tshark and text2pcap are not installed"
    conn 1 'culvert_tcp = yes'
    charon_lines='culvert_tcp_listen = yes'
    WIRE_SNAPLEN=65535
    tcp_begin
    establish
    ping_ok h1 10.2.0.2
    down 1 ike gw
    gone
    tcp_expect_wire
    tshark -r "$dir/wire.pcap" -q -z follow,tcp,raw,0 2>/dev/null >"$dir/stream.txt"
    "$here/lib/tcp_messages.py" <"$dir/stream.txt" >"$dir/messages.txt" || fail "the stream is not framed as RFC 9329 has it"
    text2pcap -q -u 4500,4500 "$dir/messages.txt" "$dir/messages.pcap" >/dev/null 2>&1
    (($(tcp_shark 'udpencap.non_esp_marker && isakmp.exchangetype == 34') == 2)) || fail "tshark finds no IKE_SA_INIT in the stream"
    (($(tcp_shark 'udpencap.non_esp_marker && isakmp.exchangetype == 35') == 2)) || fail "tshark finds no IKE_AUTH in the stream"
    (($(tcp_shark 'esp') >= 12)) || fail "tshark finds no ESP in the stream"
    (($(tcp_shark '_ws.malformed or udpencap.nat_keepalive or isakmp.frag.last') == 0)) || fail "tshark finds what should not be there"
}
case_tcp_v6() { outer=6 inner=46; conn 1 'culvert_tcp = yes'; charon_lines='culvert_tcp_listen = yes'; tcp_begin; establish; traffic; }
case_tcp_nat() {
    NAT=1
    conn 1 'culvert_tcp = fallback'
    charon_lines='culvert_tcp_listen = yes'
    tcp_begin
    establish
    tcp_says
    traffic
    tcp_kill_and_go_on
}
case_tcp_mobike() {
    both_conn 'mobike = yes'
    conn 1 'culvert_tcp = yes'
    charon_lines='culvert_tcp_listen = yes'
    tcp_begin
    establish
    tcp_kill_and_go_on
}
tcp_kill_and_go_on() {
    local before pid
    before=$(tcp_opened 1)
    ip netns exec "$net_prefix-h2" iperf3 -s -1 -B 10.2.0.2 >"$dir/iperf-server.log" 2>&1 &
    net_pids+=("$!")
    until_true 10 iperf_listens || fail "iperf3 does not listen"
    timeout 60 ip netns exec "$net_prefix-h1" iperf3 -c 10.2.0.2 -t 4 -J >"$dir/iperf.json" &
    pid=$!
    until_true 10 tcp_flows || fail "no traffic"
    tcp_kill
    until_true 10 tcp_opened_more "$before" || fail "side 1 did not open the connection again"
    wait "$pid" || { tail -n 20 "$dir/iperf.json"; fail "TCP through the tunnel did not survive the break"; }
    expect_sas 1 1 1
    expect_sas 2 1 1
    ping_ok h1 10.2.0.2
    ping_ok h2 10.1.0.2
    says "$(side_log 1)" 'TCP connection with .* is broken' "the break"
}
tcp_flows() { ns h2 ss -Htn 'sport = :5201' | grep -q ESTAB; }
# In the midst of traffic, more than once.
case_tcp_broken() {
    conn 1 'culvert_tcp = yes'
    charon_lines='culvert_tcp_listen = yes'
    tcp_begin
    establish
    tcp_kill_and_go_on
    tcp_kill_and_go_on
    # Also when there is nothing to say.
    local before
    before=$(tcp_opened 1)
    tcp_kill
    until_true 10 tcp_opened_more "$before" || fail "side 1 did not open the connection again"
    ping_ok h2 10.1.0.2
    tcp_expect_wire
}
# The gateways' own addresses lie within what is protected: their TCP passes the filter and the routes
# all the same.
case_tcp_wide() {
    conn 1 'culvert_tcp = yes'
    charon_lines='culvert_tcp_listen = yes'
    ts_local_1='10.1.0.0/24, 192.0.2.1' ts_remote_1='10.2.0.0/24, 192.0.2.2'
    ts_local_2=$ts_remote_1 ts_remote_2=$ts_local_1
    tcp_begin
    establish
    ping_ok h1 10.2.0.2
    tcp_kill
    sleep_until_reopened
    ping_ok h1 10.2.0.2
}
sleep_until_reopened() { until_true 15 tcp_opened_more 1 || fail "side 1 did not open the connection again"; }
# Nobody listens, and the words say so.
case_tcp_refused() {
    conn 1 'culvert_tcp = yes'
    tcp_begin
    up_fails 1 net4
    says "$dir/up.log" 'TCP port 4500.*refused' "why"
    says "$dir/up.log" 'culvert_tcp_listen' "what to change"
    expect_sas 1 0 0
}
# A connection that nobody can be called by listens by itself.
case_tcp_listens_by_itself() {
    peer_address() { if [[ $1 == 1 ]]; then echo 192.0.2.2; else echo %any; fi; }
    both_conn 'culvert_tcp = fallback'
    tcp_begin
    establish
    prints . ns g2 ss -Hltn 'sport = :4500' || fail "side 2 does not listen"
    ! prints . ns g1 ss -Hltn 'sport = :4500' || fail "side 1 listens, which it need not"
}

# ---- Libreswan: its IKE in TCP, in the lab. The kernel there has no ESP in TCP, so Culvert has its
# null plane and pluto a stand-in for the kernel's part (lib/espintcp_shim.c); nothing is carried.

tcp_libreswan() { # tcp_libreswan WORD: of enable-tcp
    command -v cc >/dev/null || skip "no C compiler for the stand-in of espintcp"
    cc -shared -fPIC -O1 -w -o "$dir/espintcp.so" "$here/lib/espintcp_shim.c" -ldl || fail "the stand-in of espintcp does not compile"
    libreswan_preload=$dir/espintcp.so
    libreswan_setup=$'    listen-tcp=yes\n'
    libreswan_conn="    enable-tcp=$1"$'\n    tcp-remoteport=4500\n    retransmit-timeout=6s\n'
    plane=null
    charon_lines='culvert_tcp_listen = yes'
}
case_tcp_libreswan() {
    tcp_libreswan yes
    conn 1 'culvert_tcp = yes'
    tcp_begin
    establish
    rekey "$(tcp_culvert)" child net4
    rekey "$(tcp_culvert)" ike gw
    expect_sas 1 1 1
    expect_sas 2 1 1
    wire_end
    (($(wire_count 'udp port 500 or udp port 4500') == 0)) || fail "UDP on the wire"
}
tcp_culvert() { if is_culvert 1; then echo 1; else echo 2; fi; }
case_tcp_libreswan_fallback() {
    tcp_libreswan fallback
    conn 1 'culvert_tcp = fallback'
    tcp_begin
    up 1 net4 || :  # pluto says that the first try, over UDP, has failed, and goes on
    expect_sas 1 1 1
    expect_sas 2 1 1
}
# Nothing passes for a while; Culvert gives the connection up, opens another, and pluto goes on there.
case_tcp_libreswan_broken() {
    tcp_libreswan yes
    conn 1 'culvert_tcp = yes'
    charon_lines+=$'\n    retransmit_tries = 100'
    tcp_begin
    establish
    tcp_hole g1 tcp 4500
    swanctl_of 1 --rekey --child net4 >"$dir/rekey.log" 2>&1 &
    until_true 60 grep -q 'TCP connection with .* is broken' "$(side_log 1)" || fail "the connection did not break"
    ip -n "$net_prefix-g1" rule del pref 1 ipproto tcp dport 4500
    until_true 30 tcp_moved || fail "side 1 did not go on over a new connection"
    expect_sas 1 1 1
    expect_sas 2 1 1
    rekey 1 child net4
    expect_sas 2 1 1
}
tcp_moved() { grep -q 'is now between .*, in TCP' "$(side_log 1)"; }
