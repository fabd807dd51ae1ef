#!/usr/bin/env bash
# The demo behind ./dev demo: two hosts, two gateways with culvertd, one tunnel, all in namespaces of
# its own. Shows one screen and takes everything down again; with --keep it leaves all standing and
# says how to look around and how to remove it. The topology is drawn in tests/interop/lib/net.sh.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
keep=0
case ${1-} in
'') ;;
--keep) keep=1 ;;
*) echo "usage: ./dev demo [--keep]" >&2; exit 2 ;;
esac

# shellcheck source=tests/interop/lib/net.sh
. "$source/tests/interop/lib/net.sh"
# shellcheck source=tests/interop/lib/wire.sh
. "$source/tests/interop/lib/wire.sh"
# shellcheck source=tests/interop/lib/sides.sh
. "$source/tests/interop/lib/sides.sh"
both impl "${CULVERT_AS:-culvert}"

fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }
title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[[ -t 1 ]] || title() { printf '\n%s\n' "$*"; }
indent() { sed 's/^/   /'; }

# shellcheck disable=SC2119
why=$(net_can) || fail "$why"
began=$SECONDS
dir=$(mktemp -d /tmp/culvert-demo.XXXXXX)
finish() {
    local rc=$? n
    trap '' INT TERM
    if ((rc)); then
        for n in 1 2; do
            [[ ! -s $(side_log "$n") ]] || { echo "--- what culvertd of g$n said last:"; tail -n 15 "$(side_log "$n")"; }
        done >&2
    fi
    if ((rc == 0 && keep)); then return; fi
    net_end
    rm -rf -- "$dir"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

rate() { # rate [-R]: Gbit/s of TCP between the hosts
    timeout 20 ip netns exec "$net_prefix-h1" iperf3 -c 10.2.0.2 -t 2 -J "$@" >"$dir/iperf.json" || {
        cat "$dir/iperf.json" >&2
        fail "iperf3 did not get through"
    }
    # iperf3's own summary of what the receiver got
    awk '/"sum_received"/ { inside = 1 } inside && /"bits_per_second"/ { gsub(/[^0-9.e+]/, "", $2); printf "%.2f\n", $2 / 1e9; exit }' \
        "$dir/iperf.json"
}

# Milliseconds from the first IKE_SA_INIT to the last IKE_AUTH, as seen on the wire.
handshake_ms() {
    tcpdump -tt -n -r "$dir/wire.pcap" '(udp port 500 and (udp[26] = 34 or udp[26] = 35))
        or (udp port 4500 and udp[8:4] = 0 and udp[30] = 35)' 2>/dev/null |
        awk 'NR == 1 { first = $1 } { last = $1 } END { printf "%.1f", (last - first) * 1000 }'
}

cat <<'PICTURE'
Culvert: two hosts, two gateways, one IPsec tunnel

   host h1         gateway g1                      gateway g2         host h2
  10.1.0.2 ----- 10.1.0.1  192.0.2.1 ======= 192.0.2.2  10.2.0.1 ----- 10.2.0.2
                              only IKE and ESP here
PICTURE

net_gateways
wire_begin 96
side_start 2
side_start 1

title "g1\$ culvert up net4"
up 1 net4 || { cat "$dir/up.log"; fail "the tunnel did not come up"; }
indent <"$dir/up.log"

title "h1\$ ping 10.2.0.2"
until_true 5 ns h1 ping -n -c 1 -W 1 10.2.0.2 || fail "no answer through the tunnel"
ns h1 ping -n -q -c 5 -i 0.1 -W 2 10.2.0.2 | tail -n 2 | indent

title "h1\$ iperf3 -c 10.2.0.2"
ip netns exec "$net_prefix-h2" iperf3 -s -B 10.2.0.2 >/dev/null 2>&1 &
server=$!
net_pids+=("$server")
until_true 5 iperf_listens || fail "iperf3 does not listen"
printf '   TCP h1 to h2: %s Gbit/s\n' "$(rate)"
printf '   TCP h2 to h1: %s Gbit/s\n' "$(rate -R)"
net_stop "$server"

title "g1\$ culvert status"
if is_culvert 1; then culvert_of 1 status; else swanctl_of 1 --list-sas; fi | indent

title "between the gateways: tcpdump"
wire_end
tcpdump -n -t -r "$dir/wire.pcap" "udp port 500 or udp port 4500 or esp" -c 6 2>/dev/null | cut -c 1-100 | indent
clear=$(wire_clear)
esp=$(($(wire_esp_native) + $(wire_esp_encapsulated)))
ike=$(wire_count "udp port 500 or (udp port 4500 and udp[8:4] = 0)")
printf '   ...\n   %d IKE messages, %d ESP packets, %d packets of anything else\n' "$ike" "$esp" "$clear"
printf '   handshake: %s ms from the first IKE_SA_INIT to the last IKE_AUTH\n' "$(handshake_ms)"
((clear == 0)) || fail "$clear packets were in the clear on the wire"
((esp > 0)) || fail "no ESP packet was on the wire"

printf '\nAll of it in %d s.\n' $((SECONDS - began))
if ((keep)); then
    {
        printf '#!/bin/bash\nkill %s 2>/dev/null\nsleep 1\n' "${net_pids[*]}"
        printf 'ip netns del %s\n' "${net_spaces[@]}"
        printf 'rm -rf -- %s\n' "$dir"
    } >"$dir/remove"
    chmod 700 "$dir/remove"
    cat <<KEPT

It is left standing. To look around (as root):
   $culvert status --vici $(vici 1)
   ip netns exec $net_prefix-h1 ping 10.2.0.2
   ip netns exec $net_prefix-g2 tcpdump -n -i wan
   less $(side_log 1)            configurations: $dir/{1,2}/swanctl/swanctl.conf
To remove it:
   $dir/remove
KEPT
fi
