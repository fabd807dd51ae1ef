# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Header fields of outer packets, as tshark reads them off the wire.

# seen FILTER: packets of the capture that it matches; the end mark is there first.
seen() { tshark -n -r "$dir/wire.pcap" -Y "$1" 2>/dev/null | wc -l; }
all_are() { # all_are WHICH WHAT: there are such packets, and each is so
    (($(seen "$1") > 0)) || fail "no packet on the wire is $1"
    (($(seen "($1) && !($2)") == 0)) || fail "on the wire, of what is $1, not all is $2"
}
case_outer_fields() { # each side has its own, whatever the inner packets say
    command -v tshark >/dev/null || skip "tshark is not installed"
    child 1 'culvert_outer_dscp = 101110'
    child 1 'culvert_outer_df = set'
    child 2 'culvert_outer_dscp = 001010'
    child 2 'culvert_outer_df = clear'
    begin
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    local df dscp
    for df in do dont; do
        for dscp in 0x00 0x20 0xfc; do
            ns h1 ping -n -q -M "$df" -Q "$dscp" -c 1 -W 3 -s 900 10.2.0.2 >/dev/null || fail "no answer with DF $df, DSCP $dscp"
            ns h2 ping -n -q -M "$df" -Q "$dscp" -c 1 -W 3 -s 900 10.1.0.2 >/dev/null || fail "no answer to h2 with DF $df, DSCP $dscp"
        done
    done
    ns h1 ping -n -q -M dont -c 2 -i 0.2 -W 3 -s 3000 10.2.0.2 >/dev/null || fail "no answer to a large ping"
    tcp_ok 10.2.0.2
    down 1 ike gw
    wire_end
    all_are 'ip.src == 192.0.2.1 && esp' 'ip.dsfield.dscp == 46 && ip.flags.df == 1'
    all_are 'ip.src == 192.0.2.2 && esp' 'ip.dsfield.dscp == 10 && ip.flags.df == 0'
    (($(seen 'ip.src == 192.0.2.1 && (ip.flags.mf == 1 || ip.frag_offset > 0)') == 0)) || fail "fragments on the wire, though DF is set"
}
# Where no router may cut, what may be cut is cut before ESP; where all may, no DF is there.
case_outer_df_narrow() {
    command -v tshark >/dev/null || skip "tshark is not installed"
    narrow_path
    child 1 'culvert_outer_df = set'
    child 2 'culvert_outer_df = clear'
    begin
    up_ok 1 net4
    ping_ok h1 10.2.0.2
    large() { ns h1 ping -n -q -M dont -c 1 -W 1 -s "$1" 10.2.0.2; }
    until_true 10 large 1400 || fail "a ping of 1400 octets without DF does not pass"
    local size
    for size in 1200 1260 1372 1400 3000; do
        large "$size" >/dev/null || fail "a ping of $size octets without DF does not pass"
    done
    tcp_ok 10.2.0.2
    down 1 ike gw
    wire_end
    all_are 'ip.src == 192.0.2.1 && esp' 'ip.flags.df == 1'
    all_are 'ip.src == 192.0.2.2 && esp' 'ip.flags.df == 0'
    (($(seen 'ip.src == 192.0.2.1 && ip.proto == 50 && (ip.flags.mf == 1 || ip.frag_offset > 0)') == 0)) || fail "fragments on the wire, though DF is set"
}
