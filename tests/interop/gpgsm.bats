#!/usr/bin/env bats
# GnuPG's gpgsm as the peer, for what 2.2 knows: RSA and ECDSA signatures,
# PKCS#1 v1.5 key transport, CBC.

load interop

setup_file() {
	make_world
	export GNUPGHOME=$W/gnupg
	mkdir -m 700 "$GNUPGHOME"
	printf '%s\n' disable-crl-checks batch 'pinentry-mode loopback' >"$GNUPGHOME/gpgsm.conf"
	echo allow-loopback-pinentry >"$GNUPGHOME/gpg-agent.conf"
	openssl x509 -in "$W/ca.pem" -noout -fingerprint -sha1 |
		sed 's/.*=//; s/$/ S relax/' >"$GNUPGHOME/trustlist.txt"
	openssl pkcs12 -export -legacy -inkey "$W/peer-rsa.key" -in "$W/peer-rsa.pem" \
		-passout pass:pw -out "$W/peer-rsa.p12"
	peer --import "$W/ca.pem" "$W/rsa.pem" "$W/p256.pem" "$W/p384.pem"
	peer --import "$W/peer-rsa.p12"
}

teardown_file() {
	gpgconf --kill all
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

peer() { # argument...
	gpgsm --quiet --passphrase-fd 9 "$@" 9<<<pw
}

@test "gpgsm verifies detached and attached signatures" {
	for case in 'rsa sha256' 'rsa sha512' 'rsa sha256 --pss' 'p256 sha256' 'p384 sha384'; do
		case_is "$case"
		read -r kind digest pss <<<"$case"
		hsmime sign --cms --digest "$digest" $pss --format der -k "$(key_uri "$kind")" -o sig "$W/data"
		peer --verify sig "$W/data"
		hsmime sign --cms --opaque --digest "$digest" $pss --format der -k "$(key_uri "$kind")" -o sig "$W/data"
		peer --output got --yes --verify sig
		cmp got "$W/data"
	done
}

@test "gpgsm refuses a changed content" {
	hsmime sign --cms --format der -k "$(key_uri rsa)" -o sig "$W/data"
	cp "$W/data" changed
	flip changed 3
	run ! peer --verify sig changed
}

@test "hsmime verifies what gpgsm signs" {
	peer --output sig --local-user '<peer-rsa@example.test>' --detach-sign "$W/data"
	hsmime verify -q --cms --ca "$W/ca.pem" --content "$W/data" sig
	peer --output sig --yes --local-user '<peer-rsa@example.test>' --sign "$W/data"
	hsmime verify -q --cms --ca "$W/ca.pem" -o got sig
	cmp got "$W/data"
	flip sig 20 # in the signature, before the octets that end it
	fails_with 1 hsmime verify -q --cms --ca "$W/ca.pem" -o got2 sig
	[ ! -e got2 ]
}

@test "gpgsm decrypts what hsmime encrypts" {
	for cipher in aes-128-cbc aes-256-cbc; do
		case_is "$cipher"
		hsmime encrypt --cms --cipher "$cipher" --format der -r "$W/peer-rsa.pem" -o enc "$W/data"
		peer --output got --yes --decrypt enc
		cmp got "$W/data"
	done
}

@test "hsmime decrypts what gpgsm encrypts" {
	for armor in '' --armor; do
		peer $armor --output enc --yes --recipient '<rsa@example.test>' --encrypt "$W/data"
		hsmime decrypt -q --cms -o got enc
		cmp got "$W/data"
		rm got
	done
}
