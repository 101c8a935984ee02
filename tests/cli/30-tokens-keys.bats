#!/usr/bin/env bats
# hsmime tokens and hsmime keys: what they list, for people and in JSON.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "tokens lists label, model, PIN state and flags, without a PIN" {
	HSMIME_PIN_SOURCE=file:/no/such/file run_as 0 hsmime tokens
	reported '^LABEL +SERIAL +MODEL +PIN +FLAGS$'
	reported '^Demo +[0-9a-f]{16} +SoftHSM v2 +ok +initialized,login-required$'
	[ -z "$stderr" ]
}

@test "tokens --json has stable keys" {
	hsmime tokens --json >said.json
	python3 -m json.tool said.json >/dev/null
	[ "$(field 'sorted(d[0])' <said.json)" = \
		"['flags', 'label', 'manufacturer', 'model', 'pin', 'serial', 'slot', 'uri']" ]
	[ "$(field '[(t["label"], t["pin"], t["flags"]) for t in d if t["label"] == "Demo"]' <said.json)" = \
		"[('Demo', 'ok', ['initialized', 'login-required'])]" ]
}

@test "tokens --token lists that one alone, and none is no failure" {
	run_as 0 hsmime tokens --token Demo
	[ "$(wc -l <<<"$output")" = 2 ]
	run_as 0 hsmime tokens --token Nobody
	[ -z "$output" ]
	said 'there is no token'
	run_as 0 hsmime tokens --token Nobody --json
	[ "$output" = '[]' ]
}

@test "a PIN state that matters is shown" {
	run_as 4 hsmime keys --login --pin-source file:<(echo 000000)
	run_as 0 hsmime tokens --token Demo
	reported ' count-low '
	run_as 0 hsmime keys --login
	run_as 0 hsmime tokens --token Demo
	reported ' ok '
}

@test "keys lists URI, type, subject, e-mail and expiry without a PIN, and says what may hide" {
	HSMIME_PIN_SOURCE=file:/no/such/file run_as 0 hsmime keys
	reported '^pkcs11:.*token=Demo;.*id=%01'
	reported '^  key: +RSA 2048 bits'
	reported '^  key: +EC P-256'
	reported '^  subject: +CN=alice'
	reported '^  e-mail: +alice@example.test$'
	reported '^  valid: +2[0-9-]+ to 2[0-9-]+$'
	said 'without --login'
}

@test "keys --login shows what each key is for" {
	run_as 0 hsmime keys --login
	reported '^  key: +RSA 2048 bits: sign, decrypt'
	reported '^  key: +EC P-256: sign, .*derive'
	[ -z "$stderr" ]
}

@test "keys takes a URI as operand or by -k, and lists what matches it" {
	run_as 0 hsmime keys 'pkcs11:id=%02'
	reported 'CN=bob'
	[[ $output != *alice* ]]
	first=$output
	run_as 0 hsmime keys -k 'pkcs11:id=%02'
	[ "$output" = "$first" ]
	run_as 0 hsmime keys 'pkcs11:id=%77'
	[ -z "$output" ]
	said 'no key or certificate'
}

@test "keys lists what any of several names, each key once" {
	run_as 0 hsmime keys --json -k 'pkcs11:id=%02' -k alice@example.test 'subject=bob'
	[ "$(field '[k["id"] for k in d]' <<<"$output")" = "['02', '01']" ]
	run_as 0 hsmime keys --json -k nobody@example.test -k 'pkcs11:id=%02'
	[ "$(field '[k["id"] for k in d]' <<<"$output")" = "['02']" ]
	run_as 2 hsmime keys -k 'pkcs11:id=%02' -k nonsense
	explained
}

@test "a PEM file names one of several keys, with how to come to that one's PIN" {
	run_as 5 hsmime keys --pem-uri -k 'pkcs11:id=%02' -k 'pkcs11:id=%01'
	explained
	said 'give the URI of one of them: pkcs11:.*;id=%01.*; pkcs11:.*;id=%02|them: pkcs11:.*;id=%02.*; pkcs11:.*;id=%01'
	run_as 0 hsmime keys --pem-uri -k 'pkcs11:id=%77?pin-source=file:/other' \
		-k 'pkcs11:id=%02?pin-source=file:/here'
	openssl asn1parse -in <(echo "$output") | grep -q 'id=%02.*pin-source=file:/here'
}

@test "without a token keys says so, and nothing of private keys" {
	run_as 0 hsmime keys --token Nope
	[ -z "$output" ]
	said 'there is no token "Nope"'
	[[ $stderr != *--login* ]]
}

@test "keys refuses what is no URI with 2" {
	run_as 2 hsmime keys 'pkcs11:colour=blue=green;;'
	explained
	run_as 2 hsmime keys http://example.test/
}

@test "a configured key is a default for signing, not a filter" {
	mkdir -p config/hsmime
	printf '[hsmime]\nkey=pkcs11:id=%%02\n' >config/hsmime/hsmime.conf
	XDG_CONFIG_HOME=$PWD/config run_as 0 hsmime keys
	reported 'CN=alice'
}

@test "keys --json has stable keys" {
	hsmime keys --login --json >said.json
	python3 -m json.tool said.json >/dev/null
	[ "$(field 'sorted(d[0])' <said.json)" = "['always_authenticate', 'bits', 'curve', 'emails',\
 'id', 'issuer', 'label', 'not_after', 'not_before', 'private_key', 'serial_number', 'subject',\
 'token', 'token_serial', 'type', 'uri', 'usage']" ]
	[ "$(field '[(k["id"], k["type"], k["bits"], k["curve"], k["emails"], k["private_key"]) for k in sorted(d, key=lambda k: k["id"])]' <said.json)" = \
		"[('01', 'RSA', 2048, None, ['alice@example.test'], True), ('02', 'EC', 256, 'P-256', ['bob@example.test'], True)]" ]
}

@test "the URI that keys prints names the key in sign" {
	uri=$(hsmime keys -q 'pkcs11:id=%02' | head -1)
	echo data >data
	run_as 0 hsmime sign --cms --opaque -k "$uri" -o signed data
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" signed
	reported 'CN=bob'
}

# As on PIV cards: what shows without a login has another label than the private key.
@test "the URI that keys prints without --login names the key, whatever its objects' labels" {
	new_token "$PWD/labels" Labels
	new_peer erna
	openssl pkey -in "$W/erna.key" -pubout -outform DER -out "$W/erna.pub"
	for object in "erna.key --type privkey --label private" \
		"erna.pub --type pubkey --label public"; do
		read -ra words <<<"$object"
		pkcs11-tool --module "$HSMIME_MODULE" --token-label Labels --login --pin 123456 --id 05 \
			--write-object "$W/${words[0]}" "${words[@]:1}" >/dev/null
	done
	uri=$(hsmime keys -q | head -1)
	[[ $uri == *object=public* ]]
	echo data >data
	for name in "$uri" 'pkcs11:object=private' 'pkcs11:object=public;type=public'; do
		run_as 0 hsmime sign --cms --opaque -k "$name" --cert "$W/erna.pem" -o signed data
		run_as 0 hsmime verify --cms --ca "$W/ca.pem" signed
		reported 'CN=erna'
	done
	run_as 5 hsmime sign --cms -k "${uri/=public/=nobody}" --cert "$W/erna.pem" -o none data
}

# pin_states: of the tokens of this test
pin_states() {
	hsmime tokens --json | field 'sorted((t["label"], t["pin"]) for t in d if t["label"])'
}

@test "keys --login lists what other tokens have where one refuses the PIN, and tries it there once" {
	new_token "$PWD/two" Demo
	new_key 01 EC:secp256r1 erna
	softhsm2-util --init-token --free --label Spare --so-pin 12345678 --pin 654321 >/dev/null
	for attempt in 1 2; do
		run_as 0 hsmime keys --login --json
		[ "$(field '[(k["token"], k["id"], k["private_key"]) for k in d]' <<<"$output")" = \
			"[('Demo', '01', True)]" ]
		said 'warning: token "Spare" is passed over: token "Spare" refused the PIN'
		[ $attempt = 1 ] || said 'it is not tried again'
	done
	[ "$(pin_states)" = "[('Demo', 'ok'), ('Spare', 'count-low')]" ]
	run_as 4 hsmime keys --login --token Spare
	# Where nothing keeps it from being tried there each time, the first refusal is the end.
	run_as 4 env XDG_STATE_HOME=/dev/null/state "$HSMIME" keys --login
}

@test "a report that can't be written is a failure" {
	for command in tokens keys config; do
		run_as 6 bash -c '"$HSMIME" "$1" >/dev/full' - $command
		said 'No space left'
	done
	for command in --version --help 'sign --help' 'help sign'; do
		# shellcheck disable=SC2086
		run_as 6 bash -c '"$HSMIME" "$@" >/dev/full' - $command
		said 'No space left'
		explained
	done
}

@test "a module that is not there is a failure of the token, in JSON too" {
	run_as 4 hsmime tokens --module /no/such/module.so
	explained
	run_as 4 hsmime tokens --module /no/such/module.so --json
	[ "$(field '(d["status"], d["exit_status"], d["error"] != "")' <<<"$output")" = \
		"('token', 4, True)" ]
}
