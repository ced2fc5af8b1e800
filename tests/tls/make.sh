#!/bin/sh
# Makes the certificates of tests/mqtt_tls.rs anew: two authorities, a broker's and a client's. Valid for 100 years.
set -eu
cd "$(dirname "$0")"
days=36500
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $days -subj "/CN=$2" \
        -addext basicConstraints=critical,CA:TRUE -keyout "$1.key" -out "$1.pem"
}
signed() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$1.key" -out "$1.csr"
    printf '%s\n' "$3" basicConstraints=CA:FALSE >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days $days -extfile "$1.ext" -out "$1.pem"
    rm "$1.csr" "$1.ext"
}
authority ca "Test authority"
authority stranger "Another authority"
signed broker localhost "subjectAltName=DNS:localhost"
signed client pilot "extendedKeyUsage=clientAuth"
rm -f ca.key ca.srl stranger.key
