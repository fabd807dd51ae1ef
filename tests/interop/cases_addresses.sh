# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Virtual addresses (RFC 7296 2.19): side 1 asks, side 2 gives from its pool. Traffic goes from
# side 1's gateway itself, from that address, to the host behind side 2.

addresses_conf() { # addresses_conf VIPS
    vips=$1
    local original
    original=$(declare -f write_conf)
    eval "${original/write_conf/write_conf_fixed}"
    write_conf() {
        if [[ $1 == 1 ]]; then
            write_conf_fixed 1 | sed "s/ mobike = no/ mobike = no\n        vips = $vips/; s/ local_ts = .*/ local_ts = dynamic/"
        else
            write_conf_fixed 2 | sed 's/ mobike = no/ mobike = no\n        pools = four, six/; s/ remote_ts = .*/ remote_ts = dynamic/'
            cat <<'CONF'
pools {
    four {
        addrs = 10.3.0.0/29
        dns = 10.2.0.53
    }
    six {
        addrs = fd03::/120
    }
}
CONF
        fi
    }
}
gateway_pings() { # gateway_pings SOURCE DESTINATION
    ns g1 ping -n -q -c 3 -i 0.2 -W 3 -I "$1" "$2" >"$dir/ping.log" ||
        { cat "$dir/ping.log"; ns g1 ip addr; fail "no way from $1 to $2"; }
}
address_of_side_1() { list_sas 1 | sed -nE 's/^ +local .*\[[0-9]+\] \[([0-9a-f.: ]+)\]$/\1/p' | head -1; }
case_addresses() {
    addresses_conf 0.0.0.0
    begin
    up_ok 1 net4
    expect_sas 1 1 1
    expect_sas 2 1 1
    local given
    given=$(address_of_side_1)
    [[ $given == 10.3.0.* ]] || { list_sas 1; fail "side 1 has '$given', which is not of the pool"; }
    prints " $given/" ns g1 ip -o addr show || { ns g1 ip addr; fail "$given is not an address of the host"; }
    gateway_pings "$given" 10.2.0.2
    # The same again, after an end, and over a rekey.
    rekey 1 ike gw
    gateway_pings "$given" 10.2.0.2
    down 1 ike gw
    expect_sas 2 0 0
    ! prints " $given/" ns g1 ip -o addr show || fail "$given is still there"
    up_ok 1 net4
    [[ $(address_of_side_1) == "$given" ]] || fail "another address than before"
    gateway_pings "$given" 10.2.0.2
}
case_addresses_v6() {
    inner=6
    addresses_conf '::'
    begin
    up_ok 1 net6
    expect_sas 2 1 1
    local given
    given=$(address_of_side_1)
    [[ $given == fd03::* ]] || { list_sas 1; fail "side 1 has '$given', which is not of the pool"; }
    gateway_pings "$given" fd02::2
}
case_addresses_none_left() { # six addresses are in the pool, but none of this family
    addresses_conf 0.0.0.0
    local original
    original=$(declare -f write_conf)
    eval "${original/write_conf/write_conf_pools}"
    write_conf() { write_conf_pools "$1" | sed 's/pools = four, six/pools = six/'; }
    begin
    up_fails 1 net4
    ! is_culvert 1 || says "$dir/up.log" 'internal_address_failure|virtual address' "culvert up must explain"
    ! is_culvert 2 || says "$(side_log 2)" 'internal_address_failure' "culvertd must explain"
    side_alive 1
    side_alive 2
}
# Where side 1 is the host itself, whose process 1 has more rights than culvertd keeps, and which has a resolvconf.
case_addresses_resolvconf() {
    mkdir -p "$dir/programs"
    cat >"$dir/programs/resolvconf" <<SH
#!/bin/sh
{ echo "\$*"; [ "\$1" != -a ] || cat; } >>"$dir/resolvconf.log"
SH
    cat >"$dir/on-host" <<'SH' # DIR CULVERTD ARGS...
mount -t overlay none -o lowerdir="$1/programs:/usr/sbin" /usr/sbin || exit
[ ! -d /run/systemd/resolve ] || mount -t tmpfs none /run/systemd/resolve
shift
trap 'kill -TERM $pid' TERM
"$@" & pid=$!
wait $pid || wait $pid
SH
    cat >"$dir/culvertd" <<SH
#!/bin/sh
case "\$*" in *"$dir/1/"*) ;; *) exec "$culvertd" "\$@" ;; esac
exec unshare --mount --pid --fork --kill-child=TERM --mount-proc sh "$dir/on-host" "$dir" "$culvertd" "\$@"
SH
    chmod +x "$dir/programs/resolvconf" "$dir/culvertd"
    unshare --mount mount -t overlay none -o "lowerdir=$dir/programs:/usr/sbin" /usr/sbin 2>/dev/null || skip "there is no overlay to be had"
    culvertd=$dir/culvertd
    addresses_conf 0.0.0.0
    begin
    up_ok 1 net4
    handed() { grep -q "$1" "$dir/resolvconf.log"; }
    until_true 10 handed 'nameserver 10.2.0.53' || { cat "$dir/resolvconf.log"; fail "the name server was not handed over"; }
    handed '^-a culvert0$' || { cat "$dir/resolvconf.log"; fail "it is not said behind which interface"; }
    # A new IKE SA is given the same one before the old one ends, and that takes nothing away.
    local before
    before=$(grep -c '^-d culvert0$' "$dir/resolvconf.log" || :)
    swanctl_of 1 --rekey --reauth --ike gw >/dev/null || fail "it cannot be reauthenticated"
    until_true 20 says_reauthenticated || fail "there is no second IKE SA"
    expect_sas 1 1 1
    (($(grep -c '^-d culvert0$' "$dir/resolvconf.log") == before)) ||
        { cat "$dir/resolvconf.log"; fail "the name server went with the old IKE SA"; }
    down 1 ike gw
    last_word() { [[ $(tail -n 1 "$dir/resolvconf.log") == "-d culvert0" ]]; }
    until_true 10 last_word || { cat "$dir/resolvconf.log"; fail "the name server stays when the IKE SA is gone"; }
    # unshare itself takes no signal.
    kill -TERM "$(tr -d ' ' <"/proc/$pid_1/task/$pid_1/children")"
    net_stop "$pid_1"
}
says_reauthenticated() { grep -q 'gw#1.*\(deleted\|closed\|ended\)' "$(side_log 1)"; }
case_reauth() { # a new IKE SA takes the place of the old one
    # One side alone: two that begin in the same second each put a new IKE SA in place of the old.
    conn 1 "reauth_time = 8s"
    conn 2 "reauth_time = 0"
    both_conn "rekey_time = 0"
    both_conn "over_time = 20s"
    both_conn "rand_time = 0"
    charon_lines='make_before_break = yes'
    begin
    establish
    ping_ok h1 10.2.0.2
    until_true 30 has_new_ike 1 || { list_sas 1; fail "no reauthentication"; }
    expect_sas 1 1 1
    expect_sas 2 1 1
    traffic
}
has_new_ike() { prints '^gw: #[2-9][0-9]*, ESTABLISHED' list_sas "$1"; }
