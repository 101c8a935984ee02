#!/usr/bin/env bats
# openssl req, x509, pkeyutl, dgst, pkey and storeutl with a token's keys.

load provider

setup_file() {
	provider_token
	openssl dgst -sha256 -binary -out "$W/digest" "$W/report.txt"
	for name in alice bob carol dave; do
		openssl x509 -in "$W/$name.pem" -pubkey -noout -out "$W/$name.pub"
	done
}

@test 'a certificate request is signed on the token' {
	for o in "${orders[@]}"; do
		order "$o"
		for id in 01 02 03 04; do
			ossl 0 req -new -key "$(key "$id")" -subj "/CN=$id" -out "$W/request"
			plain req -in "$W/request" -verify -noout
		done
		ossl 0 req -new -key "$(key 01)" -subj /CN=pss -sha384 -sigopt rsa_padding_mode:pss \
			-sigopt rsa_pss_saltlen:-1 -out "$W/request"
		plain req -in "$W/request" -verify -noout -text
		reported 'Signature Algorithm: rsassaPss'
	done
}

@test 'a self-signed certificate is signed on the token' {
	for o in "${orders[@]}"; do
		order "$o"
		for id in 01 03; do
			ossl 0 req -x509 -key "$(key "$id")" -subj "/CN=$id" -days 3 -out "$W/self.pem"
			plain verify -check_ss_sig -CAfile "$W/self.pem" "$W/self.pem"
		done
	done
}

@test 'a certificate authority signs on the token' {
	plain req -newkey rsa:2048 -nodes -keyout "$W/user.key" -subj /CN=user -out "$W/user.csr"
	for o in "${orders[@]}"; do
		order "$o"
		for id in 01 02; do
			ossl 0 req -x509 -key "$(key "$id")" -subj /CN=authority -days 3 -out "$W/authority.pem"
			ossl 0 x509 -req -in "$W/user.csr" -CA "$W/authority.pem" -CAkey "$(key "$id")" -days 3 \
				-set_serial 7 -out "$W/user.pem"
			plain verify -CAfile "$W/authority.pem" "$W/user.pem"
		done
	done
}

# damage FILE OFFSET: another octet there
damage() {
	local octet
	octet=$(od -An -tu1 -j "$2" -N 1 "$1")
	printf '%b' "\\x$(printf %x $((octet ^ 1)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test 'a certificate with a damaged signature does not verify' {
	local at
	plain req -newkey rsa:2048 -nodes -keyout "$W/user.key" -subj /CN=user -out "$W/user.csr"
	for id in 01 02; do
		order "${orders[0]}"
		ossl 0 req -x509 -key "$(key "$id")" -subj /CN=authority -days 3 -out "$W/authority.pem"
		ossl 0 x509 -req -in "$W/user.csr" -CA "$W/authority.pem" -CAkey "$(key "$id")" -days 3 \
			-set_serial 9 -outform DER -out "$W/user.der"
		# The last element is the signature: in it, its first octets and its last.
		at=$(openssl asn1parse -inform DER -in "$W/user.der" | tail -n 1 | cut -d: -f1)
		for octet in $((at + 5)) $((at + 6)) $(($(stat -c %s "$W/user.der") - 1)); do
			cp "$W/user.der" "$W/forged.der"
			damage "$W/forged.der" "$octet"
			plain x509 -inform DER -in "$W/forged.der" -out "$W/forged.pem"
			plain x509 -inform DER -in "$W/user.der" -out "$W/user.pem"
			for o in "${orders[@]}"; do
				order "$o"
				ossl 0 verify -CAfile "$W/authority.pem" "$W/user.pem"
				ossl 2 verify -CAfile "$W/authority.pem" "$W/forged.pem"
			done
		done
	done
}

@test 'keys are made in software where default comes first' {
	order 'default hsmime'
	ossl 0 genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/made.pem"
	ossl 0 genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$W/made.pem"
	ossl 0 req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/made.pem" \
		-subj /CN=made -out "$W/made.csr"
	# hsmime makes none, and says so where it is asked first.
	order 'hsmime default'
	ossl 1 genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/made.pem"
	[[ $stderr == *'operation not supported for this keytype'* ]]
}

@test 'an authority in software works beside the provider, for a request from the token' {
	for o in "${orders[@]}"; do
		order "$o"
		ossl 0 req -new -key "$(key 02)" -subj /CN=bob -out "$W/request"
		ossl 0 x509 -req -in "$W/request" -CA "$W/ca.pem" -CAkey "$W/ca.key" -days 3 -set_serial 8 \
			-out "$W/issued.pem"
		plain verify -CAfile "$W/ca.pem" "$W/issued.pem"
	done
}

# pkeyutl_signs ID NAME [OPTION...]: a signature of $W/digest that verifies, and not of others
pkeyutl_signs() {
	local id=$1 name=$2
	shift 2
	ossl 0 pkeyutl -sign -in "$W/digest" -inkey "$(key "$id")" -out "$W/sig" "$@"
	plain pkeyutl -verify -in "$W/digest" -pubin -inkey "$W/$name.pub" -sigfile "$W/sig" "$@"
	cp "$W/digest" "$W/other"
	flip "$W/other" 1
	run_as 1 openssl pkeyutl -verify -in "$W/other" -pubin -inkey "$W/$name.pub" \
		-sigfile "$W/sig" "$@"
}

@test 'pkeyutl signs: PKCS #1 v1.5 with and without a digest, PSS, ECDSA' {
	local pss=(-pkeyopt rsa_padding_mode:pss -pkeyopt digest:sha256)
	for o in "${orders[@]}"; do
		order "$o"
		pkeyutl_signs 01 alice
		pkeyutl_signs 01 alice -pkeyopt digest:sha256
		for salt in digest max auto 0 20 48; do
			pkeyutl_signs 01 alice "${pss[@]}" -pkeyopt "rsa_pss_saltlen:$salt"
		done
		pkeyutl_signs 01 alice "${pss[@]}" -pkeyopt rsa_mgf1_md:sha512
		pkeyutl_signs 02 bob
		pkeyutl_signs 03 carol -pkeyopt digest:sha256
		pkeyutl_signs 04 dave
	done
}

@test 'pkeyutl: what makes no signature is refused' {
	head -c 31 "$W/digest" >"$W/short"
	for o in "${orders[@]}"; do
		order "$o"
		ossl 1 pkeyutl -sign -in "$W/short" -inkey "$(key 01)" -pkeyopt digest:sha256
		ossl 1 pkeyutl -sign -in "$W/short" -inkey "$(key 02)" -pkeyopt digest:sha256
		mentions 'no SHA256 value'
		ossl 1 pkeyutl -sign -in "$W/digest" -inkey "$(key 01)" -pkeyopt rsa_padding_mode:x931
		mentions 'unknown RSA padding'
		ossl 1 pkeyutl -sign -in "$W/digest" -inkey "$(key 01)" -pkeyopt rsa_padding_mode:pss \
			-pkeyopt digest:sha256 -pkeyopt rsa_pss_saltlen:250
		ossl 1 pkeyutl -sign -in "$W/digest" -inkey "$(key 01)" -pkeyopt rsa_padding_mode:pss \
			-pkeyopt digest:sha256 -pkeyopt rsa_pss_saltlen:-5
		mentions 'impossible salt'
		ossl 1 pkeyutl -sign -in "$W/digest" -inkey "$(key 01)" -pkeyopt rsa_padding_mode:pss
		mentions 'PSS needs a digest'
		ossl 1 pkeyutl -sign -in "$W/digest" -inkey "$(key 01)" -pkeyopt rsa_padding_mode:none
	done
}

@test 'pkeyutl shows what a signature was made of' {
	for o in "${orders[@]}"; do
		order "$o"
		ossl 0 pkeyutl -sign -in "$W/digest" -inkey "$(key 01)" -pkeyopt digest:sha256 -out "$W/sig"
		ossl 0 pkeyutl -verifyrecover -in "$W/sig" -pubin -inkey "$W/alice.pub" \
			-pkeyopt digest:sha256 -out "$W/recovered"
		cmp "$W/recovered" "$W/digest"
		ossl 0 pkeyutl -verifyrecover -in "$W/sig" -inkey "$(key 01)" -pkeyopt digest:sha256 \
			-out "$W/recovered"
		cmp "$W/recovered" "$W/digest"
		ossl 1 pkeyutl -verifyrecover -in "$W/sig" -inkey "$(key 05)" -pkeyopt digest:sha256
	done
}

# pkeyutl_decrypts [OPTION...]: what was encrypted in software comes back; the wrong key gives nothing
pkeyutl_decrypts() {
	plain pkeyutl -encrypt -in "$W/digest" -pubin -inkey "$W/alice.pub" -out "$W/encrypted" "$@"
	ossl 0 pkeyutl -decrypt -in "$W/encrypted" -inkey "$(key 01)" -out "$W/decrypted" "$@"
	cmp "$W/decrypted" "$W/digest"
	refuse_padding '' ossl 1 pkeyutl -decrypt -in "$W/encrypted" -inkey "$(key 05)" "$@"
	[ -z "$output" ]
	mentions 'decryption failed'
}

@test 'pkeyutl decrypts PKCS #1 v1.5 and OAEP, with the right key alone' {
	local oaep=(-pkeyopt rsa_padding_mode:oaep)
	for o in "${orders[@]}"; do
		order "$o"
		pkeyutl_decrypts
		for md in sha1 sha256 sha384 sha512; do
			pkeyutl_decrypts "${oaep[@]}" -pkeyopt "rsa_oaep_md:$md"
		done
		pkeyutl_decrypts "${oaep[@]}" -pkeyopt rsa_oaep_md:sha512 -pkeyopt rsa_mgf1_md:sha1 \
			-pkeyopt rsa_oaep_label:6c6162656c
	done
}

@test 'pkeyutl: another OAEP label or digest decrypts nothing' {
	local oaep=(-pkeyopt rsa_padding_mode:oaep)
	plain pkeyutl -encrypt -in "$W/digest" -pubin -inkey "$W/alice.pub" -out "$W/encrypted" \
		"${oaep[@]}" -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_oaep_label:6c6162656c
	for o in "${orders[@]}"; do
		order "$o"
		ossl 1 pkeyutl -decrypt -in "$W/encrypted" -inkey "$(key 01)" "${oaep[@]}" \
			-pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_oaep_label:6c6162
		mentions 'decryption failed'
		ossl 1 pkeyutl -decrypt -in "$W/encrypted" -inkey "$(key 01)" "${oaep[@]}" \
			-pkeyopt rsa_oaep_md:sha384 -pkeyopt rsa_oaep_label:6c6162656c
		mentions 'decryption failed'
	done
}

# pkeyutl_derives ID NAME CURVE: both sides get the same, with and without key derivation
pkeyutl_derives() {
	plain genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$3" -out "$W/peer.key"
	plain pkey -in "$W/peer.key" -pubout -out "$W/peer.pub"
	plain pkeyutl -derive -inkey "$W/peer.key" -peerkey "$W/$2.pub" -out "$W/theirs"
	ossl 0 pkeyutl -derive -inkey "$(key "$1")" -peerkey "$W/peer.pub" -out "$W/ours"
	cmp "$W/theirs" "$W/ours"
}

@test 'pkeyutl derives on each curve' {
	for o in "${orders[@]}"; do
		order "$o"
		pkeyutl_derives 02 bob P-256
		pkeyutl_derives 03 carol P-384
		pkeyutl_derives 04 dave P-521
	done
}

@test 'pkeyutl: a peer on another curve is refused' {
	for o in "${orders[@]}"; do
		order "$o"
		ossl 1 pkeyutl -derive -inkey "$(key 02)" -peerkey "$W/carol.pub"
		[ -z "$output" ]
	done
}

@test 'dgst signs and verifies with any digest' {
	for o in "${orders[@]}"; do
		order "$o"
		for md in sha1 sha256 sha512 sha3-256 md5-sha1; do
			ossl 0 dgst "-$md" -sign "$(key 01)" -out "$W/sig" "$W/report.txt"
			plain dgst "-$md" -verify "$W/alice.pub" -signature "$W/sig" "$W/report.txt"
			ossl 0 dgst "-$md" -prverify "$(key 01)" -signature "$W/sig" "$W/report.txt"
			ossl 1 dgst "-$md" -prverify "$(key 05)" -signature "$W/sig" "$W/report.txt"
		done
		ossl 0 dgst -sha384 -sign "$(key 01)" -sigopt rsa_padding_mode:pss \
			-sigopt rsa_pss_saltlen:-1 -out "$W/sig" "$W/report.txt"
		plain dgst -sha384 -verify "$W/alice.pub" -sigopt rsa_padding_mode:pss \
			-sigopt rsa_pss_saltlen:48 -signature "$W/sig" "$W/report.txt"
		ossl 0 dgst -sha256 -sign "$(key 04)" -out "$W/sig" "$W/report.txt"
		plain dgst -sha256 -verify "$W/dave.pub" -signature "$W/sig" "$W/report.txt"
		run_as 1 openssl dgst -sha256 -verify "$W/dave.pub" -signature "$W/sig" "$W/digest"
	done
}

@test 'public keys come out, private keys do not' {
	for o in "${orders[@]}"; do
		order "$o"
		for pair in 01:alice 02:bob; do
			ossl 0 pkey -in "$(key "${pair%:*}")" -pubout
			[ "$output" = "$(cat "$W/${pair#*:}.pub")" ]
			ossl 0 pkey -pubin -in "$(key "${pair%:*}");type=public"
			[ "$output" = "$(cat "$W/${pair#*:}.pub")" ]
			ossl 1 pkey -in "$(key "${pair%:*}")"
			[[ $output != *'PRIVATE KEY'* ]]
			mentions 'refused.*the private key stays on the token'
			ossl 1 pkey -in "$(key "${pair%:*}")" -noout -text
			mentions 'the private key stays on the token'
			ossl 1 pkey -in "$(key "${pair%:*}")" -outform DER -out "$W/private.der"
			[ ! -s "$W/private.der" ]
			mentions 'the private key stays on the token'
		done
	done
}

@test 'the public part of an EC key is written as openssl ec and pkey are told' {
	for o in "${orders[@]}"; do
		order "$o"
		ossl 0 ec -in "$(key 02)" -pubout
		[ "$output" = "$(cat "$W/bob.pub")" ]
		for form in compressed uncompressed hybrid; do
			plain pkey -pubin -in "$W/bob.pub" -pubout -ec_conv_form "$form" -out "$W/expected"
			ossl 0 pkey -in "$(key 02)" -pubout -ec_conv_form "$form" -out "$W/shown"
			cmp "$W/shown" "$W/expected"
		done
		ossl 1 ec -in "$(key 02)" -noout -text
		mentions 'the private key stays on the token'
		ossl 1 ec -in "$(key 02)" -out "$W/private"
		[ ! -s "$W/private" ]
		ossl 1 ec -in "$(key 02)" -pubout -param_enc explicit
		mentions "a key on a token can't be changed"
	done
}

@test 'public keys and certificates are read without a PIN' {
	for o in "${orders[@]}"; do
		order "$o"
		HSMIME_PIN_SOURCE=file:/nowhere ossl 0 pkey -pubin -in "$(key 01);type=public"
		[ "$output" = "$(cat "$W/alice.pub")" ]
		HSMIME_PIN_SOURCE=file:/nowhere ossl 0 x509 -in "$(key 02);type=cert"
		[ "$output" = "$(cat "$W/bob.pem")" ]
	done
}

# found COUNT: storeutl says so. Of none OpenSSL 3.6 says nothing.
found() {
	[ "$1$output" = 0 ] || reported "^Total found: $1\$"
}

@test 'storeutl lists all keys and certificates, or those that the URI and the options name' {
	for o in "${orders[@]}"; do
		order "$o"
		ossl 0 storeutl -noout pkcs11:token=Demo
		[ "$(grep -c ': Pkey$' <<<"$output")" = 5 ]
		[ "$(grep -c ': Certificate$' <<<"$output")" = 5 ]
		ossl 0 storeutl -noout -certs pkcs11:token=Demo
		found 5
		ossl 0 storeutl -noout 'pkcs11:token=Demo;type=cert;id=%03'
		found 1
		reported ': Certificate$'
		ossl 0 storeutl -noout 'pkcs11:token=Demo;type=private'
		[ "$(grep -c ': Pkey$' <<<"$output")" = 5 ]
		found 5
		ossl 0 storeutl -noout 'pkcs11:token=Demo;type=public'
		[ "$(grep -c ': Public key$' <<<"$output")" = 5 ]
		ossl 0 storeutl -noout 'pkcs11:type=public'
		found 5
		ossl 0 storeutl -noout -keys "$(key 04)"
		found 1
		ossl 0 storeutl -noout pkcs11:token=Other
		found 0
	done
}

# finds COUNT WHAT OPTION...: storeutl finds that many on the token, WHAT each
finds() {
	ossl 0 storeutl -noout "${@:3}" pkcs11:token=Demo
	found "$1"
	[ "$(grep -c "^[0-9]*: $2\$" <<<"$output")" = "$1" ]
}

@test 'storeutl finds certificates by name, serial number, fingerprint and label' {
	local ca='/O=hsmime demo/CN=Demo CA' serial fingerprint
	serial=0x$(openssl x509 -in "$W/bob.pem" -noout -serial | cut -d= -f2)
	fingerprint=$(openssl x509 -in "$W/bob.pem" -noout -sha256 -fingerprint | cut -d= -f2 | tr -d :)
	for o in "${orders[@]}"; do
		order "$o"
		finds 1 Certificate -certs -subject '/O=hsmime demo/CN=bob'
		finds 0 Certificate -certs -subject '/O=hsmime demo/CN=nobody'
		finds 1 Certificate -certs -issuer "$ca" -serial "$serial"
		finds 0 Certificate -certs -issuer "$ca" -serial "${serial}00"
		finds 0 Certificate -certs -issuer /CN=another -serial "$serial"
		finds 1 Certificate -certs -fingerprint "$fingerprint" -sha256
		finds 0 Certificate -certs -fingerprint "${fingerprint//[0-9]/0}" -sha256
		finds 1 Certificate -certs -alias alice
		finds 0 Certificate -certs -alias alic
		finds 1 Pkey -keys -alias bob
		finds 0 Pkey -keys -alias nobody
	done
}

@test 'a search needs no PIN where only certificates are asked for' {
	order "${orders[0]}"
	HSMIME_PIN_SOURCE=file:/nowhere finds 1 Certificate -certs -alias alice
	HSMIME_PIN_SOURCE=file:/nowhere ossl 1 storeutl -noout -keys -alias alice pkcs11:token=Demo
	mentions 'no login'
}

@test 'no digest, cipher, random generator or key generation is offered' {
	order "${orders[0]}"
	for kind in -digest-algorithms -cipher-algorithms -random-generators -mac-algorithms -kdf-algorithms; do
		run_as 0 openssl list -provider hsmime "$kind"
		[[ $output != *'@ hsmime'* ]]
	done
	run_as 0 openssl list -provider hsmime -signature-algorithms
	[[ $output == *'ECDSA @ hsmime'* ]]
	run_as 0 openssl list -provider hsmime -key-managers
	[[ $output == *'@ hsmime'* ]]
}

@test 'of a key on two tokens one is logged in to' {
	new_token "$BATS_TEST_TMPDIR/two" Demo
	new_peer erna
	openssl pkcs8 -topk8 -nocrypt -in "$W/erna.key" -out "$W/erna.p8"
	"$cli_root/scripts/softtoken" import "$W" 01 erna "$W/erna.p8"
	softhsm2-util --init-token --free --label Spare --so-pin 12345678 --pin 123456 >/dev/null
	softhsm2-util --import "$W/erna.p8" --token Spare --label erna --id 01 --pin 123456 >/dev/null
	echo report >"$W/report"
	find_spy
	cd "$BATS_TEST_TMPDIR"
	order 'hsmime default'
	HSMIME_MODULE=$SPY PKCS11SPY_OUTPUT=$PWD/spy.log ossl 0 dgst -sha256 -sign 'pkcs11:id=%01' \
		-out signature "$W/report"
	[ "$(grep -c '^[0-9]*: C_Login$' spy.log)" = 1 ]
}
