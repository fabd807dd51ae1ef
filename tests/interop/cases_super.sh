# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Super-packets of 64 KiB: each suite, each family inside, native, in UDP, behind a NAT and over IPv6, with small
# and large packets on the wire. What arrives is what was sent (lib/flows.py), and came out of the TUN in trains.

# super SUITE MTU WAY: gcm|cbc|chacha, of the links between the gateways, v4|v6|encap|nat
super() {
    case $1 in
    gcm) ;;
    cbc) both esp aes128-sha256 ;;
    chacha) both esp chacha20poly1305 ;;
    esac
    inner=46
    case $3 in
    v6) outer=6 ;;
    encap) both_conn 'encap = yes' ;;
    nat) NAT=1 ;;
    esac
    local mtu=$2
    eval "plain_$(declare -f net_gateways)"
    net_gateways() {
        plain_net_gateways
        local place space name
        for place in g1:wan g2:wan nat:inside nat:outside g1:lan g2:lan h1:eth0 h2:eth0; do
            space=${place%:*} name=${place#*:}
            [[ $space != nat || ${NAT:-0} == 1 ]] || continue
            [[ $name == wan || $space == nat ]] || ((mtu > 1500)) || continue
            ip -n "$net_prefix-$space" link set "$name" mtu "$mtu"
        done
    }
    begin
    establish
    traffic
    export FLOWS_CUT=1
    flows_begin
    flows_end
    tcp_ok fd02::2 $((8 << 20))
    culvert_of 1 stats >"$dir/stats.log"
    figure() { sed -nE "s/.*\b$1[^0-9]*([0-9]+).*/\1/p" "$dir/stats.log" | head -1; }
    local packets reads
    packets=$(figure tun_packets_read) reads=$(figure tun_reads)
    echo "MTU $mtu: $packets packets out of the TUN in $reads reads"
    ((packets - reads > 500)) || { cat "$dir/stats.log"; fail "no super-packets came out of the TUN"; }
    down 1 ike gw
    gone
}
# The tests run some of them: each suite with each MTU, each way with each suite and each MTU.
for super_suite in gcm cbc chacha; do
    for super_mtu in 1280 1500 9000; do
        for super_way in v4 v6 encap nat; do
            eval "case_super_${super_suite}_${super_mtu}_$super_way() { super $super_suite $super_mtu $super_way; }"
        done
    done
done
