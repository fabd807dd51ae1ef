# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# AUTH by certificates: kinds of keys, chains, what must be refused and how both sides explain it. The
# authorities and certificates are made by openssl, in $dir/pki:
#
#   root --+-- middle --- (side N with a chain)        other (a stranger's root)
#          +-- (side N)

pki() { echo "$dir/pki/$1"; }
pki_key() { # pki_key NAME rsa|ecdsa|ed25519
    local -a kind
    case $2 in
    rsa) kind=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048) ;;
    ecdsa) kind=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256) ;;
    ed25519) kind=(-algorithm ED25519) ;;
    esac
    openssl genpkey "${kind[@]}" -out "$(pki "$1.key")" 2>/dev/null
}
pki_root() { # pki_root NAME
    pki_key "$1" ecdsa
    openssl req -x509 -new -key "$(pki "$1.key")" -subj "/C=CH/O=Culvert/CN=$1" -days 3650 -out "$(pki "$1.crt")" \
        -addext 'keyUsage = critical, keyCertSign, cRLSign'
}
pki_issue() { # pki_issue NAME ISSUER EXTENSIONS [OPTIONS...]
    local name=$1 issuer=$2 extensions=$3
    shift 3
    openssl req -new -key "$(pki "$name.key")" -subj "/C=CH/O=Culvert/CN=$name" -out "$(pki "$name.csr")"
    # A day ago: clocks of one machine agree, but for rounding.
    openssl x509 -req -in "$(pki "$name.csr")" -CA "$(pki "$issuer.crt")" -CAkey "$(pki "$issuer.key")" -CAcreateserial \
        -extfile <(printf '%s\n' "$extensions") -out "$(pki "$name.crt")" -days 365 "$@" 2>/dev/null
}
pki_authority='basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign'

kind_1=ecdsa kind_2=ecdsa issuer_1=root issuer_2=root trusts_1=root trusts_2=root
certificates() { # both sides by certificate, unless local_N or remote_N say otherwise; then the tunnel's files
    local n
    command -v openssl >/dev/null || skip "openssl is not installed"
    mkdir -p "$dir/pki"
    pki_root root
    pki_root other
    pki_key middle ecdsa
    pki_issue middle root "$pki_authority"
    for n in 1 2; do
        pki_key "g$n" "$(value kind "$n")"
        pki_issue "g$n" "$(value issuer "$n")" "keyUsage = digitalSignature
subjectAltName = DNS:g$n.example"
        printf -v "local_$n" 'auth = pubkey\n            certs = g%s.crt' "$n"
        printf -v "remote_$n" 'auth = pubkey'
    done
}
side_files() { # side_files N
    local n=$1 place=$dir/$1/swanctl folder
    [[ -d $dir/pki ]] || return 0
    for folder in x509 x509ca x509crl private; do mkdir -p "$place/$folder"; done
    cp "$(pki "g$n.crt")" "$place/x509/"
    (umask 077 && cp "$(pki "g$n.key")" "$place/private/")
    cp "$(pki "$(value trusts "$n").crt")" "$place/x509ca/"
    # One in between is sent by its owner alone.
    if [[ $(value issuer "$n") == middle ]]; then cp "$(pki middle.crt)" "$place/x509/"; fi
    if [[ -e $(pki crl.pem) ]]; then cp "$(pki crl.pem)" "$place/x509crl/"; fi
}
says_soon() { # says_soon REGEX WHY: the log of side 2, which is written after the answer is sent
    until_true 10 grep -qiE -- "$1" "$(side_log 2)" || says "$(side_log 2)" "$1" "$2"
}
refused_with() { # refused_with REGEX WHY: the culvert that refuses explains itself; nothing stands
    begin
    up_fails 1 net4
    ! is_culvert 2 || says_soon "$1" "$2"
    ! is_culvert 1 || says "$dir/up.log" 'AUTHENTICATION_FAILED' "the side that was refused must know that it was"
    expect_sas 1 0 0
    expect_sas 2 0 0
    ping_fails h1 10.2.0.2
}

case_cert_ecdsa() { certificates; tunnel; }
case_cert_rsa() { kind_1=rsa kind_2=rsa; certificates; tunnel; }
case_cert_ed25519() { kind_1=ed25519 kind_2=ed25519; certificates; tunnel; }
case_cert_kinds() { kind_1=rsa kind_2=ed25519; certificates; tunnel; }
case_cert_chain() { issuer_1=middle issuer_2=middle; certificates; tunnel; }
case_cert_found_by_id() { certificates; both local 'auth = pubkey'; tunnel; }
case_cert_always() { certificates; both_conn 'send_cert = always'; both_conn 'send_certreq = no'; tunnel; }
case_cert_pinned() { # both know the other's certificate, and send none
    certificates
    trusts_1=other trusts_2=other
    both_conn 'send_cert = never'
    eval "$(declare -f side_files | sed 's/^side_files/files_without_peer/')"
    side_files() { files_without_peer "$1"; cp "$(pki "g$((3 - $1)).crt")" "$dir/$1/swanctl/x509/"; }
    remote_1='auth = pubkey
            certs = g2.crt' remote_2='auth = pubkey
            certs = g1.crt'
    tunnel
}
case_cert_and_psk() { # the responder shows a certificate, the initiator knows a secret
    certificates
    local_1='auth = psk' remote_2='auth = psk'
    tunnel
}
case_cert_subject_id() { # no id is configured: the certificate's subject is it
    certificates
    id_1='"C=CH, O=Culvert, CN=g1"' peer_id_2=$id_1
    tunnel
}
case_cert_rekey() { # with addresses and chain, and the IKE SA gets fresh keys
    issuer_1=middle issuer_2=middle
    certificates
    begin
    establish
    traffic
    rekey 1 ike gw
    rekey 2 child net4
    traffic
    down 2 ike gw
    gone
}
case_cert_revoked() {
    certificates
    : >"$(pki index)"
    echo 01 >"$(pki number)"
    printf '[ca]\ndefault_ca = one\n[one]\ndatabase = %s\ncrlnumber = %s\ndefault_md = sha256\ndefault_crl_days = 30\ncrl_extensions = crl\n[crl]\nauthorityKeyIdentifier = keyid\n' \
        "$(pki index)" "$(pki number)" >"$(pki cnf)"
    openssl ca -config "$(pki cnf)" -cert "$(pki root.crt)" -keyfile "$(pki root.key)" -revoke "$(pki g1.crt)" \
        -crl_reason keyCompromise 2>/dev/null
    openssl ca -config "$(pki cnf)" -cert "$(pki root.crt)" -keyfile "$(pki root.key)" -gencrl -out "$(pki crl.pem)" 2>/dev/null
    refused_with 'CN=g1.* was revoked on .*keyCompromise.*To fix it: issue a new certificate' "which certificate, why, what to do"
}
case_cert_wrong_authority() {
    trusts_2=other
    certificates
    refused_with 'CN=g1.*(issuer that we neither know|no authority that we trust).*To fix it:.*x509ca' "whose authority is missing, and where it belongs"
}
case_cert_expired() {
    certificates
    # Nobody can make openssl's x509 begin in the past: `ca` can.
    : >"$(pki index)"
    echo 01 >"$(pki serial)"
    printf '[ca]\ndefault_ca = one\n[one]\ndatabase = %s\nserial = %s\nnew_certs_dir = %s\ndefault_md = sha256\npolicy = any\n[any]\ncommonName = supplied\ncountryName = optional\norganizationName = optional\n[ext]\nsubjectAltName = DNS:g1.example\n' \
        "$(pki index)" "$(pki serial)" "$dir/pki" >"$(pki cnf)"
    openssl ca -batch -config "$(pki cnf)" -cert "$(pki root.crt)" -keyfile "$(pki root.key)" -in "$(pki g1.csr)" -extensions ext \
        -startdate 20200101000000Z -enddate 20210101000000Z -out "$(pki g1.crt)" -notext 2>/dev/null
    refused_with 'CN=g1.* expired on 2021-01-01.*To fix it: issue a new certificate' "since when it is no more valid"
}
case_cert_wrong_name() { # the certificate is good, but not for the identity that is claimed
    certificates
    pki_issue g1 root 'subjectAltName = DNS:somebody.example'
    if is_culvert 1; then # it does not claim what its certificate does not say
        refused_with 'calls itself C=CH, O=Culvert, CN=g1 .*To fix it: .*remote\.id' "whom it does not know"
        says "$(side_log 1)" 'g1\.example is not in the certificate.*its subject is used.*To fix it: issue it' \
            "why it calls itself otherwise"
    else
        refused_with 'identity that the peer claims, g1\.example.*CN=g1.*somebody\.example.*To fix it: issue it with g1\.example' \
            "which identity, and what the certificate is for"
    fi
}
case_cert_constraint() { # a P-256 key where only longer RSA keys are wanted
    certificates
    remote_2='auth = rsa-3072-sha256'
    refused_with '(rsa-3072-sha256|RSA).*ECDSA|ECDSA.*rsa-3072' "what is wanted and what came"
}

# culvertd with nothing of its own: strongSwan's swanctl, unmodified, brings credentials and connection.
case_cert_swanctl() {
    issuer_1=middle issuer_2=middle
    certificates
    eval "$(declare -f write_conf | sed 's/^write_conf/whole_conf/')"
    write_conf() { if [[ $1 == 1 ]]; then echo '# empty'; else whole_conf "$1"; fi; }
    eval "$(declare -f side_files | sed 's/^side_files/files_for_swanctl/')"
    side_files() {
        files_for_swanctl "$1"
        [[ $1 == 1 ]] || return 0
        mkdir -p "$dir/swanctl"
        mv "$dir/1/swanctl"/{x509,x509ca,x509crl,private} "$dir/swanctl/"
        mkdir -p "$dir/swanctl"/{x509aa,x509ocsp,x509ac,pubkey,rsa,ecdsa,pkcs8,pkcs12}
        openssl pkcs8 -topk8 -in "$(pki g1.key)" -passout pass:sesame -v2 aes-256-cbc -out "$dir/swanctl/private/g1.key"
        secret_lines_1='    private-g1 { file = g1.key
        secret = sesame }'
        (umask 077 && whole_conf 1 >"$dir/swanctl/swanctl.conf")
    }
    begin
    foreign() { SWANCTL_DIR=$dir/swanctl STRONGSWAN_CONF=$dir/1/strongswan.conf timeout 60 swanctl "$@" --uri "$(vici 1)"; }
    foreign --load-all --noprompt >"$dir/load.log" 2>&1 || { cat "$dir/load.log"; fail "swanctl --load-all failed"; }
    says "$dir/load.log" "loaded certificate from .*g1.crt" "the certificate must be taken"
    says "$dir/load.log" "loaded (private|ECDSA) key from .*g1.key" "the decrypted key must be taken"
    foreign --list-certs >"$dir/list.log" 2>&1 || fail "swanctl --list-certs failed"
    says "$dir/list.log" 'CN=g1"' "our certificate must be listed"
    says "$dir/list.log" 'has private key' "with its key"
    says "$dir/list.log" 'CN=root"' "and the authority"
    establish
    traffic
    down 1 ike gw
    gone
    # A key that is gone from the folder goes from the daemon as well.
    rm "$dir/swanctl/private/g1.key"
    sed -i '/private-g1/,/}/d' "$dir/swanctl/swanctl.conf"
    foreign --load-creds --noprompt >"$dir/load.log" 2>&1 || { cat "$dir/load.log"; fail "swanctl --load-creds failed"; }
    up_fails 1 net4
    says "$dir/up.log" "private key to sign with" "what is missing"
    foreign --flush-certs >/dev/null || fail "swanctl --flush-certs failed"
}

# ---- revocation, asked over HTTP: server and responder are in side 2's namespace, on its loopback

certificate_names_sources() { # g1's certificate again, with where to ask about it
    certificates
    pki_issue g1 root "keyUsage = digitalSignature
subjectAltName = DNS:g1.example
$1"
    : >"$(pki index)"
    echo 01 >"$(pki number)"
    printf '[ca]\ndefault_ca = one\n[one]\ndatabase = %s\ncrlnumber = %s\ndefault_md = sha256\ndefault_crl_days = 30\ncrl_extensions = crl\n[crl]\nauthorityKeyIdentifier = keyid\n' \
        "$(pki index)" "$(pki number)" >"$(pki cnf)"
    remote_2='auth = pubkey
            revocation = strict'
}
pki_ca() { openssl ca -config "$(pki cnf)" -cert "$(pki root.crt)" -keyfile "$(pki root.key)" "$@" 2>/dev/null; }
pki_valid() { # openssl's responder knows what its index holds
    local serial end
    serial=$(openssl x509 -in "$(pki g1.crt)" -noout -serial)
    end=$(date -u -d "$(openssl x509 -in "$(pki g1.crt)" -noout -enddate | cut -d= -f2)" +%y%m%d%H%M%SZ)
    printf 'V\t%s\t\t%s\tunknown\t/CN=g1\n' "$end" "${serial#serial=}" >"$(pki index)"
}
in_side_2() { # in_side_2 PORT COMMAND...: a server that ends with the test
    local port=$1
    shift
    ip netns exec "$net_prefix-g2" "$@" >"$dir/server.log" 2>&1 </dev/null &
    net_pids+=("$!")
    until_true 15 port_listens "$port" || { cat "$dir/server.log"; fail "nothing listens on port $port"; }
}
port_listens() { ns g2 ss -Hltn "sport = :$1" | grep -q .; }
serve_list() { in_side_2 8099 python3 -m http.server --bind 127.0.0.1 --directory "$dir/pki/served" 8099; }
serve_ocsp() {
    in_side_2 8098 openssl ocsp -port 8098 -index "$(pki index)" -CA "$(pki root.crt)" -rsigner "$(pki root.crt)" \
        -rkey "$(pki root.key)" -nmin 60 -ignore_err
}
make_list() { # DER, as RFC 5280 4.2.1.13 has it
    mkdir -p "$dir/pki/served"
    pki_ca -gencrl -out "$(pki list.pem)"
    openssl crl -in "$(pki list.pem)" -outform DER -out "$dir/pki/served/root.crl"
}
begin_with() { # begin_with SERVER: as begin, with it in side 2's namespace
    net_gateways
    wire_begin
    "$@"
    side_start 2
    side_start 1
}
refused_by_2() { # refused_by_2 REGEX WHY
    up_fails 1 net4
    says_soon "$1" "$2"
    expect_sas 1 0 0
    expect_sas 2 0 0
}
names_list='crlDistributionPoints = URI:http://127.0.0.1:8099/root.crl'
names_responder='authorityInfoAccess = OCSP;URI:http://127.0.0.1:8098/'

case_cert_list_fetched() {
    certificate_names_sources "$names_list"
    make_list
    begin_with serve_list
    establish
    traffic
    says "$(side_log 2)" 'asking http://127.0.0.1:8099/root.crl' "where it asked"
    [[ -n $(find "$dir/2/state/crls" -name '*.crl') ]] || fail "the list is not kept on disk"
    # Kept, and so not asked for again by the next daemon.
    local asked
    asked=$(grep -c 'GET /root.crl' "$dir/server.log")
    down 1 ike gw
    gone
    net_stop "$pid_2"
    side_start 2
    establish
    (($(grep -c 'GET /root.crl' "$dir/server.log") == asked)) || fail "a list that is current was fetched again"
}
case_cert_list_revokes() {
    certificate_names_sources "$names_list"
    pki_ca -revoke "$(pki g1.crt)" -crl_reason superseded
    make_list
    begin_with serve_list
    refused_by_2 'CN=g1.* was revoked on .*superseded' "the reason"
}
case_cert_list_away() {
    certificate_names_sources "$names_list"
    begin_with true
    refused_by_2 'cannot be told from a revoked one.*127.0.0.1:8099.*To fix it' "whom it could not reach"
}
case_cert_list_away_relaxed() {
    certificate_names_sources "$names_list"
    remote_2='auth = pubkey'
    begin_with true
    establish
    traffic
}
case_cert_ocsp_good() {
    certificate_names_sources "$names_responder"
    pki_valid
    begin_with serve_ocsp
    establish
    traffic
    says "$(side_log 2)" 'asking http://127.0.0.1:8098/' "where it asked"
}
case_cert_ocsp_revoked() {
    certificate_names_sources "$names_responder"
    pki_ca -revoke "$(pki g1.crt)" -crl_reason keyCompromise
    begin_with serve_ocsp
    refused_by_2 'CN=g1.* was revoked on .*keyCompromise' "the reason"
}
case_cert_ocsp_away_list_instead() { # the responder is away, the list is there
    certificate_names_sources "$names_responder
$names_list"
    make_list
    begin_with serve_list
    establish
    traffic
}
