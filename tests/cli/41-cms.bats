#!/usr/bin/env bats
# CMS over any file: forms, formats, and content beside the signature or inside it.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	head -c 100000 /dev/urandom >"$W/data"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	key='pkcs11:token=Demo;id=%02'
}

@test "sign --cms is detached unless told otherwise, and verifies with --content" {
	run_as 0 hsmime sign --cms -k "$key" -o data.p7s "$W/data"
	[ "$(stat -c %s data.p7s)" -lt 5000 ]
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" --content "$W/data" data.p7s
	reported '^Valid$'
	run_as 0 hsmime sign --cms --opaque --detached -k "$key" -o again.p7s "$W/data"
	[ "$(stat -c %s again.p7s)" -lt 5000 ]
}

@test "other content, or none, does not verify" {
	hsmime sign --cms -k "$key" -o data.p7s "$W/data"
	cp "$W/data" other
	flip other 50000
	run_as 1 hsmime verify --cms --ca "$W/ca.pem" --content other data.p7s
	run_as 1 hsmime verify --cms --ca "$W/ca.pem" data.p7s
	said '^hsmime: the signature is detached: what it covers is not in the message$'
	said '^hsmime: give the signed file with --content$'
	reported 'NOT OPENED'
	grep -q 'does NOT hold' <<<"$output" && return 1
	run_as 6 hsmime verify --cms --ca "$W/ca.pem" --content /no/such/file data.p7s
}

@test "what is no CMS is called so, and nobody is sent to --cms again" {
	seq 1 1000 >numbers
	for command in decrypt verify; do
		run_as 3 hsmime $command --cms numbers
		explained
		said 'no CMS \(neither DER, PEM nor S/MIME\)'
		[[ $stderr != *--cms* ]]
	done
}

@test "--opaque and --attached put the content inside; verify -o gives it back" {
	for option in --opaque --attached; do
		run_as 0 hsmime sign --cms $option -k "$key" -o data.p7m "$W/data"
		run_as 0 hsmime verify --cms --ca "$W/ca.pem" -o out data.p7m
		cmp out "$W/data"
	done
}

@test "every format is written as asked and recognised again" {
	for format in der pem smime; do
		hsmime sign --cms --opaque --format $format -k "$key" -o signed "$W/data"
		hsmime encrypt --cms --format $format -r "$W/bob.pem" -o encrypted "$W/data"
		for read in auto $format; do
			run_as 0 hsmime verify --cms --format $read --ca "$W/ca.pem" signed
			run_as 0 hsmime decrypt -q --cms --format $read -o out encrypted
			cmp out "$W/data"
		done
	done
	head -1 encrypted | grep -qi '^mime-version\|^content-'
	hsmime encrypt --cms --format pem -r "$W/bob.pem" -o encrypted "$W/data"
	head -1 encrypted | grep -q '^-----BEGIN'
}

@test "every cipher, for RSA and EC, comes back as it was" {
	for cipher in aes-128-cbc aes-256-cbc aes-128-gcm aes-256-gcm; do
		for name in alice bob; do
			hsmime encrypt --cms --cipher $cipher -r "$W/$name.pem" -o encrypted "$W/data"
			run_as 0 hsmime decrypt --cms -o out encrypted
			said "decrypted ${cipher^^} with "
			cmp out "$W/data"
		done
	done
}

@test "--key-transport is what openssl then reads" {
	hsmime encrypt --cms --key-transport oaep -r "$W/alice.pem" -o oaep "$W/data"
	openssl cms -cmsout -print -noout -inform DER -in oaep | grep -q rsaesOaep
	hsmime encrypt --cms --key-transport pkcs1 -r "$W/alice.pem" -o pkcs1 "$W/data"
	openssl cms -cmsout -print -noout -inform DER -in pkcs1 | grep -q 'algorithm: rsaEncryption'
	for file in oaep pkcs1; do
		run_as 0 hsmime decrypt -q --cms -o out $file
		cmp out "$W/data"
	done
}

@test "--recipient-key-id names recipients by key identifier" {
	hsmime encrypt --cms --recipient-key-id -r "$W/alice.pem" -o encrypted "$W/data"
	openssl cms -cmsout -print -noout -inform DER -in encrypted | grep -q subjectKeyIdentifier
	run_as 0 hsmime decrypt -q --cms -o out encrypted
	cmp out "$W/data"
}

@test "sign --encrypt over a file, and back in one verify" {
	run_as 0 hsmime sign --cms --encrypt -r "$W/alice.pem" -k "$key" -o both "$W/data"
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" -o out both
	cmp out "$W/data"
}

@test "input that is no CMS is malformed" {
	for input in /dev/null "$W/data" "$W/ca.pem"; do
		run_as 3 hsmime verify --cms --ca "$W/ca.pem" $input
		run_as 3 hsmime decrypt --cms -o out $input
		[ ! -e out ]
	done
}

@test "input that ends early is malformed" {
	hsmime sign --cms --opaque -k "$key" -o signed "$W/data"
	hsmime encrypt --cms -r "$W/bob.pem" -o encrypted "$W/data"
	for size in 1 100 50000; do
		head -c $size signed >short
		run_as 3 hsmime verify --cms --ca "$W/ca.pem" short
		head -c $size encrypted >short
		run_as 3 hsmime decrypt --cms -o out short
		[ ! -e out ]
	done
}
