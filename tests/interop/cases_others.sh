# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Libreswan and OpenIKED: what lib/others.sh makes of the usual cases, and what only these need.
if [[ $impl_1$impl_2 == *libreswan* || $impl_1$impl_2 == *openiked* ]]; then
    # shellcheck source=tests/interop/lib/others.sh
    . "$here/lib/others.sh"
fi

case_other_rekey_pfs() { both esp aes256gcm16-ecp384; rekey_under_ping 2 child net4; }

iked_esp() { both esp aes256-sha512; } # OpenIKED has no AES-GCM for the kernel's SAs
# An OpenIKED that initiates begins again at once when its IKE SA is deleted, by whomever.
iked_tunnel() {
    iked_esp
    begin
    establish
    traffic
    if [[ $impl_1 == openiked ]]; then
        down 2 ike gw
        until_true 30 grep -q 'gw\[2\] established' "$(side_log 2)" || fail "OpenIKED did not come back after the delete"
        expect_sas 2 1 1
        ping_ok h1 10.2.0.2
    else
        down 1 ike gw
        gone
    fi
}
case_iked_psk() { iked_tunnel; }
case_iked_cbc() { both proposals aes128-sha256-modp2048; iked_tunnel; }
case_iked_delete() { iked_esp; case_delete_ike_by_responder; }
case_iked_cert_rsa() { kind_1=rsa kind_2=rsa; certificates; iked_tunnel; }
case_iked_cert_ecdsa() { certificates; iked_tunnel; }
case_iked_rekey_child() { iked_esp; rekey_under_ping 1 child net4; }
case_iked_rekey_ike() { iked_esp; rekey_under_ping 1 ike gw; }
case_iked_nat() { NAT=1; iked_tunnel; expect_encapsulated; }

# OpenIKED rekeys when a lifetime ends, and not when it is told to.
rekeys_by_lifetime() {
    iked_esp
    begin
    establish
    ping_ok h1 10.2.0.2
    local before
    before=$(wire_exchanges 36)
    ip netns exec "$net_prefix-h1" ping -n -q -i 0.02 -c 1000 -W 5 10.2.0.2 >"$dir/rekey-ping.log" &
    net_pids+=("$!")
    until_true 30 exchanges_more "$before" || fail "no CREATE_CHILD_SA on the wire"
    until_true 60 grep -q 'packet loss' "$dir/rekey-ping.log" || fail "ping gave no result"
    grep -q ' 0% packet loss' "$dir/rekey-ping.log" || { cat "$dir/rekey-ping.log"; fail "packets were lost to the rekey"; }
    expect_sas 1 1 1
    expect_sas 2 1 1
    traffic
    side_alive 1
    side_alive 2
}
case_iked_rekey_child_by_iked() { openiked_words_2='lifetime 12 bytes 1G'; rekeys_by_lifetime; }
case_iked_rekey_ike_by_iked() { openiked_words_2='ikelifetime 12'; rekeys_by_lifetime; }

