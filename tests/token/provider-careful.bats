#!/usr/bin/env bats
# hsmime.so in openssl with a key that asks for the PIN at each use (CKA_ALWAYS_AUTHENTICATE).

load provider
load saboteur

setup_file() {
	provider_token
	openssl dgst -sha256 -binary -out "$W/digest" "$W/report.txt"
	openssl x509 -in "$W/alice.pem" -pubkey -noout -out "$W/alice.pub"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

# signs COMMAND-LINE-OPTION...: pkeyutl's signature verifies; one login, and one for the use
signs() {
	rm -f sig
	ossl 0 pkeyutl -sign -in "$W/digest" -inkey "$(key 01)" -pkeyopt digest:sha256 -out sig "$@"
	plain pkeyutl -verify -in "$W/digest" -pubin -inkey "$W/alice.pub" -sigfile sig \
		-pkeyopt digest:sha256
	[ "$(calls C_Login)" = 2 ]
}

@test 'the PIN of a source and the one that openssl was given serve the operation too' {
	for o in "${orders[@]}"; do
		order "$o"
		for how in 1 2; do
			sabotage "authenticate 1 $how"
			signs
			sabotage "authenticate 1 $how"
			HSMIME_PIN_SOURCE='' signs -passin "file:$W/pin"
		done
	done
}

@test 'they serve each operation of a program' {
	plain cms -encrypt -aes256 -in "$W/report.txt" -out encrypted "$W/alice.pem"
	plain x509 -new -force_pubkey "$W/alice.pub" -subj /CN=again -CA "$W/ca.pem" -CAkey "$W/ca.key" \
		-days 9 -out again.pem
	sabotage 'authenticate 1 1'
	for o in "${orders[@]}"; do
		order "$o"
		HSMIME_PIN_SOURCE='' ossl 0 cms -decrypt -in encrypted -recip "$W/alice.pem" \
			-inkey "$(key 01)" -passin "file:$W/pin" -out clear
		grep -q Agreed clear
		HSMIME_PIN_SOURCE='' ossl 0 cms -sign -in "$W/report.txt" -signer "$W/alice.pem" \
			-inkey "$(key 01)" -signer again.pem -inkey "$(key 01)" -passin "file:$W/pin" -out signed
		[ "$(calls C_Login)" -ge 3 ]
		plain cms -verify -in signed -CAfile "$W/ca.pem" -purpose any -out clear
	done
}

@test 'a wrong PIN is not sent again for the operation, and the right one serves it afterwards' {
	sabotage 'authenticate 1 1'
	order "${orders[1]}"
	HSMIME_PIN_SOURCE='' ossl 1 pkeyutl -sign -in "$W/digest" -inkey "$(key 01)" -passin pass:999999 \
		-out sig
	[ "$(calls C_Login)" = 1 ]
	[ ! -s sig ]
	HSMIME_PIN_SOURCE='' signs -passin "file:$W/pin"
}

@test 'a PIN that is refused for the operation is not sent again' {
	sabotage 'authenticate 1 1' 'refuse C_Login CKR_PIN_INCORRECT 1 5'
	order "${orders[1]}"
	HSMIME_PIN_SOURCE='' ossl 1 pkeyutl -sign -in "$W/digest" -inkey "$(key 01)" \
		-passin "file:$W/pin" -out sig
	mentions 'refused the PIN'
	[ "$(calls C_Login)" = 2 ]
}
