#!/usr/bin/env bats
# What openssl cms encrypts, hsmime decrypts with the key on the token.

load interop

setup_file() {
	make_world
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

openssl_encrypt() { # kind, cipher, form, more...
	openssl cms -encrypt -binary -in "$W/data" "-$2" -outform "$3" -out enc -recip "$W/$1.pem" "${@:4}"
}

decrypts() { # more...
	rm -f got
	hsmime decrypt -q --cms "$@" -o got enc
	cmp got "$W/data"
}

@test "every cipher and key, DER, PEM and S/MIME" {
	for kind in "${kinds[@]}"; do
		for cipher in "${ciphers[@]}"; do
			for form in DER PEM SMIME; do
				case_is "$kind" "$cipher" $form
				openssl_encrypt "$kind" "$cipher" $form
				decrypts
			done
		done
	done
}

@test "3DES is read" {
	for kind in "${kinds[@]}"; do
		case_is "$kind"
		openssl_encrypt "$kind" des3 DER
		decrypts
	done
}

@test "OAEP with every digest, MGF1 digest and a label" {
	for digest in sha1 sha256 sha384 sha512; do
		for mgf in sha1 $digest; do
			case_is $digest $mgf
			openssl_encrypt rsa aes-256-gcm DER -keyopt rsa_padding_mode:oaep \
				-keyopt rsa_oaep_md:$digest -keyopt rsa_mgf1_md:$mgf
			decrypts
		done
	done
	openssl_encrypt rsa aes-128-cbc DER -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_label:68736d696d65
	decrypts
}

@test "ECDH with every key derivation digest" {
	for kind in p256 p384 p521; do
		for digest in sha1 sha256 sha384 sha512; do
			case_is "$kind" $digest
			openssl_encrypt "$kind" aes-256-cbc DER -keyopt ecdh_kdf_md:$digest
			decrypts
		done
	done
}

@test "recipients named by key identifier, and one among several" {
	for kind in "${kinds[@]}"; do
		case_is "$kind"
		openssl_encrypt "$kind" aes-256-cbc DER -keyid
		decrypts
		openssl cms -encrypt -binary -in "$W/data" -aes-256-gcm -outform DER -out enc \
			-recip "$W/peer-rsa.pem" -recip "$W/peer-p256.pem" -recip "$W/$kind.pem"
		decrypts
	done
}

@test "streamed BER, from a file and from a pipe" {
	for cipher in "${ciphers[@]}"; do
		for form in DER PEM SMIME; do
			case_is "$cipher" $form
			openssl_encrypt rsa "$cipher" $form -stream
			decrypts
			cat enc | hsmime decrypt -q --cms | cmp - "$W/data"
		done
	done
}

@test "an encrypted mail, and a signed one inside" {
	printf 'Content-Type: text/plain\n\nsecret words\n' >entity
	openssl cms -encrypt -in entity -aes-256-cbc -from a@example.test -subject interop -out enc.eml "$W/rsa.pem"
	hsmime decrypt -q -o got.eml enc.eml
	grep -q 'secret words' got.eml
	grep -q '^Subject: interop' got.eml
	openssl cms -sign -in entity -signer "$W/peer-rsa.pem" -inkey "$W/peer-rsa.key" -out signed
	openssl cms -encrypt -in signed -aes-256-gcm -out enc.eml "$W/p256.pem"
	hsmime decrypt -q -o got.eml enc.eml
	hsmime verify -q --ca "$W/ca.pem" got.eml
}

@test "a wrong tag is status 1 and leaves nothing, in a file or a pipe" {
	openssl_encrypt rsa aes-256-gcm DER
	flip enc 1
	fails_with 1 hsmime decrypt -q --cms -o got enc
	[ ! -e got ]
	fails_with 1 hsmime decrypt -q --cms enc >piped
	[ ! -s piped ]
}

@test "a message for others is status 5" {
	openssl cms -encrypt -binary -in "$W/data" -aes-256-cbc -outform DER -out enc "$W/peer-rsa.pem"
	fails_with 5 hsmime decrypt -q --cms -o got enc
	[ ! -e got ]
}
