# shellcheck shell=bash disable=SC2034,SC2154
# Libreswan and OpenIKED as a side. Both leave ESP to the kernel, so they run inside the lab only (see
# ../lab_others). Sourced by cases_others.sh when one of them takes part; the plain functions of
# sides.sh go on for the other side.

libreswan_root=${LIBRESWAN_ROOT:-${XDG_CACHE_HOME:-/tmp}/ipsec-lab-cache.$EUID/libreswan}

plain() { # plain FUNCTION...: keeps it under plain_FUNCTION
    local name
    for name in "$@"; do eval "$(declare -f "$name" | sed "1s/^$name/plain_$name/")"; done
}
plain up down rekey list_sas ike_count child_count side_answers

other_of() { value impl "$1"; }
inside_of() { # inside_of N COMMAND...: in the daemon's own name spaces
    local v=pid_$1
    shift
    nsenter -t "${!v}" -m -n -- "$@"
}

# other_start N SCRIPT ARG...: with /run of its own, in the foreground of a process that is ours to end
other_start() {
    local n=$1 script=$2
    shift 2
    setsid ip netns exec "$net_prefix-g$n" unshare -m --propagation private bash -ec \
        "mount -t tmpfs -o mode=755 tmpfs /run; mkdir -p /run/lock; $script" side "$@" >"$(side_log "$n")" 2>&1 </dev/null &
    printf -v "pid_$n" %s $!
    net_pids+=("$!")
}

# ---- Libreswan: only unpacked, since its package excludes strongSwan's; laid over /usr where pluto runs

whack_of() { inside_of "$1" /usr/libexec/ipsec/whack --ctlsocket /run/pluto/pluto.ctl "${@:2}"; }

libreswan_suite() { # libreswan_suite SUITE: swanctl's words in libreswan's
    case $1 in
    aes256gcm16-prfsha384-ecp384) echo aes_gcm256-sha2_384-dh20 ;;
    aes128-sha256-modp2048) echo aes128-sha2_256-dh14 ;;
    aes256gcm16 | aes256gcm16-ecp384) echo aes_gcm256 ;; # pfs=yes: with the IKE SA's group
    aes128-sha256) echo aes128-sha2_256 ;;
    chacha20poly1305*) echo "chacha20_poly1305${1#chacha20poly1305}" | sed 's/-prfsha256-curve25519/-sha2_256-dh31/' ;;
    *) fail "no words for $1 in libreswan's configuration" ;;
    esac
}
libreswan_auth() { # by what the sides sign; one that differs from the other's is said for each
    case $(value local "$1") in
    *psk*) echo authby=secret ;;
    *) if [[ $(value kind "$1") == rsa ]]; then echo authby=rsa-sha2; else echo authby=ecdsa; fi ;;
    esac
}
write_libreswan() { # write_libreswan N
    local n=$1 other=$((3 - $1)) pfs=no family
    [[ $(value esp "$n") != *-ecp* ]] || pfs=yes
    printf 'config setup\n    uniqueids=yes\n%s' "${libreswan_setup-}"
    for family in 4 6; do
        [[ $inner == *$family* ]] || continue
        printf 'conn net%s\n    ikev2=insist\n    %s\n    pfs=%s\n    auto=add\n    fragmentation=yes\n' \
            "$family" "$(libreswan_auth "$n")" "$pfs"
        printf '    left=%s\n    leftid=@%s\n    leftsubnet=%s\n' "$(side_address "$n")" "$(value id "$n")" \
            "$(net_of "$n" "$family")"
        printf '    right=%s\n    rightid=@%s\n    rightsubnet=%s\n' "$(peer_address "$n")" "$(value peer_id "$n")" \
            "$(net_of "$other" "$family")"
        printf '    ike=%s\n    esp=%s\n' "$(libreswan_suite "$(value proposals "$n")")" "$(libreswan_suite "$(value esp "$n")")"
        if [[ -d $dir/pki ]]; then
            # No rightca: with %any it would not ask for certificates.
            printf '    leftcert=g%s\n    leftsendcert=always\n    sendca=all\n' "$n"
        fi
        printf '%s' "${libreswan_conn-}"
        # The script would set routes that are there already, and keep the peer waiting for its answer.
        printf '    leftupdown=%%disabled\n'
    done
}
net_of() { if [[ $2 == 4 ]]; then echo "10.$1.0.0/24"; else echo "fd0$1::/64"; fi; }

start_libreswan() {
    local n=$1 place=$dir/$1/libreswan
    mkdir -p "$place/nss"
    write_libreswan "$n" >"$place/ipsec.conf"
    (umask 077 && printf '@g1.example @g2.example : PSK "%s"\n' "$(value psk "$n")" >"$place/ipsec.secrets")
    if [[ -d $dir/pki ]]; then
        openssl pkcs12 -export -inkey "$(pki "g$n.key")" -in "$(pki "g$n.crt")" -name "g$n" -passout pass: \
            -out "$place/own.p12"
        cp "$(pki "$(value trusts "$n").crt")" "$place/root.crt"
        if [[ $(value issuer "$n") == middle ]]; then cp "$(pki middle.crt)" "$place/"; fi
    fi
    # shellcheck disable=SC2016  # expanded inside
    other_start "$n" '
        place=$1 from=$2
        mount -t tmpfs tmpfs /mnt
        mkdir /mnt/etc /mnt/work
        mount -t overlay -o "lowerdir=$from/usr:/usr" overlay /usr
        mount -t overlay -o "lowerdir=$from/etc:/etc,upperdir=/mnt/etc,workdir=/mnt/work" overlay /etc
        cp "$place/ipsec.conf" "$place/ipsec.secrets" /etc/
        mkdir -p /run/pluto
        certutil -N -d "sql:$place/nss" --empty-password
        [[ ! -e $place/own.p12 ]] || pk12util -i "$place/own.p12" -d "sql:$place/nss" -W "" -K ""
        [[ ! -e $place/root.crt ]] || certutil -A -n root -t CT,, -i "$place/root.crt" -d "sql:$place/nss"
        [[ ! -e $place/middle.crt ]] || certutil -A -n middle -t ,, -i "$place/middle.crt" -d "sql:$place/nss"
        exec env ${3:+"LD_PRELOAD=$3"} /usr/libexec/ipsec/pluto --nofork --config /etc/ipsec.conf --secretsfile /etc/ipsec.secrets \
            --nssdir "$place/nss" --rundir /run/pluto --stderrlog' "$place" "$libreswan_root" "${libreswan_preload-}"
    until_true 60 inside_of "$n" test -S /run/pluto/pluto.ctl || fail "pluto of side $n did not start"
    inside_of "$n" /usr/libexec/ipsec/addconn --config /etc/ipsec.conf --ctlsocket /run/pluto/pluto.ctl --addall \
        >"$dir/load.log" 2>&1 || { cat "$dir/load.log"; fail "pluto of side $n refused its configuration"; }
}

# ---- OpenIKED: its child proposals are of other words, and its lifetimes alone make it rekey

openiked_enc() {
    case $1 in
    aes256gcm16-prfsha384-ecp384) echo 'enc aes-256-gcm prf hmac-sha2-384 group ecp384' ;;
    aes128-sha256-modp2048) echo 'enc aes-128 auth hmac-sha2-256 prf hmac-sha2-256 group modp2048' ;;
    aes256-sha512) echo 'enc aes-256 auth hmac-sha2-512' ;;
    aes128-sha256) echo 'enc aes-128 auth hmac-sha2-256' ;;
    aes256-sha512-ecp256) echo 'enc aes-256 auth hmac-sha2-512 group ecp256' ;;
    *) fail "no words for $1 in OpenIKED's configuration" ;;
    esac
}
write_openiked() { # write_openiked N
    local n=$1 other=$((3 - $1)) mode=passive auth=''
    ((n == 2)) || mode=active
    [[ $(value local "$n") != *psk* ]] || auth=" psk \"$(value psk "$n")\""
    printf 'set fragmentation\nikev2 "gw" %s esp from 10.%s.0.0/24 to 10.%s.0.0/24 local %s peer %s ' \
        "$mode" "$n" "$other" "$(side_address "$n")" "$(peer_address "$n" | sed 's/%any/any/')"
    printf 'ikesa %s childsa %s srcid %s dstid %s%s%s\n' "$(openiked_enc "$(value proposals "$n")")" \
        "$(openiked_enc "$(value esp "$n")")" "$(value id "$n")" "$(value peer_id "$n")" "$(value openiked_words "$n")" "$auth"
}
start_openiked() {
    local n=$1 place=$dir/$1/iked
    mkdir -p "$place"/{ca,certs,crls,ocsp,private,pubkeys/{ipv4,ipv6,fqdn,ufqdn}}
    (umask 077 && write_openiked "$n" >"$place/iked.conf")
    if [[ -d $dir/pki ]]; then
        cp "$(pki "g$n.key")" "$place/private/local.key"
        cp "$(pki "g$n.crt")" "$place/certs/g$n.example.crt"
        cp "$(pki "$(value trusts "$n").crt")" "$place/ca/ca.crt"
        chmod 600 "$place/private/local.key"
    else
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$place/private/local.key" 2>/dev/null
    fi
    openssl pkey -in "$place/private/local.key" -pubout -out "$place/local.pub"
    chmod 755 "$dir" "$dir/$n" "$place"
    # shellcheck disable=SC2016  # expanded inside
    other_start "$n" '
        mkdir -p /etc/iked
        mount --bind "$1" /etc/iked
        exec /usr/sbin/iked -d -vv -f /etc/iked/iked.conf -s /run/iked.sock' "$place"
    until_true 30 inside_of "$n" test -S /run/iked.sock || fail "iked of side $n did not start"
    # It drops what it negotiates before its configuration is all in place.
    until_true 30 grep -q 'config_getstatic: .*stickyaddress' "$(side_log "$n")" || fail "iked of side $n has no configuration"
}
iked_of() { inside_of "$1" ikectl -s /run/iked.sock "${@:2}"; }

# ---- what sides.sh asks of a side

# A kernel in a process of its own, on a machine with other work, answers late.
retransmit_tries=15

up() {
    case $(other_of "$1") in
    libreswan) whack_of "$1" --name "$2" --initiate >"$dir/up.log" 2>&1 ;;
    openiked) # it is active, and tries by itself
        until_true 60 has_children "$1" 1 || { iked_of "$1" show sa >"$dir/up.log" 2>&1 || :; return 1; }
        ;;
    *) plain_up "$@" ;;
    esac
}
down() {
    case $(other_of "$1") in
    libreswan)
        if [[ $2 == ike ]]; then
            whack_of "$1" --name "$(first_child)" --terminate
        else
            whack_of "$1" --deletestate "$(pluto_child "$1" "$3")"
        fi >"$dir/down.log" 2>&1 || : ;; # its status is of other things
    openiked) iked_of "$1" reset id "$(value peer_id "$1")" >"$dir/down.log" 2>&1 ;;
    *) plain_down "$@" ;;
    esac
}
rekey() {
    case $(other_of "$1") in
    libreswan)
        local how=ipsec
        [[ $2 == child ]] || how=ike
        whack_of "$1" --name "$(first_child)" "--rekey-$how" >"$dir/rekey.log" 2>&1 ||
            { cat "$dir/rekey.log"; fail "side $1 cannot rekey $2 $3"; }
        ;;
    openiked) fail "OpenIKED rekeys by its lifetimes alone" ;;
    *) plain_rekey "$@" ;;
    esac
}
pluto_child() { whack_of "$1" --showstates | sed -nE "s/^0*6? ?#([0-9]+): \"$2\".*ESTABLISHED_CHILD.*/\1/p" | tail -1; }
list_sas() {
    case $(other_of "$1") in
    libreswan) whack_of "$1" --showstates ;;
    openiked) iked_of "$1" show sa ;;
    *) plain_list_sas "$1" ;;
    esac
}
ike_count() {
    case $(other_of "$1") in
    libreswan) list_sas "$1" 2>/dev/null | grep -c ESTABLISHED_IKE_SA || : ;;
    openiked) list_sas "$1" 2>/dev/null | grep -c '^iked_sas:.* ESTABLISHED' || : ;;
    *) plain_ike_count "$1" ;;
    esac
}
child_count() {
    case $(other_of "$1") in
    libreswan) list_sas "$1" 2>/dev/null | grep -c ESTABLISHED_CHILD_SA || : ;;
    openiked) list_sas "$1" 2>/dev/null | grep -cE '^ +sa_childsas: .* in ' || : ;;
    *) plain_child_count "$1" ;;
    esac
}
side_answers() {
    case $(other_of "$1") in
    libreswan | openiked) list_sas "$1" ;;
    *) plain_side_answers "$@" ;;
    esac
}

# The lab's kernel has no nftables, but the tables before them.
net_masquerade() {
    local tables=$libreswan_root/usr/sbin/xtables-legacy-multi libraries=$libreswan_root/usr/lib/x86_64-linux-gnu
    [[ -x $tables ]] || skip "no iptables for the lab's kernel (it comes with Libreswan)"
    LD_LIBRARY_PATH=$libraries XTABLES_LIBDIR=$libraries/xtables ns nat "$tables" iptables -t nat -A POSTROUTING -o outside -j MASQUERADE
}
