# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# EAP: side 1 is the client with a user and a password, side 2 the gateway with a certificate. Needs
# cases_certificates.sh.

user_1=carol password_1=Ar3etTnp password_2=Ar3etTnp
eap_plugins='eap-identity eap-mschapv2 eap-md5 eap-gtc eap-tls md5'
eval "$(declare -f write_settings | sed '1s/^write_settings/settings_without_eap/')"
write_settings() {
    settings_without_eap "$1"
    [[ -z ${by_eap-} ]] || sed -i "s/ updown counters/& $eap_plugins/" "$dir/$1/strongswan.conf"
}
eap() { # eap METHOD: of side 1, if gateway_method says nothing else also what side 2 wants
    local n plugin=/usr/lib/ipsec/plugins/libstrongswan-eap-mschapv2.so
    [[ $impl_1$impl_2 != *strongswan* || -e $plugin ]] || skip "strongSwan has no eap-mschapv2 (libcharon-extauth-plugins)"
    by_eap=1
    certificates
    local_1="auth = $1"
    [[ -z $user_1 ]] || local_1+=$'\n            eap_id = '$user_1
    remote_2="auth = ${gateway_method:-$1}${gateway_asks-$'\n            eap_id = %any'}"
    for n in 1 2; do
        printf -v "secret_lines_$n" '    eap-carol {\n        id = carol\n        secret = "%s"\n    }' "$(value password "$n")"
    done
}
knows_user() { list_sas 2 >"$dir/sas" && grep -q "EAP: 'carol'" "$dir/sas"; }
eap_tunnel() { # like tunnel, and side 2 shows who it is
    begin
    establish
    knows_user || { cat "$dir/sas"; fail "side 2 does not show the EAP identity"; }
    traffic
    down 1 ike gw
    gone
}
eap_refused() { # eap_refused GATEWAY-SAYS CLIENT-SAYS
    begin
    up_fails 1 net4
    ! is_culvert 2 || says_soon "$1" "the gateway must say why"
    ! is_culvert 1 || says "$dir/up.log" "$2" "the client must say what it knows"
    expect_sas 1 0 0
    expect_sas 2 0 0
    ping_fails h1 10.2.0.2
}

case_eap_mschapv2() { eap eap-mschapv2; eap_tunnel; }
case_eap_md5() { eap eap-md5; eap_tunnel; }
case_eap_gtc() { eap eap-gtc; eap_tunnel; }
case_eap_any() { gateway_method=eap-mschapv2 eap eap; eap_tunnel; } # the client takes what is offered
case_eap_dynamic() { gateway_method=eap-dynamic eap eap-md5; eap_tunnel; }
case_eap_gateway_by_psk() {
    eap eap-mschapv2
    local_2='auth = psk' remote_1='auth = psk'
    eap_tunnel
}
case_eap_identity_of_ike() { # no EAP identity is asked for: the IKE identity is the user
    user_1='' gateway_asks='' eap eap-mschapv2
    id_1=carol peer_id_2=carol
    tunnel
}
case_eap_windows() { # an address for a name, nothing known of the gateway, and any client is taken
    eap eap-mschapv2
    id_1=192.0.2.1 peer_id_2=%any
    eap_tunnel
}
case_eap_rekey() {
    eap eap-mschapv2
    begin
    establish
    rekey 1 ike gw
    rekey 2 child net4
    rekey 2 ike gw
    expect_sas 1 1 1
    until_true 10 knows_user || { cat "$dir/sas"; fail "after a rekey side 2 shows no EAP identity"; }
    traffic
    down 2 ike gw
    gone
}
case_eap_nt_hash() { # each side has the hash of the password alone
    local n
    eap eap-mschapv2
    for n in 1 2; do
        printf -v "secret_lines_$n" '    ntlm-carol {\n        id = carol\n        secret = 0x%s\n    }' \
            4a62a4cf02ca6d030c64bd01a599bd3a
    done
    eap_tunnel
}
# strongSwan as a client does not answer a failure, but ends it all: what the gateway knows then.
gave_up='to go on with EAP.*To fix it:'
case_eap_wrong_password() {
    password_2=another
    eap eap-mschapv2
    eap_refused "carol.*to prove by EAP_MSCHAPV2.*secrets\.eap-carol.*To fix it:|$gave_up" \
        '691: wrong user or password|EAP-Failure'
}
case_eap_unknown_user() {
    eap eap-mschapv2
    secret_lines_2=''
    eap_refused "carol\", for whom there is none.*To fix it: add secrets|$gave_up" 'AUTHENTICATION_FAILED|authentication_failed'
}
case_eap_no_method() {
    gateway_method=eap-mschapv2 eap eap-md5
    eap_refused 'Nak that asks for EAP_MD5.*To fix it:.*eap-md5' 'offered EAP_MSCHAPV2|EAP-Failure|AUTHENTICATION_FAILED|authentication_failed'
}
case_eap_wrong_user_here() { # the right password, and no connection for that user
    gateway_asks=$'\n            eap_id = alice' eap eap-mschapv2
    eap_refused 'EAP identity that fits alice' 'authentication_failed|EAP-Failure'
}
case_eap_addresses() { # addresses go by user
    eap eap-mschapv2
    conn 1 'vips = 0.0.0.0'
    conn 2 'pools = clients'
    ts_local_1=dynamic ts_remote_2=dynamic
    eval "$(declare -f write_conf | sed '1s/^write_conf/conf_without_pool/')"
    write_conf() { conf_without_pool "$1"; [[ $1 == 1 ]] || printf 'pools {\n    clients {\n        addrs = 10.9.0.0/24\n    }\n}\n'; }
    begin
    up_ok 1 net4
    expect_sas 2 1 1
    swanctl_of 2 --list-pools --leases >"$dir/leases"
    says "$dir/leases" 'carol' "the lease is the user's"
}
case_eap_tls() { # the client shows its certificate in TLS
    eap eap-tls
    id_1=g1.example gateway_asks='' user_1=''
    local_1=$'auth = eap-tls\n            certs = g1.crt' remote_2='auth = eap-tls'
    tunnel
}
case_eap_tls_chain() {
    issuer_1=middle issuer_2=middle
    case_eap_tls
}
case_eap_alone() { # RFC 5998: the gateway proves itself in TLS, too
    eap eap-tls
    both local $'auth = eap-tls'
    local_1+=$'\n            certs = g1.crt' local_2+=$'\n            certs = g2.crt'
    both remote 'auth = eap-tls'
    tunnel
}
case_eap_tls_wrong_authority() {
    trusts_2=other
    eap eap-tls
    local_1=$'auth = eap-tls\n            certs = g1.crt' remote_2='auth = eap-tls'
    eap_refused 'EAP-TLS.*CN=g1.*To fix it:.*x509ca' 'EAP-Failure|AUTHENTICATION_FAILED|authentication_failed|EAP-TLS'
}
