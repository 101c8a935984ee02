#!/usr/bin/env bats
# What hsmime encrypts, openssl cms decrypts.

load interop

setup_file() {
	make_world
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

openssl_decrypt() { # form, kind, file
	openssl cms -decrypt -binary -inform "$1" -in "$3" -recip "$W/peer-$2.pem" \
		-inkey "$W/peer-$2.key" -out got
}

encrypt() { # more...
	hsmime encrypt --cms --ca "$W/ca.pem" "$@"
}

@test "every cipher and recipient key, DER, PEM and S/MIME" {
	for kind in "${kinds[@]}"; do
		for cipher in "${ciphers[@]}"; do
			for format in der pem smime; do
				case_is "$kind" "$cipher" $format
				encrypt --cipher "$cipher" --format $format -r "$W/peer-$kind.pem" -o enc "$W/data"
				openssl_decrypt $format "$kind" enc
				cmp got "$W/data"
			done
		done
	done
}

@test "RSA key transport by OAEP and by PKCS#1 v1.5" {
	for transport in oaep pkcs1; do
		case_is $transport
		encrypt --key-transport $transport --format der -r "$W/peer-rsa.pem" -o enc "$W/data"
		openssl_decrypt DER rsa enc
		cmp got "$W/data"
		openssl cms -cmsout -print -noout -inform DER -in enc >printed
		case $transport in
		oaep) grep -q 'algorithm: rsaesOaep' printed ;;
		pkcs1) grep -q 'algorithm: rsaEncryption' printed ;;
		esac
	done
}

@test "each of several recipients reads it, nobody else" {
	encrypt --format der -r "$W/peer-rsa.pem" -r "$W/peer-p256.pem" -r "$W/peer-p521.pem" -o enc "$W/data"
	for kind in rsa p256 p521; do
		case_is "$kind"
		openssl_decrypt DER "$kind" enc
		cmp got "$W/data"
	done
	run ! openssl_decrypt DER p384 enc
}

@test "content from a pipe, in BER" {
	for cipher in "${ciphers[@]}"; do
		case_is "$cipher"
		encrypt --cipher "$cipher" -r "$W/peer-p256.pem" <"$W/data" | cat >enc
		openssl_decrypt DER p256 enc
		cmp got "$W/data"
	done
}

@test "an encrypted mail, and one signed before" {
	hsmime encrypt --ca "$W/ca.pem" -r "$W/peer-rsa.pem" -o enc.eml "$W/mail.eml"
	openssl cms -decrypt -in enc.eml -recip "$W/peer-rsa.pem" -inkey "$W/peer-rsa.key" -out got
	grep -q 'Last line' got
	hsmime sign --encrypt --ca "$W/ca.pem" -k "$(key_uri rsa)" -r "$W/peer-p256.pem" -o both.eml "$W/mail.eml"
	openssl cms -decrypt -binary -in both.eml -recip "$W/peer-p256.pem" -inkey "$W/peer-p256.key" -out inner
	openssl cms -verify -in inner -CAfile "$W/ca.pem" -out got
	grep -q 'Last line' got
}

@test "openssl refuses GCM content that was changed" {
	encrypt --cipher aes-256-gcm --format der -r "$W/peer-rsa.pem" -o enc "$W/data"
	flip enc 100
	run ! openssl_decrypt DER rsa enc
}
