# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# A private key on a token (PKCS#11): SoftHSM 2. Side 1 has it, and is Culvert.

softhsm=/usr/lib/softhsm/libsofthsm2.so
key_on_token() {
    mkdir -p "$dir/tokens"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$dir/tokens" >"$SOFTHSM2_CONF"
    softhsm2-util --init-token --free --label culvert --pin 1234 --so-pin 5678 >"$dir/token.log"
    openssl pkcs8 -topk8 -nocrypt -in "$(pki g1.key)" -out "$dir/g1.pkcs8"
    softhsm2-util --import "$dir/g1.pkcs8" --id 0a01 --label g1 --token culvert --pin 1234 >>"$dir/token.log"
    rm "$dir/g1.pkcs8"
    "${place_certificate[@]}"
}
certificate_on_token() {
    openssl x509 -in "$(pki g1.crt)" -outform DER -out "$dir/g1.der"
    pkcs11-tool --module "$softhsm" --login --pin 1234 --token-label culvert --write-object "$dir/g1.der" --type cert --id 0a01 \
        >>"$dir/token.log" 2>&1
}
certificate_beside_token() { cp "$(pki g1.crt)" "$dir/1/swanctl/x509/"; }
token() {
    [[ -e $softhsm ]] || skip "no SoftHSM (package softhsm2)"
    [[ -e $(openssl version -e | cut -d'"' -f2)/pkcs11.so ]] || skip "no PKCS#11 engine (package libengine-pkcs11-openssl)"
    command -v pkcs11-tool >/dev/null || skip "pkcs11-tool is not installed (package opensc)"
    export SOFTHSM2_CONF=$dir/softhsm2.conf
    certificates
    place_certificate=("$1")
    secret_section_1 "    token-g1 {
        handle = 0a01
        module = soft
        pin = 1234
    }"
    charon_lines="plugins { pkcs11 { modules { soft { path = $softhsm } } } }"
    without_key key_on_token
}
case_key_token() { token certificate_on_token; tunnel; }
case_key_token_rsa() { kind_1=rsa; token certificate_beside_token; tunnel; }
case_key_token_handle() { # the connection names its certificate by its place on the token
    token certificate_on_token
    local_1='auth = pubkey
            cert-one {
                handle = 0a01
            }'
    tunnel
}
case_key_token_vici() { # by swanctl, which sends load-token
    token certificate_on_token
    local secrets=$secret_lines_1
    secret_lines_1=''
    begin
    up_fails 1 net4
    mkdir -p "$dir/swanctl-1"
    { printf 'secrets {\n%s\n}\n' "$secrets"; } >"$dir/swanctl-1/swanctl.conf"
    SWANCTL_DIR=$dir/swanctl-1 timeout 60 swanctl --load-creds --noprompt --uri "$(vici 1)" >"$dir/creds.log" 2>&1 ||
        { cat "$dir/creds.log"; fail "swanctl does not load the token"; }
    grep -q 'loaded key .*token' "$dir/creds.log" || { cat "$dir/creds.log"; fail "swanctl says nothing of the token"; }
    establish
    traffic
}
case_key_token_wrong_handle() { # said with its place and remedy; the daemon goes on
    token certificate_beside_token
    secret_lines_1=${secret_lines_1/0a01/0b02}
    begin
    says "$(side_log 1)" 'swanctl.conf:[0-9]+: .*token-g1.*private key with the id 0b02.*To fix it: .*pkcs11-tool' "which key, and how to look"
    up_fails 1 net4
    side_alive 1
}
