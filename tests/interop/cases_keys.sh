# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Where a private key may be: encrypted, in a PKCS#12 container; and servers of lists that mean ill. Side 1 has the key, and is Culvert.

secret_section_1() { secret_lines_1=$1; }
without_key() { # without_key COMMAND...: side 1's folders, less key and certificate, then the command
    eval "$(declare -f side_files | sed '1s/^side_files/plain_side_files/')"
    place_key=("$@")
    side_files() {
        plain_side_files "$1"
        [[ $1 == 1 ]] || return 0
        rm "$dir/1/swanctl/private/g1.key" "$dir/1/swanctl/x509/g1.crt"
        (umask 077 && "${place_key[@]}")
    }
    # Found by its id, wherever it is.
    local_1='auth = pubkey'
}

key_encrypted() {
    cp "$(pki g1.crt)" "$dir/1/swanctl/x509/"
    openssl pkcs8 -topk8 -in "$(pki g1.key)" -passout pass:sesame -v2 aes-256-cbc -out "$dir/1/swanctl/private/g1.key"
}
case_key_pkcs8_encrypted() {
    kind_1=rsa
    certificates
    secret_section_1 '    private-g1 {
        file = g1.key
        secret = sesame
    }'
    without_key key_encrypted
    tunnel
}

key_in_container() {
    mkdir -p "$dir/1/swanctl/pkcs12"
    rm -f "$dir/1/swanctl/x509ca/root.crt"
    openssl pkcs12 -export -inkey "$(pki g1.key)" -in "$(pki g1.crt)" -certfile "$(pki root.crt)" -passout pass:sesame \
        -out "$dir/1/swanctl/pkcs12/g1.p12"
}
case_key_pkcs12() { # all that side 1 knows is in it: key, certificate, authority
    certificates
    secret_section_1 '    pkcs12-g1 {
        file = g1.p12
        secret = sesame
    }'
    without_key key_in_container
    tunnel
}

# Abuse C-05: the peer's certificate names servers that send elsewhere, send without end, or not at all.
# Each is left within bounds, and what was tried is told.
serve_ill() {
    cat >"$dir/ill.py" <<'PY'
import http.server, time

class Ill(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/file":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        elif self.path == "/loop":
            self.send_response(302)
            self.send_header("Location", "/loop")
            self.end_headers()
        elif self.path == "/huge":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(64):
                    self.wfile.write(bytes(1 << 20))
            except OSError:
                pass
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"this is no list")

http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Ill).serve_forever()
PY
    in_side_2 8099 python3 "$dir/ill.py"
}
case_c05_lists() {
    certificate_names_sources 'crlDistributionPoints = URI:http://127.0.0.1:8099/file, URI:http://127.0.0.1:8099/loop, URI:http://127.0.0.1:8099/huge, URI:http://127.0.0.1:8099/other'
    begin_with serve_ill
    up_fails 1 net4
    says_soon 'cannot be told from a revoked one.*/file: .*/loop: .*/huge: more than [0-9]+ octets.*/other: .*To fix it' "each server, and what was wrong with it"
    ! grep -q 'root:' "$(side_log 2)" || fail "a file was read"
    expect_sas 1 0 0
    expect_sas 2 0 0
    side_alive 2
}
