#!/usr/bin/env bash
# Makes the authorities, certificates and CRLs that the tests of x509 need, with the openssl program,
# in the directory DIR: NAME.key, NAME.crt, NAME.crl.
set -euo pipefail
# shellcheck source=tests/unit/x509/issue.sh
source "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/issue.sh"
cd "$1"

root root
root other
key middle && issue middle root "$authority
certificatePolicies = 1.3.6.1.4.1.99.1"
key gw && issue gw middle "$end_entity
subjectAltName = DNS:gw.example, email:gw@example.org, IP:192.0.2.1, IP:2001:db8::1
crlDistributionPoints = URI:http://crl.example/middle.crl
authorityInfoAccess = OCSP;URI:http://ocsp.example/"
key rsa RSA rsa_keygen_bits:2048 && issue rsa root "$end_entity"
key ed25519 ED25519 '' 2>/dev/null || openssl genpkey -quiet -algorithm ED25519 -out ed25519.key
issue ed25519 root "$end_entity"
openssl genpkey -quiet -algorithm ED448 -out ed448.key
issue ed448 root "$end_entity"
key weak RSA rsa_keygen_bits:1024 && issue weak root "$end_entity"
key sha1 && issue sha1 root "$end_entity" 365 -sha1
key old && issue old root "$end_entity" 1
key web && issue web root 'extendedKeyUsage = codeSigning'
key server && issue server root 'extendedKeyUsage = serverAuth'
key encipher && issue encipher root 'keyUsage = keyEncipherment'
key notca && issue notca root "$end_entity"
key below && issue below notca "$end_entity"
key self && openssl req -x509 -new -key self.key -subj '/CN=self' -days 365 -out self.crt
key stranger && issue stranger other "$end_entity"
root narrow 'nameConstraints = critical, permitted;DNS:example.org'
key inside && issue inside narrow "$end_entity
subjectAltName = DNS:a.example.org"
key outside && issue outside narrow "$end_entity
subjectAltName = DNS:a.example.com"
root short 'basicConstraints = critical, CA:TRUE, pathlen:0'
key between && issue between short "$authority"
key deep && issue deep between "$end_entity"

# Two gateways: below the one in between, and below the root.
key g1 && issue g1 middle "$end_entity
subjectAltName = DNS:g1.example
certificatePolicies = 1.3.6.1.4.1.99.1"
key g1-rsa RSA rsa_keygen_bits:2048 && issue g1-rsa middle "$end_entity
subjectAltName = DNS:g1.example"
openssl genpkey -quiet -algorithm ED25519 -out g2.key
issue g2 root "$end_entity
subjectAltName = DNS:g2.example"

key asked && issue asked middle "$end_entity
subjectAltName = DNS:g1.example
crlDistributionPoints = URI:http://crl.example/middle.crl
authorityInfoAccess = OCSP;URI:http://ocsp.example/"

# Names that look like others, and an extension that nobody knows.
key wild && issue wild root "$end_entity
subjectAltName = DNS:*.example"
key numbers && issue numbers root "$end_entity
subjectAltName = DNS:192.0.2.1"
key unknown && issue unknown root "$end_entity
1.3.6.1.4.1.99.7 = critical, DER:05:00"
key urls && issue urls root "$end_entity
crlDistributionPoints = URI:file:///etc/passwd, URI:ldap://crl.example/x, URI:http://crl.example/ok.crl, URI:gopher://crl.example/
authorityInfoAccess = OCSP;URI:file:///etc/passwd, OCSP;URI:https://ocsp.example/"

# A list of middle's that revokes one more certificate, and an empty one of root's.
key revoked && issue revoked middle "$end_entity"
for issuer in middle root; do
    : >"$issuer.index"
    echo 01 >"$issuer.number"
    cat >"$issuer.cnf" <<CNF
[ca]
default_ca = one
[one]
database = $issuer.index
crlnumber = $issuer.number
default_md = sha256
default_crl_days = 30
CNF
done
openssl ca -config middle.cnf -cert middle.crt -keyfile middle.key -revoke revoked.crt -crl_reason keyCompromise 2>/dev/null
for issuer in middle root; do
    openssl ca -config "$issuer.cnf" -cert "$issuer.crt" -keyfile "$issuer.key" -gencrl -out "$issuer.crl" 2>/dev/null
done
# Keys in other wrappings.
openssl pkcs8 -topk8 -in rsa.key -passout pass:sesame -v2 aes-256-cbc -out rsa-encrypted.key
openssl rsa -in rsa.key -traditional -out rsa-pkcs1.key 2>/dev/null
openssl ec -in gw.key -out gw-sec1.key 2>/dev/null
openssl pkey -in gw.key -outform DER -out gw.der
openssl pkey -in gw.key -pubout -out gw.pub
openssl pkcs12 -export -inkey gw.key -in gw.crt -certfile middle.crt -passout pass:sesame -out gw.p12
# OCSP, by openssl's own responder: good, revoked, by one whom middle appointed, by a stranger.
key responder && issue responder middle 'extendedKeyUsage = OCSPSigning'
key pretender && issue pretender middle "$end_entity"
cp middle.index ocsp.index
for name in gw asked; do
    printf 'V\t%s\t\t%s\tunknown\t/CN=%s\n' 491231235959Z "$(openssl x509 -in $name.crt -noout -serial | cut -d= -f2)" $name >>ocsp.index
done
answer() { # answer FILE CERTIFICATE SIGNER
    openssl ocsp -issuer middle.crt -cert "$2.crt" -no_nonce -reqout "$2.question" >/dev/null 2>&1
    openssl ocsp -index ocsp.index -CA middle.crt -rsigner "$3.crt" -rkey "$3.key" -reqin "$2.question" -respout "$1.ocsp" \
        -ndays 7 >/dev/null 2>&1
}
answer gw gw middle
answer asked asked middle
answer revoked revoked middle
answer appointed gw responder
answer pretended gw pretender
answer unlisted g1 middle # the responder does not know it
# A delta list of middle's, which alone knows of the latest revocation.
key fresh && issue fresh middle "$end_entity
subjectAltName = DNS:g1.example
freshestCRL = URI:http://crl.example/delta.crl"
: >delta.index
echo 02 >delta.number
sed 's/middle/delta/; s/^crlnumber.*/crlnumber = delta.number/' middle.cnf >delta.cnf
printf '[delta]\n2.5.29.27 = critical, DER:02:01:01\n' >>delta.cnf
openssl ca -config delta.cnf -cert middle.crt -keyfile middle.key -revoke fresh.crt -crl_reason superseded 2>/dev/null
openssl ca -config delta.cnf -cert middle.crt -keyfile middle.key -gencrl -crlexts delta -out delta.crl 2>/dev/null
touch done
