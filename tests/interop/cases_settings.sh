# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Keywords and settings of strongswan.conf that connectivity depends on, as the wire and the kernel see them.

case_ike_dscp() {
    command -v tshark >/dev/null || skip "tshark is not installed"
    conn 1 'dscp = 101110'
    begin
    up_ok 1 net4
    down 1 ike gw
    wire_end
    all_are 'ip.src == 192.0.2.1 && isakmp' 'ip.dsfield.dscp == 46'
    all_are 'ip.src == 192.0.2.2 && isakmp' 'ip.dsfield.dscp == 0'
}
case_sha256_96() { # an ICV of 96 bits, which is nobody's but theirs who both have it
    both esp aes128-sha256
    child 1 'sha256_96 = yes'
    child 2 'sha256_96 = yes'
    tunnel
}
case_sha256_96_alone() {
    both esp aes128-sha256
    child 1 'sha256_96 = yes'
    begin
    up_ok 1 net4
    ping_fails h1 10.2.0.2
    side_alive 1
    side_alive 2
}
case_fragment_size() {
    command -v tshark >/dev/null || skip "tshark is not installed"
    certificates
    charon_lines='fragment_size = 600'
    begin
    establish
    traffic
    down 1 ike gw
    wire_end
    (($(seen 'isakmp && ip.len > 600') == 0)) || fail "an IKE packet of more than 600 octets is on the wire"
    (($(seen 'isakmp.exchangetype == 35') >= 4)) || fail "IKE_AUTH was not sent in fragments each way"
}
case_close_on_child_failure() { # by whichever side; without the setting the IKE SA would stay
    charon_lines='close_ike_on_child_failure = yes'
    esp_2=aes128-sha256
    begin
    up_fails 1 net4
    until_true 20 has_ikes 1 0 || { list_sas 1; fail "side 1 keeps the IKE SA"; }
    until_true 20 has_ikes 2 0 || { list_sas 2; fail "side 2 keeps the IKE SA"; }
    side_alive 1
    side_alive 2
}
case_initiator_only() {
    charon_lines='initiator_only = yes'
    begin
    up_fails 1 net4
    says "$(side_log 2)" 'initiator_only = yes.*To fix it' "the side that does not answer must say why"
    expect_sas 2 0 0
}
case_route_mss() {
    charon_lines='plugins { kernel-netlink { mss = 1234 } }'
    begin
    establish
    [[ $(ns g1 ip route show table 220) == *'advmss 1234'* ]] || { ns g1 ip route show table 220; fail "the route has no MSS"; }
    traffic
    down 1 ike gw
    gone
}
# What a script was told of the beginning it is told of the end, when it is culvertd that ends; and so is resolvconf.
case_settings_scripts_at_end() {
    cat >"$dir/updown" <<SH
#!/bin/sh
sleep 0.3
echo "\$PLUTO_VERB \$PLUTO_PEER_CLIENT" >>"$dir/updown.log"
SH
    chmod +x "$dir/updown"
    inner=46
    child 1 "updown = $dir/updown"
    begin
    establish
    told() { (($(grep -c "^$1-client" "$dir/updown.log") == $2)); }
    until_true 10 told up 2 || { cat "$dir/updown.log"; fail "the scripts were not run"; }
    net_stop "$pid_1"
    told down 2 || { cat "$dir/updown.log"; fail "the end was not told"; }
}
