# shellcheck shell=bash disable=SC2034,SC2154
# The two gateways' daemons: side 1 (g1) and side 2 (g2), each culvert or strongswan. Both read the
# same swanctl.conf, made here. Needs net.sh and $dir.
#
#   impl_1, impl_2          culvert | strongswan
#   conn N "KEY = VALUE"    a line more for the connection of side N;  child N "..." for its children
#   strongswan_plane        kernel-libipsec; set and empty: the kernel's own ESP
#   local_N, remote_N       the lines of its sections local and remote, but for id
#   side_files N            called before side N starts, to put files beside its swanctl.conf
#   retransmit_tries        of both, a second apart: 2 where somebody has to be given up
#   settings                outer=4|6  inner=4|6|46  proposals_N  esp_N  psk_N  ts_local_N  ts_remote_N

outer=4 inner=4
retransmit_tries=8 # an answer may take seconds on a busy machine of two cores
proposals_1=aes256gcm16-prfsha384-ecp384 proposals_2=$proposals_1
esp_1=aes256gcm16 esp_2=aes256gcm16
psk_1='only for the tests' psk_2=$psk_1
local_1='auth = psk' local_2='auth = psk' remote_1='auth = psk' remote_2='auth = psk'
id_1=g1.example id_2=g2.example peer_id_1=g2.example peer_id_2=g1.example
conn_lines_1='' conn_lines_2='' child_lines_1='' child_lines_2=''
charon_lines=''

culvertd=${CULVERTD:-$source/build/release/bin/culvertd}
culvert=${CULVERT:-$source/build/release/bin/culvert}

both() { printf -v "${1}_1" %s "$2"; printf -v "${1}_2" %s "$2"; }
conn() { local v=conn_lines_$1; printf -v "$v" '%s        %s\n' "${!v}" "$2"; }
child() { local v=child_lines_$1; printf -v "$v" '%s                %s\n' "${!v}" "$2"; }
both_conn() { conn 1 "$1"; conn 2 "$1"; }
value() { local v=$1_$2; printf %s "${!v-}"; }

side_address() { # what the side itself has
    case $outer$1 in
    41) if [[ ${NAT:-0} == 1 ]]; then echo 192.168.9.2; else echo 192.0.2.1; fi ;;
    42) echo 192.0.2.2 ;;
    6*) echo "2001:db8::$1" ;;
    esac
}
peer_address() { # what side $1 sends to
    case $outer$1 in
    41) echo 192.0.2.2 ;;
    42) if [[ ${NAT:-0} == 1 ]]; then echo %any; else echo 192.0.2.1; fi ;;
    61) echo 2001:db8::2 ;;
    62) echo 2001:db8::1 ;;
    esac
}

children_of() {
    local n=$1 other=$((3 - $1)) family local_ts remote_ts
    for family in 4 6; do
        [[ $inner == *$family* ]] || continue
        if [[ $family == 4 ]]; then
            local_ts=10.$n.0.0/24 remote_ts=10.$other.0.0/24
        else
            local_ts=fd0$n::/64 remote_ts=fd0$other::/64
        fi
        local over
        over=$(value ts_local "$n")
        local_ts=${over:-$local_ts}
        over=$(value ts_remote "$n")
        remote_ts=${over:-$remote_ts}
        printf '            net%s {\n                local_ts = %s\n                remote_ts = %s\n' \
            "$family" "$local_ts" "$remote_ts"
        printf '                esp_proposals = %s\n%s            }\n' "$(value esp "$n")" "$(value child_lines "$n")"
    done
}

write_conf() { # write_conf N: its swanctl.conf on standard output
    local n=$1
    cat <<CONF
connections {
    gw {
        version = 2
        local_addrs = $(side_address "$n")
        remote_addrs = $(peer_address "$n")
        proposals = $(value proposals "$n")
        mobike = no
$(value conn_lines "$n")
        local {
            $(value local "$n")
            id = $(value id "$n")
        }
        remote {
            $(value remote "$n")
            id = $(value peer_id "$n")
        }
        children {
$(children_of "$n")
        }
    }
}
secrets {
    ike-gw {
        id-1 = g1.example
        id-2 = g2.example
        secret = "$(value psk "$n")"
    }
$(value secret_lines "$n")
}
CONF
}

vici() { echo "unix://$dir/$1.vici"; }
side_log() { echo "$dir/side-$1.log"; }
is_culvert() { [[ $(value impl "$1") == culvert ]]; }

side_files() { :; }
declare -A culvertds=() # by pid, each that was started and not killed by the test: of which side
side_start() { # side_start N
    local n=$1
    ! is_culvert "$n" || side_said_nothing_odd "$n" # an earlier one, whose log begins anew
    (umask 077 && mkdir -p "$dir/$n/swanctl" && write_conf "$n" >"$dir/$n/swanctl/swanctl.conf")
    side_files "$n"
    write_settings "$n"
    rm -f "$dir/$n.vici"
    "start_$(value impl "$n")" "$n"
    ! is_culvert "$n" || culvertds[$(value pid "$n")]=$n
}

# What both daemons read of strongswan.conf; the rest is for charon alone. CULVERT_ENGINES: so many, of
# every culvertd.
write_settings() { # write_settings N
    local n=$1 charon_alone='' culvert_alone=''
    ! is_culvert "$n" || culvert_alone=${CULVERT_ENGINES:+culvert_engines = $CULVERT_ENGINES}
    is_culvert "$n" || charon_alone="
    load = random nonce openssl aes sha1 sha2 hmac kdf cmac xcbc ctr ccm gcm chapoly gmp curve25519 pem pkcs1 pkcs8 x509 pubkey revocation constraints ${strongswan_plane-kernel-libipsec} kernel-netlink socket-default vici updown counters ${charon_plugins-}
    plugins {
        vici { socket = $(vici "$n") }
        kernel-libipsec { allow_peer_ts = yes }
    }
    filelog { log { path = $(side_log "$n")
            default = 1
            ike = 2
            cfg = 2
            flush_line = yes } }"
    cat >"$dir/$n/strongswan.conf" <<CONF
charon {
    retransmit_tries = $retransmit_tries
    retransmit_timeout = 1
    retransmit_base = 1
    $culvert_alone
    $charon_lines$charon_alone
}
CONF
}

start_culvert() {
    local n=$1
    # shellcheck disable=SC2086  # options, if any
    setsid ip netns exec "$net_prefix-g$n" "$culvertd" --config "$dir/$n/swanctl/swanctl.conf" \
        --settings "$dir/$n/strongswan.conf" --vici "$(vici "$n")" --plane "${plane:-user}" --state-dir "$dir/$n/state" \
        --log "${culvertd_log:-info,ike=debug}" --foreground ${culvertd_options-} >"$(side_log "$n")" 2>&1 </dev/null &
    printf -v "pid_$n" %s $!
    net_pids+=("$!")
    until_true 15 side_answers "$n" "$!" || fail "culvertd of side $n did not start"
}

charon_answers() { [[ -S $dir/$1.vici ]] && swanctl_of "$1" --stats >/dev/null 2>&1; }
start_strongswan() {
    local n=$1 place=$dir/$1
    mkdir -p "$place/swanctl"/{x509,x509ca,x509ocsp,x509aa,x509ac,x509crl,pubkey,private,rsa,ecdsa,pkcs8,pkcs12}
    STRONGSWAN_CONF=$place/strongswan.conf setsid ip netns exec "$net_prefix-g$n" \
        unshare -m --propagation private bash -c 'mount -t tmpfs tmpfs /run && exec /usr/lib/ipsec/charon' \
        >"$place/charon.out" 2>&1 </dev/null &
    printf -v "pid_$n" %s $!
    net_pids+=("$!")
    # Its socket is there before anybody answers.
    until_true 30 charon_answers "$n" || { cat "$place/charon.out"; fail "charon of side $n did not start"; }
    swanctl_of "$n" --load-all >"$place/load.log" 2>&1 || { cat "$place/load.log"; fail "charon of side $n refused its configuration"; }
}

swanctl_of() { # swanctl_of N ARGS...
    local n=$1
    shift
    SWANCTL_DIR=$dir/$n/swanctl STRONGSWAN_CONF=$dir/$n/strongswan.conf timeout 60 swanctl "$@" --uri "$(vici "$n")"
}
culvert_of() { # culvert_of N ARGS...
    local n=$1
    shift
    timeout 60 "$culvert" "$@" --vici "$(vici "$n")"
}

side_answers() {
    kill -0 "$2" 2>/dev/null || fail "culvertd of side $1 ended at once"
    if is_culvert "$1"; then culvert_of "$1" status; else swanctl_of "$1" --version; fi
}
side_alive() {
    local v=pid_$1
    kill -0 "${!v}" 2>/dev/null || fail "the daemon of side $1 died"
    side_answers "$1" "${!v}" >/dev/null 2>&1 || fail "the daemon of side $1 answers no more"
}
side_said_nothing_odd() { # side_said_nothing_odd N: nor a secret
    ! grep -qsF -- "$(value psk "$1")" "$(side_log "$1")" || fail "the log of side $1 has its secret"
    ! grep -sE 'internal error|culvertd: ends|error .* ends: |Sanitizer|runtime error' "$(side_log "$1")" ||
        fail "side $1 misbehaved"
}
# Without a daemon there are no SAs either: each culvertd lives until it is told to end, and then ends well.
sides_alive() {
    local pid
    for pid in "${!culvertds[@]}"; do
        [[ -n ${net_status[$pid]-} ]] || kill -0 "$pid" 2>/dev/null ||
            fail "culvertd of side ${culvertds[$pid]} ended by itself"
    done
}
sides_end() {
    local pid
    for pid in "${!culvertds[@]}"; do
        [[ -n ${net_status[$pid]-} ]] || net_stop "$pid"
        [[ ${net_status[$pid]} == 0 ]] ||
            fail "culvertd of side ${culvertds[$pid]} was told to end, and ended with ${net_status[$pid]}"
        side_said_nothing_odd "${culvertds[$pid]}"
    done
}
# side_gives_up N REGEX: it is to end by itself within 10 s, with status 1 and such a word.
side_gives_up() {
    local v=pid_$1 status=0 said
    side_is_gone() { ! kill -0 "$1" 2>/dev/null; }
    until_true 10 side_is_gone "${!v}" || fail "culvertd of side $1 goes on"
    wait "${!v}" || status=$?
    ((status == 1)) || fail "culvertd of side $1 ended with $status, not with 1"
    unset "culvertds[${!v}]"
    said=$(side_log "$1")
    says "$said" "ends: .*$2" "it must say why it ends"
    sed -i -E 's/(culvertd:|error .*) ends: /\1 ended as it should: /' "$said"
}
side_kill() { # as a crash would
    local v=pid_$1
    unset "culvertds[${!v}]"
    kill -KILL "${!v}"
    wait "${!v}" 2>/dev/null || :
}

# up N CHILD: initiate; what the command said is in $dir/up.log.
up() {
    if is_culvert "$1"; then
        culvert_of "$1" up "$2" >"$dir/up.log" 2>&1
    else
        swanctl_of "$1" --initiate --child "$2" --timeout 30 >"$dir/up.log" 2>&1
    fi
}
up_ok() { up "$@" || { cat "$dir/up.log"; fail "side $1 cannot bring up $2"; }; }
up_fails() {
    ! up "$@" || { cat "$dir/up.log"; fail "side $1 brought up $2, which must not be possible"; }
}

# down N ike|child NAME
down() {
    if is_culvert "$1"; then
        culvert_of "$1" down "$3" >"$dir/down.log" 2>&1
    else
        swanctl_of "$1" --terminate "--$2" "$3" >"$dir/down.log" 2>&1
    fi || { cat "$dir/down.log"; fail "side $1 cannot take down $2 $3"; }
}
rekey() { # rekey N ike|child NAME: by VICI, which both speak
    swanctl_of "$1" --rekey "--$2" "$3" >"$dir/rekey.log" 2>&1 ||
        { cat "$dir/rekey.log"; fail "side $1 cannot rekey $2 $3"; }
}

list_sas() { swanctl_of "$1" --list-sas; }
sas_counted() { # sas_counted N REGEX; a daemon that does not answer has no number of SAs
    local said
    said=$(list_sas "$1" 2>/dev/null) || { echo unknown; return 1; }
    grep -cE "$2" <<<"$said" || :
}
ike_count() { sas_counted "$1" '^[^ ].*: #[0-9]+, ESTABLISHED'; }
child_count() { sas_counted "$1" '^  [^ ].*: #[0-9]+,.* INSTALLED'; }
has_ikes() { [[ $(ike_count "$1") == "$2" ]]; }
has_children() { [[ $(child_count "$1") == "$2" ]]; }
expect_sas() { # expect_sas N IKES CHILDREN, within 15 s
    until_true 15 has_ikes "$1" "$2" || { list_sas "$1" || :; fail "side $1 has $(ike_count "$1") IKE SAs, not $2"; }
    until_true 15 has_children "$1" "$3" || { list_sas "$1" || :; fail "side $1 has $(child_count "$1") Child SAs, not $3"; }
}

says() { # says FILE REGEX WHY
    grep -qiE -- "$2" "$1" || { echo "--- $1:"; tail -n 30 "$1"; fail "nothing says '$2': $3"; }
}
