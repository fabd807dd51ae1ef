#!/usr/bin/env bash
# fuzz.sh SECONDS JOBS PROGRAM...: runs every libFuzzer program that long, JOBS at a time, from the
# corpus in the source; what it finds new stays in build/fuzz/corpus, a crash in build/fuzz/crash-*.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=$1 jobs=$2
shift 2

run_one() {
    local program=$1 seconds=$2 name grown seed log rc=0
    name=$(basename "$program")
    grown=build/fuzz/corpus/$name
    log=build/fuzz/$name.log
    seed=()
    for place in "tests/fuzz/corpus/$name" "tests/fuzz/corpus/${name#fuzz_}"; do
        [[ ! -d $place ]] || seed+=("$place")
    done
    mkdir -p "$grown"
    "$program" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/crash-$name-" "$grown" "${seed[@]}" >"$log" 2>&1 || rc=$?
    if ((rc)); then
        printf 'fuzz: %s FAILED:\n' "$name"
        tail -n 40 "$log"
        return 1
    fi
    printf 'fuzz: %-28s %10s runs, coverage %s\n' "$name" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
        "$(grep -oE 'cov: [0-9]+' "$log" | tail -n 1 | cut -d' ' -f2)"
}
export -f run_one
export ASAN_OPTIONS=${ASAN_OPTIONS:-allocator_may_return_null=1}
# shellcheck disable=SC2016  # expanded by the inner shell
printf '%s\0' "$@" | xargs -0 -P "$jobs" -I{} bash -c 'run_one "$1" "$2"' _ {} "$seconds"
printf 'fuzz: %d targets, %s s each: no crash, no sanitizer report\n' "$#" "$seconds"
