#!/usr/bin/env bash
# Tunnel benches: Culvert beside plain veth and its rivals, in network namespaces of their own.
#   run.sh OUT-FOLDER [quick]
# Environment: CULVERTD, CULVERT (programs), RUNS (default 3; quick 1), DUR (seconds a TCP test, default 5;
#   quick 2), IMPLS (files; default: all that are installed), TESTS (see measure.py)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
out=${1:?folder for table and chart}
shared=${CULVERT_SHARED:-$here/../../../shared}
peers=$shared/peers
quick=${2-}
skip() { printf 'skip: %s\n' "$*"; exit 77; }

((EUID == 0)) || skip "not root: namespaces cannot be made"
[[ -f $peers/lib.sh ]] || skip "no peers/lib.sh in $shared (CULVERT_SHARED)"
[[ -c /dev/net/tun ]] || skip "no TUN device"
for tool in iperf3 ping python3 ip ss; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done
export CULVERTD=${CULVERTD:?the culvertd to measure} CULVERT=${CULVERT:?the culvert beside it}

if [[ -z ${IMPLS-} ]]; then
    IMPLS="$peers/impl-plain.sh $here/impl-culvert.sh $here/impl-culvert-native.sh"
    while read -r impl program; do
        if command -v "$program" >/dev/null || [[ -x $program ]]; then
            IMPLS+=" $peers/impl-$impl.sh"
        else
            echo "$impl is left out: $program is not installed"
        fi
    done <<'PEERS'
wireguard-go wireguard-go
openvpn openvpn
strongswan /usr/lib/ipsec/charon
PEERS
fi
mkdir -p "$out"
runs=3 seconds=5
if [[ $quick == quick ]]; then
    runs=1 seconds=2
    export TESTS=${TESTS:-tcp1 tcp4 udp64 ping} UDP_STEPS=${UDP_STEPS:-5} UDP_SECONDS=${UDP_SECONDS:-1}
fi
# shellcheck disable=SC2086  # a list of names
python3 "$here/measure.py" "$peers" "$out/runs.csv" "${RUNS:-$runs}" "${DUR:-$seconds}" $IMPLS
python3 "$here/report.py" "$out/runs.csv" "$out"
