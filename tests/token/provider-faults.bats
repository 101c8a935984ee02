#!/usr/bin/env bats
# hsmime.so before a token that hangs, is pulled out and comes back.

load provider
load saboteur

setup_file() {
	provider_token
	order "${orders[1]}"
	certify 01 alice
	certify 02 bob
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
	order "${orders[1]}"
}

teardown() {
	stop_server
}

# limited: what openssl loads from here on is limited to a second for each call
limited() {
	configure default hsmime "pkcs11-module = $HSMIME_MODULE" "pin-source = $HSMIME_PIN_SOURCE" \
		'call-limit = 1'
	export OPENSSL_CONF=$W/openssl.cnf
	providers=()
}

@test 'a call that hangs is given up, whichever it is' {
	for call in C_Initialize C_GetSlotList C_Login C_FindObjects C_SignInit C_Sign; do
		sabotage "hang $call"
		limited
		rm -rf state sig
		ossl 1 dgst -sha256 -sign "$(key 02)" -out sig "$W/report.txt"
		mentions "does not answer .$call has not returned"
	done
	sabotage 'hang C_Decrypt'
	limited
	plain cms -encrypt -aes256 -in "$W/report.txt" -out encrypted "$W/alice.pem"
	SECONDS=0
	ossl 4 cms -decrypt -in encrypted -recip "$W/alice.pem" -inkey "$(key 01)" -out clear
	[ "$SECONDS" -lt 30 ]
	run ! grep -q Agreed clear
}

@test 'a module that hangs at its end spoils nothing' {
	sabotage 'hang C_Finalize'
	limited
	ossl 0 dgst -sha256 -sign "$(key 02)" -out sig "$W/report.txt"
	openssl x509 -in "$W/bob.pem" -pubkey -noout -out pub
	plain dgst -sha256 -verify pub -signature sig "$W/report.txt"
}

# answers STATUS: a client gets the server's page, or does not
answers() {
	run_as "$1" env -u OPENSSL_CONF timeout 60 openssl s_client -connect "127.0.0.1:$port" \
		-CAfile "$W/ca.pem" -verify_return_error -brief -ign_eof <<<$'GET / HTTP/1.0\r\n\r'
	[ "$1" != 0 ] || [[ $output == *'HTTP/1.0 200 ok'* ]]
}

server_of() { # NN NAME
	: >"$W/server.log"
	serve '^ACCEPT 127.0.0.1:[0-9]+$' timeout 120 openssl s_server -accept 127.0.0.1:0 -www \
		-key "$(key "$1")" -cert "$W/$2-tls.pem"
	port=${line##*:}
}

# said_in_log PATTERN: the server's log comes to have it
said_in_log() {
	timeout 30 bash -c 'until grep -q -- "$1" "$2"; do sleep 0.05; done' - "$1" "$W/server.log"
}

@test 'a server goes on once its token is back' {
	for pair in 01:alice 02:bob; do
		sabotage
		limited
		server_of "${pair%:*}" "${pair#*:}"
		answers 0
		tell 'lose Demo'
		answers 1
		tell bring_back
		answers 0
		stop_server
	done
}

# answers_again: it does, once the call that hung is back
answers_again() {
	local deadline=$((SECONDS + 30))
	until (answers 0) >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || break
	done
	answers 0
}

@test 'and once its token answers again' {
	sabotage
	limited
	server_of 02 bob
	answers 0
	tell 'hang C_Sign'
	answers 1
	said_in_log 'does not answer .C_Sign has not returned'
	answers 1
	said_in_log 'is stuck'
	tell release
	answers_again
}

# lists STATUS COUNT COMMAND...: storeutl ends with STATUS and lists COUNT objects
lists() {
	ossl "$1" "${@:3}"
	reported "^Total found: $2\$"
}

@test 'a list that lacks a token ends with an error that names the token, after the rest' {
	new_token "$BATS_TEST_TMPDIR/two" Fine
	new_key 01 EC:secp256r1 erna
	softhsm2-util --init-token --free --label Spare --so-pin 12345678 --pin 123456
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Spare --login --pin 123456 --keypairgen \
		--key-type EC:secp256r1 --id 02 --label spare --usage-sign
	for trouble in 'hang C_FindObjectsInit' 'refuse C_FindObjectsInit CKR_DEVICE_ERROR 0 1000' \
		'refuse C_Login CKR_PIN_INCORRECT'; do
		sabotage
		limited
		lists 0 3 storeutl -noout pkcs11:
		sabotage 'only Spare' "$trouble"
		limited
		rm -rf state
		lists 1 2 storeutl -noout pkcs11:
		mentions 'the list lacks what is on token "Spare": .'
		sabotage 'only Spare' "$trouble"
		limited
		rm -rf state
		lists 0 2 storeutl -noout pkcs11:token=Fine
		# Who wants one key gets it.
		ossl 0 dgst -sha256 -sign 'pkcs11:object=erna' -out sig "$W/ca.pem"
		ossl 0 x509 -noout -in 'pkcs11:object=erna;type=cert'
	done
}
