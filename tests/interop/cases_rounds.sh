# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Several authentication rounds (RFC 4739). Further sections of side N are in rounds_N.

with_rounds() { # both sides have certificates; what comes behind them is in rounds_1 and rounds_2
    certificates
    eval "$(declare -f write_conf | sed '1s/^write_conf/one_round_conf/')"
    write_conf() {
        local more
        more=$(value rounds "$1")
        one_round_conf "$1" | awk -v more="$more" '/^        children \{/ { print more } { print }'
    }
}
second_secret() { # a secret for the further identities
    local n
    for n in 1 2; do
        printf -v "secret_lines_$n" '%s\n    ike-rounds {\n        id-1 = user@example\n        id-2 = more@example\n        id-3 = g1.example\n        id-4 = g2.example\n        secret = "of the second round"\n    }' "$(value secret_lines "$n")"
    done
}
case_rounds_initiator() { # a certificate, then a secret
    with_rounds
    second_secret
    rounds_1='        local-2 { auth = psk
            id = user@example
            round = 2 }'
    rounds_2='        remote-2 { auth = psk
            id = user@example
            round = 2 }'
    tunnel
}
case_rounds_both() {
    with_rounds
    second_secret
    rounds_1='        local-2 { auth = psk
            id = user@example
            round = 2 }
        remote-2 { auth = psk
            id = more@example
            round = 2 }'
    rounds_2='        remote-2 { auth = psk
            id = user@example
            round = 2 }
        local-2 { auth = psk
            id = more@example
            round = 2 }'
    tunnel
}
case_rounds_missing() { # side 2 wants another round, side 1 has none
    with_rounds
    second_secret
    rounds_2='        remote-2 { auth = psk
            id = user@example
            round = 2 }'
    begin
    up_fails 1 net4
    expect_sas 1 0 0
    expect_sas 2 0 0
}

# EAP as one of the rounds: the client is carol, as in cases_eap.sh, and the gateway knows only certificates.
eap_round() { # eap_round N METHOD: carol's in the section of round N, 1 or 2
    local n plugin=/usr/lib/ipsec/plugins/libstrongswan-eap-mschapv2.so
    [[ $impl_1$impl_2 != *strongswan* || -e $plugin ]] || skip "strongSwan has no eap-mschapv2 (libcharon-extauth-plugins)"
    with_rounds
    second_secret
    by_eap=1
    for n in 1 2; do
        printf -v "secret_lines_$n" '%s\n    eap-carol {\n        id = carol\n        secret = "%s"\n    }' \
            "$(value secret_lines "$n")" "$(value password "$n")"
    done
    if [[ $1 == 1 ]]; then
        local_1="auth = $2"$'\n            eap_id = carol'
        remote_2="auth = $2"$'\n            eap_id = %any'
        rounds_1='        local-2 { auth = pubkey
            certs = g1.crt
            id = g1.example
            round = 2 }'
        rounds_2='        remote-2 { auth = pubkey
            id = g1.example
            round = 2 }'
    else
        rounds_1="        local-eap { auth = $2
            eap_id = carol
            round = 2 }"
        rounds_2="        remote-eap { auth = $2
            eap_id = %any
            round = 2 }"
    fi
}
case_rounds_eap() { eap_round 2 eap-mschapv2; eap_tunnel; }
case_rounds_eap_md5() { eap_round 2 eap-md5; eap_tunnel; } # a method without a key
case_rounds_eap_first() {
    eap_round 1 eap-mschapv2
    if is_culvert 2; then eap_tunnel; else tunnel; fi # strongSwan shows the user of the last round alone
}
case_rounds_eap_twice() { # a user of the device and one of its owner
    eap_round 1 eap-md5
    rounds_1='        local-eap { auth = eap-mschapv2
            eap_id = carol
            round = 2 }'
    rounds_2='        remote-eap { auth = eap-mschapv2
            eap_id = carol
            round = 2 }'
    eap_tunnel
}
case_rounds_eap_both() { # the gateway has two rounds as well
    eap_round 2 eap-mschapv2
    rounds_1+='
        remote-2 { auth = psk
            id = more@example
            round = 2 }'
    rounds_2+='
        local-2 { auth = psk
            id = more@example
            round = 2 }'
    eap_tunnel
}
case_rounds_eap_addresses() { # addresses go by user
    eap_round 2 eap-mschapv2
    conn 1 'vips = 0.0.0.0'
    conn 2 'pools = clients'
    ts_local_1=dynamic ts_remote_2=dynamic
    eval "$(declare -f write_conf | sed '1s/^write_conf/rounds_without_pool/')"
    write_conf() { rounds_without_pool "$1"; [[ $1 == 1 ]] || printf 'pools {\n    clients {\n        addrs = 10.9.0.0/24\n    }\n}\n'; }
    begin
    up_ok 1 net4
    expect_sas 2 1 1
    swanctl_of 2 --list-pools --leases >"$dir/leases"
    says "$dir/leases" 'carol' "the lease is the user's"
}
case_rounds_eap_wrong_password() { # the certificate was good
    password_2=another
    eap_round 2 eap-mschapv2
    eap_refused "carol.*to prove by EAP_MSCHAPV2.*secrets\.eap-carol.*To fix it:|$gave_up" \
        '691: wrong user or password|EAP-Failure'
}
case_rounds_eap_missing() { # the certificate alone does not do
    eap_round 2 eap-mschapv2
    rounds_1=''
    eap_refused 'has no more.*To fix it:' 'AUTHENTICATION_FAILED|authentication_failed'
}
