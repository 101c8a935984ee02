#!/usr/bin/env bats
# What comes out by a pipe, and when: whole mails or nothing, content that was checked to its
# end, the same octets as in a file.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_peer carol
	new_mail alice alice
	head -c 3000000 /dev/urandom >"$W/data"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	key='pkcs11:id=%01'
}

# broken_mail: its second part can't be signed, which shows when the first has been written
broken_mail() {
	printf '%s\n' 'From: alice@example.test' 'MIME-Version: 1.0' \
		'Content-Type: multipart/mixed; boundary=b' '' --b '' 'CONFIDENTIAL' --b \
		'Content-Type: text/plain' 'Content-Transfer-Encoding: 8bit' '' 'Grüße' --b \
		'Content-Type: multipart/signed; boundary=s; protocol="application/pkcs7-signature"' '' \
		--s '' 'inner é' --s 'Content-Type: application/pkcs7-signature' '' x --s-- --b--
}

@test "a mail that can't be signed leaves nothing in a pipe" {
	broken_mail >mail
	hsmime sign -k "$key" mail >out 2>words || status=$?
	[ "$status" != 0 ]
	[ ! -s out ]
	grep -q '^hsmime: ' words
}

@test "what is encrypted once more for somebody else comes out as it is, and is named" {
	hsmime encrypt --force-recipient --no-encrypt-to-self -r "$W/carol.pem" -o inner "$W/mail.eml"
	hsmime encrypt --force-recipient --no-encrypt-to-self -r "$W/alice.pem" -o outer inner
	run_as 0 hsmime decrypt -o out outer
	said 'encrypted once more'
	openssl smime -decrypt -in out -recip "$W/carol.pem" -inkey "$W/carol.key" -out plain
	grep -q 'Agreed: 1000' plain
}

@test "content that begins like an envelope, and is none, is content" {
	{
		printf 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n'
		printf 'Content-Transfer-Encoding: base64\n\n'
		printf '\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x80\x30\x80\x02\x01' | base64
	} >entity
	openssl smime -encrypt -aes-256-cbc -in entity -out outer "$W/alice.pem"
	run_as 0 hsmime decrypt --entity -o out outer
	tr -d '\r' <out | cmp - entity
}

@test "a file and a pipe give the same, for every cipher, from a file and from a pipe" {
	for cipher in aes-128-cbc aes-256-cbc aes-256-gcm; do
		for format in der pem smime; do
			hsmime encrypt --cms --cipher $cipher --format $format -r "$W/alice.pem" -o enc "$W/data"
			hsmime decrypt -q --cms enc | cmp - "$W/data"
			hsmime decrypt -q --cms <enc | cmp - "$W/data"
			cat enc | hsmime decrypt -q --cms | cmp - "$W/data"
			hsmime decrypt -q --cms -o out enc
			cmp out "$W/data"
		done
	done
}

@test "damaged CBC content leaves nothing in a pipe, wherever it is damaged" {
	hsmime encrypt --cms --cipher aes-256-cbc --format der -r "$W/alice.pem" -o enc "$W/data"
	cp enc bad
	flip bad 20
	run_as 1 hsmime decrypt --cms bad
	[ -z "$output" ]
	head -c -5 enc >short
	run_as 3 hsmime decrypt --cms short
	[ -z "$output" ]
}

@test "content decrypted into a pipe needs no room on a disk, one token call and its signature judged" {
	hsmime encrypt --cms --cipher aes-256-cbc --format der -r "$W/alice.pem" -o enc "$W/data"
	TMPDIR=/nonexistent hsmime decrypt -q --cms enc | cmp - "$W/data"
	hsmime sign --cms --opaque --format der -k "$key" -o signed "$W/data"
	hsmime encrypt --cms --cipher aes-256-cbc --format der -r "$W/alice.pem" -o enc signed
	run_as 0 hsmime decrypt --cms --ca "$W/ca.pem" -o out enc
	said 'alice'
	cmp out signed
	hsmime decrypt --json --cms --ca "$W/ca.pem" enc 2>report | cmp - signed
	[ "$(field 'len(d["layers"])' <report)" = 2 ]
}

@test "input that changes while it is read twice is an error" {
	hsmime encrypt --cms --cipher aes-256-cbc --format der -r "$W/alice.pem" -o enc "$W/data"
	mkfifo hold
	hsmime decrypt -q --cms enc >hold 2>words &
	pid=$!
	# The pipe is full, the rest of the second reading is to come.
	exec 7<hold
	head -c 1000 <&7 >/dev/null
	printf x >>enc
	status=0
	cat <&7 >/dev/null
	wait $pid || status=$?
	exec 7<&-
	[ $status = 6 ]
	grep -q 'changed' words
}
