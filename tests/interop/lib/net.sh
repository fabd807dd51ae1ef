# shellcheck shell=bash disable=SC2034
# Namespaces for interop tests and the demo. Source it, then: net_begin, net_gateways, ..., net_end.
#
#   outer IPv4 192.0.2.0/24, IPv6 2001:db8::/64        (nothing of it leaves the namespaces)
#
#     h1 -------- g1 ============================== g2 -------- h2
#     10.1.0.2    10.1.0.1  192.0.2.1   192.0.2.2   10.2.0.1    10.2.0.2
#     fd01::2     fd01::1   2001:db8::1 2001:db8::2 fd02::1     fd02::2
#
#   with NAT=1 a router between them hides g1:
#
#     h1 -------- g1 ----------------- nat ========= g2 -------- h2
#                   192.168.9.2  .1       192.0.2.1  192.0.2.2
#
# Every name holds our pid, so that any number of runs live side by side.

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

net_prefix=cv$$
net_spaces=()
net_pids=()

ns() { # ns NAME COMMAND...: run it in that namespace
    local name=$1
    shift
    ip netns exec "$net_prefix-$name" "$@"
}

# prints REGEX COMMAND...: it prints such a line. All of its output is read first: grep -q in a pipe ends with the first
# hit, and whoever goes on writing then fails of SIGPIPE, and the pipe with it.
prints() {
    local said
    said=$("${@:2}" 2>/dev/null) || return
    grep -qE -- "$1" <<<"$said"
}

# net_can: true where namespaces and TUN are to be had; else says on standard output what is missing.
net_can() {
    local tool
    ((EUID == 0)) || { echo "not root: namespaces cannot be made"; return 1; }
    for tool in ip nft ping tcpdump iperf3 "$@"; do
        command -v "$tool" >/dev/null || { echo "$tool is not installed"; return 1; }
    done
    [[ -c /dev/net/tun ]] || { echo "no TUN device (/dev/net/tun)"; return 1; }
    local probe=$net_prefix-probe
    ip netns add "$probe" 2>/dev/null || { echo "network namespaces are not allowed here"; return 1; }
    ip netns del "$probe"
}

net_space() {
    local name=$net_prefix-$1
    ip netns add "$name"
    net_spaces+=("$name")
    ip netns exec "$name" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
        net.ipv6.conf.default.router_solicitations=0 \
        net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
        net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
    ip -n "$name" link set lo up
}

net_link() { # net_link SPACE1 IF1 SPACE2 IF2
    ip link add "$2" netns "$net_prefix-$1" type veth peer name "$4" netns "$net_prefix-$3"
    ip -n "$net_prefix-$1" link set "$2" up
    ip -n "$net_prefix-$3" link set "$4" up
}

net_address() { # net_address SPACE IF ADDRESS...
    local space=$1 interface=$2 address
    shift 2
    for address in "$@"; do
        if [[ $address == *:* ]]; then
            ip -n "$net_prefix-$space" addr add "$address" dev "$interface" nodad
        else
            ip -n "$net_prefix-$space" addr add "$address" dev "$interface"
        fi
    done
}

net_forward() { ns "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; }

# The gateways' cable. Where the kernel does ESP, a capture on a gateway also shows what it has just
# decrypted: then (BRIDGED=1) the capture is taken in a bridge between them.
net_wire() {
    if [[ ${BRIDGED:-0} != 1 ]]; then
        net_link g1 wan g2 wan
        return
    fi
    net_space wire
    net_link g1 wan wire port1
    net_link g2 wan wire port2
    ip -n "$net_prefix-wire" link add cable type bridge
    ip -n "$net_prefix-wire" link set port1 master cable
    ip -n "$net_prefix-wire" link set port2 master cable
    ip -n "$net_prefix-wire" link set cable up
}

net_masquerade() {
    ns nat nft -f - <<'NFT'
table ip nat {
    chain post {
        type nat hook postrouting priority srcnat
        oifname "outside" masquerade
    }
}
NFT
}

# Two hosts, each with its gateway.
net_hosts() {
    local name
    for name in h1 g1 g2 h2; do net_space "$name"; done
    net_link h1 eth0 g1 lan
    net_link h2 eth0 g2 lan
    net_address h1 eth0 10.1.0.2/24 fd01::2/64
    net_address g1 lan 10.1.0.1/24 fd01::1/64
    net_address h2 eth0 10.2.0.2/24 fd02::2/64
    net_address g2 lan 10.2.0.1/24 fd02::1/64
    local n
    for n in 1 2; do
        net_forward "g$n"
        ip -n "$net_prefix-h$n" route add default via "10.$n.0.1"
        ip -n "$net_prefix-h$n" route add default via "fd0$n::1"
    done
}

# Two hosts, two gateways, and the NAT router if NAT=1.
net_gateways() {
    net_hosts
    if [[ ${NAT:-0} == 1 ]]; then
        net_space nat
        net_forward nat
        net_link g1 wan nat inside
        net_link nat outside g2 wan
        net_address g1 wan 192.168.9.2/24
        net_address nat inside 192.168.9.1/24
        net_address nat outside 192.0.2.1/24
        net_address g2 wan 192.0.2.2/24
        net_masquerade
        ip -n "$net_prefix-g1" route add default via 192.168.9.1
    else
        net_wire
        net_address g1 wan 192.0.2.1/24 2001:db8::1/64
        net_address g2 wan 192.0.2.2/24 2001:db8::2/64
        # A default route, so that clear packets to the other side WOULD leave if nobody stopped them.
        ip -n "$net_prefix-g1" route add default via 192.0.2.2
        ip -n "$net_prefix-g1" route add default via 2001:db8::2
    fi
    ip -n "$net_prefix-g2" route add default via 192.0.2.1
    [[ ${NAT:-0} == 1 ]] || ip -n "$net_prefix-g2" route add default via 2001:db8::1
}

# net_stop PID...: end processes of ours, firmly after ten seconds. net_status[PID]: how it ended, 137 if
# it had to be killed.
declare -A net_status=()
net_stop() {
    local pid n
    for pid in "$@"; do kill "$pid" 2>/dev/null || :; done
    for pid in "$@"; do
        for ((n = 0; n < 200; n++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.05
        done
        kill -KILL "$pid" 2>/dev/null || :
        net_status[$pid]=0
        wait "$pid" 2>/dev/null || net_status[$pid]=$?
    done
}

# Daemons end before their namespaces do.
net_end() {
    local name
    ((${#net_pids[@]} == 0)) || net_stop "${net_pids[@]}"
    for name in "${net_spaces[@]}"; do
        ip netns del "$name" 2>/dev/null || :
        rm -rf "/etc/netns/$name"  # what stood in for files of /etc there
    done
    net_pids=() net_spaces=()
}

# until_true SECONDS COMMAND...: a bound, not a measure; WAITS times as long on a slow machine.
until_true() {
    local end=$((SECONDS + $1 * ${WAITS:-1}))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.05
    done
}
