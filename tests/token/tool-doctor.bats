#!/usr/bin/env bats
# hsmime doctor before a token that is in a bad state, refuses, or does not answer.

load saboteur

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state # what is remembered of a PIN in one test is nothing to the next
}

# found STATUS ID...: with --login; these ids are among what is found
found() {
	local id
	run_as "$1" timeout 60 "$HSMIME" doctor --login --json --call-limit 2 --ca "$W/ca.pem"
	for id in "${@:2}"; do
		[ "$(field "'$id' in [f['id'] for f in d['findings']]" <<<"$output")" = True ] || {
			printf 'no %s in\n%s\n' "$id" "$output"
			return 1
		}
	done
}

# second_token: beside the first, for this test alone: its PIN is another
second_token() {
	new_token "$BATS_TEST_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	softhsm2-util --init-token --free --label Second --so-pin 12345678 --pin 222222 >/dev/null
	(umask 077 && printf 222222 >second.pin)
	new_peer carol
	openssl x509 -in "$W/carol.pem" -outform DER -out carol.der
	openssl pkey -in "$W/carol.key" -outform DER -out carol.private
	for object in 'carol.private privkey --usage-sign' 'carol.der cert'; do
		# shellcheck disable=SC2086
		set -- $object
		pkcs11-tool --module "$HSMIME_MODULE" --token-label Second --login --pin 222222 \
			--write-object "$1" --type "$2" "${@:3}" --id 07 --label carol >/dev/null 2>&1
	done
}

@test "a token that the key excludes is not logged in to" {
	second_token
	sabotage
	for key in 'pkcs11:token=Demo;id=%01' alice@example.test; do
		run_as 0 hsmime doctor --login --json --ca "$W/ca.pem" "$key"
		[[ $output == *key-signs* ]]
		[[ $output != *login-failed* ]]
		[ "$(calls C_Login)" = 1 ]
		[ "$(calls wrong_pins)" = 0 ]
	done
	# Without the name both are, and the PIN is that of one.
	run_as 4 hsmime doctor --login --json --ca "$W/ca.pem"
	[[ $output == *login-failed* ]]
}

@test "the PIN source of a URI is that of its token" {
	second_token
	sabotage 'authenticate 7 1'
	run_as 0 hsmime doctor --login --json --ca "$W/ca.pem" -k alice@example.test \
		-k "pkcs11:token=Second;id=%07?pin-source=file:$PWD/second.pin"
	[ "$(field 'sum(f["id"] == "login-done" for f in d["findings"])' <<<"$output")" = 2 ]
	[ "$(field 'sum(f["id"] == "key-signs" for f in d["findings"])' <<<"$output")" = 2 ]
	[ "$(calls wrong_pins)" = 0 ]
	[ "$(field "sum(f['subject'] == '$PWD/second.pin' for f in d['findings'])" <<<"$output")" = 1 ]
	[[ $output != *pin-source=file* ]]
	HSMIME_PIN_SOURCE=file:$PWD/second.pin run_as 4 hsmime doctor --login --json \
		"pkcs11:token=Second;id=%07?pin-source=file:$PWD/none.pin"
	[[ $output == *pin-source-missing* ]]
	[ "$(calls C_Login)" = 0 ]
}

@test "a PIN that is locked, or on its last try, is told, and no login made" {
	sabotage 'set_flags 0x40000' # CKF_USER_PIN_LOCKED
	found 4 pin-locked login-withheld certificate-valid
	[ "$(calls C_Login)" = 0 ]
	sabotage 'set_flags 0x30000' # CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW
	found 4 pin-final-try login-withheld certificate-valid
	[ "$(calls C_Login)" = 0 ]
}

@test "other states of the PIN do not keep it from logging in" {
	sabotage 'set_flags 0x90000' # CKF_USER_PIN_TO_BE_CHANGED | CKF_USER_PIN_COUNT_LOW
	found 0 pin-to-be-changed pin-count-low login-done key-signs
}

@test "a key that does not sign is told, and the others are tried all the same" {
	sabotage 'refuse C_Sign CKR_DEVICE_ERROR 0 1'
	found 4 key-sign-failed key-signs key-decrypts certificate-valid
}

@test "a decryption that does not come out is told" {
	sabotage 'refuse C_Decrypt CKR_FUNCTION_FAILED 0 9'
	found 4 key-decrypt-failed key-signs
}

@test "a call that hangs ends neither the report nor the checks before it" {
	sabotage 'hang C_Sign'
	found 4 module-loaded token-found key-sign-failed certificate-valid
	sabotage 'hang C_Login'
	found 4 token-found token-unreadable
	[[ $output == *'C_Login has not returned'* ]]
	[[ $output != *settings-unknown* ]]
}

@test "of a decryption that hangs the call is named, and no other padding is tried" {
	sabotage 'hang C_Decrypt'
	found 4 key-signs key-decrypt-failed certificate-valid
	[[ $output == *'does not answer (C_Decrypt has not returned)'* ]]
	[ "$(calls C_Decrypt)" = 1 ]
}

@test "of several paddings that fail the first one's failure is told" {
	sabotage 'refuse C_DecryptInit CKR_DEVICE_ERROR 0 1' 'hide_mechanism CKM_RSA_PKCS_OAEP' \
		'hide_mechanism CKM_RSA_X_509'
	found 4 key-decrypt-failed
	[[ $output == *'decrypt: CKR_DEVICE_ERROR'* ]]
	[[ $output != *'decrypt: CKR_MECHANISM_INVALID'* ]]
}

@test "a key is well that signs and decrypts by the padding which the token knows" {
	sabotage 'hide_mechanism CKM_RSA_PKCS' 'hide_mechanism CKM_RSA_X_509'
	found 0 key-signs key-decrypts
	lacks key-sign-failed key-decrypt-failed
}

# lacks ID...: none of these is among what was found last
lacks() {
	local id
	for id; do
		[ "$(field "'$id' in [f['id'] for f in d['findings']]" <<<"$output")" = False ]
	done
}

@test "of a token that can't be read nobody says what is not on it" {
	sabotage 'refuse C_FindObjectsInit CKR_DEVICE_ERROR 0 99'
	found 4 token-unreadable
	lacks use-none use-sign-none use-decrypt-none key-none
	sabotage 'hang C_GetMechanismInfo'
	found 4 token-unreadable
	lacks use-none use-sign-none use-decrypt-none key-none
	[[ $output != *'get a certificate'* ]]
	sabotage
	found 0 use-sign use-decrypt
}

@test "a token that does not say what it can do is no token that can't" {
	sabotage 'refuse C_GetMechanismInfo CKR_DEVICE_ERROR 0 999'
	found 0 mechanisms-failed
	lacks mechanism-missing mechanism-by-software
	[[ $output == *'RSA-PSS signatures, '*'(CKR_DEVICE_ERROR)'* ]]
	[ "$(field "[(f['level'], f['what_to_do'] != None) for f in d['findings'] if f['id'] == 'mechanisms-failed']" <<<"$output")" = \
		"[('warning', True)]" ]
}

@test "nor does a module that does not even start" {
	sabotage 'hang C_Initialize'
	found 4 versions module-failed
}

@test "a mechanism that is missing is told, and where padding in software helps" {
	sabotage 'hide_mechanism CKM_RSA_PKCS_PSS' 'hide_mechanism CKM_ECDSA'
	found 4 mechanisms mechanism-by-software mechanism-missing
	lacks mechanisms-failed
	[ "$(field "[f['what_to_do'] for f in d['findings'] if f['id'] == 'mechanism-missing'][0]" <<<"$output")" = \
		'for that use a key or algorithm that the token can do, or another token' ]
}

@test "without a reader the service behind card readers is asked after" {
	sabotage 'hide_slots 1'
	found 4 token-none reader-none
}
