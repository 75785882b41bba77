#!/bin/sh
# Checks that the test keys and certificates of a folder are what README.md says about them.
# Called by `generate.sh --check`; the last line counts what passed and what failed.
# A command that fails is a check that fails: no `set -e`, the others are still of interest.
set -u

own_folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd -- "${1-$own_folder}" || exit

# The machine's own configuration must not decide what is a good certificate.
export OPENSSL_CONF=/dev/null

passed=0
failed=0
password=qwerty

main() {
    files
    authorities
    good
    bad
    key_formats
    legacy
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# --- tools --------------------------------------------------------------------------------------

# check WHAT COMMAND...: counts whether the command succeeds.
check() {
    what=$1
    shift
    if said=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok $what"
    else
        failed=$((failed + 1))
        echo "FAILED $what"
        [ -z "$said" ] || echo "$said" | sed 's/^/  /'
    fi
}

# same A B: shows both where they differ.
same() {
    if [ -z "$1" ] || [ "$1" != "$2" ]; then
        printf 'expected: %s\nfound:    %s\n' "$1" "$2"
        return 1
    fi
}

differ() {
    if [ -z "$1" ] || [ -z "$2" ] || [ "$1" = "$2" ]; then
        printf 'one:     %s\nanother: %s\n' "$1" "$2"
        return 1
    fi
}

# verify AUTHORITY FILE [OPTION...]: FILE may hold intermediate certificates after its own.
verify() {
    authority=$1 file=$2
    shift 2
    openssl verify -no-CApath -CAfile "$authority" -untrusted "$file" "$@" "$file"
}

# refused REASON AUTHORITY FILE [OPTION...]: refused, and for this reason.
refused() {
    reason=$1
    shift
    if answer=$(verify "$@" 2>&1); then
        echo "it was accepted"
        return 1
    fi
    echo "$answer"
    echo "$answer" | grep -q -i -e "$reason"
}

accept() {
    check "$2 is accepted: $*" verify "$@"
}

refuse() {
    check "$3 is refused: $*" refused "$@"
}

# field FILE OPTION: one property of the first certificate in a file.
field() {
    openssl x509 -in "$1" -noout "$2" | sed 's/^[^=]*=//'
}

version() {
    openssl x509 -in "$1" -noout -text | sed -n 's/^ *Version: \([0-9]*\) .*/\1/p'
}

year() {
    field "$1" "$2" | sed 's/ GMT$//; s/.* //'
}

at_least() {
    [ "$1" -ge "$2" ] || {
        echo "$1 is less than $2"
        return 1
    }
}

# Valid now is what `accept` finds; this is about not ending soon.
long_lived() {
    check "$1 does not end before 2100" at_least "$(year "$1" -enddate)" 2100
}

certificate_key() {
    openssl x509 -in "$1" -noout -pubkey
}

# The public half of a private key; a password that is not needed does no harm.
public_key() {
    openssl pkey -in "$1" -passin "pass:${2-$password}" -pubout
}

belong_together() {
    check "$2 is the key of $1" same "$(certificate_key "$1")" "$(public_key "$2")"
}

# extension FILE NAME: what the first certificate in the file says there.
extension() {
    openssl x509 -in "$1" -noout -ext "$2" 2>/dev/null | sed '1d; s/^ *//; s/ *$//'
}

names() {
    field "$1" -subject
    extension "$1" subjectAltName
}

# block LABEL FILE: the lines of one PEM block.
block() {
    sed -n "/^-----BEGIN $1-----/,/^-----END $1-----/p" "$2"
}

count() {
    grep -c -e "^-----BEGIN $1-----" "$2"
}

# --- what is checked ----------------------------------------------------------------------------

files() {
    # shellcheck disable=SC2016 # These are the backticks of Markdown.
    listed=$(sed -n 's/^| \(`[^|]*`\) |.*/\1/p' "$own_folder/README.md" | tr -d '` ' | tr ',' '\n')
    listed=$(echo "$listed" | LC_ALL=C sort)
    found=$(find . -type f ! -name README.md ! -name '*.sh' ! -path './.generate.*' | sed 's/^\.\///')
    found=$(echo "$found" | LC_ALL=C sort)
    check "the files are those of the table in README.md" same "$listed" "$found"
    for certificate in *.pem; do
        check "$certificate has version 3" same 3 "$(version "$certificate")"
    done
}

authorities() {
    for name in ca other-ca; do
        accept "$name.pem" "$name.pem"
        long_lived "$name.pem"
        belong_together "$name.pem" "$name.key"
        check "$name.pem is an authority" same "CA:TRUE" "$(extension "$name.pem" basicConstraints)"
        usage="Certificate Sign, CRL Sign"
        check "$name.pem may sign" same "$usage" "$(extension "$name.pem" keyUsage)"
    done
}

good() {
    for name in server server-chain rsa; do
        for host in localhost server.example.com; do
            accept ca.pem "$name.pem" -purpose sslserver -verify_hostname "$host"
        done
        for address in 127.0.0.1 ::1; do
            accept ca.pem "$name.pem" -purpose sslserver -verify_ip "$address"
        done
        refuse "hostname mismatch" ca.pem "$name.pem" -verify_hostname other.example.com
        refuse "certificate purpose" ca.pem "$name.pem" -purpose sslclient
        long_lived "$name.pem"
    done
    belong_together server.pem server.key
    belong_together server-chain.pem server-chain.key
    belong_together rsa.pem rsa-pkcs8.key
    check "server-chain.pem holds two certificates" same 2 "$(count CERTIFICATE server-chain.pem)"
    check "the authority did not issue server-chain.pem itself" \
        differ "$(field ca.pem -subject)" "$(field server-chain.pem -issuer)"

    accept ca.pem other-name.pem -purpose sslserver -verify_hostname other.example.com
    refuse "hostname mismatch" ca.pem other-name.pem -verify_hostname server.example.com
    refuse "hostname mismatch" ca.pem other-name.pem -verify_hostname localhost
    accept ca.pem client.pem -purpose sslclient
    refuse "certificate purpose" ca.pem client.pem -purpose sslserver
    for name in other-name client; do
        long_lived "$name.pem"
        belong_together "$name.pem" "$name.key"
    done
    check "client.key is not the key of server.pem" \
        differ "$(certificate_key server.pem)" "$(public_key client.key)"
    check "client.pem names its owner" \
        same CN=client.example.com "$(openssl x509 -in client.pem -noout -subject -nameopt RFC2253 |
            sed 's/^subject=//; s/,.*//')"
}

bad() {
    refuse "certificate has expired" ca.pem expired.pem
    refuse "certificate is not yet valid" ca.pem not-yet-valid.pem
    check "not-yet-valid.pem does not start before 2100" \
        at_least "$(year not-yet-valid.pem -startdate)" 2100
    refuse "unable to get local issuer certificate" ca.pem wrong-ca.pem
    accept other-ca.pem wrong-ca.pem -purpose sslserver -verify_hostname localhost
    refuse "certificate signature failure" ca.pem forged.pem
    refuse "certificate purpose" ca.pem wrong-usage.pem -purpose sslserver
    accept ca.pem wrong-usage.pem -purpose sslclient -verify_hostname localhost
    accept ca.pem not-a-ca.pem -purpose sslserver -verify_hostname localhost
    refuse "invalid CA certificate" ca.pem issued-by-not-a-ca.pem

    for name in expired not-yet-valid wrong-ca wrong-usage not-a-ca issued-by-not-a-ca; do
        belong_together "$name.pem" "$name.key"
    done
    belong_together forged.pem server.key
    for name in expired not-yet-valid wrong-ca forged wrong-usage not-a-ca issued-by-not-a-ca; do
        check "$name.pem has the names of server.pem" same \
            "$(names server.pem)" "$(names "$name.pem")"
    done
    for name in wrong-ca forged wrong-usage not-a-ca issued-by-not-a-ca; do
        long_lived "$name.pem"
    done
}

key_formats() {
    for key in ca other-ca server server-chain other-name client rsa-pkcs8 expired not-yet-valid \
        wrong-ca wrong-usage not-a-ca issued-by-not-a-ca; do
        labelled "$key.key" "PRIVATE KEY"
    done
    labelled rsa-pkcs1.key "RSA PRIVATE KEY"
    labelled ec-sec1.key "EC PRIVATE KEY"
    labelled encrypted-legacy-rsa.key "RSA PRIVATE KEY"
    labelled encrypted-legacy-ec.key "EC PRIVATE KEY"
    same_key rsa-pkcs8.key rsa-pkcs1.key
    same_key server.key ec-sec1.key

    same_bytes server.pem CERTIFICATE server.der
    same_bytes server.key "PRIVATE KEY" server-key.der
    same_bytes rsa-pkcs1.key "RSA PRIVATE KEY" rsa-pkcs1.der
    same_bytes ec-sec1.key "EC PRIVATE KEY" ec-sec1.der

    pbes2 encrypted-aes.key aes-256-cbc
    pbes2 encrypted-3des.key des-ede3-cbc
    locked server.key encrypted-aes.key
    locked server.key encrypted-3des.key
    check "encrypted-legacy-rsa.key uses triple DES" \
        grep -q -e '^DEK-Info: DES-EDE3-CBC,' encrypted-legacy-rsa.key
    check "encrypted-legacy-ec.key uses AES" \
        grep -q -e '^DEK-Info: AES-256-CBC,' encrypted-legacy-ec.key
    locked rsa-pkcs8.key encrypted-legacy-rsa.key
    locked server.key encrypted-legacy-ec.key
}

# labelled FILE LABEL: the file is one PEM block of this kind.
labelled() {
    check "$1 is a $2" same "-----BEGIN $2-----" "$(grep -e '^-----BEGIN' "$1")"
}

same_key() {
    check "$1 and $2 hold the same key" same "$(public_key "$1")" "$(public_key "$2")"
}

# locked KEY FILE: FILE holds KEY, for those who know the password.
locked() {
    same_key "$1" "$2"
    check "$2 does not open with another password" closed "$2"
}

closed() {
    [ -s "$1" ] && ! public_key "$1" another
}

# same_bytes PEM LABEL DER
same_bytes() {
    check "$3 is $1 in DER" same "$(openssl dgst -sha256 <"$3")" \
        "$(block "$2" "$1" | sed '/^-----/d' | openssl base64 -d | openssl dgst -sha256)"
}

# pbes2 FILE CIPHER: the encrypted PKCS#8 key in the file uses PBES2 with this cipher.
pbes2() {
    parameters=$(block "ENCRYPTED PRIVATE KEY" "$1" | openssl asn1parse)
    names=$(echo "$parameters" | sed -n 's/.*OBJECT *://p' | tr '\n' ' ')
    check "$1 is encrypted with $2" same "PBES2 PBKDF2 hmacWithSHA256 $2 " "$names"
}

legacy() {
    check "legacy/ca.pem has version 3" same 3 "$(version legacy/ca.pem)"
    check "legacy/ca.pem is an authority" \
        same "CA:TRUE" "$(extension legacy/ca.pem basicConstraints)"
    accept legacy/ca.pem legacy/ca.pem
    accept legacy/ca.pem legacy/server.pem -purpose sslserver -verify_hostname server.example.com
    accept legacy/ca.pem legacy/client.pem -purpose sslclient
    refuse "hostname mismatch" legacy/ca.pem legacy/server.pem -verify_hostname localhost
    for name in server client; do
        check "legacy/$name.pem has version 1" same 1 "$(version "legacy/$name.pem")"
        check "legacy/$name.pem has no extensions" without_extensions "legacy/$name.pem"
        check "legacy/$name.pem has the serial number 1" same 01 "$(field "legacy/$name.pem" -serial)"
    done
    for name in ca server client; do
        pbes2 "legacy/$name.pem" aes-256-cbc
    done
    pbes2 legacy/server-3des.pem des-ede3-cbc
    for name in ca server server-3des client; do
        long_lived "legacy/$name.pem"
        belong_together "legacy/$name.pem" "legacy/$name.pem"
        check "legacy/$name.pem has an RSA key of 4096 bits" same 4096 "$(key_size "legacy/$name.pem")"
        check "legacy/$name.pem does not open with another password" closed "legacy/$name.pem"
    done
    check "legacy/server-3des.pem has the certificate of legacy/server.pem" \
        same "$(block CERTIFICATE legacy/server.pem)" "$(block CERTIFICATE legacy/server-3des.pem)"
    check "legacy/dh4096.pem has 4096 bits and is sound" sound_parameters legacy/dh4096.pem
}

without_extensions() {
    text=$(openssl x509 -in "$1" -noout -text) && ! echo "$text" | grep 'X509v3'
}

key_size() {
    openssl x509 -in "$1" -noout -text | sed -n 's/.*Public-Key: (\([0-9]*\) bit)/\1/p'
}

# OpenSSL says what it thinks of the parameters, but not by its exit status in all versions.
sound_parameters() {
    answer=$(openssl dhparam -in "$1" -check -noout -text 2>&1)
    echo "$answer"
    echo "$answer" | grep -q '(4096 bit)' && echo "$answer" | grep -q 'appear to be ok'
}

main
