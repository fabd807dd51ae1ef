# shellcheck shell=bash disable=SC2034,SC2154
# The user plane at both ends without a key exchange; PLANE_END is the program. Beside impl-plane-end-copy.sh, where
# the cipher is a copy, it shows what share of the way is the cipher's.
plane_end=${PLANE_END:?the plane_end to measure}
impl_up() {
    local n side=0
    PIDS=()
    for n in A B; do
        side=$((side + 1))
        local own=$OUT_A other=$OUT_B own_net=$NET_A other_net=$NET_B
        [ "$n" = A ] || { own=$OUT_B other=$OUT_A own_net=$NET_B other_net=$NET_A; }
        # shellcheck disable=SC2086  # a list of words
        setsid ip netns exec "$PFX$n" "$plane_end" $side "$own" "$other" "$own_net" "$other_net" \
            "state=$STATE/pe-$n" ${PLANE_END_WORDS-} >"$STATE/pe-$n.log" 2>&1 </dev/null &
        PIDS+=("$!")
    done
}
impl_down() {
    local p
    for p in ${PIDS[@]+"${PIDS[@]}"}; do kill_pid "$p"; done
    PIDS=()
}
