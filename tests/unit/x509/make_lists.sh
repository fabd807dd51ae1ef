#!/usr/bin/env bash
# Makes lists of revoked certificates that are about some certificates only, lists of one name and two keys, and those that
# take something back, with the openssl program, in the directory DIR, where make_certificates.sh has been.
set -euo pipefail
# shellcheck source=tests/unit/x509/issue.sh
source "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/issue.sh"
cd "$1"

# list FILE CA NUMBER EXTENSIONS DAY [REASON CERTIFICATE]...: from DAY days ago on, for 30 days.
list() {
    local out=$1 ca=$2 number=$3 extensions=$4 from
    local until=$((30 - $5))
    from=$(date -u -d "$5 days ago" +%y%m%d%H%M%SZ)
    shift 5
    : >list.index
    echo "$number" >list.number
    printf '%s\n' '[ca]' 'default_ca = one' '[one]' 'database = list.index' 'crlnumber = list.number' \
        'default_md = sha256' '[more]' "$extensions" >list.cnf
    while (($#)); do
        openssl ca -config list.cnf -cert "$ca.crt" -keyfile "$ca.key" -revoke "$2.crt" -crl_reason "$1" 2>/dev/null
        shift 2
    done
    openssl ca -config list.cnf -cert "$ca.crt" -keyfile "$ca.key" -gencrl -crlexts more -crl_lastupdate "$from" \
        -crl_nextupdate "$(date -u -d "$until days" +%y%m%d%H%M%SZ)" -out "$out.crl" 2>/dev/null
}
about() { printf '%s\n' 'authorityKeyIdentifier = keyid' 'issuingDistributionPoint = critical, @about' '[about]' "$@"; }
keyed='authorityKeyIdentifier = keyid'

# An authority that splits its list: p3 and p12 are in parts of it, whole names none.
root parts
key p3 && issue p3 parts "$end_entity
crlDistributionPoints = URI:ldap://crl.example/3, URI:http://crl.example/3.crl"
key p12 && issue p12 parts "$end_entity
crlDistributionPoints = URI:http://crl.example/12.crl"
key whole && issue whole parts "$end_entity"
key below-parts && issue below-parts parts "$authority"
list part3 parts 01 "$(about 'fullname = URI:http://crl.example/3.crl')" 0
list part12 parts 01 "$(about 'fullname = URI:http://crl.example/12.crl')" 0 keyCompromise p12
list part12-good parts 01 "$(about 'fullname = URI:http://crl.example/12.crl')" 0
list part-of-name parts 01 "$(about 'fullname = dirName:parts_name' '[parts_name]' 'C = CH' 'O = Culvert' 'CN = parts')" 0
list users parts 01 "$(about 'onlyuser = TRUE')" 0
list authorities parts 01 "$(about 'onlyCA = TRUE')" 0
list attributes parts 01 "$(about 'onlyAA = TRUE')" 0
list attributes-bad parts 01 "$(about 'onlyAA = TRUE')" 0 keyCompromise p12
list some-reasons parts 01 "$(about 'onlysomereasons = keyCompromise')" 0
list some-reasons-bad parts 01 "$(about 'onlysomereasons = keyCompromise')" 0 keyCompromise whole
list indirect parts 01 "$(about 'indirectCRL = TRUE')" 0
list critical parts 01 "$keyed
1.3.6.1.4.1.99.7 = critical, DER:05:00" 0
list everything parts 01 "$keyed" 0

# An authority that went over to another key, and kept its name: with and without the key's id in the lists.
for generation in 1 2; do
    key "roll$generation"
    openssl req -x509 -new -key "roll$generation.key" -subj /CN=roll -days 3650 -out "roll$generation.crt" \
        -addext 'keyUsage = critical, keyCertSign, cRLSign'
    key "r$generation" && issue "r$generation" "roll$generation" "$end_entity"
    list "roll$generation" "roll$generation" "0$generation" "$keyed" 0
    list "roll$generation-bare" "roll$generation" "0$generation" '' 0
done

# One that held a certificate, and let it go again.
root holder
key held && issue held holder "$end_entity
subjectAltName = DNS:g1.example"
delta() { printf '%s\n' "$keyed" "2.5.29.27 = critical, DER:02:01:$1"; }
list hold-1 holder 01 "$keyed" 10 certificateHold held
list hold-2 holder 02 "$keyed" 2
list hold-2-again holder 02 "$keyed" 2 keyCompromise held
list hold-delta-3 holder 03 "$(delta 01)" 1 removeFromCRL held
list hold-delta-4 holder 04 "$(delta 01)" 0 certificateHold held
list hold-delta-5 holder 05 "$(delta 04)" 0 removeFromCRL held
list hold-delta-part holder 03 "$(delta 01)
issuingDistributionPoint = critical, @about
[about]
onlyuser = TRUE" 1 removeFromCRL held

# The one in between is revoked by the root.
list root-of-middle root 07 "$keyed" 0 cACompromise middle

# An authority that may issue certificates, and no lists; and one that says nothing about it.
key lister
openssl req -x509 -new -key lister.key -subj /CN=lister -days 3650 -out lister.crt -addext 'keyUsage = critical, keyCertSign'
openssl req -x509 -new -key lister.key -subj /CN=lister -days 3650 -out lister-free.crt
key listed && issue listed lister "$end_entity
subjectAltName = DNS:g1.example"
list of-lister lister 01 "$keyed" 0
list of-lister-bad lister 02 "$keyed" 0 keyCompromise listed

# Policies: authorities that have 99.1 to give, that do not, that call it 99.2, and that ask for one.
policy='certificatePolicies = 1.3.6.1.4.1.99.1'
root law
key entitled && issue entitled law "$authority
$policy"
key usurper && issue usurper law "$authority"
key other-policy && issue other-policy law "$authority
certificatePolicies = 1.3.6.1.4.1.99.9"
key mapper && issue mapper law "$authority
$policy
policyMappings = 1.3.6.1.4.1.99.1:1.3.6.1.4.1.99.2"
key asks && issue asks law "$authority
$policy
policyConstraints = critical, requireExplicitPolicy:0"
key any && issue any law "$authority
certificatePolicies = 2.5.29.32.0"
key no-any && issue no-any law "$authority
certificatePolicies = 2.5.29.32.0
inhibitAnyPolicy = critical, 0"
for ca in entitled usurper other-policy mapper asks any; do
    key "of-$ca" && issue "of-$ca" "$ca" "$end_entity
$policy"
done
key taken && issue taken usurper "$end_entity
subjectAltName = DNS:g1.example
$policy"
key renamed && issue renamed mapper "$end_entity
certificatePolicies = 1.3.6.1.4.1.99.2"
key plain && issue plain asks "$end_entity"
key all-policies && issue all-policies no-any "$end_entity
certificatePolicies = 2.5.29.32.0"

# Two in between with one name, neither of which says which key it was issued by.
for twin in 1 2; do
    key "twin$twin"
    openssl req -new -key "twin$twin.key" -subj /CN=twin -out "twin$twin.csr"
    openssl x509 -req -in "twin$twin.csr" -CA law.crt -CAkey law.key -CAcreateserial -days 365 \
        -extfile <(printf '%s\n' "$authority") -out "twin$twin.crt" 2>/dev/null
    key "of-twin$twin" && issue "of-twin$twin" "twin$twin" "$end_entity
subjectAltName = DNS:g1.example"
done

# A file of several, one for a key that we cannot use, and one that is cut short.
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out odd.key
issue odd root "$end_entity"
{
    cat root.crt odd.crt
    printf -- '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
    cat middle.crt
} >bundle.pem
touch lists-done

# Wrong in one way each, and for wrong-NAME.wrong; as DER, for some are none that we would load.
for name in old early sha1 web encipher alone unknown stranger self; do key "wrong-$name"; done
key wrong-weak RSA rsa_keygen_bits:1024
key wrong-curve EC ec_paramgen_curve:secp256k1
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:1208925819614629174706189 \
    -out wrong-exponent.key
wrong() { # wrong NAME ISSUER EXTENSIONS [REQUEST-OPTIONS...]
    local name=wrong-$1 issuer=$2 extensions=$3
    shift 3
    issue "$name" "$issuer" "$extensions
subjectAltName = DNS:$name.wrong" 365 "$@"
}
wrong weak root "$end_entity"
wrong sha1 root "$end_entity" -sha1
wrong web root 'extendedKeyUsage = codeSigning'
wrong encipher root 'keyUsage = keyEncipherment'
wrong alone middle "$end_entity"
wrong unknown root "$end_entity
1.3.6.1.4.1.99.7 = critical, DER:05:00"
wrong stranger other "$end_entity"
wrong curve root "$end_entity"
wrong exponent root "$end_entity"
openssl req -x509 -new -key wrong-self.key -subj /CN=wrong-self -days 365 -out wrong-self.crt \
    -addext 'subjectAltName = DNS:wrong-self.wrong'
dated() { # dated NAME FROM UNTIL
    : >dated.index
    openssl rand -hex 8 >dated.serial
    printf '%s\n' '[ca]' 'default_ca = one' '[one]' 'database = dated.index' 'serial = dated.serial' 'new_certs_dir = .' \
        'default_md = sha256' 'policy = any' '[any]' 'commonName = supplied' '[more]' "subjectAltName = DNS:wrong-$1.wrong" >dated.cnf
    openssl req -new -key "wrong-$1.key" -subj "/CN=wrong-$1" -out dated.csr
    openssl ca -batch -notext -config dated.cnf -cert root.crt -keyfile root.key -extensions more -in dated.csr \
        -startdate "$(date -u -d "$2" +%y%m%d%H%M%SZ)" -enddate "$(date -u -d "$3" +%y%m%d%H%M%SZ)" -out "wrong-$1.crt" 2>/dev/null
}
dated old '20 days ago' '10 days ago'
dated early '10 days' '20 days'
for certificate in wrong-*.crt; do openssl x509 -in "$certificate" -outform DER -out "${certificate%.crt}.der"; done
