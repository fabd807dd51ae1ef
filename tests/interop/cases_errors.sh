# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# What culvertd says when it cannot start, what a broken file does to one that runs, and what a crash
# leaves behind. Run with culvert on both sides; only side 1 is of interest where it must not start.

# refuses_to_start COMMAND...: culvertd of side 1, run by COMMAND, ends by itself and with an error;
# what it said is in $dir/start.log.
refuses_to_start() {
    local rc=0
    mkdir -p "$dir/1/state"
    timeout 20 ip netns exec "$net_prefix-g1" "$@" "$culvertd" --config "$dir/1/swanctl/swanctl.conf" \
        --vici "$(vici 1)" --state-dir "$dir/1/state" --foreground >"$dir/start.log" 2>&1 </dev/null || rc=$?
    ((rc != 0 && rc != 124 && rc < 128)) || { cat "$dir/start.log"; fail "culvertd ended with $rc, which is no refusal"; }
    # One message: what was wanted, what came, what to do.
    says "$dir/start.log" 'wanted .*got .*To fix it' "the refusal must explain itself"
}
files_of_side_1() {
    net_gateways
    wire_begin
    (umask 077 && mkdir -p "$dir/1/swanctl" && write_conf 1 >"$dir/1/swanctl/swanctl.conf")
}

case_start_bad_config() {
    files_of_side_1
    sed -i 's/aes256gcm16-prfsha384-ecp384/aes256gcm61-prfsha384-ecp384/' "$dir/1/swanctl/swanctl.conf"
    local line
    line=$(grep -n aes256gcm61 "$dir/1/swanctl/swanctl.conf" | cut -d: -f1)
    refuses_to_start
    says "$dir/start.log" "swanctl.conf:$line: .*aes256gcm61" "file, line and word"
    says "$dir/start.log" 'nearest word is "aes256gcm' "and what would be right"
    local rc=0
    "$culvert" check "$dir/1/swanctl/swanctl.conf" >"$dir/check.log" 2>&1 || rc=$?
    ((rc != 0)) || fail "culvert check finds nothing wrong"
    says "$dir/check.log" "swanctl.conf:$line: .*aes256gcm61" "culvert check must say the same"
}
case_start_port_in_use() {
    files_of_side_1
    ip netns exec "$net_prefix-g1" python3 -c '
import socket, time
holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
holder.bind(("0.0.0.0", 500))
time.sleep(60)' &
    net_pids+=("$!")
    until_true 10 port_is_held || fail "nobody holds port 500"
    refuses_to_start
    says "$dir/start.log" 'UDP port 500.*python3 \(pid [0-9]+\)' "who holds the port"
}
port_is_held() { ns g1 ss -Hlun 'sport = :500' | grep -q .; }
case_start_no_tun() {
    files_of_side_1
    # shellcheck disable=SC2016  # expanded by the inner shell
    refuses_to_start unshare -m bash -c 'mount -t tmpfs none /dev && exec "$@"' _
    says "$dir/start.log" '/dev/net/tun.*modprobe tun' "which device, and how to get it"
}
case_start_no_privilege() {
    files_of_side_1
    chmod 755 "$dir"
    chmod -R a+rX "$dir/1"
    chown 65534:65534 "$dir"
    mkdir -p "$dir/1/state"
    chown -R 65534:65534 "$dir/1"
    setpriv --reuid=65534 --regid=65534 --clear-groups "$culvertd" --version >/dev/null 2>&1 ||
        skip "an unprivileged user cannot reach $culvertd"
    refuses_to_start setpriv --reuid=65534 --regid=65534 --clear-groups
    says "$dir/start.log" 'permission.*CAP_NET_ADMIN' "which privilege is missing"
}

case_broken_reload() { # what runs goes on, and the command says where the file is broken
    begin
    establish
    ping_ok h1 10.2.0.2
    sed -i 's/remote_ts = .*/remote_ts = 10.2.0.0\/33/' "$dir/1/swanctl/swanctl.conf"
    local line
    line=$(grep -n '10.2.0.0/33' "$dir/1/swanctl/swanctl.conf" | cut -d: -f1)
    ! culvert_of 1 reload >"$dir/reload.log" 2>&1 || fail "a broken file was taken"
    says "$dir/reload.log" "swanctl.conf:$line" "file and line"
    says "$dir/reload.log" '10.2.0.0/33' "the word that is wrong"
    side_alive 1
    expect_sas 1 1 1
    ping_ok h1 10.2.0.2
    down 1 ike gw
    gone
}

# X-08: logs, status and records at their most talkative have no secret, neither as it is nor in hex.
case_x08_no_secret_is_told() {
    local n said
    culvertd_log=trace
    both psk 'seven letters that nobody reads'
    begin
    establish
    rekey 1 ike gw
    rekey 2 child net4
    expect_sas 1 1 1
    expect_sas 2 1 1
    for n in 1 2; do
        for said in status 'status --all' stats log diff; do
            # shellcheck disable=SC2086  # words
            culvert_of "$n" $said >>"$dir/said" 2>&1
        done
        swanctl_of "$n" --list-conns >>"$dir/said"
    done
    says "$(side_log 1)" ' (trace|debug) +[a-z]+ ' "the level must be in use"
    ! grep -qiF -e "$psk_1" -e "$(printf %s "$psk_1" | od -An -tx1 | tr -d ' \n')" "$dir/said" "$(side_log 1)" "$(side_log 2)" ||
        fail "the secret is told"
    down 1 ike gw
}

# X-05. Routes, rules, packet filter and device are in the namespace: all of it must be ours and whole.
case_killed_and_restarted() {
    begin
    establish
    ping_ok h1 10.2.0.2
    local clean
    side_kill 1
    side_start 1
    (($(ns g1 ip rule show | grep -c 'lookup 220') <= 1)) || fail "the old rule is still there beside the new one"
    # Those that let nothing through hold until the new daemon has its own policies.
    ! prints '^[^u]' ns g1 ip route show table 220 || fail "routes of the killed daemon are still there"
    expect_sas 1 0 0
    up_ok 1 net4
    expect_sas 1 1 1
    ping_ok h1 10.2.0.2
    ping_ok h2 10.1.0.2
    net_stop "$pid_1"
    clean=$(ns g1 ip rule show; ns g1 ip route show table 220 2>/dev/null; ns g1 nft list ruleset; ns g1 ip link show)
    ! grep -E 'lookup 220|culvert|dev tun' <<<"$clean" || fail "culvertd left something behind when it ended"
}
