#!/usr/bin/env bats
# hsmime doctor: what a key may do and what its certificate is for, and keys that only unwrap.

load saboteur

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	imported 03 signer 3000 keyUsage=critical,digitalSignature
	imported 04 old -1 keyUsage=critical,digitalSignature,keyEncipherment
}

# imported ID NAME DAYS EXTENSION: a key and its certificate
imported() {
	new_peer "$2" "$3" "$4" extendedKeyUsage=emailProtection "subjectAltName=email:$2@example.test"
	"$cli_root/scripts/softtoken" import "$W" "$1" "$2" "$W/$2.key" "$W/$2.pem"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

# examined STATUS ID LINE...: that key and its certificate are looked at, while the saboteur does so
examined() {
	sabotage "${@:3}"
	run_as "$1" timeout 60 "$HSMIME" doctor --login --json --ca "$W/ca.pem" -k "pkcs11:id=%$2"
}

# told ID...: what is found of keys, of what their certificates have to do with them, and of all is this
told() {
	local areas="f['area'] in ('key', 'use') or 'key' in f['id']"
	[ "$(field "' '.join(f['id'] for f in d['findings'] if $areas)" <<<"$output")" = "$*" ] || {
		printf 'not %s:\n%s\n' "$*" "$output"
		return 1
	}
}

# limited WORDS...: of the certificate is told that it is for more than its key
limited() {
	[ "$(field "[(f['level'], f['area'], 'type=cert' in f['subject'], 'CKA_' in f['what_to_do'], f['what'])
		for f in d['findings'] if f['id'] == 'certificate-key-limited']" <<<"$output")" = \
		"[('warning', 'certificate', True, True, '$*')]" ]
}

@test "a certificate to encrypt mail for whose key may not decrypt is no good for that" {
	for id in 01 02; do
		examined 0 $id "limit_key ${id#0} 1"
		told key-signs certificate-key-limited use-sign use-decrypt-none
		limited 'it is one to encrypt mail for, but its key may not decrypt'
		[[ $output == *'"certificates to sign mail with now: 1"'* ]]
	done
}

@test "a certificate to sign mail with whose key may not sign is no good for that" {
	examined 0 01 'limit_key 1 2'
	told key-decrypts certificate-key-limited use-sign-none use-decrypt
	limited 'it is one to sign mail with, but its key may not sign'
	examined 0 02 'limit_key 2 8'
	told key-decrypts certificate-key-limited use-sign-none use-decrypt
	limited 'it is one to sign mail with, but its key may not sign'
	# RSA makes no agreement.
	examined 5 01 'limit_key 1 8'
	told key-not-for-mail certificate-key-limited certificate-key-limited use-sign-none \
		use-decrypt-none use-none
}

@test "before a login the key's flags are hidden, and nothing is told of them" {
	sabotage 'limit_key 1 1'
	run_as 0 hsmime doctor --json --ca "$W/ca.pem" -k 'pkcs11:id=%01'
	told use-sign use-decrypt
}

@test "nothing is told where certificate and key are for the same, or the certificate is not valid" {
	examined 0 03 'limit_key 3 1'
	told key-signs use-sign use-decrypt-none
	[[ $output == *certificate-usage* ]]
	examined 5 04 'limit_key 4 1'
	told key-signs use-sign-none use-decrypt-none use-none
	[[ $output == *certificate-expired* ]]
	examined 0 01
	told key-signs key-decrypts use-sign use-decrypt
}

@test "a certificate whose key failed at it is not counted" {
	examined 4 01 'refuse C_Sign CKR_DEVICE_ERROR 0 9'
	told key-sign-failed key-decrypts use-sign-none use-decrypt
	examined 4 01 'refuse C_Decrypt CKR_DEVICE_ERROR 0 9'
	told key-signs key-decrypt-failed use-sign use-decrypt-none
	[[ $output == *'see to the key, where something is said of it; else get a certificate'* ]]
	examined 4 02 'refuse C_DeriveKey CKR_DEVICE_ERROR 0 9'
	told key-signs key-decrypt-failed use-sign use-decrypt-none
	examined 4 01 'refuse C_Sign CKR_DEVICE_ERROR 0 9' 'refuse C_Decrypt CKR_DEVICE_ERROR 0 9'
	told key-sign-failed key-decrypt-failed use-sign-none use-decrypt-none
}

@test "a key that unwraps decrypts, whether what it unwraps can be read or stays on the token" {
	for sensitive in 0 1; do
		examined 0 01 'limit_key 1 5' "unwrap_sensitive $sensitive"
		told key-signs key-decrypts use-sign use-decrypt
		[ "$(calls C_UnwrapKey)" -ge 1 ]
	done
	# Only what stays there is decrypted with there.
	[ "$(calls C_Decrypt)" -ge 1 ]
	examined 0 01 'limit_key 1 5' 'unwrap_sensitive 0'
	[ "$(calls C_Decrypt)" = 0 ]
}

@test "a key that does not unwrap as it should is told" {
	for sensitive in 0 1; do
		examined 4 01 'limit_key 1 5' "unwrap_sensitive $sensitive" \
			'refuse C_UnwrapKey CKR_DEVICE_ERROR 0 99'
		told key-signs key-decrypt-failed use-sign use-decrypt-none
		[[ $output == *CKR_DEVICE_ERROR* ]]
	done
	examined 4 01 'limit_key 1 5' 'unwrap_sensitive 1' 'refuse C_Decrypt CKR_DEVICE_ERROR 0 99'
	told key-signs key-decrypt-failed use-sign use-decrypt-none
}

# said_of ID: of how many each finding of that id is said, in order
said_of() {
	field "[f['count'] for f in d['findings'] if f['id'] == '$1']" <<<"$output"
}

# The saboteur's further keys have no certificate, and no search finds one of them.
@test "what is found of many keys is told of 20 one by one, and of the others together" {
	local one_by_one='1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1'
	sabotage 'extra_keys 20'
	run_as 5 hsmime doctor --login --json --ca "$W/ca.pem"
	[ "$(said_of key-no-certificate)" = "[$one_by_one]" ]
	sabotage 'extra_keys 21'
	run_as 5 hsmime doctor --login --json --ca "$W/ca.pem"
	[ "$(said_of key-no-certificate)" = "[$one_by_one, 1]" ]
	sabotage 'extra_keys 300'
	run_as 5 hsmime doctor --login --json --ca "$W/ca.pem"
	[ "$(said_of key-no-certificate)" = "[$one_by_one, 280]" ]
	[ "$(said_of key-sign-failed)" = "[$one_by_one, 280]" ]
	[ "$(field "[f['status'] for f in d['findings'] if f['id'] == 'key-sign-failed'][20] != 'ok'" <<<"$output")" = True ]
	[ "$(said_of key-signs)" = '[1, 1, 1, 1]' ]
	run_as 5 hsmime doctor --login --ca "$W/ca.pem"
	[ "$(grep -c 'the token has no certificate for the key$' <<<"$output")" = 20 ]
	[ "$(grep -c 'the token has no certificate for the key (and 279 more like it)$' <<<"$output")" = 1 ]
	[[ ${lines[-1]} == '600 errors, 301 warnings, '*' well' ]]
}

@test "of those together the worst is what the report ends with" {
	sabotage 'extra_keys 30'
	run_as 5 hsmime doctor --login --json --ca "$W/ca.pem"
	sabotage 'extra_keys 30' "refuse C_FindObjectsInit CKR_DEVICE_ERROR $(($(calls C_FindObjectsInit) - 5)) 99"
	run_as 4 hsmime doctor --login --json --ca "$W/ca.pem"
	[ "$(field "sorted(set(f['status'] for f in d['findings'] if f['id'] == 'key-decrypt-failed' and f['count'] == 1))" \
		<<<"$output")" = "['no-key']" ]
	[ "$(field "[f['status'] for f in d['findings'] if f['id'] == 'key-decrypt-failed' and f['count'] > 1]" \
		<<<"$output")" = "['token']" ]
}
