# shellcheck shell=bash disable=SC2034,SC2154
# Culvert at both ends, for peers/bench-tunnel.sh: AES-256-GCM, ESP in UDP. impl-culvert-native.sh is
# the same without UDP. CULVERT_THREADS: workers, else one a core; CULVERT_CHARON: a setting more. CULVERTD and CULVERT are the programs.
encap=${CULVERT_ENCAP:-yes}
threads=${CULVERT_THREADS-}
charon=${CULVERT_CHARON-}
culvert_side() { # culvert_side A|B: its configuration
    local own=$OUT_A other=$OUT_B own_net=$NET_A other_net=$NET_B
    [ "$1" = A ] || { own=$OUT_B other=$OUT_A own_net=$NET_B other_net=$NET_A; }
    cat <<CONF
connections {
    gw {
        version = 2
        local_addrs = $own
        remote_addrs = $other
        proposals = aes256gcm16-prfsha384-ecp384
        mobike = no
        encap = $encap
        local {
            auth = psk
            id = $own
        }
        remote {
            auth = psk
            id = $other
        }
        children {
            net {
                local_ts = $own_net
                remote_ts = $other_net
                esp_proposals = ${CULVERT_ESP:-aes256gcm16}
            }
        }
    }
}
secrets {
    ike-gw {
        id-1 = $OUT_A
        id-2 = $OUT_B
        secret = "only for the bench"
    }
}
CONF
}
impl_up() {
    local n i
    PIDS=()
    for n in B A; do
        mkdir -p "$STATE/cv-$n"
        (umask 077; culvert_side $n >"$STATE/cv-$n/swanctl.conf")
        printf 'charon {\n%s\n%s\n}\n' "${threads:+threads = $threads}" "$charon" >"$STATE/cv-$n/strongswan.conf"
        setsid ip netns exec "$PFX$n" "$CULVERTD" --config "$STATE/cv-$n/swanctl.conf" \
            --settings "$STATE/cv-$n/strongswan.conf" --vici "unix://$STATE/cv-$n/vici" --plane user \
            --state-dir "$STATE/cv-$n/state" --log info --foreground >"$STATE/cv-$n/log" 2>&1 </dev/null &
        PIDS+=("$!")
    done
    for i in $(seq 100); do
        if "$CULVERT" up net --vici "unix://$STATE/cv-A/vici" >"$STATE/cv-up.log" 2>&1; then return 0; fi
        sleep 0.1
    done
    cat "$STATE/cv-up.log" >&2
    return 1
}
impl_down() {
    local n p
    for n in A B; do
        "$CULVERT" stats --vici "unix://$STATE/cv-$n/vici" >"$STATE/cv-$n/stats" 2>&1
    done
    for p in ${PIDS[@]+"${PIDS[@]}"}; do kill_pid "$p"; done
    PIDS=()
}
