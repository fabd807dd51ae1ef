# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Peers by name, as /etc/hosts of each side's name space has them.

hosts_of() { # hosts_of N LINE: side N knows this and no more; the first time before it starts
    mkdir -p "/etc/netns/$net_prefix-g$1"
    echo "$2" >"/etc/netns/$net_prefix-g$1/hosts"
    echo 'nameserver 127.0.0.1' >"/etc/netns/$net_prefix-g$1/resolv.conf" # where nobody answers
}
by_name() { peer_address() { echo "side$((3 - $1)).names.example"; }; }

case_names() { # each knows the other by name; the tunnel comes up by itself
    by_name
    hosts_of 1 '192.0.2.2 side2.names.example'
    hosts_of 2 '192.0.2.1 side1.names.example'
    child 1 'start_action = start'
    begin
    expect_sas 1 1 1
    expect_sas 2 1 1
    traffic
}
case_names_later() { # the name has no address at first, and then a wrong one
    by_name
    hosts_of 1 '192.0.2.99 nobody.names.example'
    hosts_of 2 '192.0.2.1 side1.names.example'
    charon_lines='retry_initiate_interval = 1'
    child 1 'culvert_keep_up = yes'
    begin
    until_true 20 tells 'side2.names.example' || fail "nothing says that the name has no address"
    hosts_of 1 '192.0.2.99 side2.names.example'
    until_true 30 tells '192\.0\.2\.99' || fail "the name was not asked for again"
    hosts_of 1 '192.0.2.2 side2.names.example'
    until_true 60 has_children 1 1 || { tail -n 20 "$(side_log 1)"; fail "the new address was not used"; }
    traffic
}
tells() { grep -qE -- "$1" "$(side_log 1)"; }
