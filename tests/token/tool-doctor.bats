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

@test "a PIN that is locked, or on its last try, is told, and no login made" {
	sabotage 'set_flags 0x40000' # CKF_USER_PIN_LOCKED
	found 4 pin-locked login-left-out certificate-valid
	[ "$(calls C_Login)" = 0 ]
	sabotage 'set_flags 0x30000' # CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW
	found 0 pin-final-try login-left-out certificate-valid
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

@test "nor does a module that does not even start" {
	sabotage 'hang C_Initialize'
	found 4 versions module-failed
}

@test "a mechanism that is missing is told, and where padding in software helps" {
	sabotage 'hide_mechanism CKM_RSA_PKCS_PSS' 'hide_mechanism CKM_ECDSA'
	found 4 mechanisms mechanism-by-software mechanism-missing
}

@test "without a reader the service behind card readers is asked after" {
	sabotage 'hide_slots 1'
	found 4 token-none reader-none
}
