# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# AF_XDP on the gateways' outer interfaces (docs/af-xdp.md), in copy mode, which is what veth can. What goes so
# passes no capture of its own host, so the capture is taken in a bridge between them.

xdp_settings() { # xdp_settings MODE: for both sides
    BRIDGED=1
    charon_lines="    culvert_xdp = wan
    culvert_xdp_mode = $1"
}
xdp_tries() { # xdp_tries: AF_XDP is to be had here
    python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW, 0)' 2>/dev/null || skip "no AF_XDP in this kernel"
}
xdp_begin() { # xdp_begin MODE REGEX-OF-STATUS
    xdp_tries
    xdp_settings "$1"
    begin
    culvert_of 1 status >"$dir/status.log"
    says "$dir/status.log" "AF_XDP on wan \\($2" "AF_XDP is in use, and how"
}
xdp_far() { if [[ $inner == 6 ]]; then echo fd02::2; else echo 10.2.0.2; fi; }
xdp_near() { if [[ $inner == 6 ]]; then echo fd01::2; else echo 10.1.0.2; fi; }
xdp_counts() { echo "$(counter "$1" esp_packets_by_xdp) $(counter "$1" esp_packets_from_xdp)"; }

# Nearly all of what went and came since: once a second the kernel sends, to keep its neighbours alive.
xdp_carried() { # xdp_carried SIDE PACKETS: so many more both ways than before
    local sent received
    read -r sent received < <(xdp_counts "$1")
    ((sent - xdp_sent[$1] >= $2)) || { culvert_of "$1" stats; fail "side $1 sent $((sent - xdp_sent[$1])) packets by AF_XDP, not $2"; }
    ((received - xdp_received[$1] >= $2)) || { culvert_of "$1" stats; fail "side $1 received $((received - xdp_received[$1])) packets by AF_XDP, not $2"; }
}
declare -A xdp_sent xdp_received
xdp_mark() { local n; for n in 1 2; do read -r "xdp_sent[$n]" "xdp_received[$n]" < <(xdp_counts "$n"); done; }

# Datagrams of each size go and come back bit for bit.
xdp_sizes() {
    ip netns exec "$net_prefix-h2" python3 -c '
import socket, sys
echo = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
echo.bind((sys.argv[1], 7070))
print("ready", flush=True)
while True:
    octets, who = echo.recvfrom(65536)
    echo.sendto(octets, who)' "$(xdp_far)" >"$dir/echo.log" 2>&1 &
    local echo=$!
    net_pids+=("$echo")
    until_true 10 grep -q ready "$dir/echo.log" || { cat "$dir/echo.log"; fail "the echo does not start"; }
    ip netns exec "$net_prefix-h1" python3 -c '
import os, socket, sys
ask = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
ask.connect((sys.argv[1], 7070))
ask.settimeout(2)
patience = 4  # what is too large for the tunnel is lost once on each side, until that is known there
for size in range(0, 1401):
    octets = os.urandom(size)
    while True:
        try:
            ask.send(octets)
            assert ask.recv(65536) == octets, size
            break
        except OSError as why:
            patience -= 1
            assert patience and size > 1300, (size, why)' "$(xdp_far)" >"$dir/sizes.log" 2>&1 || { cat "$dir/sizes.log"; fail "a datagram did not come back as it was"; }
    net_stop "$echo"
}

# TCP between the gateways' outer addresses, which has nothing to do with us.
xdp_outer_tcp() {
    local to=192.0.2.2
    [[ $outer == 4 ]] || to=2001:db8::2
    ip netns exec "$net_prefix-g2" python3 -c '
import socket, sys
listener = socket.create_server((sys.argv[1], 22022), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print("ready", flush=True)
while True:
    peer, _ = listener.accept()
    while octets := peer.recv(65536):
        peer.sendall(octets)
    peer.close()' "$to" >"$dir/outer.log" 2>&1 &
    local server=$!
    net_pids+=("$server")
    until_true 10 grep -q ready "$dir/outer.log" || { cat "$dir/outer.log"; fail "the outer server does not start"; }
    ip netns exec "$net_prefix-g1" timeout 30 python3 -c '
import os, socket, sys, threading
peer = socket.create_connection((sys.argv[1], 22022), timeout=20)
sent = os.urandom(1 << 20)
threading.Thread(target=lambda: (peer.sendall(sent), peer.shutdown(socket.SHUT_WR))).start()
got = b""
while octets := peer.recv(65536):
    got += octets
assert got == sent' "$to" >"$dir/outer-ask.log" 2>&1 || { cat "$dir/outer-ask.log"; fail "TCP between the outer addresses suffers"; }
    net_stop "$server"
    ns g1 ping -n -q -c 3 -i 0.1 -W 2 "$to" >/dev/null || fail "ping between the outer addresses suffers"
    # Larger than the interface's MTU: in fragments.
    ns g1 ping -n -q -c 2 -i 0.1 -W 2 -s 4000 "$to" >/dev/null || fail "fragments between the outer addresses suffer"
}

xdp_tunnel() { # xdp_tunnel MODE REGEX-OF-STATUS
    wire_allowed+=" or tcp port 22022 or (icmp and net 192.0.2.0/24) or (icmp6 and net 2001:db8::/64) or (ip6[6] == 44 and net 2001:db8::/64)"
    xdp_begin "$@"
    establish
    ping_ok h1 "$(xdp_far)"
    xdp_mark
    xdp_sizes
    xdp_carried 1 1300
    xdp_carried 2 1300
    xdp_mark
    tcp_ok "$(xdp_far)" 8M
    # 16 MB both ways are some 12000 packets of data each way, less where a run went by the kernel.
    xdp_carried 1 3000
    xdp_carried 2 3000
    ping_ok h2 "$(xdp_near)"
    xdp_outer_tcp
    rekey 1 child "$(first_child)"
    rekey 2 ike gw
    ping_ok h1 "$(xdp_far)"
    culvert_of 1 stats >"$dir/stats.log"
    ! grep -qE 'inbound_(malformed|integrity)[^0-9]*[1-9]' "$dir/stats.log" || { cat "$dir/stats.log"; fail "frames were not what they should have been"; }
    down 1 ike gw
}
xdp_native() { both_conn 'encap = no'; xdp_tunnel "$@"; wire_end; (($(wire_esp_native) > 3000)) || fail "no native ESP on the wire"; }
xdp_encap() { both_conn 'encap = yes'; xdp_tunnel "$@"; expect_encapsulated; }
case_xdp_native() { xdp_native copy 'copy, [0-9]+ queue'; }
case_xdp_auto() { xdp_native auto 'copy, [0-9]+ queue'; }
case_xdp_native_v6() { outer=6 inner=6; xdp_native copy copy; }
case_xdp_encap() { xdp_encap copy copy; }
case_xdp_encap_v6() { outer=6; xdp_encap copy copy; }
case_xdp_skb() { xdp_native skb 'copy, native ESP only'; }

# More workers than queues: what comes to a worker that is not its own gets to its owner.
xdp_workers() {
    threads_of=([1]=3 [2]=2)
    side_files() { charon_lines="    culvert_xdp = wan
    culvert_xdp_mode = copy
    threads = ${threads_of[$1]}"; }
    begin
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    # By its SPI an SA may belong to the worker that reads the one queue; rekeys do not change that.
    local try
    for ((try = 0; try < 30 && $(counter 1 strays_handed_over) == 0; ++try)); do
        down 1 child net4
        up_ok 1 net4
        ping_ok h1 10.2.0.2
    done
    flows_begin
    rekeys 6
    flows_end
    (($(counter 1 strays_handed_over) > 100)) || fail "no packet came to a worker that is not its own"
    (($(counter 1 strays_dropped) + $(counter 2 strays_dropped) == 0)) || fail "packets for other workers were lost"
    down 1 ike gw
}
case_xdp_workers() { xdp_tries; BRIDGED=1; both_conn 'encap = no'; xdp_workers; }
case_xdp_workers_encap() { xdp_tries; BRIDGED=1; both_conn 'encap = yes'; xdp_workers; }

# The interface goes down and comes up again.
case_xdp_down_up() {
    both_conn 'encap = no'
    xdp_begin copy copy
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    ip -n "$net_prefix-g1" link set wan down
    ! ns h1 ping -n -q -c 1 -W 1 10.2.0.2 >/dev/null 2>&1 || fail "an answer comes through an interface that is down"
    ip -n "$net_prefix-g1" link set wan up
    ping_ok h1 10.2.0.2
    xdp_mark
    ns h1 ping -n -q -c 40 -i 0.02 -W 2 10.2.0.2 >/dev/null || fail "packets are lost once the interface is up again"
    xdp_carried 1 30
    xdp_carried 2 30
    down 1 ike gw
}

# The daemon is killed: nothing of it stays in the way, and the next one has AF_XDP again.
case_xdp_killed() {
    both_conn 'encap = no'
    wire_allowed+=" or (icmp and net 192.0.2.0/24)"
    xdp_begin copy copy
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    prints xdp ip -n "$net_prefix-g1" -d link show wan || fail "no XDP program is seen on the interface"
    side_kill 1
    ns g1 ping -n -q -c 3 -i 0.1 -W 2 192.0.2.2 >/dev/null || fail "the interface carries nothing after the daemon's death"
    ! prints xdp ip -n "$net_prefix-g1" -d link show wan || fail "the XDP program has outlived its daemon"
    side_start 1
    culvert_of 1 status >"$dir/status.log"
    says "$dir/status.log" 'AF_XDP on wan' "the next daemon has AF_XDP again"
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    xdp_mark
    ns h1 ping -n -q -c 40 -i 0.02 -W 2 10.2.0.2 >/dev/null || fail "packets are lost after a restart"
    xdp_carried 1 30
}

# What cannot be is said, and what to do; in automatic mode the tunnel works without.
case_xdp_refused() {
    xdp_tries
    net_gateways
    xdp_start_says() { # xdp_start_says INTERFACE MODE REGEX...
        charon_lines="    culvert_xdp = $1
    culvert_xdp_mode = $2"
        (umask 077 && mkdir -p "$dir/1/swanctl" && write_conf 1 >"$dir/1/swanctl/swanctl.conf")
        write_settings 1
        shift 2
        # shellcheck disable=SC2016  # expanded by the inner shell
        refuses_to_start env SETTINGS="$dir/1/strongswan.conf" bash -c 'exec "$@" --settings "$SETTINGS"' _
        local words
        for words in "$@"; do says "$dir/start.log" "$words" "why it does not start"; done
    }
    xdp_start_says wam auto 'culvert_xdp' '"wam"' 'wan' 'correct the name'
    xdp_start_says wan zerocopy 'wan' 'without copies' 'culvert_xdp_mode = auto or copy'
    xdp_start_says wan zerocpy 'zerocpy' 'auto, zerocopy, copy or skb'
    xdp_start_says wan/1 auto 'wan/1' 'name of an interface'
    # An interface whose driver has no XDP of its own: refused when demanded, done without otherwise.
    local n
    for n in 1 2; do
        ip -n "$net_prefix-g$n" link add plain type bridge
        ip -n "$net_prefix-g$n" link set plain up
    done
    xdp_start_says plain copy 'plain' 'driver cannot'
    charon_lines="    culvert_xdp = plain"
    both_conn 'encap = no'
    wire_begin
    side_start 2
    side_start 1
    says "$(side_log 1)" 'AF_XDP on plain' "what the daemon does without, and why"
    ! prints AF_XDP culvert_of 1 status || fail "status tells of AF_XDP, which is not in use"
    establish
    ping_ok h1 10.2.0.2
    down 1 ike gw
}
