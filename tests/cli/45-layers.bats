#!/usr/bin/env bats
# Layers inside each other: how many, what is told of one that can't be opened, and what stands
# beside the message.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_peer carol
	new_mail alice carol
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	cp "$W/mail.eml" .
}

# sealed FILE: the mail encrypted for carol, of whom there is no key here, then signed by alice
sealed() {
	hsmime encrypt --no-encrypt-to-self -r "$W/carol.pem" -o sealed.eml mail.eml
	hsmime sign --from "${@:2}" -o "$1" sealed.eml
}

# wrapped N FILE COMMAND...: the mail put N times through COMMAND
wrapped() {
	cp mail.eml "$2"
	for ((i = 0; i < $1; i++)); do
		hsmime "${@:3}" -o next.eml "$2"
		mv next.eml "$2"
	done
}

@test "a signature around content for somebody else is reported, with the status of the inner failure" {
	for how in --detached --opaque; do
		sealed both.eml "$how"
		run_as 5 hsmime verify --ca "$W/ca.pem" both.eml
		reported '^NOT VALID: a layer could not be opened'
		reported '^  verdict: +valid$'
		reported '^  chain: +trusted'
		reported '^Layer 2: encrypted, NOT OPENED$'
		reported '^  recipients: +1$'
		reported '^  problem: +no key'
		said 'no key'
		run_as 5 hsmime verify --json --ca "$W/ca.pem" both.eml
		[ "$(field '(d["valid"], d["status"], [(l["status"], l["opened"]) for l in d["layers"]])' <<<"$output")" = \
			"(False, 'no-key', [('ok', True), ('no-key', False)])" ]
		[ "$(field 'd["layers"][1]["problem"] == d["error"], len(d["layers"][1]["recipients"])' <<<"$output")" = \
			'(True, 1)' ]
	done
}

@test "what is only encrypted for somebody else is told too, and gives nothing" {
	hsmime encrypt --no-encrypt-to-self -r "$W/carol.pem" -o enc.eml mail.eml
	run_as 5 hsmime verify --json -o out --ca "$W/ca.pem" enc.eml
	[ "$(field '(d["valid"], d["layers"][0]["kind"], d["layers"][0]["opened"])' <<<"$output")" = \
		"(False, 'encrypted', False)" ]
	[ ! -e out ]
}

@test "a malformed layer inside is named, and the one outside keeps its verdict" {
	hsmime sign --from --opaque -o inner.eml mail.eml
	sed -i '$d' inner.eml
	truncate -s -200 inner.eml
	hsmime sign --from -o both.eml inner.eml
	run_as 3 hsmime verify --json --ca "$W/ca.pem" both.eml
	[ "$(field '[(l["kind"], l["status"], l["opened"]) for l in d["layers"]]' <<<"$output")" = \
		"[('signed-detached', 'ok', True), ('signed-opaque', 'malformed', False)]" ]
}

@test "8 layers are verified, 9 are not: the 8 outer ones are reported" {
	wrapped 8 deep.eml sign --from
	run_as 0 hsmime verify --json -o out --ca "$W/ca.pem" deep.eml
	[ "$(field 'len(d["layers"])' <<<"$output")" = 8 ]
	grep -q '^Content-Type: text/plain' out
	hsmime sign --from -o deeper.eml deep.eml
	run_as 3 hsmime verify --json --ca "$W/ca.pem" deeper.eml
	[ "$(field '[l["opened"] for l in d["layers"]] == 8 * [True] + [False]' <<<"$output")" = True ]
	[[ $stderr == *'more than 8 layers'* ]]
	[[ $stderr != *--cms* ]]
}

@test "opaque and encrypted layers count the same, in a mail and in CMS" {
	wrapped 4 deep.eml sign --from --opaque --encrypt -r "$W/alice.pem"
	run_as 0 hsmime verify -q --ca "$W/ca.pem" deep.eml
	hsmime sign --from --opaque -o deeper.eml deep.eml
	run_as 3 hsmime verify -q --ca "$W/ca.pem" deeper.eml
	cp mail.eml deep
	for n in 1 2 3 4 5 6 7; do
		hsmime encrypt --cms -r "$W/alice.pem" -o next deep
		mv next deep
	done
	hsmime sign --cms --opaque -k 'pkcs11:id=%01' -o sig mail.eml
	for n in 1 2 3 4 5 6 7; do
		hsmime encrypt --cms -r "$W/alice.pem" -o next sig
		mv next sig
	done
	run_as 0 hsmime verify --cms -q --ca "$W/ca.pem" sig
	hsmime encrypt --cms -r "$W/alice.pem" -o next sig
	run_as 3 hsmime verify --cms --ca "$W/ca.pem" next
	reported '^Layer 9: signed, .*, NOT OPENED'
}

@test "decrypt takes 8 layers off, and says what the limit is" {
	wrapped 8 deep.eml encrypt -r "$W/alice.pem"
	run_as 0 hsmime decrypt -o out deep.eml
	grep -q '^Agreed' out
	hsmime encrypt -r "$W/alice.pem" -o deeper.eml deep.eml
	run_as 3 hsmime decrypt -o out2 deeper.eml
	said 'more than 8 layers'
	[[ $stderr != *--cms* ]]
	[ ! -e out2 ]
}

@test "the manual pages name the limit" {
	for page in verify decrypt; do
		grep -qE '\b8 at most\b' "$cli_root/docs/man/hsmime-$page.1.scd"
	done
}

@test "decrypt stops at a signature on the outside, and says what opens it" {
	hsmime sign --from -o 1.eml mail.eml
	hsmime encrypt -r "$W/alice.pem" -o 2.eml 1.eml
	for how in --detached --opaque; do
		hsmime sign --from "$how" -o 3.eml 2.eml
		run_as 3 hsmime decrypt -o out 3.eml
		said 'not encrypted on its outside: it is signed'
		said 'hsmime verify: it shows all layers'
		[ ! -e out ]
		run_as 0 hsmime verify -o content --ca "$W/ca.pem" 3.eml
		[ "$(grep -c '^Layer ' <<<"$output")" = 3 ]
		grep -q 'Agreed' <(python3 -c 'import sys, email, email.policy
print(email.message_from_binary_file(open("content", "rb"), policy=email.policy.default).get_content())')
	done
}

@test "an encrypted message that is a part of a mail is mentioned, not opened" {
	hsmime encrypt -r "$W/alice.pem" -o enc.eml mail.eml
	{
		printf '%s\n' 'From: alice@example.test' 'MIME-Version: 1.0' \
			'Content-Type: multipart/mixed; boundary=list' '' --list \
			'Content-Type: text/plain' '' 'see below' --list
		sed -n '/^Content-Type/,$p' enc.eml
		printf '%s\n' --list--
	} >mixed.eml
	run_as 1 hsmime verify --ca "$W/ca.pem" mixed.eml
	said 'not signed; part 3 of the mail \(smime.p7m\) is an encrypted message of its own'
	reported '^Layer 1: encrypted, NOT OPENED'
	run_as 1 hsmime verify --json --ca "$W/ca.pem" mixed.eml
	[ "$(field '[(l["kind"], l["partial"], l["opened"]) for l in d["layers"]]' <<<"$output")" = \
		"[('encrypted', True, False)]" ]
}

@test "octets behind the message are warned of; it stays valid" {
	hsmime sign --cms --opaque -k 'pkcs11:id=%01' -o sig mail.eml
	hsmime sign --cms -k 'pkcs11:id=%01' -o detached mail.eml
	hsmime sign --cms --opaque --format pem -k 'pkcs11:id=%01' -o sig.pem mail.eml
	for file in sig detached sig.pem; do
		run_as 0 hsmime verify --cms --ca "$W/ca.pem" --content mail.eml "$file"
		[[ $output != *WARNING* ]]
	done
	printf 'evil' >>sig
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" sig
	reported 'WARNING: +4 octets behind its end'
	run_as 0 hsmime verify --json --cms --ca "$W/ca.pem" - <sig
	[ "$(field '(d["valid"], d["layers"][0]["trailing_octets"])' <<<"$output")" = '(True, 4)' ]
	printf x >>detached
	run_as 0 hsmime verify --json --cms --ca "$W/ca.pem" --content mail.eml detached
	[ "$(field 'd["layers"][0]["trailing_octets"]' <<<"$output")" = 1 ]
}

# repacked FILE BEFORE...: FILE's base64 body decoded, "evil" appended, and encoded again
repacked() {
	python3 - "$1" "$2" <<'EOF'
import base64, re, sys
mail = open(sys.argv[1], "rb").read()
name = sys.argv[2].encode()
m = re.search(rb'(filename="?' + name + rb'"?.*?\r?\n\r?\n)([A-Za-z0-9+/=\r\n]+)', mail, re.S)
data = base64.b64decode(m.group(2)) + b"evil"
sys.stdout.buffer.write(mail[:m.start(2)] + base64.encodebytes(data) + b"\n" + mail[m.end(2):])
EOF
}

@test "the same in the two forms of a signed mail, and in an encrypted one" {
	hsmime sign --from --opaque -o opaque.eml mail.eml
	hsmime sign --from -o clear.eml mail.eml
	hsmime encrypt -r "$W/alice.pem" -o enc.eml mail.eml
	for file in opaque.eml clear.eml; do
		run_as 0 hsmime verify --json --ca "$W/ca.pem" "$file"
		[ "$(field 'd["layers"][0]["trailing_octets"]' <<<"$output")" = 0 ]
	done
	repacked opaque.eml smime.p7m >opaque2.eml
	repacked clear.eml smime.p7s >clear2.eml
	repacked enc.eml smime.p7m >enc2.eml
	for file in opaque2.eml clear2.eml; do
		run_as 0 hsmime verify --json --ca "$W/ca.pem" "$file"
		[ "$(field '(d["valid"], d["layers"][0]["trailing_octets"])' <<<"$output")" = '(True, 4)' ]
	done
	run_as 0 hsmime decrypt -o out enc.eml
	[[ $stderr != *warning* ]]
	run_as 0 hsmime decrypt -o out enc2.eml
	said 'warning: 4 octets behind the end'
}

@test "a footer that a list put behind an opaque mail is trailing too" {
	hsmime sign --from --opaque -o opaque.eml mail.eml
	printf '%s\n' '_____' 'a footer of the list' >>opaque.eml
	run_as 0 hsmime verify --json --ca "$W/ca.pem" opaque.eml
	[ "$(field 'd["layers"][0]["trailing_octets"] > 0' <<<"$output")" = True ]
}

@test "an opaque mail's report says what it covers" {
	hsmime sign --from --opaque -o opaque.eml mail.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" opaque.eml
	reported '^  covers: +text/plain$'
	run_as 0 hsmime verify --json --ca "$W/ca.pem" opaque.eml
	[ "$(field 'd["layers"][0]["content"]' <<<"$output")" = text/plain ]
	{ sed '/^$/q' mail.eml; seq 100000; } >large.eml
	hsmime sign --from --opaque -o opaque.eml large.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" opaque.eml
	reported '^  covers: +text/plain$'
}

@test "what was not checked is named, whoever asks for less" {
	hsmime sign --from -o signed.eml mail.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" signed.eml
	reported '^Not checked: revocation, time-stamps$'
	run_as 0 hsmime verify --no-chain signed.eml
	reported '^Not checked: chain, dates, purpose, revocation, time-stamps$'
	run_as 0 hsmime verify --no-check-time --any-purpose --ca "$W/ca.pem" signed.eml
	reported '^Not checked: dates, purpose, revocation, time-stamps$'
	hsmime encrypt -r "$W/alice.pem" -o enc.eml signed.eml
	run_as 0 hsmime decrypt -o out enc.eml
	said 'not checked of the signature: chain, dates'
	run_as 0 hsmime decrypt --json -o out enc.eml
	[ "$(field 'd["not_checked"][0]' <<<"$output")" = chain ]
	run_as 0 hsmime decrypt --json --ca "$W/ca.pem" -o out enc.eml
	[ "$(field 'd["not_checked"]' <<<"$output")" = "['revocation', 'time-stamps']" ]
}

@test "a mail without a signature is not called a bad one" {
	run_as 1 hsmime verify --ca "$W/ca.pem" mail.eml
	said 'the message is not signed'
	[[ $stderr != *"don't rely"* ]]
}

@test "a limit is named as such, not as a wrong option" {
	{ printf 'X: y\n%.0s' {1..6000}; cat mail.eml; } >many.eml
	run_as 3 hsmime verify --ca "$W/ca.pem" many.eml
	said '5000 fields'
	[[ $stderr != *--cms* ]]
	{
		printf '%s\n' 'From: a@example.test' 'Content-Type: multipart/mixed; boundary=b' ''
		printf -- '--b\n\nx\n%.0s' {1..10001}
		printf -- '--b--\n'
	} >parts.eml
	run_as 3 hsmime verify --ca "$W/ca.pem" parts.eml
	said '10000 parts'
	[[ $stderr != *--cms* ]]
}

@test "a file that is encrypted and not signed is not valid, whatever is in it" {
	printf 'Date: today\n\nno mail, no CMS\n' >text
	head -c 300 /dev/urandom >octets
	# As BER, or as text that stands for it.
	{ printf '0' && head -c 300 /dev/urandom; } >octets30
	{ printf '\060\202\001\000' && head -c 300 /dev/urandom; } >sequence
	printf '0' >zero
	echo '0123456789 numbers' >digits
	openssl base64 -in digits -out base64
	echo 'MoreThanSixteenLetters in a row' >letters
	cp "$W/alice.pem" pem
	openssl x509 -in pem -outform DER -out der
	for name in text octets octets30 sequence zero digits base64 letters pem der; do
		hsmime encrypt --cms -r "$W/alice.pem" -o enc $name
		run_as 1 hsmime verify --cms enc
		reported '^NOT VALID$'
		reported '^Layer 1: encrypted$'
		said 'the message is not signed'
		run ! grep -q malformed <<<"$output$stderr"
		run_as 1 hsmime verify --json --cms enc
		[ "$(field 'd["valid"], d["status"], len(d["layers"])' <<<"$output")" = "(False, 'invalid', 1)" ]
	done
}

@test "a file that is encrypted and begins as CMS, and is broken, is malformed" {
	hsmime sign --cms --opaque -k 'pkcs11:id=%01' -o sig mail.eml
	hsmime sign --cms --opaque --format pem -k 'pkcs11:id=%01' -o sig.pem mail.eml
	head -c 25 sig >begun
	head -c 1000 sig >half
	head -n 3 sig.pem >begun.pem
	printf '\060\200\006\011\052\206\110\206\367\015\001\007\002\004\000' >no-content
	# BER that DER is not, which is CMS all the same.
	python3 - <<-'PY'
		sig = open("sig", "rb").read()
		at = 2 + (sig[1] & 0x7f)
		open("other-form", "wb").write(b"\x30\x80\x06\x81\x09" + sig[at + 2:] + b"\0\0")
	PY
	for name in begun half begun.pem no-content; do
		hsmime encrypt --cms -r "$W/alice.pem" -o enc $name
		run_as 3 hsmime verify --cms --ca "$W/ca.pem" enc
		run_as 3 hsmime verify --json --cms --ca "$W/ca.pem" enc
		[ "$(field 'd["status"]' <<<"$output")" = malformed ]
	done
	for name in sig sig.pem other-form; do
		hsmime encrypt --cms -r "$W/alice.pem" -o enc $name
		run_as 0 hsmime verify --cms --ca "$W/ca.pem" enc
	done
}
