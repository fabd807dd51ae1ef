# To be sourced: authorities and certificates in the current directory, by the openssl program.
# shellcheck shell=bash disable=SC2034

key() { openssl genpkey -quiet -algorithm "${2:-EC}" -pkeyopt "${3:-ec_paramgen_curve:P-256}" -out "$1.key" 2>/dev/null; }

# root NAME [EXTENSIONS]
root() {
    key "$1"
    openssl req -x509 -new -key "$1.key" -subj "/C=CH/O=Culvert/CN=$1" -days 3650 -out "$1.crt" \
        -addext 'keyUsage = critical, keyCertSign, cRLSign' ${2:+-addext "$2"}
}
# issue NAME ISSUER EXTENSIONS [DAYS] [REQUEST-OPTIONS...]
issue() {
    local name=$1 issuer=$2 extensions=$3 days=${4:-365}
    shift 4 || shift $#
    openssl req -new -key "$name.key" -subj "/C=CH/O=Culvert/CN=$name" -out "$name.csr"
    openssl x509 -req -in "$name.csr" -CA "$issuer.crt" -CAkey "$issuer.key" -CAcreateserial -days "$days" \
        -extfile <(printf '%s\n' "$extensions") -out "$name.crt" "$@" 2>/dev/null
}
authority='basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign'
end_entity='keyUsage = digitalSignature'
