#!/usr/bin/env bats
# Whatever is wrong with an encrypted message, the tool shows the same: words, status, calls to
# the token. What takes the place of a lost content key stays the same from run to run.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	head -c 1000 /dev/zero | tr '\0' x >"$W/data"
	# Every call to the module goes through OpenSC's spy, which writes it down.
	export PKCS11SPY=$HSMIME_MODULE
	export SPY
	SPY=$(find /usr/lib -name pkcs11-spy.so -print -quit)
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# envelope CIPHER NAME FILE: made by openssl
envelope() {
	openssl cms -encrypt -binary "-$1" -in "$W/data" -outform DER -out "$3" "$W/$2.pem"
}

# edit FILE PYTHON: changes m, the octets of FILE; key is where its encrypted key starts
edit() {
	python3 - "$1" "$2" <<-'PYTHON'
		import sys
		m = bytearray(open(sys.argv[1], 'rb').read())
		key = m.find(b'\x04\x82\x01\x00') + 4
		exec(sys.argv[2])
		open(sys.argv[1], 'wb').write(m)
	PYTHON
}

# key_of FILE PADDING: FILE encrypted for alice, put into bad as its encrypted key
key_of() {
	openssl pkeyutl -encrypt -certin -inkey "$W/alice.pem" -pkeyopt "rsa_padding_mode:$2" \
		-in "$1" -out new-key
	edit bad 'm[key:key+256] = open("new-key", "rb").read()'
}

# seen FILE: what a run on it shows, in files named after it; nothing of it comes out
seen() {
	[ -n "$SPY" ] || skip 'no pkcs11-spy here'
	rm -f spy.log
	HSMIME_MODULE=$SPY PKCS11SPY_OUTPUT=$PWD/spy.log run_as 1 hsmime decrypt -vv --cms -o out "$1"
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
	edit bad 'm[key+100] ^= 1'
	seen bad
	looks_like altered bad
	edit bad 'm[key:key+256] = b"\xff" * 256'
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
	edit bad 'm[m.find(b"\x04\x28") + 2] ^= 1'
	seen bad
	looks_like altered bad
}

# substitute NAME: what docs/SECURITY.md says takes the place of the content key of NAME
substitute() {
	openssl x509 -in "$W/alice.pem" -noout -pubkey | openssl pkey -pubin -outform DER -out spki
	python3 - "$1" <<-'PYTHON'
		import hashlib, hmac, os, sys
		m = open(sys.argv[1], 'rb').read()
		key = m.find(b'\x04\x82\x01\x00') + 4
		secret = open(os.environ['XDG_STATE_HOME'] + '/hsmime/substitute-secret', 'rb').read()
		oid = bytes.fromhex('060960864801650304012a')
		said = open('spki', 'rb').read() + m[key:key+256] + oid
		print(hmac.new(secret, said, hashlib.sha256).hexdigest())
	PYTHON
}

@test "the same bad message gives the same in every run, and something else for another person" {
	envelope aes-256-cbc alice bad
	edit bad 'm[key:key+256] = b"\x37" * 256'
	hsmime decrypt -q --cms -o /dev/null bad || true
	# Content under the substitute key comes out whole: every run takes that key and no other.
	iv=$(python3 -c 'm = open("bad", "rb").read()
at = m.find(bytes.fromhex("60864801650304012a0410")) + 11
print(m[at:at+16].hex())')
	openssl enc -aes-256-cbc -K "$(substitute bad)" -iv "$iv" -in "$W/data" -out content
	edit bad 'c = open("content", "rb").read(); m[-len(c):] = c'
	for _ in {1..20}; do
		run_as 0 hsmime decrypt -q --cms -o out bad
		cmp out "$W/data"
	done
	XDG_STATE_HOME=$PWD/another run hsmime decrypt -q --cms -o other bad
	if [ -e other ] && cmp -s other "$W/data"; then return 1; fi
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
		edit short 'm[key+100:key+101] = b"\x37"'
		run_as 3 hsmime decrypt --cms -o out short
		[ "$stderr" = "$words" ]
		[ ! -e out ]
	done
}
