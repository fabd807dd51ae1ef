# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# NATs in every place: before the responder, before both, several clients behind one, mappings that
# change; keep-alives; and paths that lose datagrams.
#
#   before=1   h1 -- g1 -- nat1 === g2 -- h2        what nat1 hides goes out as 192.0.2.1
#   before=2   h1 -- g1 === nat2 -- g2 -- h2        nat2, 192.0.2.2, hands UDP 500 and 4500 to g2
#   before=12  h1 -- g1 -- nat1 === nat2 -- g2 -- h2
#
# Behind natN a gateway is 192.168.N.2. The capture is on g2's side of the wire, as ever.

behind() { [[ ${before-} == *$1* ]]; }
outer_space() { if behind "$1"; then echo "nat$1"; else echo "g$1"; fi; }
outer_interface() { if behind "$1"; then echo outside; else echo wan; fi; }
nat_rules() { # nat_rules N LINES: of natN's postrouting
    ns "nat$1" nft -f - <<NFT
table ip nat {
    chain post { }
}
flush chain ip nat post
delete chain ip nat post
table ip nat {
    chain post {
        type nat hook postrouting priority srcnat
        $2
    }
}
NFT
}
behind_nats() { # behind_nats 1|2|12
    before=$1
    side_address() { if behind "$1"; then echo "192.168.$1.2"; else echo "192.0.2.$1"; fi; }
    peer_address() { if [[ $1 == 2 ]] && behind 1; then echo %any; else echo "192.0.2.$((3 - $1))"; fi; }
    net_wire() {
        local n
        for n in 1 2; do
            behind "$n" || continue
            net_space "nat$n"
            net_forward "nat$n"
            net_link "g$n" wan "nat$n" inside
            net_address "nat$n" inside "192.168.$n.1/24"
            net_address "g$n" wan "192.168.$n.2/24"
        done
        net_link "$(outer_space 1)" "$(outer_interface 1)" "$(outer_space 2)" "$(outer_interface 2)"
        for n in 1 2; do
            net_address "$(outer_space "$n")" "$(outer_interface "$n")" "192.0.2.$n/24"
            if behind "$n"; then nat_rules "$n" 'oifname "outside" masquerade'; fi
        done
        if behind 2; then
            ns nat2 nft -f - <<'NFT'
table ip mapped {
    chain pre {
        type nat hook prerouting priority dstnat
        iifname "outside" udp dport { 500, 4500 } dnat to 192.168.2.2
    }
}
NFT
        fi
    }
    wire_allowed="$wire_allowed or (src net 192.168.0.0/16 and icmp[0] == 3 and icmp[17] == 17)"
    net_gateways() {
        net_hosts
        net_wire
        local n
        for n in 1 2; do
            if behind "$n"; then
                ip -n "$net_prefix-g$n" route add default via "192.168.$n.1"
            else
                ip -n "$net_prefix-g$n" route add default via "192.0.2.$((3 - n))"
            fi
        done
        # The end mark of the capture is an ARP question on the wire that it watches.
        ! behind 2 || ip -n "$net_prefix-g2" route add 192.0.2.254/32 dev wan
    }
}
case_nat_responder() { behind_nats 2; tunnel; expect_encapsulated; }
case_nat_both() { behind_nats 12; tunnel; expect_encapsulated; }
case_nat_both_rekeyed() {
    behind_nats 12
    begin
    establish
    traffic
    rekey 1 ike gw
    expect_sas 1 1 1
    expect_sas 2 1 1
    rekey 2 child net4
    expect_sas 1 1 1
    expect_sas 2 1 1
    traffic
    down 2 ike gw
    gone
}

# ---- several clients behind one NAT: sides 3 and 4 are two more of them, each with a network on lo

many_clients() {
    local n
    for n in 3 4; do
        printf -v "impl_$n" %s "$impl_1"
        for word in proposals esp psk; do printf -v "${word}_$n" %s "$(value "$word" 1)"; done
    done
    behind_nats 1
    eval "$(declare -f side_address | sed '1s/^side_address/address_of_two/')"
    side_address() { case $1 in 3 | 4) echo "192.168.1.$1" ;; *) address_of_two "$1" ;; esac; }
    eval "$(declare -f net_gateways | sed '1s/^net_gateways/gateways_of_two/')"
    net_gateways() {
        gateways_of_two
        # One link more for each, joined in the NAT's own bridge.
        ip -n "$net_prefix-nat1" link add many type bridge
        ip -n "$net_prefix-nat1" addr del 192.168.1.1/24 dev inside
        ip -n "$net_prefix-nat1" link set inside master many
        net_address nat1 many 192.168.1.1/24
        ip -n "$net_prefix-nat1" link set many up
        local n
        for n in 3 4; do
            net_space "g$n"
            net_link "g$n" wan nat1 "inside$n"
            ip -n "$net_prefix-nat1" link set "inside$n" master many
            net_address "g$n" wan "192.168.1.$n/24"
            net_address "g$n" lo "10.$n.0.1/32"
            ip -n "$net_prefix-g$n" route add default via 192.168.1.1
        done
    }
    write_conf() {
        local n
        echo 'connections {'
        for n in 1 3 4; do
            if [[ $1 == 2 ]]; then one_client "gw$n" 2 "$n" %any; elif [[ $1 == "$n" ]]; then one_client gw "$n" 2 192.0.2.2; fi
        done
        printf '}\nsecrets {\n    ike-all {\n        secret = "%s"\n    }\n}\n' "$psk_1"
    }
}
one_client() { # one_client NAME LOCAL REMOTE REMOTE-ADDRESS
    cat <<CONF
    $1 {
        version = 2
        local_addrs = $(side_address "$2")
        remote_addrs = $4
        proposals = $proposals_1
        mobike = no
        local {
            auth = psk
            id = g$2.example
        }
        remote {
            auth = psk
            id = g$3.example
        }
        children {
            net4 {
                local_ts = 10.$2.0.0/24
                remote_ts = 10.$3.0.0/24
                esp_proposals = $esp_1
            }
        }
    }
CONF
}
client_ping() { # client_ping N: from its own network to h2, and nothing is lost
    local space=g$1 from=10.$1.0.1
    ((${1} > 2)) || { space=h1 from=10.1.0.2; }
    until_true 10 ns "$space" ping -n -c 1 -W 1 -I "$from" 10.2.0.2 || fail "no answer to client $1"
    ns "$space" ping -n -q -c 5 -i 0.1 -W 3 -I "$from" 10.2.0.2 >"$dir/ping.log" || { cat "$dir/ping.log"; fail "client $1 lost packets"; }
}
case_nat_many() {
    many_clients
    begin
    side_start 3
    side_start 4
    local n
    for n in 1 3 4; do up_ok "$n" net4; done
    expect_sas 2 3 3
    for n in 1 3 4; do client_ping "$n"; done
    # All come from one address, each from a port of its own.
    local ports
    ports=$(list_sas 2 | sed -nE "s/^ +remote .*@ 192\.0\.2\.1\[([0-9]+)\].*/\1/p" | sort -u | wc -l)
    ((ports == 3)) || { list_sas 2; fail "side 2 sees $ports ports, not 3"; }
    # What one of them does is nothing to the others.
    rekey 3 ike gw
    expect_sas 2 3 3
    down 4 ike gw
    expect_sas 2 2 2
    for n in 1 3; do client_ping "$n"; done
    expect_encapsulated
}

# ---- a mapping that changes (RFC 7296 2.23): followed when what comes from the new one is authentic

port_seen() { list_sas 2 2>/dev/null | sed -nE 's/^ +remote .*@ 192\.0\.2\.1\[([0-9]+)\].*/\1/p' | head -1; }
port_is() { [[ $(port_seen) == "$1"* ]]; }
inbound_spi() { list_sas 2 | sed -nE 's/^ +in +([0-9a-f]{8}),.*/\1/p' | head -1; }
# A stranger at the NAT's address with the SPI of the SA, which anyone on the path can read.
strangers_packets() { # strangers_packets SPI
    ns nat1 python3 - "$1" <<'PY'
import os, socket, sys
spi = bytes.fromhex(sys.argv[1])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.1", 45000))
for sequence in (1, 7, 5000, 2**32 - 1):
    s.sendto(spi + sequence.to_bytes(4, "big") + os.urandom(120), ("192.0.2.2", 4500))
s.sendto(b"\xff", ("192.0.2.2", 4500))
PY
}
nat_maps_to() { # nat_maps_to PORTS
    nat_rules 1 "oifname \"outside\" udp dport 4500 masquerade to :$1
        oifname \"outside\" masquerade"
}
nat_forgets() { # a masqueraded mapping ends with its interface
    nat_maps_to 30000-39999
    ip -n "$net_prefix-nat1" link set outside down
    ip -n "$net_prefix-nat1" link set outside up
}
case_nat_mapping() {
    behind_nats 1
    # strongSwan's user-space ESP does not tell of a new port: it sees it when IKE comes from there.
    [[ $impl_2 == culvert ]] || conn 1 'dpd_delay = 1s'
    begin
    nat_maps_to 20000-29999
    establish
    traffic
    until_true 10 port_is 2 || { list_sas 2; fail "side 2 does not see the NAT's port"; }
    local seen
    seen=$(port_seen)
    strangers_packets "$(inbound_spi)"
    ping_ok h2 10.1.0.2
    [[ $(port_seen) == "$seen" ]] || fail "a stranger's packets moved the peer from port $seen to $(port_seen)"
    nat_forgets
    ping_ok h1 10.2.0.2
    until_true 10 port_is 3 || { list_sas 2; fail "side 2 did not follow the peer to its new port"; }
    ping_ok h2 10.1.0.2
    expect_sas 1 1 1
    expect_sas 2 1 1
    down 2 ike gw
    expect_sas 1 0 0
    expect_sas 2 0 0
}

# With MOBIKE only UPDATE_SA_ADDRESSES moves the peer (RFC 4555 3.8): so the client has to see that its
# mapping is another, also where its first liveness check comes after the change.
case_nat_mapping_mobike() {
    behind_nats 1
    local original
    original=$(declare -f write_conf)
    eval "${original/write_conf/write_conf_without}"
    write_conf() { write_conf_without "$1" | sed 's/mobike = no/mobike = yes/'; }
    conn 1 'dpd_delay = 3s'
    conn 2 'dpd_delay = 3s'
    begin
    nat_maps_to 20000-29999
    establish
    traffic
    until_true 10 port_is 2 || { list_sas 2; fail "side 2 does not see the NAT's port"; }
    nat_forgets
    until_true 20 port_is 3 || { list_sas 2; fail "side 2 was not told of the new port"; }
    ping_ok h1 10.2.0.2
    ping_ok h2 10.1.0.2
    expect_sas 1 1 1
    down 1 ike gw
}

# ---- keep-alives (RFC 3948 4): from behind the NAT, and from there alone

kept_alive() { # kept_alive HOST
    wire_count "src host $1 and udp port 4500 and udp[4:2] == 9 and udp[8] == 0xff"
}
kept_alive_often() { (($(kept_alive 192.0.2.1) >= 4)); }
case_nat_keepalive() {
    behind_nats 1
    charon_lines='keep_alive = 1s'
    begin
    up_ok 1 net4
    until_true 30 kept_alive_often || fail "$(kept_alive 192.0.2.1) keep-alives on the wire"
    (($(kept_alive 192.0.2.2) == 0)) || fail "the side that is behind no NAT sends keep-alives"
    # Long quiet, and the way back in is open.
    ping_ok h2 10.1.0.2
    down 1 ike gw
}

# ---- paths that lose: one datagram or fragment of five, both ways

lossy() { # lossy PERCENT
    local n
    for n in 1 2; do
        ns "g$n" nft -f - <<NFT
table inet loss {
    chain in {
        type filter hook prerouting priority -450
        meta l4proto udp numgen random mod 100 < $1 drop
    }
}
NFT
    done
}
loss_ends() { local n; for n in 1 2; do ns "g$n" nft delete table inet loss; done; }
# Ten KiB of certificates from each side: a leaf and two in between, each with some 3.5 KiB of comment.
big_certificates() {
    local n comment
    comment=$(head -c 1700 /dev/urandom | od -An -tx1 | tr -d ' \n')
    certificates
    pki_key upper rsa
    pki_issue upper root "$pki_authority
nsComment = upper-$comment"
    pki_key middle rsa
    pki_issue middle upper "$pki_authority
nsComment = middle-$comment"
    for n in 1 2; do
        pki_key "g$n" rsa
        pki_issue "g$n" middle "keyUsage = digitalSignature
subjectAltName = DNS:g$n.example
nsComment = g$n-$comment"
    done
    local octets
    octets=$(for n in g1 middle upper; do openssl x509 -in "$(pki "$n.crt")" -outform DER; done | wc -c)
    ((octets > 10240)) || fail "the chain has $octets octets only"
    eval "$(declare -f side_files | sed '1s/^side_files/files_of_chain/')"
    side_files() {
        files_of_chain "$1"
        cp "$(pki middle.crt)" "$(pki upper.crt)" "$dir/$1/swanctl/x509/"
    }
    retransmit_tries=15
}
fragments() { wire_count '(udp port 500 and udp[24] = 53) or (udp port 4500 and udp[8:4] = 0 and udp[28] = 53)'; }
case_cert_big_lossy() {
    big_certificates
    charon_lines='max_packet = 30000' # strongSwan's own limit is 10,000 octets
    begin
    lossy 20
    up_ok 1 net4
    loss_ends
    expect_sas 1 1 1
    expect_sas 2 1 1
    (($(fragments) >= 18)) || fail "$(fragments) IKE fragments on the wire, for two chains of 10 KiB"
    traffic
    down 1 ike gw
    gone
}

# ---- every kind of rekey under one flood of pings, of which none may be lost

flood() { # one after another, until it is enough: one that is ended by a signal may count a packet as lost
    until [[ -e $dir/flood.end ]]; do
        ip netns exec "$net_prefix-h1" ping -f -n -q -c 1000 -W 5 10.2.0.2 >>"$dir/flood.log" 2>&1 || :
    done
}
case_rekey_flood() {
    both esp aes256gcm16-ecp256
    begin
    establish
    ping_ok h1 10.2.0.2
    flood &
    local flooding=$! side what
    net_pids+=("$flooding")
    for side in 1 2; do
        for what in 'child net4' 'ike gw'; do
            # shellcheck disable=SC2086
            rekey "$side" $what
            expect_sas 1 1 1
            expect_sas 2 1 1
        done
    done
    : >"$dir/flood.end"
    wait "$flooding"
    grep -q 'packet loss' "$dir/flood.log" || { cat "$dir/flood.log"; fail "ping gave no result"; }
    ! grep 'packet loss' "$dir/flood.log" | grep -v ' 0% packet loss' || fail "packets were lost to the rekeys"
    ! grep -E 'errors|unreachable' "$dir/flood.log" || fail "the flood met errors"
    traffic
    side_alive 1
    side_alive 2
}

# ---- a path that takes packets of 576 octets and loses larger ones, and says so to nobody

only_small_packets() {
    local n
    for n in 1 2; do
        ns "g$n" nft -f - <<'NFT'
table inet narrow {
    chain in {
        type filter hook prerouting priority -450
        meta l4proto udp meta length > 576 drop
        ip frag-off & 0x3fff != 0 drop
    }
}
NFT
    done
}
# What is cut smaller is Culvert's: strongSwan, which does not, is told to send small fragments.
case_cert_narrow_path() {
    kind_1=rsa kind_2=rsa
    certificates
    eval "$(declare -f side_files | sed '1s/^side_files/files_of_narrow/')"
    side_files() {
        files_of_narrow "$1"
        charon_lines=''
        is_culvert "$1" || charon_lines='fragment_size = 500'
    }
    begin
    only_small_packets
    up_ok 1 net4
    local n
    for n in 1 2; do ns "g$n" nft delete table inet narrow; done
    if is_culvert 1; then says "$(side_log 1)" 'once more, in smaller pieces' "that it was cut"; fi
    (($(fragments) >= 6)) || fail "$(fragments) IKE fragments on the wire"
    expect_sas 1 1 1
    expect_sas 2 1 1
    traffic
    down 1 ike gw
    gone
}
