#!/usr/bin/env bats
# --json: always one valid document, with keys that programs can rely on.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_mail alice alice
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# json COMMAND...: runs it, and its standard output is one valid JSON document
json() {
	run --separate-stderr "$@"
	python3 -m json.tool <<<"$output" >/dev/null
}

@test "verify reports verdict, layers, signers and what was not checked" {
	hsmime sign --from -o signed.eml "$W/mail.eml"
	json hsmime verify --json --ca "$W/ca.pem" signed.eml
	[ "$status" = 0 ]
	[ "$(field 'sorted(d)' <<<"$output")" = "['authenticated', 'chain_checked', 'command',\
 'error', 'exit_status', 'from', 'hint', 'layers', 'not_checked', 'status', 'valid']" ]
	[ "$(field 'sorted(d["layers"][0])' <<<"$output")" = "['cipher', 'content',\
 'content_offset', 'content_size', 'key', 'kind', 'partial', 'problem', 'recipients', 'signers',\
 'status']" ]
	[ "$(field 'sorted(d["layers"][0]["signers"][0])' <<<"$output")" = "['crlf_form', 'digest',\
 'emails', 'from_matches', 'issuer', 'key_bits', 'problem', 'serial_number', 'signature',\
 'signature_algorithm', 'signing_time', 'status', 'subject', 'trusted']" ]
	[ "$(field '(d["valid"], d["from"], d["layers"][0]["kind"], "revocation" in d["not_checked"])' <<<"$output")" = \
		"(True, 'alice@example.test', 'signed-detached', True)" ]
	[ -z "$stderr" ]
}

@test "a verdict of not valid is reported in full, with status 1" {
	hsmime sign --from -o signed.eml "$W/mail.eml"
	sed -i 's/1000 units/9000 units/' signed.eml
	json hsmime verify --json --ca "$W/ca.pem" signed.eml
	[ "$status" = 1 ]
	[ "$(field '(d["valid"], d["status"], d["exit_status"], d["layers"][0]["signers"][0]["signature"])' <<<"$output")" = \
		"(False, 'invalid', 1, 'invalid')" ]
	[ "$(field 'd["error"] != "" and d["hint"] != ""' <<<"$output")" = True ]
}

@test "null stands for what was not checked" {
	hsmime sign --from -o signed.eml "$W/mail.eml"
	json hsmime verify --json --no-chain signed.eml
	[ "$(field '(d["chain_checked"], d["authenticated"], d["layers"][0]["signers"][0]["trusted"])' <<<"$output")" = \
		'(False, None, None)' ]
}

@test "decrypt reports on standard output when the mail goes to a file" {
	hsmime encrypt -r "$W/alice.pem" -o enc.eml "$W/mail.eml"
	json hsmime decrypt --json -o out.eml enc.eml
	[ "$status" = 0 ]
	[ "$(field 'sorted(d["layers"][0]["recipients"][0])' <<<"$output")" = \
		"['algorithm', 'issuer', 'key_id', 'serial_number', 'used']" ]
	[ "$(field '(d["authenticated"], d["layers"][0]["cipher"], d["layers"][0]["recipients"][0]["used"])' <<<"$output")" = \
		"(False, 'AES-256-CBC', True)" ]
	[ -z "$stderr" ]
}

@test "decrypt reports on standard error when the mail goes to standard output" {
	hsmime encrypt --cipher aes-128-gcm -r "$W/alice.pem" -o enc.eml "$W/mail.eml"
	run_as 0 hsmime decrypt --json enc.eml
	reported '^Agreed: 1000 units'
	[ "$(field '(d["status"], d["authenticated"])' <<<"$stderr")" = "('ok', True)" ]
}

@test "a failure is one JSON document too, wherever the report goes" {
	json hsmime verify --json --ca "$W/ca.pem" /dev/null
	[ "$status" = 3 ]
	[ "$(field '(d["command"], d["status"], d["exit_status"])' <<<"$output")" = "('verify', 'malformed', 3)" ]
	json hsmime verify --json --ca /no/such/file /dev/null
	[ "$(field 'd["status"]' <<<"$output")" = io ]
	run_as 3 hsmime decrypt --json /dev/null
	[ "$(field '(d["status"], d["error"] != "", d["hint"] != "")' <<<"$stderr")" = "('malformed', True, True)" ]
	[ -z "$output" ]
	run_as 3 hsmime decrypt --json -o out /dev/null
	[ "$(field 'd["status"]' <<<"$output")" = malformed ]
	json hsmime keys --json --module /no/such/module.so
	[ "$(field 'd["status"]' <<<"$output")" = token ]
}

@test "-q does not take a report away that was asked for" {
	hsmime sign --from -o signed.eml "$W/mail.eml"
	json hsmime verify -q --json --ca "$W/ca.pem" signed.eml
	[ "$(field 'd["valid"]' <<<"$output")" = True ]
	run_as 0 hsmime verify -q --ca "$W/ca.pem" signed.eml
	[ -z "$output$stderr" ]
}

@test "names that are no UTF-8, and control characters, stay JSON" {
	for name in $'back\\slash "quoted"' $'tab\there' $'esc\e[31m' $'bad \xff\xc3( utf' \
		$'overlong \xc0\xaf' $'surrogate \xed\xa0\x80' $'big \xf4\x90\x80\x80' $'cut \xe2\x82' \
		$'bidi \xe2\x80\xae' $'line\nbreak' 'umlaut äöü 漢字 🔑'; do
		json hsmime verify --json --ca "/no/such/$name" /dev/null
		[ "$(field '"/no/such/" in d["error"]' <<<"$output")" = True ]
		grep -q $'[\x01-\x09\x0b-\x1f\x7f]' <<<"$output" && return 1
		mkdir -p config/hsmime
		XDG_CONFIG_HOME=$PWD/config json hsmime config --json --token "$name"
	done
	[ "$(field '[s["value"] for s in d["settings"] if s["name"] == "token"]' <<<"$output")" = \
		"['umlaut äöü 漢字 🔑']" ]
}

@test "a hostile subject neither breaks the report nor reaches the terminal" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout evil.key -out evil.pem -utf8 \
		-subj $'/CN=evil \e[31m "quote" \xe2\x80\xae/emailAddress=evil@example.test' 2>/dev/null
	openssl cms -sign -binary -nodetach -in "$W/mail.eml" -signer evil.pem -inkey evil.key \
		-outform DER -out signed 2>/dev/null
	json hsmime verify --json --cms --ca evil.pem --any-purpose signed
	[ "$(field 'len(d["layers"][0]["signers"])' <<<"$output")" = 1 ]
	run hsmime verify --cms --ca evil.pem --any-purpose signed
	[[ $output != *$'\e'* && $output != *$'\xe2\x80\xae'* ]]
}
