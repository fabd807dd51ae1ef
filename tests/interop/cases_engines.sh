# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# A gateway with several engines (charon.culvert_engines): side 2. Side 1 has eight addresses, with a
# client at each.

engines_count=8
engines_address() { echo "192.0.2.$((10 + $1))"; }
engines_setting() { # engines_setting UNIQUE
    unique=$1
    charon_lines='culvert_engines = 4'
    side_files() {
        local n
        [[ $1 == 1 ]] || return 0
        for n in $(seq "$engines_count"); do
            ip -n "$net_prefix-g1" addr add "$(engines_address "$n")/24" dev wan
            ip -n "$net_prefix-g1" addr add "10.1.0.$((100 + n))/32" dev lo
        done
    }
    write_conf() {
        local n
        echo 'connections {'
        if [[ $1 == 2 ]]; then
            engines_gateway
        else
            for n in $(seq "$engines_count"); do engines_client "$n"; done
        fi
        echo '}
secrets {
    ike-all {
        secret = "for all of them"
    }
}'
    }
}
engines_gateway() {
    cat <<CONF
    gw {
        version = 2
        local_addrs = 192.0.2.2
        remote_addrs = %any
        proposals = aes256gcm16-prfsha256-x25519
        unique = $unique
        pools = v4
        local {
            auth = psk
            id = gateway.example
        }
        remote {
            auth = psk
        }
        children {
            net {
                local_ts = 10.2.0.0/24
            }
        }
    }
}
pools {
    v4 {
        addrs = 10.9.0.0/24
    }
CONF
}
engines_client() { # engines_client N
    cat <<CONF
    c$1 {
        version = 2
        local_addrs = $(engines_address "$1")
        remote_addrs = 192.0.2.2
        proposals = aes256gcm16-prfsha256-x25519
        unique = never
        vips = 0.0.0.0
        local {
            auth = psk
            id = ${identity:-client$1.example}
        }
        remote {
            auth = psk
            id = gateway.example
        }
        children {
            net$1 {
                remote_ts = 10.2.0.0/24
            }
        }
    }
CONF
}
engines_threads() { cat "/proc/$pid_2/task/"*/comm | grep -c '^engine-'; }

case_engines() {
    local n unique
    engines_setting never
    begin
    (($(engines_threads) == 4)) || fail "side 2 has $(engines_threads) threads of engines, not 4"
    for n in $(seq "$engines_count"); do up_ok 1 "net$n"; done
    expect_sas 1 $engines_count $engines_count
    expect_sas 2 $engines_count $engines_count
    (($(list_sas 2 | grep -oE '^gw: #[0-9]+' | sort -u | wc -l) == engines_count)) || fail "IKE SAs share an id"
    ping_ok g1 10.2.0.2
    swanctl_of 2 --rekey --ike gw >/dev/null || fail "side 2 cannot rekey the IKE SAs of all engines"
    swanctl_of 2 --rekey --child net >/dev/null || fail "side 2 cannot rekey the Child SAs of all engines"
    expect_sas 1 $engines_count $engines_count
    expect_sas 2 $engines_count $engines_count
    ping_ok g1 10.2.0.2
    swanctl_of 2 --terminate --ike gw >"$dir/terminate.log" 2>&1 ||
        { cat "$dir/terminate.log"; fail "side 2 cannot close the IKE SAs of all engines"; }
    expect_sas 1 0 0
    expect_sas 2 0 0
    ! swanctl_of 2 --terminate --ike gw >"$dir/terminate.log" 2>&1 || fail "there was nothing left to close"
}
case_engines_unique() { # one client after the other, all with one identity: the last one stays
    local n unique identity=client.example
    engines_setting replace
    begin
    for n in $(seq "$engines_count"); do up_ok 1 "net$n"; done
    expect_sas 2 1 1
    prints "@ $(engines_address $engines_count)\[" list_sas 2 || fail "it is not the last one that stayed"
    expect_sas 1 1 1
}
