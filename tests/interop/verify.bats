#!/usr/bin/env bats
# What openssl cms signs, hsmime verifies; what was changed since, it refuses.

load interop

setup_file() {
	make_world
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

openssl_sign() { # kind, more...
	openssl cms -sign -binary -in "$W/data" -signer "$W/peer-$1.pem" -inkey "$W/peer-$1.key" \
		-out sig "${@:2}"
}

verify() { # more...
	hsmime verify -q --cms --ca "$W/ca.pem" "$@"
}

@test "detached CMS by every key and digest, DER and PEM" {
	for kind in "${kinds[@]}"; do
		for digest in sha256 sha384 sha512; do
			for form in DER PEM; do
				case_is "$kind" $digest $form
				openssl_sign "$kind" -md $digest -outform $form
				verify --content "$W/data" sig
			done
		done
	done
}

@test "attached CMS by every key and digest, DER, PEM and S/MIME, content given back" {
	for kind in "${kinds[@]}"; do
		for digest in sha256 sha384 sha512; do
			for form in DER PEM SMIME; do
				case_is "$kind" $digest $form
				openssl_sign "$kind" -nodetach -md $digest -outform $form
				verify -o got sig
				cmp got "$W/data"
			done
		done
	done
}

@test "RSASSA-PSS with every digest and salt" {
	for digest in sha256 sha384 sha512; do
		for salt in digest max 20; do
			case_is $digest $salt
			openssl_sign rsa -nodetach -md $digest -outform DER -keyopt rsa_padding_mode:pss \
				-keyopt rsa_pss_saltlen:$salt
			verify -o got sig
			cmp got "$W/data"
		done
	done
}

@test "streamed BER, also from a pipe" {
	for form in DER PEM SMIME; do
		case_is $form
		openssl_sign rsa -nodetach -stream -outform $form
		verify -o got sig
		cmp got "$W/data"
		cat sig | verify -o - | cmp - "$W/data"
	done
}

@test "several signers, all of whom must hold" {
	openssl_sign rsa -signer "$W/peer-p256.pem" -inkey "$W/peer-p256.key" \
		-signer "$W/peer-p384.pem" -inkey "$W/peer-p384.key" -nodetach -outform DER
	verify -o got sig
	cmp got "$W/data"
	hsmime verify --cms --json --ca "$W/ca.pem" -o got sig >report 2>&1
	[ "$(grep -o 'CN=peer [a-z0-9]*' report | sort -u | wc -l)" -ge 3 ]
}

@test "signers named by key identifier, without attributes, without certificates" {
	openssl_sign rsa -keyid -nodetach -outform DER
	verify -o got sig
	openssl_sign p256 -noattr -nodetach -outform DER
	verify -o got sig
	openssl_sign rsa -nocerts -nodetach -outform DER
	verify --cert "$W/peer-rsa.pem" -o got sig
	cmp got "$W/data"
	rm got
	fails_with 1 verify -o got sig
	[ ! -e got ]
}

@test "a signed mail of openssl, clear and opaque" {
	for kind in "${kinds[@]}"; do
		for attach in '' -nodetach; do
			case_is "$kind" $attach
			printf 'one\ntwo\n' >text
			openssl cms -sign -text -in text -signer "$W/peer-$kind.pem" -inkey "$W/peer-$kind.key" \
				$attach -from "peer-$kind@example.test" -subject interop -out signed.eml
			hsmime verify -q --ca "$W/ca.pem" signed.eml
			tr -d '\r' <signed.eml | sed 's/$/\r/' >crlf.eml
			hsmime verify -q --ca "$W/ca.pem" crlf.eml
		done
	done
}

@test "changed content, changed signature and a foreign authority are status 1" {
	openssl_sign rsa -outform DER
	cp "$W/data" changed
	flip changed 7
	fails_with 1 verify --content changed sig
	cp sig sig2
	flip sig2 1
	fails_with 1 verify --content "$W/data" sig2
	openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -subj /CN=other 2>/dev/null
	fails_with 1 hsmime verify -q --cms --ca other.pem --content "$W/data" sig
	hsmime verify -q --cms --no-chain --content "$W/data" sig
}

@test "a changed mail is status 1 and leaves no output" {
	printf 'one\ntwo\n' >text
	openssl cms -sign -text -in text -signer "$W/peer-rsa.pem" -inkey "$W/peer-rsa.key" -out signed.eml
	sed s/two/too/ signed.eml >changed.eml
	fails_with 1 hsmime verify -q --ca "$W/ca.pem" -o got changed.eml
	[ ! -e got ]
}
