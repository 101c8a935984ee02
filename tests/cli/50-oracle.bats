#!/usr/bin/env bats
# Whatever is wrong with an encrypted message, the tool shows the same: words, status, calls to
# the token. What takes the place of a lost content key stays the same from run to run.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	head -c 1000 /dev/zero | tr '\0' x >"$W/data"
	find_spy
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# envelope CIPHER NAME FILE: made by openssl
envelope() {
	openssl cms -encrypt -binary "-$1" -in "$W/data" -outform DER -out "$3" "$W/$2.pem"
}

# find_octets FILE PATTERN: where octets, given as \xHH each, end for the first time
find_octets() {
	local at
	at=$(LC_ALL=C grep -obUaP -- "$2" "$1" | head -n 1 | cut -d: -f1)
	[ -n "$at" ] && echo $((at + ${#2} / 4))
}

# key_at FILE: where its encrypted key for alice starts, of 256 octets
key_at() {
	find_octets "$1" '\x04\x82\x01\x00'
}

# wrapped_at FILE: where its wrapped key for bob starts, of 40 octets. Two octets to look for would
# now and then be found in the random ones before it.
wrapped_at() {
	local at
	at=$(openssl asn1parse -inform DER -in "$1" | sed -n 's/^ *\([0-9]*\):.* l= *40 prim: OCTET STRING.*/\1/p')
	echo $((at + 2))
}

# put FILE OFFSET: overwrites with what comes from standard input
put() {
	dd of="$1" bs=4096 seek="$2" oflag=seek_bytes conv=notrunc status=none
}

# take FILE OFFSET LENGTH
take() {
	tail -c +$(($2 + 1)) "$1" | head -c "$3"
}

# invert FILE OFFSET: one octet
invert() {
	flip "$1" $(($(stat -c %s "$1") - $2))
}

hex() {
	od -An -v -tx1 | tr -d ' \n'
}

# key_of FILE PADDING: FILE encrypted for alice, put into bad as its encrypted key
key_of() {
	openssl pkeyutl -encrypt -certin -inkey "$W/alice.pem" -pkeyopt "rsa_padding_mode:$2" \
		-in "$1" -out new-key
	put bad "$(key_at bad)" <new-key
}

# seen FILE: what a run on it shows, in files named after it; nothing of it comes out
seen() {
	run_as 1 spied hsmime decrypt -vv --cms -o out "$1"
	[ -z "$output" ]
	[ ! -e out ]
	printf '%s\n' "$stderr" >"$1.words"
	sed -n 's/^[0-9]*: \(C_.*\)/\1/p' spy.log >"$1.calls"
	[ "$(grep -c '^C_Decrypt$\|^C_DeriveKey$' "$1.calls")" = 1 ]
}

# looks_like FIRST SECOND: both were seen, and show the same
looks_like() {
	cmp "$1.words" "$2.words"
	diff "$1.calls" "$2.calls"
}

@test "padding, length and value of an RSA content key are not seen" {
	envelope aes-256-gcm alice good
	run_as 0 hsmime decrypt --cms -o out good
	cmp out "$W/data"
	rm out
	cp good altered
	flip altered 40
	seen altered
	cp good bad
	invert bad $(($(key_at bad) + 100))
	seen bad
	looks_like altered bad
	head -c 256 /dev/zero | tr '\0' '\377' | put bad "$(key_at bad)"
	seen bad
	looks_like altered bad
	for size in 0 16 31 32 33 200; do
		head -c $size "$W/data" >key
		key_of key pkcs1
		seen bad
		looks_like altered bad
	done
	# 00 01 is the padding of signatures.
	{ printf '\0\1' && head -c 221 "$W/data" && printf '\0' && head -c 32 "$W/data"; } >block
	key_of block none
	seen bad
	looks_like altered bad
}

@test "the value of an EC recipient's wrapped key is not seen" {
	envelope aes-256-gcm bob good
	cp good altered
	flip altered 40
	seen altered
	cp good bad
	invert bad "$(wrapped_at bad)"
	seen bad
	looks_like altered bad
}

# substitute NAME: what docs/SECURITY.md says takes the place of the content key of NAME
substitute() {
	openssl x509 -in "$W/alice.pem" -noout -pubkey | openssl pkey -pubin -outform DER -out spki
	take "$1" "$(key_at "$1")" 256 | cat spki - <(printf '\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a') |
		openssl dgst -sha256 -mac HMAC \
			-macopt hexkey:"$(hex <"$XDG_STATE_HOME/hsmime/substitute-secret")" -r | cut -c1-64
}

@test "the same bad message gives the same in every run, and something else for another person" {
	envelope aes-256-cbc alice bad
	head -c 256 /dev/zero | tr '\0' 7 | put bad "$(key_at bad)"
	hsmime decrypt -q --cms -o /dev/null bad || true
	# Content under the substitute key comes out whole: every run takes that key and no other.
	iv=$(take bad "$(find_octets bad '\x60\x86\x48\x01\x65\x03\x04\x01\x2a\x04\x10')" 16 | hex)
	openssl enc -aes-256-cbc -K "$(substitute bad)" -iv "$iv" -in "$W/data" -out content
	put bad $(($(stat -c %s bad) - $(stat -c %s content))) <content
	for _ in {1..5}; do
		run_as 0 hsmime decrypt -q --cms -o out bad
		cmp out "$W/data"
	done
	# Another key: about 1 in 256 ends in what looks like padding.
	XDG_STATE_HOME=$PWD/another run hsmime decrypt -q --cms -o other bad
	case $status in
	0) run ! cmp -s other "$W/data" ;;
	1) [ ! -e other ] ;;
	*) return 1 ;;
	esac
}

@test "the secret behind it is 32 octets that no one else can read" {
	envelope aes-256-cbc alice good
	hsmime decrypt -q --cms -o out good
	[ "$(stat -c '%a %s' "$XDG_STATE_HOME/hsmime/substitute-secret")" = '600 32' ]
	[ "$(stat -c %a "$XDG_STATE_HOME/hsmime")" = 700 ]
	XDG_STATE_HOME=$PWD/another hsmime decrypt -q --cms -o out good
	run cmp -s "$XDG_STATE_HOME/hsmime/substitute-secret" another/hsmime/substitute-secret
	[ "$status" = 1 ]
}

@test "a state folder that can't be written costs a warning, not the message" {
	envelope aes-256-cbc alice good
	XDG_STATE_HOME=/dev/null run_as 0 hsmime decrypt --cms -o out good
	said '^hsmime: warning: the state folder'
	cmp out "$W/data"
}

@test "a message cut short is malformed, whatever its key" {
	envelope aes-256-gcm alice good
	size=$(stat -c %s good)
	for cut in 1 17 600 900; do
		head -c $((size - cut)) good >short
		run_as 3 hsmime decrypt --cms -o out short
		words=$stderr
		printf 7 | put short $(($(key_at short) + 100))
		run_as 3 hsmime decrypt --cms -o out short
		[ "$stderr" = "$words" ]
		[ ! -e out ]
	done
}
