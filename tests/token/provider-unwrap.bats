#!/usr/bin/env bats
# openssl with an RSA key that unwraps and does not decrypt.

load provider

setup_file() {
	new_token "$BATS_FILE_TMPDIR/token"
	new_key 01 RSA:2048 alice
	new_key 02 RSA:2048 bob
	"$HSMIME_BUILD/tests/token/unwrap_only" "$HSMIME_MODULE" Demo 123456 01
	printf 'Agreed: 1000 units at 5.\n' >"$W/report.txt"
	head -c 48 /dev/urandom >"$W/secret"
	for name in alice bob; do
		openssl x509 -in "$W/$name.pem" -pubkey -noout >"$W/$name.pub"
	done
	echo 'unwrap_sensitive 1' >"$W/control"
}

# encrypted [OPTION...]: the secret, for alice or $recipient, in $W/encrypted
encrypted() {
	plain pkeyutl -encrypt -pubin -inkey "$W/${recipient:-alice}.pub" -in "$W/secret" -out "$W/encrypted" "$@"
}

@test 'it decrypts what the token lets be read: any secret, and the key of a CMS message' {
	for o in "${orders[@]}"; do
		order "$o"
		encrypted
		ossl 0 pkeyutl -decrypt -inkey "$(key 01)" -in "$W/encrypted" -out "$W/out"
		cmp "$W/out" "$W/secret"
		encrypted -pkeyopt rsa_padding_mode:oaep
		ossl 0 pkeyutl -decrypt -inkey "$(key 01)" -in "$W/encrypted" -out "$W/out" \
			-pkeyopt rsa_padding_mode:oaep
		cmp "$W/out" "$W/secret"
		plain cms -encrypt -binary -aes-256-gcm -in "$W/report.txt" -outform DER \
			-out "$W/encrypted" "$W/alice.pem"
		ossl 0 cms -decrypt -binary -inform DER -in "$W/encrypted" -recip "$W/alice.pem" \
			-inkey "$(key 01)" -out "$W/out"
		cmp "$W/out" "$W/report.txt"
	done
}

# refused: what openssl says where $W/encrypted does not decrypt, without the number of its thread.
# bob's key unwraps only for the saboteur, which tries out with it whether padding is bad.
refused() {
	rm -f "$W/out"
	refuse_padding 'limit_key 2 4' ossl 1 pkeyutl -decrypt -inkey "$(key 02)" -in "$W/encrypted" -out "$W/out" "$@"
	[ ! -s "$W/out" ]
	mentions 'decryption failed'
	said=$(sed 's/^[0-9A-F]*:error:/error:/' <<<"$stderr")
	if grep -E 'CKR_|padding|length|oaep' <<<"$said"; then
		return 1
	fi
}

@test 'what is no ciphertext fails, and the reason is not told: all failures read the same' {
	local first recipient=bob
	order 'hsmime default'
	head -c 256 /dev/zero >"$W/encrypted"
	refused
	first=$said
	# Octets of no meaning, a block of another type, a ciphertext that was altered, one too long.
	printf '\0' >"$W/encrypted"
	head -c 255 /dev/urandom >>"$W/encrypted"
	refused
	[ "$said" = "$first" ]
	{ printf '\0\1' && head -c 253 /dev/zero | tr '\0' '\377' && printf '\0'; } >"$W/block"
	plain pkeyutl -encrypt -pubin -inkey "$W/bob.pub" -in "$W/block" -out "$W/encrypted" \
		-pkeyopt rsa_padding_mode:none
	refused
	[ "$said" = "$first" ]
	encrypted
	flip "$W/encrypted" 1
	refused
	[ "$said" = "$first" ]
	encrypted
	printf 'x' >>"$W/encrypted"
	refused
	[ "$said" = "$first" ]
	encrypted -pkeyopt rsa_padding_mode:oaep
	flip "$W/encrypted" 1
	refused -pkeyopt rsa_padding_mode:oaep
	[ "$said" = "$first" ]
}

@test 'raw RSA, and a token that does not show what it unwraps, are told' {
	order 'hsmime default'
	encrypted
	ossl 1 pkeyutl -decrypt -inkey "$(key 01)" -in "$W/encrypted" -out "$W/out" \
		-pkeyopt rsa_padding_mode:none
	mentions 'unwraps only, and raw RSA does not unwrap'
	HSMIME_MODULE=$HSMIME_BUILD/tests/token/proxy.so \
		PROXY_CONTROL=$W/control \
		ossl 1 pkeyutl -decrypt -inkey "$(key 01)" -in "$W/encrypted" -out "$W/out"
	mentions 'does not show what it unwraps'
}
