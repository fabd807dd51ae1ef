# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# A client that its gateway sends elsewhere (RFC 5685), and a peer that shows that it was restarted
# (RFC 6290). Side 2 is the gateway, with two addresses; side 1 follows.

two_addresses() {
    charon_lines='follow_redirects = yes'
    eval "$(declare -f write_conf | sed '1s/^write_conf/plain_write_conf/')"
    write_conf() { plain_write_conf "$1" | sed 's/ local_addrs = 192.0.2.2$/ local_addrs = 192.0.2.2, 192.0.2.3/'; }
    side_files() { [[ $1 != 2 ]] || ip -n "$net_prefix-g2" addr add 192.0.2.3/24 dev wan; }
}
is_at() { prints "^ +remote .*@ $1\[" list_sas 1; }
send_away() { # send_away GATEWAY: to there, and how it was said is in $dir/redirect.log
    if is_culvert 2; then
        culvert_of 2 redirect gw "$1" --peer-ip 192.0.2.0/24
    else
        swanctl_of 2 --redirect --peer-ip 192.0.2.0/24 --gateway "$1"
    fi >"$dir/redirect.log" 2>&1 ||
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
case_redirect_refused() { # the client does not follow, and says so from the start: the command is an error
    two_addresses
    charon_lines='follow_redirects = no'
    begin
    establish
    ! swanctl_of 2 --redirect --ike gw --gateway 192.0.2.3 >"$dir/redirect.log" 2>&1 ||
        fail "side 2 says that it sent away a client that does not follow"
    says "$dir/redirect.log" 'did not say that it does \(RFC 5685\)\. To fix it: .*follow_redirects' "why not, and what to do"
    is_at 192.0.2.2 || fail "side 1 went to 192.0.2.3 all the same"
    expect_sas 1 1 1
    traffic
}

case_redirect_init() { # in the answer to IKE_SA_INIT, everybody
    two_addresses
    charon_lines+=$'\n    culvert_redirect_to = 192.0.2.3'
    begin
    up_ok 1 net4
    until_true 20 is_at 192.0.2.3 || { list_sas 1; fail "side 1 did not go to 192.0.2.3"; }
    expect_sas 1 1 1
    expect_sas 2 1 1
    traffic
}
# In the answer to IKE_AUTH (RFC 5685 6): side 2 knows who it is that it sends away.
says_where() { grep -q 'redirecting .* to 192.0.2.3 instead of a Child SA' "$(side_log 2)"; }
sent_in_auth() {
    begin
    if ! is_culvert 1; then # strongSwan 5.9.8 takes it, and crashes as it begins anew
        up 1 net4 || :
        until_true 10 says_where || fail "side 2 has not sent it away in IKE_AUTH"
        until_true 10 grep -q 'redirected to 192.0.2.3' "$(side_log 1)" || fail "side 1 does not take the redirect"
        return
    fi
    up_ok 1 net4
    until_true 20 is_at 192.0.2.3 || { list_sas 1; fail "side 1 did not go to 192.0.2.3"; }
    until_true 10 says_where || fail "side 2 has not sent it there in IKE_AUTH"
    until_true 20 has_children 1 1 || fail "side 1 has no Child SA at 192.0.2.3"
    expect_sas 1 1 1
    expect_sas 2 1 1
    traffic
    down 1 ike gw
    gone
}
case_redirect_auth() { # by its connection
    two_addresses
    conn 2 'culvert_redirect_to = 192.0.2.3'
    sent_in_auth
}
case_redirect_auth_all() { # everybody
    two_addresses
    charon_lines+=$'\n    culvert_redirect_to = 192.0.2.3\n    culvert_redirect_when = auth'
    sent_in_auth
}
case_redirect_auth_eap() { # once the user is proved
    eap eap-mschapv2
    eval "$(declare -f side_files | sed '1s/^side_files/certificate_files/')"
    two_addresses
    eval "$(declare -f side_files | sed '1s/^side_files/address_files/')"
    side_files() { certificate_files "$1"; address_files "$1"; }
    conn 2 'culvert_redirect_to = 192.0.2.3'
    sent_in_auth
}
case_redirect_auth_refused() { # a client that does not follow is served where it is
    two_addresses
    charon_lines='follow_redirects = no'
    conn 2 'culvert_redirect_to = 192.0.2.3'
    begin
    establish
    is_at 192.0.2.2 || fail "side 1 is not where it began"
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
