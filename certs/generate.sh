#!/bin/sh
# Makes all test keys and certificates anew, or checks those that are there.
#
#   generate.sh [FOLDER]           makes them in FOLDER, or else in the script's own folder
#   generate.sh --check [FOLDER]   checks that they are what README.md says
#
# Needs the command line of OpenSSL 1.1.1 or newer, and writes nothing outside the folder.
set -eu

own_folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fail() {
    echo "generate.sh: $*" >&2
    exit 1
}

main() {
    only_check=false
    case ${1-} in
    --check) only_check=true && shift ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$own_folder/generate.sh" && exit ;;
    -*) fail "there is no option $1; see generate.sh --help." ;;
    esac
    [ $# -le 1 ] || fail "one folder at most; see generate.sh --help."
    need_openssl
    if $only_check; then
        exec sh "$own_folder/check.sh" "${1-$own_folder}"
    fi
    folder=${1-$own_folder}
    mkdir -p -- "$folder"
    folder=$(CDPATH='' cd -- "$folder" && pwd)
    make_everything
}

need_openssl() {
    command -v openssl >/dev/null 2>&1 ||
        fail "the program openssl is missing. Please install OpenSSL 1.1.1 or newer" \
            "(on Debian: apt-get install openssl) and try again."
    case $(openssl version) in
    "OpenSSL 1.1.1"* | "OpenSSL "[3-9].*) ;;
    *) fail "OpenSSL 1.1.1 or newer is needed, but \`openssl version\` says: $(openssl version)" ;;
    esac
}

# The old files stay until all new ones are made and checked.
make_everything() {
    work=$folder/.generate.$$
    trap 'rm -rf -- "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    mkdir -- "$work" "$work/new" "$work/legacy"
    cd -- "$work/new"
    configure
    make_authorities
    make_good
    make_key_formats
    make_bad
    cd -- "$work/legacy"
    make_legacy
    cd -- "$work/new"
    mkdir legacy
    cp -- ../legacy/*.pem legacy
    sh "$own_folder/check.sh" . >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "the new files are not what they should be; $folder is left as it was."
    }
    cp -R . "$folder"
    echo "All made and checked: $folder"
}

# --- settings -----------------------------------------------------------------------------------

# Fixed dates: certificates are as good on a machine whose clock is late. Years from 2050 on make
# OpenSSL write them as GeneralizedTime.
valid_from=20200101000000Z
valid_until=21200101000000Z

password=qwerty
organization='/O=Test certificates, published'
server_subject="$organization/CN=server.example.com"
server_names='DNS:localhost, DNS:server.example.com, IP:127.0.0.1, IP:::1'

# One configuration for all commands, so that the machine's own has no influence.
configure() {
    {
        cat <<'END'
[req]
prompt = no
distinguished_name = no_name
x509_extensions = recipe_ca
[no_name]
[ca]
default_ca = issuing
[issuing]
database = ../database
serial = ../serial
new_certs_dir = ..
unique_subject = no
default_md = sha256
policy = any_name
[any_name]
countryName = optional
stateOrProvinceName = optional
localityName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
# What OpenSSL's own configuration gives to a self-signed authority.
[recipe_ca]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always, issuer
basicConstraints = CA:TRUE
END
        leaf server serverAuth "$server_names"
        leaf server_rsa serverAuth "$server_names" ', keyEncipherment'
        leaf other_name serverAuth 'DNS:other.example.com'
        leaf client clientAuth 'DNS:client.example.com'
        leaf wrong_usage clientAuth "$server_names"
        # It lacks the right to sign certificates and nothing else: no key usage forbids it as well.
        leaf not_a_ca serverAuth "$server_names" | sed '/^keyUsage/d'
    } >../openssl.cfg
    export OPENSSL_CONF="$work/openssl.cfg"
}

# leaf SECTION EXTENDED-KEY-USAGE NAMES [MORE-KEY-USAGE]
leaf() {
    cat <<END
[$1]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature${4-}
extendedKeyUsage = $2
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $3
END
}

# --- tools --------------------------------------------------------------------------------------

# OpenSSL talks much about its work; only what it says about a failure is of interest.
quietly() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "this command failed: $*"
    }
}

# Whether a command of this OpenSSL has an option: can COMMAND OPTION
can() {
    openssl "$1" -help 2>&1 | grep -q -e "^ *$2 "
}

ec_key() {
    quietly openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
        -pkeyopt ec_param_enc:named_curve -out "$1"
}

rsa_key() {
    quietly openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1"
}

# certify NAME KEY SUBJECT ISSUER SECTION [FROM UNTIL]: writes NAME.pem; an issuer signs itself
# under its own name. Of OpenSSL's commands only `ca` sets both dates in every version.
certify() {
    name=$1 key=$2 subject=$3 issuer=$4 section=$5
    set -- -startdate "${6-$valid_from}" -enddate "${7-$valid_until}" -keyfile "$issuer.key"
    if [ "$name" = "$issuer" ]; then
        set -- "$@" -selfsign
    else
        set -- "$@" -cert "$issuer.pem"
    fi
    : >../database
    quietly openssl req -new -key "$key" -subj "$subject" -out ../request
    quietly openssl ca -batch -notext -preserveDN -rand_serial -in ../request -out "$name.pem" \
        -extensions "$section" "$@"
}

# server NAME ISSUER [SECTION [FROM UNTIL]]: a server's certificate with a key of its own.
server() {
    name=$1 issuer=$2 section=${3-server}
    shift 2
    [ $# -eq 0 ] || shift
    ec_key "$name.key"
    certify "$name" "$name.key" "$server_subject" "$issuer" "$section" "$@"
}

# --- the certificates ---------------------------------------------------------------------------

make_authorities() {
    ec_key ca.key
    certify ca ca.key "$organization/CN=Test CA" ca authority
    ec_key other-ca.key
    certify other-ca other-ca.key "$organization/CN=Other test CA" other-ca authority
    ec_key ../intermediate.key
    certify ../intermediate ../intermediate.key "$organization/CN=Test intermediate CA" ca authority
}

make_good() {
    server server ca
    server server-chain ../intermediate
    cat ../intermediate.pem >>server-chain.pem

    ec_key other-name.key
    certify other-name other-name.key "$organization/CN=other.example.com" ca other_name
    ec_key client.key
    certify client client.key "$organization/CN=client.example.com" ca client

    rsa_key rsa-pkcs8.key
    certify rsa rsa-pkcs8.key "$server_subject" ca server_rsa
}

make_key_formats() {
    # From version 3 on, `openssl rsa` writes PKCS#8 unless it is asked for the traditional form.
    traditional=
    if can rsa -traditional; then traditional=-traditional; fi

    quietly openssl rsa -in rsa-pkcs8.key $traditional -out rsa-pkcs1.key
    quietly openssl rsa -in rsa-pkcs8.key $traditional -outform DER -out rsa-pkcs1.der
    quietly openssl ec -in server.key -out ec-sec1.key
    quietly openssl ec -in server.key -outform DER -out ec-sec1.der
    quietly openssl x509 -in server.pem -outform DER -out server.der
    quietly openssl pkcs8 -topk8 -nocrypt -in server.key -outform DER -out server-key.der

    encrypt server.key aes-256-cbc encrypted-aes.key
    encrypt server.key des3 encrypted-3des.key
    quietly openssl rsa -in rsa-pkcs8.key -des3 $traditional -passout "pass:$password" \
        -out encrypted-legacy-rsa.key
    quietly openssl ec -in server.key -aes256 -passout "pass:$password" -out encrypted-legacy-ec.key
}

# encrypt KEY CIPHER FILE: as PKCS#8 with PBES2.
encrypt() {
    quietly openssl pkcs8 -topk8 -in "$1" -v2 "$2" -v2prf hmacWithSHA256 \
        -passout "pass:$password" -out "$3"
}

# What a careful peer refuses; each differs from a good certificate in one way.
make_bad() {
    server expired ca server 20200101000000Z 20210101000000Z
    server not-yet-valid ca server 21100101000000Z "$valid_until"
    server wrong-ca other-ca
    server wrong-usage ca wrong_usage

    server not-a-ca ca not_a_ca
    server issued-by-not-a-ca not-a-ca
    cat not-a-ca.pem >>issued-by-not-a-ca.pem

    # The forger has the name and the key identifier of the authority, but not its key.
    identifier=$(openssl x509 -in ca.pem -noout -ext subjectKeyIdentifier | sed -n '2s/ //gp')
    printf '[forger]\nbasicConstraints = critical, CA:TRUE\nsubjectKeyIdentifier = %s\n' \
        "$identifier" >>"$OPENSSL_CONF"
    ec_key ../forger.key
    certify ../forger ../forger.key "$organization/CN=Test CA" ../forger forger
    certify forged server.key "$server_subject" ../forger server
}

# --- the set of the old recipe ------------------------------------------------------------------

# What the authors of programs have done since 2017, but for the dates.
make_legacy() {
    legacy_key ca
    quietly openssl req -new -key ca.key -out ca.csr \
        -subj '/C=BY/ST=Belarus/L=Minsk/O=Example root CA/OU=Example CA unit/CN=example.com'
    : >../database
    quietly openssl ca -batch -notext -preserveDN -rand_serial -selfsign -extensions recipe_ca \
        -startdate "$valid_from" -enddate "$valid_until" -keyfile ca.key -in ca.csr -out ca.crt
    bundle ca ca.pem -aes256

    legacy_leaf server
    bundle server server.pem -aes256
    bundle server server-3des.pem -des3
    legacy_leaf client
    bundle client client.pem -aes256

    # The recipe looks for new parameters, which can take more than a quarter of an hour; programs
    # only read the file, so the published group ffdhe4096 of RFC 7919 does as well.
    quietly openssl genpkey -genparam -algorithm DH -pkeyopt dh_param:ffdhe4096 -out dh4096.pem
}

legacy_key() {
    quietly openssl genrsa -des3 -passout "pass:$password" -out "$1-secret.key" 4096
    quietly openssl rsa -passin "pass:$password" -in "$1-secret.key" -out "$1.key"
}

# These certificates have no extensions and are of version 1, as `openssl x509 -req` made them.
legacy_leaf() {
    legacy_key "$1"
    quietly openssl req -new -key "$1.key" -out "$1.csr" \
        -subj "/C=BY/ST=Belarus/L=Minsk/O=Example $1/OU=Example $1 unit/CN=$1.example.com"
    if can req -x509v1; then
        # From version 3.2 on, `x509` and `ca` always make version 3; only this makes version 1.
        # Its dates can be set from version 3.4 on; between these, it starts today.
        sed '/^x509_extensions/d' "$OPENSSL_CONF" >"$work/no-extensions.cfg"
        set -- "$1" -days 34000
        if can req -not_before; then
            set -- "$1" -not_before "$valid_from" -not_after "$valid_until"
        fi
        certificate=$1 && shift
        quietly openssl req -x509v1 -config "$work/no-extensions.cfg" -in "$certificate.csr" \
            -CA ca.crt -CAkey ca.key -set_serial 01 "$@" -out "$certificate.crt"
    else
        : >../database
        echo 01 >../serial
        quietly openssl ca -batch -notext -preserveDN -startdate "$valid_from" \
            -enddate "$valid_until" -cert ca.crt -keyfile ca.key -in "$1.csr" -out "$1.crt"
    fi
}

# bundle NAME FILE CIPHER: certificate and encrypted key in one file. The cipher is named because
# OpenSSL's own choice was triple DES before version 3 and is AES since.
bundle() {
    quietly openssl pkcs12 -clcerts -export -passout "pass:$password" -in "$1.crt" \
        -inkey "$1.key" -out "$1.p12"
    quietly openssl pkcs12 -clcerts -passin "pass:$password" -passout "pass:$password" "$3" \
        -in "$1.p12" -out "$2"
}

main "$@"
