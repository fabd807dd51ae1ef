# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# A client that its gateway sends elsewhere (RFC 5685), and a peer that shows that it was restarted
# (RFC 6290). Side 2 is the gateway, with two addresses; side 1 follows.

two_addresses() {
    charon_lines='follow_redirects = yes'
    eval "$(declare -f write_conf | sed '1s/^write_conf/plain_write_conf/')"
    write_conf() { plain_write_conf "$1" | sed 's/ local_addrs = 192.0.2.2$/ local_addrs = 192.0.2.2, 192.0.2.3/'; }
    side_files() { [[ $1 != 2 ]] || ip -n "$net_prefix-g2" addr add 192.0.2.3/24 dev wan; }
}
is_at() { list_sas 1 2>/dev/null | grep -qE "^ +remote .*@ $1\["; }
send_away() { # send_away GATEWAY: to there, and how it was said is in $dir/redirect.log
    swanctl_of 2 --redirect --peer-ip 192.0.2.0/24 --gateway "$1" >"$dir/redirect.log" 2>&1 ||
        { cat "$dir/redirect.log"; fail "side 2 cannot redirect its client"; }
}
case_redirect() {
    two_addresses
    begin
    establish
    is_at 192.0.2.2 || fail "side 1 is not where it began"
    traffic
    send_away 192.0.2.3
    until_true 20 is_at 192.0.2.3 || { list_sas 1; fail "side 1 did not go to 192.0.2.3"; }
    expect_sas 1 1 1
    expect_sas 2 1 1
    traffic
    down 1 ike gw
    gone
}
case_redirect_refused() { # the client does not follow, and says so from the start
    two_addresses
    charon_lines='follow_redirects = no'
    begin
    establish
    ! swanctl_of 2 --redirect --ike gw --gateway 192.0.2.3 >"$dir/redirect.log" 2>&1 ||
        is_at 192.0.2.2 || fail "side 1 went to 192.0.2.3 all the same"
    expect_sas 1 1 1
    traffic
}

restarted() { grep -q 'was restarted' "$(side_log 1)"; }
case_crash_shown() {
    conn 1 "dpd_delay = 3s"
    begin
    establish
    traffic
    side_kill 2
    side_start 2
    until_true 20 restarted || fail "side 1 did not learn that side 2 was restarted"
    expect_sas 1 1 1
    expect_sas 2 1 1
    traffic
    [[ $(stat -c %a "$dir/2/state/crash-secret") == 600 ]] || fail "the secret is not for root alone"
}
