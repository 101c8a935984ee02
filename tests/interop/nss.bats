#!/usr/bin/env bats
# NSS's cmsutil as the peer: signatures by RSA and ECDSA, PKCS#1 v1.5 key
# transport, CBC. It knows no ECDH recipients and no GCM.

load interop

setup_file() {
	local kind
	make_world
	mkdir "$W/nss"
	certutil -N -d "sql:$W/nss" --empty-password
	certutil -A -d "sql:$W/nss" -n ca -t CT,CT,CT -i "$W/ca.pem" -a
	for kind in "${kinds[@]}"; do
		openssl pkcs12 -export -legacy -name "peer-$kind" -inkey "$W/peer-$kind.key" \
			-in "$W/peer-$kind.pem" -passout pass:pw -out "$W/peer-$kind.p12"
		pk12util -i "$W/peer-$kind.p12" -d "sql:$W/nss" -W pw
		certutil -A -d "sql:$W/nss" -n "$kind" -t ,, -i "$W/$kind.pem" -a
	done
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

peer() { # command, argument...
	cmsutil "$1" -d "sql:$W/nss" "${@:2}"
}

@test "cmsutil verifies attached and detached signatures" {
	for kind in "${kinds[@]}"; do
		for digest in sha256 sha384 sha512; do
			case_is "$kind" $digest
			hsmime sign --cms --opaque --digest $digest --format der -k "$(key_uri "$kind")" -o sig "$W/data"
			peer -D -i sig -o got
			cmp got "$W/data"
			hsmime sign --cms --digest $digest --format der -k "$(key_uri "$kind")" -o sig "$W/data"
			peer -D -c "$W/data" -i sig -o got
		done
	done
}

@test "cmsutil verifies RSASSA-PSS, and refuses a changed content or signature" {
	cp "$W/data" changed
	flip changed 3
	for digest in sha256 sha384 sha512; do
		case_is $digest
		hsmime sign --cms --opaque --pss --digest $digest --format der -k "$(key_uri rsa)" -o sig "$W/data"
		peer -D -i sig -o got
		cmp got "$W/data"
		hsmime sign --cms --pss --digest $digest --format der -k "$(key_uri rsa)" -o sig "$W/data"
		openssl asn1parse -inform DER -in sig | grep -q ':rsassaPss$'
		peer -D -c "$W/data" -i sig -o got
		run ! peer -D -c changed -i sig -o got
		flip sig 1
		run ! peer -D -c "$W/data" -i sig -o got
	done
}

@test "cmsutil refuses a changed content" {
	hsmime sign --cms --format der -k "$(key_uri rsa)" -o sig "$W/data"
	cp "$W/data" changed
	flip changed 3
	run ! peer -D -c changed -i sig -o got
}

@test "hsmime verifies what cmsutil signs" {
	for kind in "${kinds[@]}"; do
		case_is "$kind"
		peer -S -N "peer-$kind" -G -P -H SHA256 -i "$W/data" -o sig
		hsmime verify -q --cms --ca "$W/ca.pem" -o got sig
		cmp got "$W/data"
		peer -S -T -N "peer-$kind" -H SHA384 -i "$W/data" -o sig
		hsmime verify -q --cms --ca "$W/ca.pem" --content "$W/data" sig
	done
}

@test "hsmime verifies what cmsutil signs with SHA-512, and refuses a changed content" {
	cp "$W/data" changed
	flip changed 3
	for kind in "${kinds[@]}"; do
		for attributes in '' '-G -P'; do
			case_is "$kind" "$attributes"
			peer -S -T $attributes -N "peer-$kind" -H SHA512 -i "$W/data" -o sig
			openssl asn1parse -inform DER -in sig | grep -q ':sha512$'
			hsmime verify -q --cms --ca "$W/ca.pem" --content "$W/data" sig
			fails_with 1 hsmime verify -q --cms --ca "$W/ca.pem" --content changed sig
		done
		peer -S -N "peer-$kind" -H SHA512 -i "$W/data" -o sig
		hsmime verify -q --cms --ca "$W/ca.pem" -o got sig
		cmp got "$W/data"
	done
}

@test "cmsutil decrypts what hsmime encrypts" {
	for cipher in aes-128-cbc aes-256-cbc; do
		case_is "$cipher"
		hsmime encrypt --cms --cipher "$cipher" --format der -r "$W/peer-rsa.pem" -o enc "$W/data"
		peer -D -i enc -o got
		cmp got "$W/data"
	done
}

@test "hsmime decrypts what cmsutil encrypts" {
	peer -E -r rsa@example.test -i "$W/data" -o enc
	hsmime decrypt -q --cms -o got enc
	cmp got "$W/data"
}
