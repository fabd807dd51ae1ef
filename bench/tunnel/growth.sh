#!/usr/bin/env bash
# Many tunnels, all but one of them silent: what they cost in memory, and that the routes of all are there.
#   PLANE_END=build/bench/bin/plane_end growth.sh [TUNNELS]
set -euo pipefail
end=${PLANE_END:?the plane_end to run}
tunnels=${1:-10000}
skip() { printf 'skip: %s\n' "$*"; exit 77; }
((EUID == 0)) || skip "not root: namespaces cannot be made"
[[ -c /dev/net/tun ]] || skip "no TUN device"
netns=growth$$ dir=$(mktemp -d) pid=
down() {
    trap - EXIT
    [[ -z $pid ]] || { kill "$pid" 2>/dev/null && wait "$pid"; }
    ip netns del "$netns" 2>/dev/null || :
    rm -rf "$dir"
}
trap down EXIT
trap 'exit 1' INT TERM
ip netns add "$netns"
ip -n "$netns" link set lo up
ip -n "$netns" address add 10.9.0.1/24 dev lo
ip netns exec "$netns" "$end" 1 10.9.0.1 10.9.0.2 10.1.0.0/24 10.2.0.0/24 "state=$dir/state" "tunnels=$tunnels" \
    >"$dir/log" 2>&1 </dev/null &
pid=$!
until grep -q octets "$dir/log"; do
    kill -0 "$pid" 2>/dev/null || { cat "$dir/log"; exit 1; }
    sleep 0.1
done
cat "$dir/log"
routes=$(ip -n "$netns" route show table 220 | grep -c 'dev culvert0')
echo "$routes routes"
((routes == tunnels)) || exit 1
