#!/usr/bin/env bash
# What a handshake costs the responder: IKE_SA_INIT, IKE_AUTH and a Child SA from culvert-load, against
# culvertd (null plane) and against strongSwan's charon, beside the limit that libcrypto sets.
#
# No side installs policies: charon's user-space plane would make a route for each, ours does nothing.
# Nor does either write a line for an SA: the log is for what goes wrong.
#
#   netns A: culvert-load, CPU 0  [10.99.0.1] ---- [10.99.0.2]  netns B: the responder, CPU 1
#
#   run.sh OUT-FOLDER [quick]
# Environment: CULVERTD, CULVERT_LOAD (programs), CLIENTS (default 4000; quick 1000), IDLE (how many to
#   hold idle; default 20000; quick 2000), HOLD (seconds; default 60; quick 15)
set -euo pipefail
out=${1:?folder for the figures}
quick=${2-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
peers=${CULVERT_SHARED:-$here/../../../shared}/peers
CULVERTD=${CULVERTD:?the culvertd to measure} CULVERT_LOAD=${CULVERT_LOAD:?the culvert-load beside it}
clients=${CLIENTS:-4000} idle=${IDLE:-20000} hold=${HOLD:-60}
if [[ $quick == quick ]]; then clients=${CLIENTS:-1000} idle=${IDLE:-2000} hold=${HOLD:-15}; fi
skip() { printf 'skip: %s\n' "$*"; exit 77; }
((EUID == 0)) || skip "not root: namespaces cannot be made"

prefix=cvh$$
work=$(mktemp -d)
daemon=''
stop() {
    if [[ -n $daemon ]]; then kill "$daemon" 2>/dev/null || :; wait "$daemon" 2>/dev/null || :; fi
    daemon=''
    [[ ! -d $work/peers/ss-load ]] || STATE=$work/peers "$peers/strongswan-node.sh" down load >/dev/null 2>&1 || :
}
# shellcheck disable=SC2317  # called by the trap
clean() {
    stop
    ip netns del "${prefix}A" 2>/dev/null || :
    ip netns del "${prefix}B" 2>/dev/null || :
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 1' INT TERM

for n in A B; do ip netns add "$prefix$n"; ip -n "$prefix$n" link set lo up; done
ip link add v0 netns "${prefix}A" type veth peer name v0 netns "${prefix}B"
ip -n "${prefix}A" addr add 10.99.0.1/24 dev v0
ip -n "${prefix}B" addr add 10.99.0.2/24 dev v0
for n in A B; do ip -n "$prefix$n" link set v0 up; done

# ---- configurations

certificates() { # FOLDER NAME: the CA, and a key and certificate of NAME
    local folder=$1 name=$2
    mkdir -p "$folder"/{x509,x509ca,private}
    cp "$work/ca.pem" "$folder/x509ca/"
    openssl ecparam -name prime256v1 -genkey -noout -out "$folder/private/$name.pem" 2>/dev/null
    openssl req -new -key "$folder/private/$name.pem" -subj "/CN=$name" 2>/dev/null |
        openssl x509 -req -days 30 -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
            -extfile <(printf 'subjectAltName=DNS:%s\n' "$name") -out "$folder/x509/$name.pem" 2>/dev/null
}
openssl ecparam -name prime256v1 -genkey -noout -out "$work/ca.key" 2>/dev/null
openssl req -x509 -new -key "$work/ca.key" -days 30 -subj "/CN=Load CA" -out "$work/ca.pem" 2>/dev/null

side() { # FOLDER client|gateway psk|pubkey DPD: writes swanctl.conf
    local folder=$1 role=$2 auth=$3 dpd=$4 local_end remote_end addresses selectors
    if [[ $role == client ]]; then
        local_end='id = client.load' remote_end='id = gateway.load'
        addresses='local_addrs = 10.99.0.1
        remote_addrs = 10.99.0.2'
        selectors='local_ts = 10.0.0.0/8
                remote_ts = 192.168.0.0/16'
    else
        local_end='id = gateway.load' remote_end='id = %any'
        addresses='local_addrs = 10.99.0.2
        remote_addrs = %any'
        selectors='local_ts = 192.168.0.0/16
                remote_ts = 10.0.0.0/8'
    fi
    mkdir -p "$folder"
    if [[ $auth == pubkey ]]; then
        certificates "$folder" "$role.load"
        local_end+="
            certs = $role.load.pem"
    fi
    cat >"$folder/swanctl.conf" <<CONF
connections {
    load {
        version = 2
        $addresses
        proposals = aes256gcm16-prfsha256-x25519
        mobike = no
        encap = $([[ $role == gateway ]] && echo yes || echo no)
        unique = never
        dpd_delay = ${dpd}s
        rekey_time = 8h
        local {
            auth = $auth
            $local_end
        }
        remote {
            auth = $auth
            $remote_end
        }
        children {
            net {
                $selectors
                esp_proposals = aes256gcm16
                policies = no
                rekey_time = 8h
                life_time = 9h
            }
        }
    }
}
$([[ $auth == pubkey ]] || echo 'secrets {
    ike-load {
        secret = "only for the bench"
    }
}')
CONF
    chmod 600 "$folder/swanctl.conf"
}

# ---- responders

start_culvertd() { # FOLDER
    local folder=$1
    cat >"$folder/strongswan.conf" <<CONF
charon {
    cookie_threshold = 0
    cookie_threshold_ip = 0
    block_threshold = 0
}
CONF
    ip netns exec "${prefix}B" taskset -c 1 "$CULVERTD" --config "$folder/swanctl.conf" \
        --settings "$folder/strongswan.conf" --vici "unix://$folder/vici" --plane null \
        --state-dir "$folder/state" --log warn,file="$folder/log" --foreground >"$folder/out" 2>&1 &
    daemon=$!
    for _ in $(seq 100); do
        [[ ! -S $folder/vici ]] || return 0
        sleep 0.1
    done
    cat "$folder/out" "$folder/log"
    return 1
}

start_charon() { # FOLDER
    local folder=$1 state=$work/peers/ss-load
    mkdir -p "$state"
    rm -rf "$state/swanctl"
    cp -r "$folder" "$state/swanctl"
    mkdir -p "$state/swanctl"/{x509,x509ca,private,pubkey,rsa,ecdsa,pkcs8,pkcs12,bliss,x509aa,x509ocsp,x509crl,x509ac}
    cat >"$state/strongswan.conf" <<CONF
charon {
  load = random nonce aesni openssl gcm aes sha2 sha1 hmac kdf curve25519 pem x509 pubkey pkcs1 pkcs8 revocation constraints kernel-libipsec kernel-netlink socket-default vici counters
  threads = 16
  # As many IKE SAs as here are too many for the one list that is its default.
  ikesa_table_size = 4096
  ikesa_table_segments = 16
  cookie_threshold = 0
  cookie_threshold_ip = 0
  block_threshold = 0
  install_routes = no
  plugins {
    vici { socket = unix://$state/charon.vici }
    kernel-libipsec { allow_peer_ts = yes }
  }
  filelog { log { path = $state/charon.log
      default = 0
      flush_line = yes } }
}
CONF
    STATE=$work/peers KEEP_CONF=1 CPU=1 "$peers/strongswan-node.sh" up load "${prefix}B"
    daemon_of_charon=$(cat "$state/pid")
}

load() { # NAME CLIENT-FOLDER PID CLIENTS ARGS...
    local name=$1 folder=$2 pid=$3 count=$4
    shift 4
    ip netns exec "${prefix}A" "$CULVERT_LOAD" --name "$name" --config "$folder/swanctl.conf" --cpu 0 \
        --local 10.99.0.1 --remote 10.99.0.2 --clients "$count" --pid "$pid" "$@" | tee -a "$out/handshake.txt"
}

mkdir -p "$out"
: >"$out/handshake.txt"
for auth in psk pubkey; do
    side "$work/$auth-client" client "$auth" 0
    side "$work/$auth-gateway" gateway "$auth" 0
    own=()
    [[ $auth != psk ]] || own=(--own-identities)
    start_culvertd "$work/$auth-gateway"
    load "culvertd, $auth" "$work/$auth-client" "$daemon" "$clients" --warm-up 300 --limit "${own[@]}"
    stop
    if [[ -x /usr/lib/ipsec/charon && -x $peers/strongswan-node.sh ]]; then
        start_charon "$work/$auth-gateway"
        load "charon, $auth" "$work/$auth-client" "$daemon_of_charon" "$((clients / 8))" --warm-up 100 \
            --limit "${own[@]}" || :
        stop
    else
        echo "strongSwan is left out: it is not installed" | tee -a "$out/handshake.txt"
    fi
done
side "$work/idle-client" client psk 0
side "$work/idle-gateway" gateway psk 30
start_culvertd "$work/idle-gateway"
load "culvertd, idle" "$work/idle-client" "$daemon" "$idle" --own-identities --hold "$hold" --seconds 300
