#!/usr/bin/env bats
# A key of a kind that hsmime does not use (Ed25519): it is said to be one, and hinders nobody.

bats_require_minimum_version 1.5.0
load "${BATS_TEST_DIRNAME%/token}/cli/helper"
load saboteur

setup_file() {
	local slot
	export HSMIME=$HSMIME_BUILD/src/cli/hsmime
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_mail alice alice
	openssl genpkey -algorithm ed25519 -out "$W/ed.key"
	openssl req -x509 -new -key "$W/ed.key" -subj /CN=ed -set_serial 77 -days 30 \
		-addext 'subjectAltName=email:ed@example.test' -addext basicConstraints=critical,CA:FALSE \
		-addext keyUsage=digitalSignature -outform DER -out "$W/ed.der"
	slot=$(pkcs11-tool --module "$HSMIME_MODULE" --list-token-slots |
		sed -n 's/^Slot [0-9]* (\(0x[0-9a-f]*\)).*/\1/p' | head -n 1)
	softhsm2-util --import "$W/ed.key" --slot "$((slot))" --label ed --id 05 --pin 123456
}

# certify: the token gets the key's certificate
certify() {
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Demo --login --pin 123456 \
		--write-object "$W/ed.der" --type cert --id 05 --label ed >/dev/null
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

refused() { # KEY
	run_as 5 hsmime sign -k "$1" -o signed.eml "$W/mail.eml"
	said 'the key is there, but of a kind that this version does not use'
	said 'use an RSA or EC key'
}

@test "a key of another kind has no use, and signing with it says why" {
	run_as 0 hsmime keys --login -k 'pkcs11:id=%05'
	grep -q 'EdDSA' <<<"$output"
	run ! grep -qE 'sign|decrypt|derive|unwrap' <<<"$output"
	refused 'pkcs11:id=%05'
	run_as 0 hsmime sign -k 'pkcs11:id=%01' -o signed.eml "$W/mail.eml"
}

@test "its certificate is its own" {
	certify
	run_as 0 hsmime keys --login -k 'pkcs11:id=%05'
	grep -q 'CN=ed' <<<"$output"
	run ! grep -q 'holds no certificate' <<<"$output"
	refused serial=4D
}

@test "for doctor that is no error" {
	run_as 0 hsmime doctor --login --json --ca "$W/ca.pem"
	[ "$(field "[f['level'] for f in d['findings'] if f['id'] == 'key-not-for-mail']" <<<"$output")" = "['info']" ]
	grep -q 'neither RSA nor EC' <<<"$output"
}
