#!/usr/bin/env bats
# openssl cms with a token's keys.

load provider

setup_file() {
	provider_token
}

# signs_cms ID NAME [OPTION...]: signed on the token, verified without it
signs_cms() {
	local id=$1 name=$2
	shift 2
	rm -f "$W/signed"
	ossl 0 cms -sign -binary -in "$W/report.txt" -inkey "$(key "$id")" -signer "$W/$name.pem" \
		-outform DER -out "$W/signed" "$@"
	plain cms -verify -binary -inform DER -in "$W/signed" -content "$W/report.txt" \
		-CAfile "$W/ca.pem" -out "$W/verified"
	cmp "$W/verified" "$W/report.txt"
}

# decrypts_cms ID NAME [OPTION...]: encrypted without the token, decrypted on it
decrypts_cms() {
	local id=$1 name=$2
	shift 2
	rm -f "$W/decrypted"
	plain cms -encrypt -binary -in "$W/report.txt" -outform DER -out "$W/encrypted" \
		-recip "$W/$name.pem" "$@"
	ossl 0 cms -decrypt -binary -inform DER -in "$W/encrypted" -recip "$W/$name.pem" \
		-inkey "$(key "$id")" -out "$W/decrypted"
	cmp "$W/decrypted" "$W/report.txt"
}

@test 'RSA and EC keys sign' {
	for o in "${orders[@]}"; do
		order "$o"
		signs_cms 01 alice
		signs_cms 01 alice -md sha512 -nodetach
		signs_cms 02 bob
		signs_cms 03 carol -md sha384
		signs_cms 04 dave -md sha512
	done
}

@test 'RSA keys sign with PSS, whatever the salt' {
	for o in "${orders[@]}"; do
		order "$o"
		for salt in digest max 0 20; do
			signs_cms 01 alice -keyopt rsa_padding_mode:pss -keyopt "rsa_pss_saltlen:$salt"
		done
		signs_cms 01 alice -md sha384 -keyopt rsa_padding_mode:pss -keyopt rsa_mgf1_md:sha1
	done
}

@test 'signer and certificate both come from the token' {
	for o in "${orders[@]}"; do
		order "$o"
		ossl 0 cms -sign -binary -in "$W/report.txt" -inkey "$(key 02)" \
			-signer 'pkcs11:token=Demo;id=%02;type=cert' -outform DER -out "$W/signed"
		plain cms -verify -binary -inform DER -in "$W/signed" -content "$W/report.txt" \
			-CAfile "$W/ca.pem" -out "$W/verified"
	done
}

@test 'a signature with the key of another certificate is refused' {
	for o in "${orders[@]}"; do
		order "$o"
		ossl 3 cms -sign -in "$W/report.txt" -inkey "$(key 05)" -signer "$W/alice.pem" -out "$W/none"
		ossl 3 cms -sign -in "$W/report.txt" -inkey "$(key 03)" -signer "$W/bob.pem" -out "$W/none"
	done
}

@test 'S/MIME of the older kind is signed and decrypted' {
	for o in "${orders[@]}"; do
		order "$o"
		ossl 0 smime -sign -in "$W/report.txt" -inkey "$(key 02)" -signer "$W/bob.pem" -out "$W/signed"
		plain smime -verify -in "$W/signed" -CAfile "$W/ca.pem" -out "$W/verified"
		plain smime -encrypt -aes256 -binary -in "$W/report.txt" -out "$W/encrypted" "$W/alice.pem"
		ossl 0 smime -decrypt -in "$W/encrypted" -inkey "$(key 01)" -recip "$W/alice.pem" \
			-out "$W/decrypted"
		cmp "$W/decrypted" "$W/report.txt"
	done
}

@test 'RSA recipients decrypt: PKCS #1 v1.5, CBC and GCM' {
	for o in "${orders[@]}"; do
		order "$o"
		decrypts_cms 01 alice -aes256
		decrypts_cms 01 alice -aes-128-gcm
	done
}

@test 'RSA recipients decrypt: OAEP with each digest, MGF1 digest and label' {
	local oaep=(-keyopt rsa_padding_mode:oaep)
	for o in "${orders[@]}"; do
		order "$o"
		for md in sha1 sha256 sha384 sha512; do
			decrypts_cms 01 alice -aes128 "${oaep[@]}" -keyopt "rsa_oaep_md:$md"
		done
		decrypts_cms 01 alice -aes128 "${oaep[@]}" -keyopt rsa_oaep_md:sha256 \
			-keyopt rsa_mgf1_md:sha1
		decrypts_cms 01 alice -aes128 "${oaep[@]}" -keyopt rsa_oaep_label:6c6162656c
	done
}

@test 'EC recipients decrypt on each curve and with each key derivation' {
	for o in "${orders[@]}"; do
		order "$o"
		decrypts_cms 02 bob -aes128
		decrypts_cms 03 carol -aes256 -keyopt ecdh_kdf_md:sha384
		decrypts_cms 04 dave -aes-256-gcm -keyopt ecdh_kdf_md:sha512
	done
}

@test 'encrypting for token certificates needs no token' {
	for o in "${orders[@]}"; do
		order "$o"
		for name in alice bob; do
			HSMIME_MODULE=/nowhere ossl 0 cms -encrypt -aes256 -binary -in "$W/report.txt" \
				-outform DER -out "$W/encrypted" "$W/$name.pem"
		done
		ossl 0 cms -decrypt -inform DER -in "$W/encrypted" -recip "$W/bob.pem" -inkey "$(key 02)" \
			-out "$W/decrypted"
		cmp "$W/decrypted" "$W/report.txt"
	done
}

# -debug_decrypt: without it openssl carries on with a random content key, and one time in 256
# that looks well.
@test 'the wrong key decrypts nothing' {
	plain cms -encrypt -aes256 -in "$W/report.txt" -out "$W/for-alice" "$W/alice.pem"
	plain cms -encrypt -aes256 -in "$W/report.txt" -out "$W/for-oaep" -recip "$W/alice.pem" \
		-keyopt rsa_padding_mode:oaep
	plain cms -encrypt -aes256 -in "$W/report.txt" -out "$W/for-bob" "$W/bob.pem"
	for o in "${orders[@]}"; do
		order "$o"
		for message in alice oaep; do
			refuse_padding '' ossl 4 cms -decrypt -debug_decrypt -in "$W/for-$message" \
				-recip "$W/alice.pem" -inkey "$(key 05)"
			[ -z "$output" ]
			mentions 'decryption failed'
		done
		ossl 4 cms -decrypt -in "$W/for-bob" -recip "$W/bob.pem" -inkey "$(key 03)"
		[ -z "$output" ]
	done
}

@test 'without a word on why, the wrong key leaves nothing of the content either' {
	plain cms -encrypt -aes-256-gcm -in "$W/report.txt" -out "$W/for-alice" "$W/alice.pem"
	for o in "${orders[@]}"; do
		order "$o"
		ossl 4 cms -decrypt -in "$W/for-alice" -recip "$W/alice.pem" -inkey "$(key 05)"
		[[ $output != *Agreed* ]]
	done
}
