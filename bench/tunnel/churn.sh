#!/usr/bin/env bash
# An SA a second under traffic: every inner packet arrives once, bit for bit, in order within its flow
# (tests/interop/lib/flows.py), and no packet names an SA that is not there. Any build of plane_end will do,
# one under a sanitizer too.
#   PLANE_END=build/bench/bin/plane_end churn.sh [native] [workers=N]
# Environment: CHURN_ROUNDS (seconds, default 10); STALLS (how often one end is stopped for a second and a
#   half, as a busy machine might; default 1)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
flows=$here/../../tests/interop/lib/flows.py
end=${PLANE_END:?the plane_end to run}
skip() { printf 'skip: %s\n' "$*"; exit 77; }
((EUID == 0)) || skip "not root: namespaces cannot be made"
[[ -c /dev/net/tun ]] || skip "no TUN device"

pfx=churn$$ dir=$(mktemp -d) pids=()
down() {
    trap - EXIT
    local pid
    for pid in "${pids[@]}"; do kill -CONT "$pid" 2>/dev/null && kill "$pid" 2>/dev/null; done
    wait
    ip netns del "${pfx}1" 2>/dev/null || :
    ip netns del "${pfx}2" 2>/dev/null || :
    rm -rf "$dir"
}
trap down EXIT
trap 'exit 1' INT TERM
until_says() { # until_says FILE REGEX
    local i
    for ((i = 0; i < 200; ++i)); do
        grep -qE -- "$2" "$1" 2>/dev/null && return
        sleep 0.1
    done
    cat "$1"
    echo "no \"$2\" was said"
    exit 1
}

ip netns add "${pfx}1"
ip netns add "${pfx}2"
ip -n "${pfx}1" link add veth0 type veth peer name veth0 netns "${pfx}2"
for n in 1 2; do
    ip -n "$pfx$n" link set lo up
    ip -n "$pfx$n" address add "10.9.0.$n/24" dev veth0
    ip -n "$pfx$n" link set veth0 up
    for i in 1 11 12 13 14 15; do ip -n "$pfx$n" address add "10.$n.0.$i/32" dev lo; done
done
for n in 1 2; do
    other=$((3 - n))
    ip netns exec "$pfx$n" "$end" "$n" "10.9.0.$n" "10.9.0.$other" "10.$n.0.0/24" "10.$other.0.0/24" \
        "state=$dir/$n" rekey "$@" >"$dir/end-$n.log" 2>&1 </dev/null &
    pids[n - 1]=$!
done
for n in 1 2; do until_says "$dir/end-$n.log" '^user'; done
mkfifo "$dir/serve.in" "$dir/ask.in"
ip netns exec "${pfx}2" "$flows" serve 10.2.0.1 7777 <"$dir/serve.in" >"$dir/serve.log" 2>&1 &
pids+=("$!")
exec {serve_in}>"$dir/serve.in"
until_says "$dir/serve.log" ready
ip netns exec "${pfx}1" "$flows" ask 10.2.0.1 7777 10.1.0.{11..15} <"$dir/ask.in" >"$dir/flows.log" 2>&1 &
asking=$!
pids+=("$asking")
exec {ask_in}>"$dir/ask.in"
until_says "$dir/flows.log" flowing
for ((stall = 0; stall < ${STALLS:-1}; ++stall)); do
    kill -STOP "${pids[stall % 2]}"
    sleep 1.5
    kill -CONT "${pids[stall % 2]}"
done
rounds=${CHURN_ROUNDS:-10}
resident() { # KiB of each end
    local pid
    for pid in "${pids[@]:0:2}"; do sed -nE 's/^VmRSS:[[:space:]]*([0-9]+).*/\1/p' "/proc/$pid/status"; done
}
# Once it has come to its ordinary size, no SA that is gone leaves anything behind.
warm=$((rounds < 60 ? rounds : 20))
sleep "$warm"
mapfile -t before < <(resident)
sleep $((rounds - warm))
mapfile -t after < <(resident)
exec {ask_in}>&-
failed=0
wait "$asking" || failed=1
cat "$dir/flows.log"
exec {serve_in}>&-
for n in 1 2; do kill "${pids[n - 1]}"; done
for n in 1 2; do wait "${pids[n - 1]}" || failed=1; done
for n in 1 2; do
    echo "end $n:"
    cat "$dir/end-$n.log"
    ! grep -qE '^(inbound_|esp_send_failed|strays_dropped|tun_write_failed).* [1-9]|WARNING: ThreadSanitizer|ERROR: ' "$dir/end-$n.log" || failed=1
done
for n in 1 2; do
    echo "end $n: ${before[n - 1]} KiB resident in the beginning, ${after[n - 1]} at the end"
    ((after[n - 1] - before[n - 1] <= 1024 + (rounds - warm))) || failed=1
done
((failed == 0)) || { echo "traffic was lost, or more"; exit 1; }
