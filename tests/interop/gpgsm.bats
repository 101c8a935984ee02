#!/usr/bin/env bats
# GnuPG's gpgsm as the peer, for what 2.2 knows: RSA and ECDSA signatures,
# PKCS#1 v1.5 key transport, CBC.

load interop

setup_file() {
	local kind
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
	for kind in p256 p384 p521; do
		import_ec_key "$kind"
	done
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

# import_ec_key KIND: past --import, because 2.2.40 crashes at a PKCS#12 with an EC key
import_ec_key() {
	local grip
	peer --import "$W/peer-$1.pem"
	grip=$(peer --with-colons --list-keys "<peer-$1@example.test>" | awk -F: '$1 == "grp" { print $10 }')
	printf 'Key: (private-key (ecc (curve "NIST P-%s")(q #%s#)(d #%s#)))\n' "${1#p}" \
		"$(key_hex "$1" pub)" "$(key_hex "$1" priv)" >"$GNUPGHOME/private-keys-v1.d/$grip.key"
}

key_hex() { # kind, pub or priv
	openssl pkey -in "$W/peer-$1.key" -noout -text | sed -n "/^$2:/,/^[^ ]/s/^  *//p" | tr -d ':\n'
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

@test "hsmime verifies what gpgsm signs with ECDSA, and refuses a changed content" {
	cp "$W/data" changed
	flip changed 3
	# gpgsm takes no digest that is shorter than the curve
	for case in 'p256 sha256' 'p256 sha512' 'p384 sha384' 'p384 sha512' 'p521 sha512'; do
		case_is "$case"
		read -r kind digest <<<"$case"
		local sign=(--yes --local-user "<peer-$kind@example.test>" --digest-algo "$digest")
		peer --output sig "${sign[@]}" --detach-sign "$W/data"
		openssl asn1parse -inform DER -in sig | grep -qi ":ecdsa-with-$digest\$"
		hsmime verify -q --cms --ca "$W/ca.pem" --content "$W/data" sig
		fails_with 1 hsmime verify -q --cms --ca "$W/ca.pem" --content changed sig
		peer --output sig "${sign[@]}" --sign "$W/data"
		hsmime verify -q --cms --ca "$W/ca.pem" -o got sig
		cmp got "$W/data"
	done
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

@test "hsmime decrypts what gpgsm encrypts with 3DES, and refuses it changed" {
	peer --output enc --recipient '<rsa@example.test>' --cipher-algo 3DES --encrypt "$W/data"
	openssl asn1parse -inform DER -in enc | grep -q ':des-ede3-cbc$'
	hsmime decrypt -q --cms -o got enc
	cmp got "$W/data"
	flip enc 21 # the end of the last block but one, which inverts the padding's last octet
	fails_with 1 hsmime decrypt -q --cms -o got2 enc
	[ ! -e got2 ]
}
