#!/usr/bin/env bash
# Tunnel benches: Culvert beside plain veth and its rivals, in network namespaces of their own.
#   run.sh OUT-FOLDER
# Environment: CULVERTD, CULVERT (programs), RUNS (default 3), DUR (seconds a TCP test, default 5),
#   IMPLS (default: all that are installed), TESTS; see peers/bench-tunnel.sh in the shared folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
out=${1:?folder for table and chart}
shared=${CULVERT_SHARED:-$here/../../../shared}
bench=$shared/peers/bench-tunnel.sh
skip() { printf 'skip: %s\n' "$*"; exit 77; }

((EUID == 0)) || skip "not root: namespaces cannot be made"
[[ -f $bench ]] || skip "no peers/bench-tunnel.sh in $shared (CULVERT_SHARED)"
[[ -c /dev/net/tun ]] || skip "no TUN device"
for tool in iperf3 ping python3; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done
export CULVERTD=${CULVERTD:?the culvertd to measure} CULVERT=${CULVERT:?the culvert beside it}

if [[ -z ${IMPLS-} ]]; then
    IMPLS="plain $here/impl-culvert.sh $here/impl-culvert-native.sh"
    while read -r impl program; do
        if command -v "$program" >/dev/null || [[ -x $program ]]; then
            IMPLS+=" $impl"
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
rm -f "$out/runs.csv"
# shellcheck disable=SC2086  # a list of names
PFX=cb$$ DUR=${DUR:-5} UDUR=${UDUR:-3} TRIES=${TRIES:-2} TESTS=${TESTS:-tcp1 tcp1r tcp4 tcp4r ndr64 ping} \
    STATE=$(mktemp -d /tmp/culvert-bench.XXXXXX) LOCK=/tmp/culvert-bench.$$.lock \
    bash "$bench" "$out/runs.csv" "${RUNS:-3}" $IMPLS
rm -f "/tmp/culvert-bench.$$.lock"
python3 "$here/report.py" "$out/runs.csv" "$out"
