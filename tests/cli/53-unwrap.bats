#!/usr/bin/env bats
# Decrypting with an RSA key that unwraps content keys and does not decrypt, where their value can be
# read, and where they stay on the token.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	"$HSMIME_BUILD/tests/token/unwrap_only" "$HSMIME_MODULE" Demo 123456 01
	head -c 3000000 /dev/urandom >"$W/data"
	echo 'unwrap_sensitive 1' >"$W/control"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# stays COMMAND...: on a token that keeps what it unwraps
stays() {
	HSMIME_MODULE=$HSMIME_BUILD/tests/token/proxy.so \
		PROXY_CONTROL=$W/control "$@"
}

# enveloped CIPHER [OPTION...]: data in enc, for alice
enveloped() {
	openssl cms -encrypt -binary -outform DER "-$1" -in "$W/data" -out enc -recip "$W/alice.pem" \
		"${@:2}"
}

@test "keys tells that the key unwraps, and it signs but does not decrypt" {
	run_as 0 hsmime keys --login
	reported '^  key: +RSA 2048 bits: sign, unwrap$'
}

@test "every cipher opens, into a file and into a pipe, from a file and from a pipe" {
	for cipher in aes-128-cbc aes-192-cbc aes-256-cbc des-ede3-cbc aes-128-gcm aes-256-gcm; do
		enveloped $cipher
		for how in env stays; do
			run_as 0 $how "$HSMIME" decrypt --cms -o out enc
			cmp out "$W/data"
			$how "$HSMIME" decrypt --cms enc 2>/dev/null | cmp - "$W/data"
			# shellcheck disable=SC2002 # a pipe is what is wanted
			cat enc | $how "$HSMIME" decrypt --cms 2>/dev/null | cmp - "$W/data"
		done
	done
}

@test "a mail opens, and a mail that is signed inside is judged" {
	new_mail alice alice
	hsmime encrypt -r "$W/alice.pem" -o enc.eml "$W/mail.eml"
	hsmime sign -e -r "$W/alice.pem" --ca "$W/ca.pem" -k 'pkcs11:id=%01' -o both.eml "$W/mail.eml"
	for how in env stays; do
		run_as 0 $how "$HSMIME" decrypt -o out.eml enc.eml
		grep -q '^Agreed: 1000 units' out.eml
		run_as 0 $how "$HSMIME" verify --ca "$W/ca.pem" both.eml
		reported '^Valid$'
	done
}

@test "damaged, cut, for another: the statuses and words of any other key" {
	new_peer other
	enveloped aes-256-gcm
	cp enc whole
	for how in env stays; do
		cp whole enc
		flip enc 100
		run_as 1 $how "$HSMIME" decrypt --cms -o out enc
		explained
		said '^hsmime: the message could not be decrypted$'
		head -c 2000000 whole >enc
		run_as 3 $how "$HSMIME" decrypt --cms -o out enc
		explained
		openssl cms -encrypt -binary -outform DER -aes-256-gcm -in "$W/data" -out enc "$W/other.pem"
		run_as 5 $how "$HSMIME" decrypt --cms -o out enc
		explained
		[ ! -e out ]
		no_leftovers .
	done
}

@test "OAEP with parameters that the token does not unwrap is named" {
	enveloped aes-256-gcm -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256
	run_as 4 hsmime decrypt --cms -o out enc
	explained
	said 'lacks unwrapping by RSA-OAEP .*CKM_RSA_PKCS_OAEP.* which unwraps only'
	enveloped aes-256-gcm -keyopt rsa_padding_mode:oaep
	run_as 0 hsmime decrypt --cms -o out enc
	cmp out "$W/data"
}

@test "GCM that is too much for the token alone is told, and nothing is written" {
	head -c $((16 * 1024 * 1024 + 1)) /dev/zero >large
	openssl cms -encrypt -binary -outform DER -aes-256-gcm -in large -out enc "$W/alice.pem"
	run_as 3 stays "$HSMIME" decrypt --cms -o out enc
	explained
	said 'at most 16 MiB of AES-GCM content'
	[ ! -e out ]
	run_as 0 hsmime decrypt --cms -o out enc
	cmp out large
}

@test "a call that hangs in the content is given up: status 4, and nothing is left behind" {
	for row in 'aes-256-cbc C_DecryptUpdate 1' 'aes-256-cbc C_DecryptFinal' 'aes-256-gcm C_Decrypt 5'; do
		read -r cipher call <<<"$row"
		enveloped "$cipher"
		printf '%s\n' 'unwrap_sensitive 1' "hang $call" >hang
		mkdir out
		HSMIME_MODULE=$HSMIME_BUILD/tests/token/proxy.so PROXY_CONTROL=$PWD/hang \
			run_as 4 timeout 30 "$HSMIME" decrypt --call-limit 1 --cms -o out/data enc
		explained
		said "does not answer .${call% *} has not returned."
		[ -z "$(ls -A out)" ]
		rmdir out
	done
	run_as 0 stays "$HSMIME" decrypt --cms -o out enc
	cmp out "$W/data"
}

# peak COMMAND...: runs it and sets $peak, its resident memory in KiB
peak() {
	peak=$(python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@")
}

@test "100 MB of CBC take no more memory than 3 MB, though the token decrypts them" {
	[ -z "${ASAN_OPTIONS:-}" ] || skip "AddressSanitizer keeps what was freed"
	enveloped aes-256-cbc
	stays peak "$HSMIME" decrypt --cms -o out enc
	small=$peak
	head -c 100000000 /dev/zero |
		hsmime encrypt --cms --cipher aes-256-cbc -r "$W/alice.pem" -o large
	stays peak "$HSMIME" decrypt --cms -o out large
	echo "$small and $peak KiB"
	[ "$(stat -c %s out)" = 100000000 ]
	[ "$peak" -lt $((small + 2048)) ]
}
