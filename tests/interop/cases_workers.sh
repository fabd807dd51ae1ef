# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Several workers, SAs that change under traffic, and a plane without its fast paths: every inner packet
# arrives once, bit for bit, in order within its flow (lib/flows.py).

# threads_of N COUNT: workers of side N; the other side keeps what it has.
declare -A threads_of
with_threads() {
    side_files() {
        local n=$1
        [[ -z ${threads_of[$n]-} ]] || charon_lines="    threads = ${threads_of[$n]}"
    }
}
flows_input='' flows_pid=''
flows_begin() { # traffic from h1 to h2 and back until flows_end
    local i addresses=()
    for i in 11 12 13 14 15; do
        net_address h1 eth0 "10.1.0.$i/24"
        addresses+=("10.1.0.$i")
    done
    mkfifo "$dir/serve.in" "$dir/ask.in"
    ip netns exec "$net_prefix-h2" "$here/lib/flows.py" serve 10.2.0.2 7777 <"$dir/serve.in" >"$dir/serve.log" 2>&1 &
    net_pids+=("$!")
    exec {flows_serve}>"$dir/serve.in"
    until_true 10 grep -q ready "$dir/serve.log" || { cat "$dir/serve.log"; fail "the far end of the flows does not start"; }
    ip netns exec "$net_prefix-h1" "$here/lib/flows.py" ask 10.2.0.2 7777 "${addresses[@]}" <"$dir/ask.in" >"$dir/flows.log" 2>&1 &
    flows_pid=$!
    net_pids+=("$!")
    exec {flows_ask}>"$dir/ask.in"
    until_true 20 grep -q flowing "$dir/flows.log" || { cat "$dir/flows.log"; fail "the flows through the tunnel do not begin"; }
}
flows_end() {
    exec {flows_ask}>&-
    wait "$flows_pid" || { cat "$dir/flows.log"; culvert_of 1 stats; culvert_of 2 stats; fail "flows through the tunnel are not what was sent"; }
    exec {flows_serve}>&-
    cat "$dir/flows.log"
}
workers_case() { # workers_case WORKERS-1 WORKERS-2 COMMAND...
    threads_of=([1]=$1 [2]=$2)
    with_threads
    shift 2
    begin
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    flows_begin
    "$@"
    flows_end
    down 1 ike gw
}
rekeys() { # rekeys ROUNDS: of the Child SA, one side after the other, as fast as they go
    local round
    for ((round = 0; round < $1; ++round)); do rekey $((1 + round % 2)) child net4; done
}
# Each of the workers had something to do.
worked_by_all() { # worked_by_all N COUNT
    local v=pid_$1 task name times count=0
    local -A waited=()
    for task in "/proc/${!v}/task"/*; do
        name=$(<"$task/comm")
        # A worker's second thread helps it when there is much to send.
        [[ $name == worker-* || $name == egress-* ]] || continue
        times=$(sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "$task/status")
        echo "$name waited $times times"
        waited[${name#*-}]=$((${waited[${name#*-}]-0} + times))
    done
    # Once a second for their clocks alone.
    for times in "${waited[@]}"; do ((times < 100)) || ((++count)); done
    ((count == $2)) || fail "side $1 works with $count workers, not $2"
}
# CHURN_ROUNDS: 600 take some minutes.
case_churn_encap() {
    both_conn 'encap = yes'
    spread() { rekeys "${CHURN_ROUNDS:-12}"; worked_by_all 1 2; }
    workers_case 2 3 spread
}
case_churn_native() { both_conn 'encap = no'; workers_case 3 2 rekeys "${CHURN_ROUNDS:-12}"; }
# A Child SA for each worker (RFC 9611): all of them carry something, and rekeying leaves none out.
cpus_of() { # cpus_of N: "cpu packets that left" of each Child SA, in order
    swanctl_of "$1" --list-sas --raw | grep -oE '(state=INSTALLED|cpu=[0-9]+|packets-out=[0-9]+)' | paste -sd' ' |
        grep -oE 'state=INSTALLED cpu=[0-9]+ packets-out=[0-9]+' | sed 's/.*cpu=//; s/packets-out=//' | sort
}
has_cpus() { # has_cpus N COUNT
    (($(cpus_of "$1" | wc -l) == $2))
}
cpus_carry() { ! cpus_of "$1" | grep -q ' 0$'; }
case_per_cpu_sas() {
    local n
    both_conn 'encap = yes'
    for n in 1 2; do child $n 'per_cpu_sas = yes'; done
    each_carries() {
        until_true 10 has_cpus 1 3 || { list_sas 1; fail "side 1 has not three Child SAs"; }
        has_cpus 2 3 || { list_sas 2; fail "side 2 has not three Child SAs"; }
        rekeys 6
        until_true 10 cpus_carry 1 || { cpus_of 1; fail "a Child SA of side 1 carries nothing"; }
    }
    workers_case 3 2 each_carries
}
# Each fast path left alone, and all of them; status tells which are in use.
without() { # without NAMES REGEX-OF-STATUS REGEX-THAT-STATUS-LACKS
    both_conn 'encap = yes'
    export CULVERT_PLANE_WITHOUT=$1
    begin
    up_ok 1 net4
    # What the kernel has no room for on its way to us is not for us to answer for.
    local n
    for n in 1 2; do ip -n "$net_prefix-g$n" link set culvert0 txqueuelen 10000; done
    culvert_of 1 status >"$dir/status.log"
    says "$dir/status.log" "fast paths: .*$2" "which fast paths are in use"
    ! grep -qE -- "fast paths:.*($3)" "$dir/status.log" || { cat "$dir/status.log"; fail "status tells of a fast path that was to be left alone"; }
    ping_ok h1 10.2.0.2
    flows_begin
    rekeys 2
    flows_end
    down 1 ike gw
}
case_without_tun_offload() { without tun-offload 'UDP GSO' super-packets; }
case_without_udp_gso() { without udp-gso 'UDP GRO' 'UDP GSO'; }
case_without_udp_gro() { without udp-gro 'UDP GSO' 'UDP GRO'; }
case_without_all() { without all '(TUN queues|none)' 'super-packets|UDP GSO|UDP GRO'; }

# A stranger sends all the ESP in UDP that it can, under SPIs that nobody has and under one that is in use:
# packets still pass, and the key exchange does not notice.
case_flood() {
    both_conn 'encap = yes'
    begin
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    local spi
    spi=$(list_sas 1 | sed -nE 's/^ +in +([0-9a-f]{8}).*/\1/p' | head -1)
    [[ -n $spi ]] || { list_sas 1; fail "no inbound SPI is shown"; }
    ip netns exec "$net_prefix-g2" python3 -c '
import os, socket, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
packets = [bytes.fromhex(sys.argv[1]) + os.urandom(60)] + [b"\xc0" + os.urandom(63) for _ in range(63)]
while True:
    for packet in packets:
        out.sendto(packet, ("192.0.2.1", 4500))' "$spi" &
    local flood=$!
    net_pids+=("$flood")
    flooded() { (($(culvert_of 1 stats | sed -nE 's/.*inbound_no_sa[^0-9]*([0-9]+).*/\1/p' | head -1) > 10000)); }
    until_true 20 flooded || { culvert_of 1 stats; fail "the flood is not seen"; }
    local round
    for round in 1 2 3; do
        rekey 1 child net4
        rekey 2 ike gw
        ping_ok h1 10.2.0.2
    done
    kill -0 "$flood" || fail "the flood ended before its time"
    kill "$flood"
    culvert_of 1 stats >"$dir/stats.log"
    says "$dir/stats.log" 'inbound_(integrity|auth|icv)[^0-9]*[1-9]' "forged packets under a live SPI are counted"
    says "$dir/stats.log" 'ike_receive_overflow[^0-9]*0' "no IKE is lost"
    down 1 ike gw
}

# One tunnel is given far more than it can carry, and what goes through another still leaves whole: it waits in a
# queue of its own (lanes of plane/limits.hpp). Seen where it leaves, by the counter of its SA: what a busy far
# end does with it is another matter. Sources are chosen whose lane is not the flood's.
case_flood_out() {
    inner=46
    both_conn 'encap = yes'
    threads_of=([1]=1)
    with_threads
    begin
    establish
    local -a calm
    mapfile -t calm < <(python3 - <<'PY'
import ipaddress, struct
def lane(source, destination):  # plane/user/flow_steering.cpp
    octets = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    mixed = 0
    for (word,) in struct.iter_unpack("!I", octets):
        mixed = ((mixed ^ word) * 0x2c1b3c6d) & 0xffffffff
        mixed ^= mixed >> 15
    return mixed % 8
flooded = lane("10.1.0.1", "10.2.0.2")
print("\n".join([a for a in (f"fd01::{n}" for n in range(0x10, 0x40)) if lane(a, "fd02::2") != flooded][:5]))
PY
    )
    ((${#calm[@]} == 5)) || fail "no sources beside the flood"
    net_address g1 lan "${calm[@]/%//128}"
    ns g1 ping -n -q -6 -c 1 -W 3 -I "${calm[0]}" fd02::2 >/dev/null || fail "no answer before the flood"
    ip netns exec "$net_prefix-g1" python3 -c '
import socket
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.bind(("10.1.0.1", 0))
out.connect(("10.2.0.2", 9))
out.setsockopt(17, 103, 64)  # UDP_SEGMENT
while True:
    try:
        out.send(bytes(64 * 60))
    except OSError:
        pass' &
    local flood=$! lost before after address
    net_pids+=("$flood")
    lost_some() { (($(culvert_of 1 stats | sed -nE 's/.*tun_queue_full[^0-9]*([0-9]+).*/\1/p' | head -1) > 1000)); }
    sent_6() { list_sas 1 | awk '/net6:/ { mine = 1 } mine && $1 == "out" { for (i = 2; i < NF; ++i) if ($(i + 1) ~ /^packets/) { print $i; exit } }'; }
    until_true 20 lost_some || { culvert_of 1 stats; fail "nothing of the flood is lost"; }
    before=$(sent_6)
    for address in "${calm[@]}"; do ns g1 ping -n -q -6 -c 10 -i 0.02 -W 1 -I "$address" fd02::2 >/dev/null || :; done
    sent_all() { after=$(sent_6); ((after - before >= 50)); }
    until_true 10 sent_all || { list_sas 1; culvert_of 1 stats; fail "of 50 packets beside the flood only $((after - before)) left"; }
    rekey 1 ike gw
    kill -0 "$flood" || fail "the flood ended before its time"
    kill "$flood"
    culvert_of 1 stats >"$dir/stats.log"
    says "$dir/stats.log" 'ike_receive_overflow[^0-9]*0' "no IKE is lost"
    down 1 ike gw
}

# The other way: what arrives for one SA is far more than can be opened, and what arrives for another of the same
# worker is all taken: it comes by a socket of its own (receive_lanes).
case_flood_in() {
    inner=46
    both_conn 'encap = yes'
    threads_of=([1]=1)
    with_threads
    begin
    establish
    ping_ok h2 fd01::2
    in_of() { list_sas 1 | awk -v name="$1:" -v want="$2" 'index($1, name) == 1 { mine = 1 }
        mine && $1 == "in" { for (i = 2; i < NF; ++i) if ($(i + 1) ~ /^packets/) packets = $i
            sub(",", "", $2); print want == "spi" ? $2 : packets; exit }'; }
    local spi try
    for ((try = 0; try < 30; ++try)); do
        spi=$(in_of net4 spi)
        [[ -n $spi ]] || { list_sas 1; fail "no inbound SPI is shown"; }
        ((0x$spi % 4 == 0x$(in_of net6 spi) % 4)) || break
        down 1 child net4
        up_ok 1 net4
    done
    ip netns exec "$net_prefix-g2" python3 -c '
import os, socket, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(("192.0.2.1", 4500))
out.setsockopt(17, 103, 64)  # UDP_SEGMENT
run = b"".join(bytes.fromhex(sys.argv[1]) + os.urandom(60) for _ in range(64))
while True:
    try:
        out.send(run)
    except OSError:
        pass' "$spi" &
    local flood=$! before after
    net_pids+=("$flood")
    lost_some() { (($(culvert_of 1 stats | sed -nE 's/.*esp_receive_overflow[^0-9]*([0-9]+).*/\1/p' | head -1) > 1000)); }
    until_true 30 lost_some || { culvert_of 1 stats; fail "nothing of the flood is lost"; }
    before=$(in_of net6 packets)
    ns h2 ping -n -q -6 -c 50 -i 0.02 -W 1 fd01::2 >/dev/null || :
    came_all() { after=$(in_of net6 packets); ((after - before >= 50)); }
    until_true 10 came_all || { list_sas 1; culvert_of 1 stats; fail "of 50 packets beside the flood only $((after - before)) came"; }
    rekey 1 ike gw
    kill -0 "$flood" || fail "the flood ended before its time"
    kill "$flood"
    down 1 ike gw
}
