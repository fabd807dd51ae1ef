# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# What comes with certificates in IKE_AUTH, or instead of them: hash and URL (RFC 7296 3.6), OCSP responses
# (RFC 4806).

by_url() { # both sides name their certificates, and each has a server of its own that has them
    certificates
    charon_lines='hash_and_url = yes'
    charon_plugins=curl
    eval "$(declare -f write_conf | sed '1s/^write_conf/conf_without_authority/')"
    write_conf() {
        conf_without_authority "$1"
        printf 'authorities {\n    root {\n        cacert = root.crt\n        cert_uri_base = http://127.0.0.1:8096/c/\n    }\n}\n'
    }
    local n der=$dir/pki/one.der
    mkdir -p "$dir/pki/by-hash/c"
    for n in 1 2; do
        openssl x509 -in "$(pki "g$n.crt")" -outform DER -out "$der"
        cp "$der" "$dir/pki/by-hash/c/$(sha1sum <"$der" | cut -d' ' -f1)"
    done
}
serve_certificates() { # in both namespaces
    local n
    for n in 1 2; do
        ip netns exec "$net_prefix-g$n" python3 -m http.server --bind 127.0.0.1 --directory "$dir/pki/by-hash" 8096 \
            >"$dir/server-$n.log" 2>&1 </dev/null &
        net_pids+=("$!")
        until_true 15 serves "$n" || { cat "$dir/server-$n.log"; fail "no server of certificates for side $n"; }
    done
}
serves() { ns "g$1" ss -Hltn "sport = :8096" | grep -q .; }
case_cert_by_url() {
    by_url
    begin_with serve_certificates
    establish
    traffic
    local n
    for n in 1 2; do
        grep -q 'GET /c/' "$dir/server-$n.log" || fail "side $n has fetched no certificate"
    done
    down 1 ike gw
    gone
}
case_cert_by_url_away() { # nobody has the certificate: refused, with the URL and a remedy
    by_url
    rm "$dir/pki/by-hash/c/"*
    begin_with serve_certificates
    up_fails 1 net4
    says_soon 'http://127.0.0.1:8096/c/.*404' "what could not be fetched"
    expect_sas 1 0 0
    expect_sas 2 0 0
}

# Side 2 insists on word of side 1's certificate, and has no way to the responder but through IKE.
case_ocsp_in_band() {
    certificate_names_sources "$names_responder"
    pki_valid g1
    conn 2 'ocsp = request'
    begin_with serve_ocsp_for_1
    # The initiator sends what it has: nothing yet the first time, and asks so that it has it the next.
    up 1 net4 || :
    until_true 20 asked_once || { cat "$dir/server.log"; fail "side 1 does not ask for word of its own certificate"; }
    until_true 90 comes_up || { cat "$dir/up.log"; fail "the response of side 1 does not let it in"; }
    traffic
}
serve_ocsp_for_1() { # in side 1's namespace alone
    ip netns exec "$net_prefix-g1" openssl ocsp -port 8098 -index "$(pki index)" -CA "$(pki root.crt)" -rsigner "$(pki root.crt)" \
        -rkey "$(pki root.key)" -nmin 60 -ignore_err >"$dir/server.log" 2>&1 </dev/null &
    net_pids+=("$!")
    until_true 15 responder_listens || { cat "$dir/server.log"; fail "no responder"; }
}
responder_listens() { ns g1 ss -Hltn 'sport = :8098' | grep -q .; }
asked_once() { grep -q 'asking http://127.0.0.1:8098' "$(side_log 1)"; }
comes_up() { up 1 net4; }

# Abuse C-05: a server outside sends us on to what is inside.
serve_inward() {
    cat >"$dir/inward.py" <<'PY'
import http.server

class Inward(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302 if self.path == "/list" else 200)
        if self.path == "/list":
            self.send_header("Location", "http://127.0.0.1:8095/secret")
        self.end_headers()

http.server.ThreadingHTTPServer(("0.0.0.0", 8095), Inward).serve_forever()
PY
    in_side_2 8095 python3 "$dir/inward.py"
}
case_c05_inward() {
    certificate_names_sources 'crlDistributionPoints = URI:http://192.0.2.2:8095/list'
    begin_with serve_inward
    up_fails 1 net4
    says_soon '/list: a server that sends us on to a private address.*To fix it' "what the server tried"
    ! grep -q 'GET /secret' "$dir/server.log" || fail "the server inside was asked"
    side_alive 2
}
