#!/usr/bin/env bash
# P-12: no octet that was never written leaves the engine. The same runs with fresh memory full of
# one pattern and of another must send the same octets.
#   poisoned_memory.sh CULVERT-SIM
set -euo pipefail
sim=${1:?the culvert-sim to run}
play() { # PATTERN (0..255): the tallies of some worlds, with a digest of all that was sent
    local pattern=$1 world
    for world in lossy rekey addresses nat; do
        # glibc fills with the complement; AddressSanitizer has its own allocator and names for it.
        MALLOC_PERTURB_=$pattern \
            ASAN_OPTIONS="${ASAN_OPTIONS:-}:max_malloc_fill_size=65536:malloc_fill_byte=$pattern" \
            "$sim" --world "$world" --seeds 8
    done
}
one=$(play 85)
two=$(play 170)
grep -q 'sent_digest=[1-9]' <<<"$one" || { echo "the runs sent nothing: $one"; exit 1; }
if [[ $one != "$two" ]]; then
    echo "what was sent depends on what memory held before:"
    diff <(printf '%s\n' "$one") <(printf '%s\n' "$two") || :
    exit 1
fi
echo "the same octets whatever memory held"
