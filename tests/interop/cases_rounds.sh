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
