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
 'error', 'exit_status', 'from', 'hint', 'layers', 'not_checked', 'not_searched', 'status', 'valid', 'warnings']" ]
	[ "$(field 'sorted(d["layers"][0])' <<<"$output")" = "['cipher', 'content',\
 'content_offset', 'content_size', 'inside_signature', 'key', 'kind', 'opened', 'partial', 'place', 'problem',\
 'recipients', 'signers', 'status', 'trailing_octets']" ]
	[ "$(field 'sorted(d["layers"][0]["signers"][0])' <<<"$output")" = "['crlf_form', 'digest',\
 'emails', 'from_matches', 'from_problem', 'issuer', 'key_bits', 'problem', 'serial_number', 'signature',\
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

# failure EXPRESSION COMMAND...: a usage error, in words on standard error and as JSON
failure() {
	run_as 2 "${@:2}"
	[ "$(field "$1" <<<"$output")" = True ]
	[[ $stderr == 'hsmime: '* ]]
}

@test "usage and configuration errors are JSON too, and words for people beside it" {
	local is='d["status"] == "usage" and d["exit_status"] == 2 and d["error"] != "" and d["hint"] != ""'
	failure "$is and d['command'] == 'verify'" hsmime verify --json --no-such-option x
	failure "$is" hsmime verify --no-such-option -j
	failure "$is" hsmime verify -qj --ca
	failure "$is and 'too many' in d['error']" hsmime verify -j x y
	failure "$is and 'no-chain' in d['error']" hsmime verify -j --no-chain --at 2026-01-01 x
	failure "$is and d['command'] == 'keys'" hsmime keys -j --cms
	failure "$is and d['command'] == 'tokens'" hsmime tokens x -j
	failure "$is and d['command'] is None" hsmime verfy -j x
	failure "$is and d['command'] is None" hsmime --json verify x
	failure "$is" hsmime keys -j 'pkcs11:id=%zz'
	failure "$is" hsmime verify -j --at never x
	mkdir -p bad/hsmime
	printf '[hsmime]\npss = perhaps\n' >bad/hsmime/hsmime.conf
	XDG_CONFIG_HOME=$PWD/bad failure "$is and d['command'] == 'config'" hsmime config -j
	XDG_CONFIG_HOME=$PWD/bad failure "$is" hsmime keys -j
}

@test "where the content takes standard output, a usage error is JSON on standard error alone" {
	for arguments in 'decrypt -j --bogus' 'sign -j -o - --bogus' 'encrypt --bogus -j' \
		'verify -o - -j --bogus' 'decrypt -j --cert /no/such /dev/null' 'sign -j x y'; do
		# shellcheck disable=SC2086
		run --separate-stderr hsmime $arguments
		[ "$status" != 0 ]
		[ -z "$output" ]
		[ "$(field 'd["error"] != ""' <<<"$stderr")" = True ]
	done
	run_as 2 hsmime decrypt -j -o out --bogus
	[ "$(field 'd["status"]' <<<"$output")" = usage ]
}

@test "an argument that only looks like --json asks for nothing" {
	for arguments in 'verify --bogus -o -j' 'verify --bogus --ca --json' 'verify --bogus -omj' \
		'verify --bogus -- -j'; do
		# shellcheck disable=SC2086
		run_as 2 hsmime $arguments
		[ -z "$output" ]
	done
}

@test "every failure is said in both ways, by every command alike" {
	for arguments in 'keys -j' 'tokens -j' 'verify -j x' 'sign -j -o out x' 'decrypt -j -o out x' \
		'encrypt -j -o out x'; do
		# shellcheck disable=SC2086
		run --separate-stderr hsmime $arguments --module /no/such/module.so
		[ "$status" != 0 ]
		[ "$(field 'd["error"] != "" and d["exit_status"] == '"$status" <<<"$output")" = True ]
		[ "hsmime: $(field 'd["error"]' <<<"$output")" = "${stderr_lines[0]}" ]
		[ "hsmime: $(field 'd["hint"]' <<<"$output")" = "${stderr_lines[1]}" ]
	done
}

@test "sign reports what it signed with" {
	json hsmime sign --json --from -o signed.eml "$W/mail.eml"
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	[ "$(field 'sorted(d)' <<<"$output")" = "['cipher', 'command', 'digest', 'error',\
 'exit_status', 'hint', 'key', 'output', 'recipients', 'signature_algorithm', 'status', 'subject', 'warnings']" ]
	[ "$(field '(d["output"], "id=%01" in d["key"], "alice" in d["subject"], d["digest"])' <<<"$output")" = \
		"('signed.eml', True, True, 'SHA-256')" ]
	[ "$(field '(d["signature_algorithm"], d["cipher"], d["recipients"])' <<<"$output")" = \
		"('RSA PKCS#1 v1.5', None, [])" ]
	json hsmime sign --json --from --pss --digest sha512 --encrypt -r "$W/alice.pem" -o out.eml "$W/mail.eml"
	[ "$(field '(d["signature_algorithm"], d["digest"], d["cipher"], len(d["recipients"]) > 0)' <<<"$output")" = \
		"('RSA-PSS', 'SHA-512', 'AES-256-CBC', True)" ]
	run_as 0 hsmime sign --json --from "$W/mail.eml"
	reported '^Agreed|multipart/signed'
	[ "$(field 'd["output"], d["status"]' <<<"$stderr")" = "(None, 'ok')" ]
}

@test "encrypt reports its recipients, and the files of Bcc recipients" {
	new_peer bob
	sed 's/^To:.*/&\nBcc: bob@example.test/' "$W/mail.eml" >bcc.eml
	mkdir copies
	json hsmime encrypt --json --bcc-dir copies -r "$W/alice.pem" -r "$W/bob.pem" -o enc.eml bcc.eml
	[ "$status" = 0 ]
	[ "$(field 'sorted(d["recipients"][0])' <<<"$output")" = \
		"['algorithm', 'file', 'issuer', 'serial_number', 'subject']" ]
	[ "$(field '[r["file"] for r in d["recipients"]]' <<<"$output")" = \
		"[None, 'copies/bob@example.test.eml']" ]
	[ "$(field '{r["algorithm"] for r in d["recipients"]}' <<<"$output")" = "{'RSA PKCS#1 v1.5'}" ]
	[ -e copies/bob@example.test.eml ]
	json hsmime encrypt --json --key-transport oaep --cipher aes-128-gcm -r "$W/alice.pem" -o oaep.eml "$W/mail.eml"
	[ "$(field '(d["cipher"], d["key"], {r["algorithm"] for r in d["recipients"]})' <<<"$output")" = \
		"('AES-128-GCM', None, {'RSA-OAEP'})" ]
}

@test "-vv says besides what is done on which token" {
	run_as 0 hsmime sign -v --from -o signed.eml "$W/mail.eml"
	grep -q 'looking for' <<<"$stderr" && return 1
	run_as 0 hsmime sign -vv --from -o signed.eml "$W/mail.eml"
	said '^hsmime: token ".*": looking for private keys$'
	said '^hsmime: token ".*": sign with pkcs11:'
}

@test "-v says what was used, in words, and never a PIN" {
	run_as 0 hsmime sign -v --from -o signed.eml "$W/mail.eml"
	said 'PKCS#11 module: /'
	said 'signing with the key pkcs11:.*token=Demo.*id=%01.* and the certificate of .*alice'
	said 'signature: RSA PKCS#1 v1.5 with SHA-256'
	run_as 0 hsmime encrypt -v -r "$W/alice.pem" -o enc.eml "$W/mail.eml"
	said 'content encryption: AES-256-CBC'
	said 'recipient .*alice.* by RSA PKCS#1 v1.5$'
	run_as 0 hsmime decrypt -vv -o out.eml enc.eml
	said 'decrypting with the key pkcs11:.*token=Demo.*id=%01.* of .*alice'
	[[ $stderr != *123456* ]]
}

@test "without --login keys tells what the certificate is for, and null where nothing is known" {
	json hsmime keys --json
	[ "$(field '(d[0]["usage"], d[0]["private_key"])' <<<"$output")" = "(['sign', 'decrypt'], None)" ]
	run_as 0 hsmime keys
	reported '^  key: +RSA 2048 bits: sign, decrypt \(by its certificate\)$'
	hsmime keys --login | grep -E '^  key: +RSA 2048 bits: sign, decrypt' | grep -v certificate
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Demo --login --pin 123456 --keypairgen \
		--key-type RSA:2048 --id 07 --label bare >/dev/null 2>&1
	json hsmime keys --json 'pkcs11:id=%07'
	[ "$(field '(d[0]["usage"], d[0]["private_key"])' <<<"$output")" = '(None, None)' ]
	run_as 0 hsmime keys 'pkcs11:id=%07'
	reported 'use not shown without --login'
	json hsmime keys --json --login 'pkcs11:id=%07'
	[ "$(field '"sign" in d[0]["usage"]' <<<"$output")" = True ]
}

@test "warnings are in the report, whether or not they are said" {
	local unserved='recipients without a certificate can'\''t read this: bob@example.test'
	sed 's/^To:.*/&, bob@example.test/' "$W/mail.eml" >two.eml
	for arguments in 'encrypt -o enc.eml' 'encrypt -q -o enc.eml' 'sign -e --from -o enc.eml'; do
		# shellcheck disable=SC2086
		json hsmime $arguments --json -r "$W/alice.pem" two.eml
		[ "$(field 'd["status"], d["warnings"]' <<<"$output")" = "('ok', [\"$unserved\"])" ]
	done
	run_as 0 hsmime encrypt --json -r "$W/alice.pem" two.eml
	[ "$(field 'd["warnings"]' <<<"$stderr")" = "[\"$unserved\"]" ]
	json hsmime encrypt --json -r "$W/alice.pem" -o enc.eml "$W/mail.eml"
	[ "$(field 'd["warnings"]' <<<"$output")" = '[]' ]
	mkdir -p odd/hsmime
	printf '[hsmime]\nno-such-key = 1\npss = perhaps\n' >odd/hsmime/hsmime.conf
	XDG_CONFIG_HOME=$PWD/odd json hsmime verify --json "$W/mail.eml"
	[ "$(field '"no-such-key" in d["warnings"][0] and len(d["warnings"]) == 1' <<<"$output")" = True ]
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
