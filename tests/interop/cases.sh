# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# What is tried between side 1 (initiates) and side 2. Each case sets what differs from the default,
# then calls `tunnel` or its parts. See run, lib/sides.sh.

begin() { # topology, capture, both daemons
    net_gateways
    wire_begin
    side_start 2
    side_start 1
}
traffic() { # both ways, ping and TCP, for each inner family
    local family
    for family in 4 6; do
        [[ $inner == *$family* ]] || continue
        local one=10.1.0.2 two=10.2.0.2
        [[ $family == 4 ]] || one=fd01::2 two=fd02::2
        ping_ok h1 "$two"
        ping_ok h2 "$one"
        tcp_ok "$two"
    done
}
children() { # how many the connection has
    echo ${#inner}
}
first_child() { echo "net${inner:0:1}"; }
establish() { # all children up, and both sides agree
    local family
    for family in 4 6; do
        [[ $inner != *$family* ]] || up_ok 1 "net$family"
    done
    expect_sas 1 1 "$(children)"
    expect_sas 2 1 "$(children)"
}
tunnel() { # the whole life: up, traffic, down by the initiator
    begin
    establish
    traffic
    down 1 ike gw
    gone
}
gone() { # nothing left on either side, and nothing passes
    expect_sas 1 0 0
    expect_sas 2 0 0
    [[ $inner != *4* ]] || ping_fails h1 10.2.0.2
}
# native_esp: what both Culverts use where no NAT is; strongSwan's user-space plane cannot.
expect_native() {
    [[ $impl_1$impl_2 == culvertculvert || -n ${strongswan_plane+set} ]] || return 0
    wire_end
    (($(wire_esp_native) > 0)) || fail "no native ESP on the wire"
    (($(wire_esp_encapsulated) == 0)) || fail "ESP in UDP on the wire, though there is no NAT"
}
native_tunnel() {
    both_conn 'encap = no'
    tunnel
    expect_native
}
expect_encapsulated() {
    wire_end
    (($(wire_esp_encapsulated) > 0)) || fail "no ESP in UDP on the wire"
    (($(wire_esp_native) == 0)) || fail "native ESP on the wire, which the NAT would not carry"
}

# ---- suites

case_suite_gcm() { tunnel; }
case_suite_cbc() { both proposals aes128-sha256-modp2048; both esp aes128-sha256; tunnel; }
case_suite_chacha() { both proposals chacha20poly1305-prfsha256-curve25519; both esp chacha20poly1305; tunnel; }

# ---- address families and NAT

case_v4() { native_tunnel; }
case_v6_in_v4() { inner=6; native_tunnel; }
case_v4_in_v6() { outer=6; native_tunnel; }
case_v6_in_v6() { outer=6 inner=6; native_tunnel; }
case_v46_in_v4() { inner=46; native_tunnel; } # the second child by CREATE_CHILD_SA
case_v46_in_v6() { outer=6 inner=46; native_tunnel; }
case_nat() { NAT=1; tunnel; expect_encapsulated; }
case_nat_v6_inner() { NAT=1 inner=46; tunnel; expect_encapsulated; }
# Two Culverts agree that ESP in UDP is the faster one.
case_udp_preferred() { tunnel; expect_encapsulated; }
case_encap() { conn 1 "encap = yes"; conn 2 "encap = yes"; tunnel; expect_encapsulated; }

# ---- deletes

case_delete_ike_by_responder() { begin; establish; traffic; down 2 ike gw; gone; }
case_delete_child_by_initiator() {
    inner=46
    begin; establish
    down 1 child net6
    expect_sas 1 1 1
    expect_sas 2 1 1
    ping_ok h1 10.2.0.2
    ping_fails h1 fd02::2
}
case_delete_child_by_responder() {
    inner=46
    begin; establish
    down 2 child net6
    expect_sas 1 1 1
    expect_sas 2 1 1
    ping_ok h2 10.1.0.2
    ping_fails h2 fd01::2
}

# ---- liveness (RFC 7296 2.4)

probes() { (($(wire_exchanges 37) >= 4)); }
case_dpd_alive() { # both ask, both answer, and the tunnel stays
    both_conn "dpd_delay = 1s"
    begin; establish
    until_true 20 probes || fail "no liveness checks on the wire"
    expect_sas 1 1 1
    expect_sas 2 1 1
    ping_ok h1 10.2.0.2
}
case_dpd_dead_responder() { # the other side is gone without a word
    retransmit_tries=2
    conn 1 "dpd_delay = 1s"
    begin; establish
    ping_ok h1 10.2.0.2
    side_kill 2
    until_true "${dead_within_s:-200}" has_ikes 1 0 || fail "side 1 still believes in a dead peer"
    side_alive 1
}
case_dpd_dead_initiator() {
    retransmit_tries=2
    conn 2 "dpd_delay = 1s"
    begin; establish
    ping_ok h2 10.1.0.2
    side_kill 1
    until_true "${dead_within_s:-200}" has_ikes 2 0 || fail "side 2 still believes in a dead peer"
    side_alive 2
}

# ---- rekeying, under traffic: nothing is lost

rekey_under_ping() { # rekey_under_ping SIDE ike|child NAME EXCHANGES
    local pid
    begin; establish
    ping_ok h1 10.2.0.2
    # A fixed number: one that is ended by a signal may have a packet under way, and counts it as lost.
    ip netns exec "$net_prefix-h1" ping -n -q -i 0.02 -c 200 -W 3 10.2.0.2 >"$dir/rekey-ping.log" &
    pid=$!
    net_pids+=("$pid")
    local before
    before=$(wire_exchanges 36)
    rekey "$1" "$2" "$3"
    expect_sas 1 1 1
    expect_sas 2 1 1
    until_true 15 exchanges_more "$before" || fail "no CREATE_CHILD_SA on the wire"
    until_true 20 grep -q 'packet loss' "$dir/rekey-ping.log" || fail "ping gave no result"
    grep -q ' 0% packet loss' "$dir/rekey-ping.log" || { cat "$dir/rekey-ping.log"; fail "packets were lost to the rekey"; }
    traffic
    side_alive 1
    side_alive 2
}
exchanges_more() { (($(wire_exchanges 36) >= $1 + 2)); }
case_rekey_child_by_initiator() { rekey_under_ping 1 child net4; }
case_rekey_child_by_responder() { rekey_under_ping 2 child net4; }
case_rekey_child_pfs_by_initiator() { both esp aes256gcm16-ecp256; rekey_under_ping 1 child net4; }
case_rekey_child_pfs_by_responder() { both esp aes256gcm16-ecp256; rekey_under_ping 2 child net4; }
case_rekey_ike_by_initiator() { rekey_under_ping 1 ike gw; }
case_rekey_ike_by_responder() { rekey_under_ping 2 ike gw; }

# ---- disagreements: the command says why, the wire says what, the daemons go on

refused() { # refused REGEX-FOR-CULVERT NOTIFY
    begin
    up_fails 1 "$(first_child)"
    if is_culvert 1; then says "$dir/up.log" "$1" "culvert up must explain"; fi
    if ! is_culvert 1; then says "$(side_log 1)" "$2" "the notify must arrive"; fi
    if is_culvert 2; then says "$(side_log 2)" "$1|$2" "culvertd must explain"; fi
    side_alive 1
    side_alive 2
    expect_sas 2 0 0
    ping_fails h1 10.2.0.2
}
case_invalid_ke() { # our first guess at the group is not theirs (RFC 7296 1.2)
    proposals_1=aes256gcm16-prfsha384-curve25519-ecp384 proposals_2=aes256gcm16-prfsha384-ecp384
    tunnel
    (($(wire_exchanges 34) >= 4)) || fail "IKE_SA_INIT was not tried again"
}
case_wrong_psk() { psk_2='another secret'; refused 'AUTHENTICATION_FAILED|pre-shared|secret' 'AUTHENTICATION_FAILED|AUTH_FAILED'; }
case_no_proposal() {
    proposals_2=aes128-sha256-modp2048
    refused 'NO_PROPOSAL_CHOSEN|no_proposal_chosen|proposal' 'NO_PROPOSAL_CHOSEN|NO_PROP'
}
case_no_child_proposal() { # the IKE SA stands, the Child SA does not (RFC 7296 1.2)
    esp_2=aes128-sha256
    begin
    up_fails 1 net4
    ! is_culvert 1 || says "$dir/up.log" 'NO_PROPOSAL_CHOSEN|no_proposal_chosen|proposal' "culvert up must explain"
    side_alive 1
    side_alive 2
    expect_sas 2 1 0
}
case_ts_mismatch() {
    ts_local_2=10.77.0.0/24 ts_remote_2=10.78.0.0/24
    begin
    up_fails 1 net4
    ! is_culvert 1 || says "$dir/up.log" 'TS_UNACCEPTABLE|ts_unacceptable|selector' "culvert up must explain"
    is_culvert 1 || says "$(side_log 1)" 'TS_UNACCEPTABLE|TS_UNACCEPT' "the notify must arrive"
    side_alive 1
    side_alive 2
}
case_narrowing() { # side 1 asks for more than side 2 gives (RFC 7296 2.9)
    ts_remote_1=10.2.0.0/16 ts_local_2=10.2.0.0/24
    begin
    establish
    list_sas 1 >"$dir/sas"
    says "$dir/sas" '^ +remote 10\.2\.0\.0/24$' "side 1 must take what side 2 gives"
    list_sas 2 >"$dir/sas"
    says "$dir/sas" '^ +local +10\.2\.0\.0/24$' "side 2 must give no more than it has"
    traffic
    down 1 ike gw
    gone
}
case_wrong_id() {
    conn 2 "remote_addrs = %any"
    begin_with_wrong_id
}
begin_with_wrong_id() {
    net_gateways
    wire_begin
    side_start 2
    (umask 077 && mkdir -p "$dir/1/swanctl")
    local original
    original=$(declare -f write_conf)
    # side 1 calls itself something that side 2 does not know
    eval "${original/write_conf/write_conf_plain}"
    write_conf() { write_conf_plain "$1" | sed 's/id = g1.example/id = stranger.example/; s/id-1 = g1.example/id-1 = stranger.example/'; }
    side_start 1
    up_fails 1 net4
    ! is_culvert 1 || says "$dir/up.log" 'AUTHENTICATION_FAILED|identity' "culvert up must explain"
    side_alive 1
    side_alive 2
    expect_sas 2 0 0
}
case_unreachable() { # nobody listens there
    retransmit_tries=2
    net_gateways
    wire_begin
    side_start 1
    up_fails 1 net4
    ! is_culvert 1 || says "$dir/up.log" 'no answer|unreachable|timed? ?out|did not answer|refused' "culvert up must explain"
    side_alive 1
}

# ---- tshark opens IKE and ESP with the keys that a debug build writes out

tshark_fields() { # tshark_fields FILTER FIELD
    WIRESHARK_CONFIG_DIR=$dir/wireshark tshark -n -r "$dir/wire.pcap" -o esp.enable_encryption_decode:TRUE \
        -o esp.enable_authentication_check:TRUE -Y "$1" -T fields -e "$2" 2>"$dir/tshark.log"
}
decrypted_by_tshark() {
    command -v tshark >/dev/null || skip "tshark is not installed"
    culvertd=${KEYLOG_CULVERTD:-$source/build/debug/bin/culvertd}
    [[ -x $culvertd ]] || skip "no debug build of culvertd, which alone writes keys ($culvertd)"
    net_gateways
    wire_begin 0
    side_start 2
    culvertd_options="--key-log $dir/keys"
    side_start 1
    establish
    ping_ok h1 10.2.0.2
    down 1 ike gw
    wire_end
    mkdir -p "$dir/wireshark"
    cp "$dir/keys" "$dir/wireshark/ikev2_decryption_table"
    cp "$dir/keys.esp" "$dir/wireshark/esp_sa"
    local names pings wrong
    names=$(tshark_fields 'isakmp.exchangetype == 35' isakmp.id.data.fqdn | sort -u | tr '\n,' '  ')
    [[ $names == *g1.example* && $names == *g2.example* ]] ||
        { cat "$dir/tshark.log"; fail "tshark does not see IDi and IDr in IKE_AUTH but '$names'"; }
    pings=$(tshark_fields 'icmp.type == 8 && ip.src == 10.1.0.2' icmp.seq | wc -l)
    ((pings >= 6)) || { cat "$dir/tshark.log"; fail "tshark sees $pings pings in ESP, not 6 or more"; }
    [[ $(tshark_fields 'isakmp.exchangetype == 37' isakmp.delete.protoid | sort -u) == *1* ]] ||
        fail "tshark does not see the delete of the IKE SA"
    wrong=$(tshark_fields 'esp && !icmp' esp.spi | wc -l)
    ((wrong == 0)) || fail "tshark cannot open $wrong ESP packets"
}
case_tshark_gcm() { decrypted_by_tshark; }
case_tshark_cbc() { both proposals aes128-sha256-modp2048; both esp aes128-sha256; decrypted_by_tshark; }
case_tshark_encap() { both_conn "encap = yes"; both esp aes256-sha512; decrypted_by_tshark; }
