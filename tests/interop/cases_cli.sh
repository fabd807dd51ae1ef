# shellcheck shell=bash disable=SC2034,SC2154,SC2317,SC2016
# What an operator does with culvert: certificates by the commands that the documentation shows, and
# `diagnose` for each trouble on the way. Run with culvert on both sides.

# ---- the first certificates: docs/culvert.md's commands and swanctl.conf, to the letter

documented_commands() {
    sed -n '/^Certificates for two gateways/,/^## /s/^    # \(culvert pki .*\)$/\1/p' "$source/docs/culvert.md" |
        sed 's/  *(then .*//'
}
documented_auth() { # documented_auth local|remote: the lines that it shows for gw1
    sed -n '/^Certificates for two gateways/,/^## /p' "$source/docs/culvert.md" |
        sed -n "/^    $1 {/,/^    }/s/^        //p"
}
case_first_certificates() {
    local count n
    count=$(documented_commands | wc -l)
    ((count == 3)) || fail "docs/culvert.md shows $count commands for a first set-up, not three"
    mkdir -p "$dir/bin" "$dir/here" "$dir/etc"
    ln -s "$culvert" "$dir/bin/culvert"
    documented_commands >"$dir/commands"
    # In an empty /etc/swanctl of its own.
    (cd "$dir/here" && PATH=$dir/bin:$PATH unshare -m bash -ec 'mount --bind "$1/etc" /etc/swanctl; . "$1/commands"' _ "$dir") \
        >"$dir/pki.log" 2>&1 || { cat "$dir/pki.log"; fail "the documented commands do not work"; }
    [[ -d $dir/here/for-gw2 ]] || fail "what is for the other gateway is not where the documentation says"
    side_files() {
        if (($1 == 1)); then cp -r "$dir/etc/." "$dir/1/swanctl/"; else cp -r "$dir/here/for-gw2/." "$dir/2/swanctl/"; fi
        ! find "$dir/2/swanctl" -name 'authority.key' | grep -q . || fail "the authority's key left its gateway"
    }
    [[ -n $(documented_auth local) ]] || fail "docs/culvert.md shows no local section"
    local_1=$(documented_auth local | grep -v '^id = ')
    remote_1=$(documented_auth remote | grep -v '^id = ')
    local_2=$local_1 remote_2=$remote_1
    id_1=$(documented_auth local | sed -n 's/^id = //p')
    id_2=$(documented_auth remote | sed -n 's/^id = //p')
    peer_id_1=$id_2 peer_id_2=$id_1
    tunnel
}

# ---- diagnose

diagnose_1() { # diagnose_1 STATUS [OPTIONS]: from gateway 1 itself; what it said is in $dir/diagnose.log
    local wanted=$1 rc=0
    shift
    timeout 90 ip netns exec "$net_prefix-g1" "$culvert" diagnose net4 --ping 10.2.0.1 --vici "$(vici 1)" "$@" >"$dir/diagnose.log" 2>&1 || rc=$?
    ((rc == wanted)) || { cat "$dir/diagnose.log"; fail "diagnose ended with $rc, not $wanted"; }
}
step_is() { # step_is OUTCOME STEP [REGEX]
    says "$dir/diagnose.log" "^$1 +$2 +${3-}" "the step '$2' must be $1"
}
drop_at_g2() { # drop_at_g2 RULE: what g2 loses of what arrives
    ns g2 nft add table inet lost
    ns g2 nft add chain inet lost in '{ type filter hook input priority -400; }'
    ns g2 nft add rule inet lost in "$1 drop"
}

case_diagnose_all_well() {
    begin
    diagnose_1 0
    local step
    for step in 'port answers' IKE_SA_INIT NAT authentication selectors 'ESP passes' 'largest packet'; do step_is ok "$step"; done
    step_is ok IKE_SA_INIT 'AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384'
    ! grep -q 'FAILED' "$dir/diagnose.log" || fail "a step failed"
}
case_diagnose_nat() {
    NAT=1
    begin
    diagnose_1 0
    step_is ok NAT 'on this side'
}
case_diagnose_port_blocked() {
    begin
    drop_at_g2 'udp dport { 500, 4500 }'
    diagnose_1 1
    step_is FAILED 'port answers' '.*192\.0\.2\.2\[500\]'
    says "$dir/diagnose.log" 'to fix it: .*UDP port' "which port is to be let through"
    step_is skipped IKE_SA_INIT
}
case_diagnose_nat_port_blocked() { # the second port only: IKE_SA_INIT is answered, IKE_AUTH is not
    NAT=1
    begin
    drop_at_g2 'udp dport 4500'
    diagnose_1 1
    step_is ok 'port answers'
    step_is ok IKE_SA_INIT
    step_is FAILED authentication '.*192\.0\.2\.2\[4500\]'
    says "$dir/diagnose.log" 'to fix it: .*4500' "which port is to be let through"
}
case_diagnose_esp_blocked() {
    both_conn 'encap = no'
    begin
    drop_at_g2 'ip protocol esp'
    diagnose_1 1
    step_is ok selectors
    step_is FAILED 'ESP passes' '.*nothing came back'
    says "$dir/diagnose.log" 'to fix it: .*protocol 50.*encap = yes' "what is to be let through, or the way around it"
}
case_diagnose_mtu_1280() { # a link on the way takes 1280 octets, and nobody says so
    begin
    ip -n "$net_prefix-g2" link set wan mtu 1280
    diagnose_1 1
    step_is ok 'ESP passes'
    step_is FAILED 'largest packet'
    local largest
    largest=$(sed -n 's/.*largest packet *\([0-9]*\) octets.*/\1/p' "$dir/diagnose.log")
    # ESP in tunnel mode with AES-GCM adds 54 octets; a veth takes four more than its MTU, for a VLAN's tag.
    ((largest <= 1284 - 54 && largest > 1280 - 90)) || fail "the largest packet is $largest, and should be about 1226"
    says "$dir/diagnose.log" 'to fix it: .*MTU' "what to do about it"
}
case_diagnose_wrong_psk() {
    psk_1='not what the other has'
    begin
    diagnose_1 1
    step_is ok IKE_SA_INIT
    step_is FAILED authentication
    says "$dir/diagnose.log" 'to fix it: .*secret' "that the secrets differ"
    step_is skipped selectors
}
case_diagnose_no_proposal() {
    proposals_1=aes128-sha256-modp2048
    begin
    diagnose_1 1
    step_is ok 'port answers'
    step_is FAILED IKE_SA_INIT '.*aes128-sha256-modp2048'
    says "$dir/diagnose.log" 'to fix it: .*proposals' "which keyword to change"
}
case_diagnose_ts_mismatch() {
    ts_remote_1=10.99.0.0/24
    begin
    diagnose_1 1
    step_is ok authentication
    step_is FAILED selectors '.*10\.99\.0\.0/24'
}
