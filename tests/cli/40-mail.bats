#!/usr/bin/env bats
# Mails: sign, verify, encrypt, decrypt, and what each does with a mail that was touched.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	new_peer carol
	new_peer expired -1
	new_mail alice carol
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	cp "$W/mail.eml" .
}

@test "sign -k makes a multipart/signed that verifies, also for openssl" {
	run_as 0 hsmime sign -k 'pkcs11:token=Demo;id=%01' -o signed.eml mail.eml
	[ -z "$output$stderr" ]
	grep -q '^Subject: contract' signed.eml
	grep -q 'multipart/signed' signed.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" signed.eml
	reported '^Valid$'
	reported '^  signer: +CN=alice'
	reported "From address is in the certificate"
	reported 'RSA PKCS#1 v1.5 with SHA-256'
	reported '^Not checked: revocation'
	openssl cms -verify -in signed.eml -CAfile "$W/ca.pem" -out /dev/null 2>/dev/null
}

@test "sign --from chooses the key by the From address" {
	new_mail bob carol bob.eml
	run_as 0 hsmime sign --from -o signed.eml bob.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" signed.eml
	reported '^  signer: +CN=bob'
	reported 'ECDSA with SHA-256'
}

@test "sign --from without a key for the address ends with 5" {
	new_mail nobody carol nobody.eml
	run_as 5 hsmime sign --from -o signed.eml nobody.eml
	explained
	[ ! -e signed.eml ]
}

@test "a signature by another person is shown as such" {
	run_as 0 hsmime sign -k 'pkcs11:id=%02' -o signed.eml mail.eml
	run hsmime verify --ca "$W/ca.pem" signed.eml
	reported 'From address is NOT in the certificate'
}

@test "sign --opaque puts the content inside" {
	run_as 0 hsmime sign --opaque --from -o signed.eml mail.eml
	grep -q 'application/pkcs7-mime' signed.eml
	grep -q '1000 units' signed.eml && return 1
	run_as 0 hsmime verify --ca "$W/ca.pem" -o entity signed.eml
	grep -q '1000 units' entity
}

@test "digest and RSASSA-PSS are those that were asked for" {
	run_as 0 hsmime sign --digest sha512 --pss -k 'pkcs11:id=%01' -o signed.eml mail.eml
	grep -q 'sha-512' signed.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" signed.eml
	reported 'RSA-PSS with SHA-512'
}

@test "a changed body, and a changed signature, are not valid" {
	hsmime sign --from -o signed.eml mail.eml
	sed 's/1000 units/9000 units/' signed.eml >changed.eml
	run_as 1 hsmime verify --ca "$W/ca.pem" changed.eml
	reported '^NOT VALID$'
	said 'not valid: '
	hsmime sign --opaque --cms -k 'pkcs11:id=%01' -o signed.p7m mail.eml
	flip signed.p7m 20
	run_as 1 hsmime verify --cms --ca "$W/ca.pem" signed.p7m
}

@test "verify -o writes the content only when it is valid" {
	hsmime sign --from -o signed.eml mail.eml
	echo kept >out
	sed 's/1000 units/9000 units/' signed.eml >changed.eml
	run_as 1 hsmime verify --ca "$W/ca.pem" -o out changed.eml
	[ "$(cat out)" = kept ]
	no_leftovers .
	run_as 0 hsmime verify --ca "$W/ca.pem" -o out signed.eml
	grep -q '1000 units' out
}

@test "a signer whom nobody vouches for is not valid; --no-chain asks for the signature alone" {
	hsmime sign --from -o signed.eml mail.eml
	run_as 1 hsmime verify signed.eml
	reported 'chain: +NOT trusted'
	run_as 1 hsmime verify --ca "$W/carol.pem" signed.eml
	run_as 0 hsmime verify --no-chain signed.eml
	reported 'whom to trust was not checked'
	reported 'chain: +not checked'
}

@test "where only trust is missing the answer is --ca, and where the signature is broken it is not" {
	hsmime sign --from -o signed.eml "$W/mail.eml"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -subj /CN=other 2>/dev/null
	run_as 1 hsmime verify --ca other.pem signed.eml
	said '^hsmime: the signature holds; name the authority that you trust with --ca'
	run_as 1 hsmime verify signed.eml
	said '^hsmime: the signature holds; name the authority'
	sed -i 's/1000 units/9000 units/' signed.eml
	run_as 1 hsmime verify --ca other.pem signed.eml
	said "^hsmime: don't rely on the message"
	[[ $stderr != *--ca* ]]
}

@test "--at checks the certificate at another time; --no-check-time at none" {
	hsmime sign --from -o signed.eml mail.eml
	run_as 1 hsmime verify --ca "$W/ca.pem" --at 2000-01-01 signed.eml
	said "^hsmime: the signature holds; compare the certificates' dates .*--at"
	run_as 1 hsmime verify --ca "$W/ca.pem" --at 2099-01-01T00:00:00+01:00 signed.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" --at "@$(date +%s)" signed.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" --no-check-time signed.eml
}

@test "--partial-chain trusts a certificate that is no root" {
	hsmime sign --from -o signed.eml mail.eml
	run_as 1 hsmime verify --ca "$W/alice.pem" signed.eml
	run_as 0 hsmime verify --ca "$W/alice.pem" --partial-chain signed.eml
}

@test "a mail without a signature is not valid" {
	run_as 1 hsmime verify --ca "$W/ca.pem" mail.eml
	said 'not signed'
}

@test "encrypt and decrypt give the mail back, with what was used" {
	new_mail carol alice to-alice.eml
	run_as 0 hsmime encrypt -r "$W/alice.pem" -o enc.eml to-alice.eml
	said '^hsmime: warning: no certificate of the sender was found'
	run_as 0 hsmime encrypt --no-encrypt-to-self -r "$W/alice.pem" -o enc.eml to-alice.eml
	[ -z "$output$stderr" ]
	grep -q '^Subject: contract' enc.eml
	grep -q '1000 units' enc.eml && return 1
	run_as 0 hsmime decrypt -o out.eml enc.eml
	[ -z "$output" ]
	said 'decrypted AES-256-CBC with pkcs11:'
	said 'not authenticated: AES-256-CBC'
	grep -q 'Agreed: 1000 units at 5 €.' out.eml
	run_as 0 hsmime decrypt -q -o out.eml enc.eml
	[ -z "$output$stderr" ]
}

@test "a recipient without a token reads it with openssl" {
	run_as 0 hsmime encrypt -r "$W/carol.pem" -o enc.eml mail.eml
	openssl cms -decrypt -in enc.eml -inkey "$W/carol.key" -recip "$W/carol.pem" -out out
	grep -q '1000 units' out
}

@test "the sender can read it too, unless --no-encrypt-to-self" {
	run_as 0 hsmime encrypt -r "$W/carol.pem" -o enc.eml mail.eml
	run_as 0 hsmime decrypt -q -o out.eml enc.eml
	run_as 0 hsmime encrypt --no-encrypt-to-self -r "$W/carol.pem" -o enc.eml mail.eml
	run_as 5 hsmime decrypt -o other.eml enc.eml
	explained
	[ ! -e other.eml ]
}

@test "AES-GCM is authenticated, and --require-authenticated refuses anything else with 7" {
	new_mail carol bob to-bob.eml
	run_as 0 hsmime encrypt --cipher aes-256-gcm -r "$W/bob.pem" -o gcm.eml to-bob.eml
	run_as 0 hsmime decrypt --require-authenticated -o out.eml gcm.eml
	[[ $stderr != *'not authenticated'* ]]
	run_as 0 hsmime encrypt -r "$W/bob.pem" -o cbc.eml to-bob.eml
	run_as 7 hsmime decrypt --require-authenticated -o no.eml cbc.eml
	explained
	[ ! -e no.eml ]
}

@test "a changed ciphertext gives 1 and nothing else" {
	hsmime encrypt --cms --cipher aes-256-gcm -r "$W/bob.pem" -o enc mail.eml
	for offset in 3 40; do
		cp enc bad
		flip bad $offset
		run_as 1 hsmime decrypt --cms -o out bad
		explained
		[ ! -e out ]
		run_as 1 bash -c '"$HSMIME" decrypt --cms <bad | cat; exit ${PIPESTATUS[0]}'
		[ -z "$output" ]
	done
}

@test "an expired recipient is refused with 7 unless forced" {
	new_mail alice expired to-expired.eml
	run_as 7 hsmime encrypt -r "$W/expired.pem" -o enc.eml to-expired.eml
	explained
	said 'expired'
	[ ! -e enc.eml ]
	run_as 0 hsmime encrypt --force-recipient -r "$W/expired.pem" -o enc.eml to-expired.eml
	openssl cms -decrypt -in enc.eml -inkey "$W/expired.key" -recip "$W/expired.pem" -out out
	grep -q '1000 units' out
}

@test "a recipient whose chain fails is refused with 7" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -subj /CN=other 2>/dev/null
	run_as 7 hsmime encrypt --ca other.pem -r "$W/carol.pem" -o enc.eml mail.eml
	run_as 0 hsmime encrypt --ca "$W/ca.pem" -r "$W/carol.pem" -o enc.eml mail.eml
}

@test "a Bcc recipient is refused, or written to a mail of its own" {
	sed '/^To:/a Bcc: bob@example.test' mail.eml >bcc.eml
	run_as 7 hsmime encrypt -r "$W/carol.pem" -r "$W/bob.pem" -o enc.eml bcc.eml
	said 'Bcc'
	mkdir bcc
	run_as 0 hsmime encrypt --bcc-dir bcc -r "$W/carol.pem" -r "$W/bob.pem" -o enc.eml bcc.eml
	[ "$(ls bcc)" = bob@example.test.eml ]
	grep -qi '^bcc' enc.eml && return 1
	run_as 0 hsmime decrypt -q -k 'pkcs11:id=%02' -o out.eml bcc/bob@example.test.eml
	grep -q '1000 units' out.eml
}

@test "sign --encrypt does both in one pass, and decrypt reports the signature inside" {
	run_as 0 hsmime sign --encrypt --from -r "$W/carol.pem" -o both.eml mail.eml
	run_as 0 hsmime decrypt -o inner.eml both.eml
	said 'inside, signed by CN=alice.*the signature holds; whom to trust was not checked'
	run_as 0 hsmime decrypt --ca "$W/ca.pem" -o inner.eml both.eml
	said 'inside, signed by CN=alice.*: valid$'
	sed 's/^From: .*/From: carol@example.test/' both.eml >other.eml
	run_as 0 hsmime decrypt --ca "$W/ca.pem" -o other-inner.eml other.eml
	said 'inside, signed by CN=alice.*: valid, and .*From address is NOT in the certificate: carol@example.test$'
	run_as 0 hsmime verify --ca "$W/ca.pem" inner.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" both.eml
	reported '^Layer 1: encrypted$'
	reported '^Layer 2: signed'
}

@test "--entity gives the MIME entity alone" {
	hsmime encrypt -r "$W/carol.pem" -o enc.eml mail.eml
	run_as 0 hsmime decrypt -q --entity -o entity enc.eml
	grep -q '^Content-Type: text/plain' entity
	grep -q '^Subject' entity && return 1
	run_as 0 hsmime sign --entity -k 'pkcs11:id=%01' -o signed entity
	grep -q '^Subject' signed && return 1
	run_as 0 hsmime verify --ca "$W/ca.pem" signed
}

@test "what is not encrypted is malformed input for decrypt" {
	run_as 3 hsmime decrypt -o out.eml mail.eml
	said 'not encrypted'
	[ ! -e out.eml ]
}

@test "a certificate from a file stands in for one that the token lacks" {
	new_mail carol alice to-alice.eml
	hsmime encrypt -r "$W/alice.pem" -o enc.eml to-alice.eml
	export SOFTHSM2_CONF=$PWD/softhsm2.conf
	cp -r "$W/tokens" .
	sed "s|$W|$PWD|" "$W/softhsm2.conf" >softhsm2.conf
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Demo --login --pin 123456 \
		--delete-object --type cert --id 01 >/dev/null 2>&1
	run_as 5 hsmime decrypt -o out.eml enc.eml
	run_as 0 hsmime decrypt -q --cert "$W/alice.pem" -o out.eml enc.eml
	grep -q '1000 units' out.eml
	run_as 5 hsmime sign -k 'pkcs11:id=%01' -o signed.eml mail.eml
	run_as 0 hsmime sign -k 'pkcs11:id=%01' --cert "$W/alice.pem" -o signed.eml mail.eml
	mkdir folder
	cp "$W/alice.pem" "$W/carol.pem" folder
	run_as 0 hsmime sign -k 'pkcs11:id=%01' --cert folder -o signed.eml mail.eml
}
