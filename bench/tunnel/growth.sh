#!/usr/bin/env bash
# Many tunnels, all but one of them silent, beside one: what they cost in memory, that the routes of all are
# there, and that the one with traffic is as fast as it would be alone (iperf3, TCP, in turns; medians).
#   PLANE_END=build/bench/bin/plane_end growth.sh [TUNNELS [RUNS]]
# Environment: DUR (seconds a run, default 3)
set -euo pipefail
end=${PLANE_END:?the plane_end to run}
tunnels=${1:-10000} runs=${2:-5}
skip() { printf 'skip: %s\n' "$*"; exit 77; }
((EUID == 0)) || skip "not root: namespaces cannot be made"
[[ -c /dev/net/tun ]] || skip "no TUN device"
command -v iperf3 >/dev/null || skip "iperf3 is not installed"
dir=$(mktemp -d) pids=() spaces=()
down() {
    trap - EXIT
    local pid netns
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || :; done
    wait
    for netns in "${spaces[@]}"; do ip netns del "$netns" 2>/dev/null || :; done
    rm -rf "$dir"
}
trap down EXIT
trap 'exit 1' INT TERM
# until_there FILE REGEX PID
until_there() {
    until grep -qE "$2" "$1" 2>/dev/null; do
        kill -0 "$3" 2>/dev/null || { cat "$1"; exit 1; }
        sleep 0.1
    done
}
pair() { # pair NAME TUNNELS: two ends in namespaces, an iperf3 server at the second
    local prefix=gr$$$1 n other said='^user'
    (($2 == 1)) || said=octets
    for n in 1 2; do
        ip netns add "$prefix$n"
        spaces+=("$prefix$n")
    done
    ip -n "${prefix}1" link add veth0 type veth peer name veth0 netns "${prefix}2"
    for n in 1 2; do
        ip -n "$prefix$n" link set lo up
        ip -n "$prefix$n" address add "10.9.0.$n/24" dev veth0
        ip -n "$prefix$n" link set veth0 up
        ip -n "$prefix$n" address add "10.$n.0.1/32" dev lo
    done
    for n in 1 2; do
        other=$((3 - n))
        ip netns exec "$prefix$n" "$end" "$n" "10.9.0.$n" "10.9.0.$other" "10.$n.0.0/24" "10.$other.0.0/24" \
            "state=$dir/$1$n" "tunnels=$2" >"$dir/$1$n.log" 2>&1 </dev/null &
        pids+=("$!")
        until_there "$dir/$1$n.log" "$said" "$!"
    done
    ip netns exec "${prefix}2" iperf3 -s --forceflush -B 10.2.0.1 >"$dir/$1.iperf" 2>&1 </dev/null &
    pids+=("$!")
    until_there "$dir/$1.iperf" listening "$!"
}
rate() { # rate NAME: Mbit/s
    ip netns exec "gr$$${1}1" iperf3 -c 10.2.0.1 -B 10.1.0.1 -t "${DUR:-3}" -f m |
        sed -nE 's/.* ([0-9.]+) Mbits\/sec.*receiver/\1/p'
}
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
pair a 1
pair b "$tunnels"
for n in 1 2; do grep octets "$dir/b$n.log"; done
for n in 1 2; do
    routes=$(ip -n "gr$$b$n" route show table 220 | grep -c 'dev culvert0')
    ((routes == tunnels)) || { echo "end $n has $routes routes"; exit 1; }
done
one=() many=()
for ((run = 0; run < runs; ++run)); do
    one+=("$(rate a)")
    many+=("$(rate b)")
done
a=$(median "${one[@]}") b=$(median "${many[@]}")
echo "one tunnel: ${one[*]} Mbit/s; one of $tunnels: ${many[*]} Mbit/s"
awk -v a="$a" -v b="$b" 'BEGIN { printf "ratio of the medians %.2f\n", b / a }'
