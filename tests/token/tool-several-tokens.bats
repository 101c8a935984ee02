#!/usr/bin/env bats
# Several tokens, of which one fails or hangs: what the others hold is found; and a key that two of
# them hold is one.

bats_require_minimum_version 1.5.0
load "${BATS_TEST_DIRNAME%/token}/cli/helper"
load saboteur

setup_file() {
	export HSMIME=$HSMIME_BUILD/src/cli/hsmime
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_peer alice
	openssl pkcs8 -topk8 -nocrypt -in "$W/alice.key" -out "$W/alice.p8"
	"$cli_root/scripts/softtoken" import "$W" 01 alice "$W/alice.p8" "$W/alice.pem"
	new_key 02 EC:secp256r1 bob
	second_token Spare alice
	new_mail alice bob
	hsmime encrypt -r "$W/alice.pem" --force-recipient -o "$W/enc.eml" "$W/mail.eml"
}

# second_token LABEL NAME: another token with that key and certificate
second_token() {
	local slot
	slot=$(softhsm2-util --init-token --free --label "$1" --so-pin 12345678 --pin 123456 |
		sed -n 's/.*reassigned to slot //p')
	softhsm2-util --import "$W/$2.p8" --slot "$slot" --label "$2" --id 01 --pin 123456 >/dev/null
	openssl x509 -in "$W/$2.pem" -outform DER -out "$W/$2.der"
	pkcs11-tool --module "$HSMIME_MODULE" --slot "$slot" --login --pin 123456 \
		--write-object "$W/$2.der" --type cert --id 01 --label "$2" >/dev/null
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

opened() { # the mail came out
	grep -q Agreed mail.eml
}

@test "a key that two tokens hold is found once, by whatever names it" {
	local key
	for key in alice@example.test subject=alice pkcs11:object=alice 'pkcs11:id=%01'; do
		run_as 0 hsmime sign -v -k "$key" -o signed.eml "$W/mail.eml"
		said 'the key is on 2 tokens'
		hsmime verify --ca "$W/ca.pem" signed.eml
	done
	run_as 0 hsmime sign --from -o signed.eml "$W/mail.eml"
	hsmime verify --ca "$W/ca.pem" signed.eml
}

@test "a message is decrypted by either token that holds its key" {
	run_as 0 hsmime decrypt -v -o mail.eml "$W/enc.eml"
	said 'the key is on 2 tokens'
	opened
	sabotage 'refuse C_Decrypt CKR_DEVICE_REMOVED 0 2'
	run_as 0 hsmime decrypt -o mail.eml "$W/enc.eml"
	opened
}

@test "a person is not asked for the PIN of the other token" {
	unset HSMIME_PIN_SOURCE
	expect -c 'set timeout 60
		spawn -noecho $env(HSMIME) decrypt -v -o mail.eml $env(W)/enc.eml
		expect {PIN of the token} { send 123456\r }
		expect eof
		exit [lindex [wait] 3]' >terminal
	opened
	[ "$(grep -c 'PIN of the token' terminal)" = 1 ]
	run ! grep -q 'on 2 tokens' terminal
}

@test "a token that refuses to log in is passed over for another with the key" {
	sabotage 'refuse C_Login CKR_DEVICE_ERROR 0 1'
	run_as 0 hsmime decrypt -o mail.eml "$W/enc.eml"
	said 'is passed over'
	opened
	rm -r state
	sabotage 'refuse C_Login CKR_PIN_INCORRECT 0 1'
	run_as 0 hsmime decrypt -o mail.eml "$W/enc.eml"
	said 'is passed over'
	opened
	[ "$(calls C_Login)" = 2 ]
}

@test "what hangs while keys are looked for is passed over, and the others go on" {
	sabotage 'hang C_FindObjectsInit 1'
	run_as 0 hsmime decrypt --call-limit 1 -o mail.eml "$W/enc.eml"
	said 'is passed over: token "[A-Za-z]*" does not answer \(C_FindObjectsInit has not returned\)'
	opened
	sabotage 'hang C_FindObjectsInit 1'
	run_as 0 hsmime sign --from --call-limit 1 -o signed.eml "$W/mail.eml"
	said 'has not returned'
	hsmime verify --ca "$W/ca.pem" signed.eml
	sabotage 'hang C_FindObjectsInit 1'
	run_as 0 hsmime keys --call-limit 1
	said 'has not returned'
	reported 'alice@example.test'
}

new_twin() { # NAME: a token Twin with a key of that name
	new_peer "$1"
	openssl pkcs8 -topk8 -nocrypt -in "$W/$1.key" -out "$W/$1.p8"
	second_token Twin "$1"
}

@test "keys that can't be told apart by their tokens' labels are listed with serial numbers" {
	new_twin carol
	new_twin dave
	run_as 5 hsmime sign -k 'pkcs11:token=Twin;id=%01' -o none "$W/mail.eml"
	said 'several keys fit'
	said 'pkcs11:serial=[0-9a-f]*;token=Twin;id=%01 \(RSA, "carol"'
	said 'pkcs11:serial=[0-9a-f]*;token=Twin;id=%01 \(RSA, "dave"'
}
