#!/usr/bin/env bats
# Who a mail is from and to: every From address, Bcc recipients whom nobody may see, and
# which of several certificates and keys is taken.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	new_peer carol
	new_peer dave
	peer_for carol2 carol@example.test
	peer_for board board@example.test,email:eve@example.test
	peer_for nobody ''
	new_mail alice carol
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	cp "$W/mail.eml" .
	mkdir bcc
}

# peer_for NAME ADDRESS: a certificate for that address; '' is none
peer_for() {
	new_peer "$1" 3000 'keyUsage=critical,digitalSignature,keyEncipherment' \
		"${2:+subjectAltName=email:$2}"
}

# with LINE... : mail.eml with these header lines behind To
with() {
	{
		sed '/^To:/q' mail.eml
		printf '%s\n' "$@"
		sed '1,/^To:/d' mail.eml
	}
}

# shows FILE NAME: the recipients of FILE have the certificate NAME among them
shows() {
	local serial
	serial=$(openssl x509 -in "$W/$2.pem" -noout -serial)
	openssl cms -cmsout -print -noout -in "$1" 2>/dev/null |
		sed -n 's/^ *serialNumber: 0x//p; s/^ *serialNumber: \([0-9]*\)$/\1/p' >serials
	grep -qi "^0*$(sed 's/.*=0*//' <<<"$serial")\$" serials ||
		grep -q "^$(printf '%d' "0x${serial#*=}" 2>/dev/null)\$" serials
}

reads() { # NAME FILE: who has that key can decrypt FILE
	openssl cms -decrypt -in "$2" -inkey "$W/$1.key" -recip "$W/$1.pem" -out "$1.out" 2>/dev/null &&
		grep -q '1000 units' "$1.out"
}

# certify_key PUBLIC-KEY ADDRESS [OPTION...]: a certificate newer than any on the token
certify_key() {
	local key=$1
	printf '%s\n' 'keyUsage=critical,digitalSignature' "subjectAltName=email:$2" >ext
	[ $# -gt 2 ] || set -- '' '' -days 30
	openssl x509 -new -force_pubkey "$key" -subj '/CN=newer' -CA "$W/ca.pem" -CAkey "$W/ca.key" \
		"${@:3}" -extfile ext
}

# certify_key_past PUBLIC-KEY ADDRESS: one that has expired
certify_key_past() {
	local past=(-days -1)
	# OpenSSL 3.5 takes no negative days, and 3.0 no date.
	if openssl x509 -help 2>&1 | grep -q -- -not_after; then
		past=(-not_before 20180101000000Z -not_after 20190101000000Z)
	fi
	certify_key "$1" "$2" "${past[@]}"
}

# from_is ANSWER FILE: what verify says of From, in words and in JSON
from_is() {
	run hsmime verify --ca "$W/ca.pem" "$2"
	case $1 in
	True) reported "^  From: +the mail's From address is in the certificate$" ;;
	*) [[ $output != *'From address is in the certificate'* ]] ;;
	esac
	[ "$(hsmime verify --json --ca "$W/ca.pem" "$2" |
		field 'd["valid"], d["layers"][0]["signers"][0]["from_matches"]')" = "(True, $1)" ]
	run hsmime verify --ca "$W/ca.pem" "$2"
}

@test "From is the signer's only with every address of it in the certificate" {
	hsmime sign -k 'pkcs11:id=%01' -o signed.eml mail.eml
	from_is True signed.eml
	sed 's/^From: .*/From: mallory@evil.test, alice@example.test/' signed.eml >two.eml
	from_is False two.eml
	reported "From address is NOT in the certificate: mallory@evil.test$"
	sed 's/^From: .*/From: alice@example.test, "M" <mallory@evil.test>/' signed.eml >two.eml
	from_is False two.eml
	sed 's/^From: .*/From: alice@example.test (, mallory@evil.test/' signed.eml >open.eml
	from_is False open.eml
}

@test "several From fields are malformed, and never the signer's" {
	hsmime sign -k 'pkcs11:id=%01' -o signed.eml mail.eml
	{ echo 'From: mallory@evil.test'; cat signed.eml; } >two.eml
	from_is False two.eml
	reported "From can't be relied on .malformed: more than one From field.; NOT in the certificate: mallory@evil.test"
	{ echo 'From: alice@example.test'; cat signed.eml; } >twice.eml
	from_is False twice.eml
	reported 'malformed: more than one From field'
	{ echo 'From: The CEO'; cat signed.eml; } >name.eml
	from_is False name.eml
	run_as 3 hsmime sign --from -o out.eml two.eml
	explained
	said 'more than one From field'
}

@test "the 1001st From address is not overlooked" {
	hsmime sign -k 'pkcs11:id=%01' -o signed.eml mail.eml
	{
		printf 'From: '
		for _ in $(seq 1000); do printf 'alice@example.test,\n '; done
		echo 'mallory@evil.test'
		sed 1d signed.eml
	} >many.eml
	from_is False many.eml
	reported 'more than 1000 addresses'
}

@test "decrypt says who From is that did not sign" {
	hsmime sign --encrypt --from -r "$W/carol.pem" -o both.eml mail.eml
	sed 's/^From: .*/From: alice@example.test, mallory@evil.test/' both.eml >two.eml
	run_as 0 hsmime decrypt --ca "$W/ca.pem" -o out.eml two.eml
	said "inside, signed by CN=alice.*: valid, and the mail's From address is NOT in the certificate: mallory@evil.test$"
}

@test "a certificate without an address is nobody's until it is forced" {
	run_as 7 hsmime encrypt -r "$W/carol.pem" -r "$W/nobody.pem" -o enc.eml mail.eml
	explained
	said 'recipient CN=nobody: it names no e-mail address'
	said force-recipient
	[ ! -e enc.eml ]
	run_as 0 hsmime encrypt --force-recipient -r "$W/carol.pem" -r "$W/nobody.pem" -o enc.eml mail.eml
	shows enc.eml nobody
	run_as 0 hsmime encrypt --cms -r "$W/nobody.pem" -o enc.p7m mail.eml
}

@test "with Bcc a certificate that names nobody of the mail is refused, forced or not" {
	with 'Bcc: dave@example.test' >bcc.eml
	for who in board nobody; do
		for force in '' --force-recipient; do
			# shellcheck disable=SC2086
			run_as 7 hsmime encrypt $force --bcc-dir bcc -r "$W/carol.pem" -r "$W/dave.pem" \
				-r "$W/$who.pem" -o enc.eml bcc.eml
			explained
			said "^hsmime: recipient CN=$who: the mail has Bcc recipients"
			said 'force-recipient does not change this'
			[ ! -e enc.eml ]
			[ -z "$(ls -A bcc)" ]
		done
	done
	with 'Reply-To: eve@example.test' 'Bcc: dave@example.test' >reply.eml
	run_as 7 hsmime encrypt --bcc-dir bcc -r "$W/carol.pem" -r "$W/dave.pem" -r "$W/board.pem" \
		-o enc.eml reply.eml
	with 'Sender: eve@example.test' 'Bcc: dave@example.test' >sender.eml
	run_as 0 hsmime encrypt --bcc-dir bcc -r "$W/carol.pem" -r "$W/dave.pem" -r "$W/board.pem" \
		-o enc.eml sender.eml
	reads board enc.eml
	reads carol enc.eml
	shows enc.eml carol
	shows enc.eml dave && return 1
	reads dave enc.eml && return 1
	reads dave bcc/dave@example.test.eml
	reads carol bcc/dave@example.test.eml && return 1
	run_as 7 hsmime encrypt --force-recipient -r "$W/carol.pem" -r "$W/dave.pem" -o no.eml bcc.eml
	explained
	said 'only Bcc names this one'
}

@test "Resent-Bcc and a mail with Bcc alone follow the same rules" {
	with 'Resent-Bcc: dave@example.test' >resent.eml
	run_as 7 hsmime encrypt -r "$W/carol.pem" -r "$W/dave.pem" -o enc.eml resent.eml
	sed 's/^To: .*/Bcc: dave@example.test/' mail.eml >only.eml
	run_as 7 hsmime encrypt --bcc-dir bcc -r "$W/carol.pem" -r "$W/dave.pem" -o enc.eml only.eml
	said 'CN=carol'
	run_as 0 hsmime encrypt --bcc-dir bcc -r "$W/dave.pem" -o enc.eml only.eml
	reads dave bcc/dave@example.test.eml
	shows enc.eml dave && return 1
	shows enc.eml alice
}

@test "a message that can't be written leaves none for Bcc, and what was there stays" {
	with 'Bcc: dave@example.test' >bcc.eml
	for out in - /dev/full nowhere/enc.eml; do
		full=(sh -c '"$@" >/dev/full' sh "$HSMIME" encrypt --bcc-dir bcc -r "$W/carol.pem"
			-r "$W/dave.pem" -o "$out" bcc.eml)
		run_as 6 "${full[@]}"
		[ -z "$(ls -A bcc)" ]
		echo keep >bcc/dave@example.test.eml
		run_as 6 "${full[@]}"
		[ "$(cat bcc/*)" = keep ]
		[ "$(ls -A bcc)" = dave@example.test.eml ]
		rm bcc/*
	done
}

@test "a certificate for somebody else is refused with the addresses that it has" {
	run_as 7 hsmime encrypt -r "$W/board.pem" -o enc.eml mail.eml
	said '^hsmime: it is for board@example.test, eve@example.test, and neither To nor Cc names that'
	[ ! -e enc.eml ]
}

@test "with nobody left for the message itself the answer is -r" {
	sed 's/^To: .*/Bcc: dave@example.test/' mail.eml >only.eml
	run_as 2 hsmime encrypt --no-encrypt-to-self --bcc-dir bcc -r "$W/dave.pem" -o enc.eml only.eml
	explained
	said 'with -r$'
	[ ! -e enc.eml ]
	[ -z "$(ls -A bcc)" ]
}

@test "addresses that can't be understood in a mail with Bcc are malformed, not overlooked" {
	for bad in 'Bcc: Evil One dave@example.test' 'Bcc: dave@example.test.' 'Bcc: dave' \
		'Bcc: carol@example.test (, dave@example.test' 'Bcc: dave@example.test <carol@example.test>' \
		'Bcc: <dave@example.test' 'Bcc: "dave@example.test'; do
		with "$bad" >bcc.eml
		run_as 3 hsmime encrypt --bcc-dir bcc -r "$W/carol.pem" -o enc.eml bcc.eml
		explained
		said "the mail's Bcc field can't be understood where it says: "
		[ ! -e enc.eml ]
	done
	with 'Cc: Eve eve@example.test' 'Bcc: dave@example.test' >cc.eml
	run_as 3 hsmime encrypt --bcc-dir bcc -r "$W/carol.pem" -r "$W/dave.pem" -o enc.eml cc.eml
	said "the mail's Cc field can't be understood"
}

@test "a Bcc address behind the bound of a list is an error" {
	{
		sed '/^To:/q' mail.eml
		printf 'Bcc: carol@example.test'
		for _ in $(seq 1000); do printf ',\n carol@example.test'; done
		printf ',\n dave@example.test\n'
		sed '1,/^To:/d' mail.eml
	} >many.eml
	run_as 3 hsmime encrypt -r "$W/carol.pem" -r "$W/dave.pem" -o enc.eml many.eml
	explained
	said 'Bcc field has more than 1000 addresses'
	[ ! -e enc.eml ]
}

@test "what is an empty Bcc hides nobody; a quoted name and a group are understood" {
	with 'Bcc: ' >empty.eml
	run_as 0 hsmime encrypt --force-recipient -r "$W/carol.pem" -r "$W/board.pem" -o enc.eml empty.eml
	with 'Bcc: "Dave, D." <dave@example.test>, Undisclosed: eve@example.test;' >bcc.eml
	run_as 0 hsmime encrypt --bcc-dir bcc -r "$W/carol.pem" -r "$W/dave.pem" -r "$W/board.pem" \
		-o enc.eml bcc.eml
	[ "$(ls bcc | tr '\n' ' ')" = 'dave@example.test.eml eve@example.test.eml ' ]
}

@test "a Bcc file has the address of the mail as its name, made safe, and loses none" {
	peer_for path ../../evil@example.test
	peer_for slash a/b@example.test
	peer_for under a_b@example.test
	with 'Bcc: "../../evil"@example.test, a/b@example.test, a_b@Example.TEST' >bcc.eml
	run_as 0 hsmime encrypt --bcc-dir bcc -r "$W/carol.pem" -r "$W/path.pem" -r "$W/slash.pem" \
		-r "$W/under.pem" -o enc.eml bcc.eml
	[ "$(ls -A bcc | wc -l)" = 3 ]
	reads path 'bcc/%22..%2F..%2Fevil%22@example.test.eml'
	reads slash bcc/a%2Fb@example.test.eml
	reads under bcc/a_b@example.test.eml
	for name in path slash under; do
		shows enc.eml "$name" && return 1
	done
	[ "$(find . .. -maxdepth 1 -name 'evil*' | wc -l)" = 0 ]
}

@test "all certificates of a Bcc address are recipients of its one file" {
	sed 's/^To: .*/To: dave@example.test/' mail.eml >to-dave.eml
	sed '/^To:/a Bcc: eve@example.test, carol@example.test, Carol@EXAMPLE.test' to-dave.eml >bcc.eml
	echo old >bcc/carol@example.test.eml
	run_as 0 hsmime encrypt --bcc-dir bcc -r "$W/dave.pem" -r "$W/carol.pem" -r "$W/carol2.pem" \
		-r "$W/board.pem" -o enc.eml bcc.eml
	[ "$(ls -A bcc | tr '\n' ' ')" = 'carol@example.test.eml eve@example.test.eml ' ]
	reads carol bcc/carol@example.test.eml
	reads carol2 bcc/carol@example.test.eml
	reads board bcc/carol@example.test.eml && return 1
	reads board bcc/eve@example.test.eml
	reads dave enc.eml
	reads carol enc.eml && return 1
	true
}

@test "the output does not take the place of a Bcc file" {
	with 'Bcc: dave@example.test' >bcc.eml
	run_as 2 hsmime encrypt --bcc-dir bcc -r "$W/carol.pem" -r "$W/dave.pem" \
		-o ./bcc/../bcc/dave@example.test.eml bcc.eml
	explained
	run_as 2 hsmime sign --encrypt --from --bcc-dir bcc -r "$W/carol.pem" -r "$W/dave.pem" \
		-o bcc/dave@example.test.eml bcc.eml
	[ -z "$(ls -A bcc)" ]
}

@test "a Bcc recipient without a certificate is an error, one of To or Cc a warning" {
	with 'Cc: eve@example.test, Eve <eve2@example.test>' >cc.eml
	run_as 0 hsmime encrypt -r "$W/carol.pem" -o enc.eml cc.eml
	[ "${#stderr_lines[@]}" = 1 ]
	said "warning: recipients without a certificate can't read this: eve@example.test, eve2@example.test$"
	with 'Bcc: dave@example.test, eve@example.test' >bcc.eml
	rm enc.eml
	run_as 5 hsmime encrypt --bcc-dir bcc -r "$W/carol.pem" -r "$W/dave.pem" -o enc.eml bcc.eml
	explained
	said 'there is no certificate for the Bcc recipient eve@example.test'
	[ ! -e enc.eml ]
	[ -z "$(ls -A bcc)" ]
}

@test "a Bcc to the sender, or to one of To, is no secret" {
	with 'Bcc: alice@example.test, carol@example.test' >self.eml
	run_as 0 hsmime encrypt -r "$W/carol.pem" -o enc.eml self.eml
	shows enc.eml alice
	run_as 5 hsmime encrypt --no-encrypt-to-self -r "$W/carol.pem" -o no.eml self.eml
	said 'Bcc recipient alice@example.test'
}

@test "sign --encrypt does not add the signer where Bcc alone names that one" {
	with 'Bcc: bob@example.test' >bcc.eml
	run_as 0 hsmime sign --encrypt -k 'pkcs11:id=%02' --bcc-dir bcc -r "$W/carol.pem" \
		-r "$W/bob.pem" -o both.eml bcc.eml
	shows both.eml bob && return 1
	shows both.eml alice
	shows bcc/bob@example.test.eml bob
}

@test "sign takes the token's valid certificate before an old or newer one in --cert" {
	mkdir old
	openssl x509 -in "$W/alice.pem" -noout -pubkey >pub
	certify_key_past pub alice@example.test >old/alice.pem
	openssl x509 -in old/alice.pem -noout -checkend 0 && return 1
	run_as 0 hsmime sign -k 'pkcs11:id=%01' --cert old -o signed.eml mail.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" signed.eml
	mkdir -p "$XDG_CONFIG_HOME/hsmime"
	printf '[hsmime]\ncert=%s\n' "$PWD/old" >"$XDG_CONFIG_HOME/hsmime/hsmime.conf"
	run hsmime sign --from -o signed2.eml mail.eml
	rm "$XDG_CONFIG_HOME/hsmime/hsmime.conf"
	[ "$status" = 0 ]
	run_as 0 hsmime verify --ca "$W/ca.pem" signed2.eml
	certify_key pub alice@example.test >old/newer.pem
	run_as 0 hsmime sign -k 'pkcs11:id=%01' --cert old -o signed3.eml mail.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" signed3.eml
	reported '^  signer: +CN=alice'
}

@test "sign --from finds the token's key of a certificate that is only in --cert" {
	new_mail office carol office.eml
	openssl x509 -in "$W/bob.pem" -noout -pubkey >pub
	mkdir certs
	certify_key pub office@example.test >certs/office.pem
	certify_key_past pub office@example.test >certs/expired.pem
	cp "$W/carol.pem" certs
	run_as 5 hsmime sign --from -o signed.eml office.eml
	explained
	run_as 0 hsmime sign --from --cert certs -o signed.eml office.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" signed.eml
	reported "^  signer: +CN=newer"
	reported "From address is in the certificate"
	openssl x509 -in "$W/alice.pem" -noout -pubkey >pub2
	certify_key pub2 office@example.test >certs/second.pem
	run_as 5 hsmime sign --from --cert certs -o both.eml office.eml
	explained
	said 'several keys fit office@example.test'
	said 'choose one with -k: pkcs11:.* .(RSA|EC), CN=.*; pkcs11:.* .(RSA|EC), CN='
}

@test "sign --from without a From address says -k" {
	sed '/^From:/d' mail.eml >none.eml
	run_as 3 hsmime sign --from -o signed.eml none.eml
	explained
	said 'no From address'
	said ' -k '
}

@test "a certificate with another kind of key is named, in the report's form of a name" {
	openssl genpkey -algorithm ed25519 -out ed.key
	openssl req -new -key ed.key -subj '/O=Example/CN=ed' -out ed.csr
	openssl x509 -req -in ed.csr -CA "$W/ca.pem" -CAkey "$W/ca.key" -days 30 -out ed.pem 2>/dev/null
	run_as 3 hsmime encrypt --cms -r ed.pem -o enc mail.eml
	explained
	said "^hsmime: recipient CN=ed,O=Example: the certificate's key is neither RSA nor EC$"
	said '^hsmime: get a certificate of that person'
}

@test "a token that is not there is named, whichever recipients the message has" {
	run_as 0 hsmime encrypt -r "$W/alice.pem" -o enc.eml mail.eml
	run_as 5 hsmime decrypt --token Nope -o out.eml enc.eml
	said 'there is no token "Nope"'
	run_as 5 hsmime decrypt --token Nope --cert "$W/alice.pem" -o out.eml enc.eml
	said 'there is no token "Nope"'
	[ ! -e out.eml ]
	run_as 0 hsmime encrypt --no-encrypt-to-self -r "$W/carol.pem" -o enc.eml mail.eml
	run_as 5 hsmime decrypt -o out.eml enc.eml
	said 'no key on the tokens belongs to a recipient'
}

@test "a recipient whose RSA key anybody can factor is refused" {
	openssl req -x509 -newkey rsa:512 -nodes -keyout /dev/null -out weak.pem -days 30 -subj /CN=weak \
		-addext keyUsage=keyEncipherment -addext subjectAltName=email:carol@example.test 2>/dev/null
	run_as 7 hsmime encrypt -r weak.pem -o enc.eml mail.eml
	explained
	said 'recipient CN=weak: .*shorter than 1,024 bits'
	[ ! -e enc.eml ]
}

@test "where the sender's certificate was sought on a module or token that is not there, that is said" {
	run_as 0 hsmime encrypt --module /no/such.so -r "$W/carol.pem" -o enc.eml mail.eml
	said "can't load the PKCS#11 module /no/such.so"
	said 'no certificate of the sender was found'
	run_as 0 hsmime encrypt --token Nope -r "$W/carol.pem" -o enc.eml mail.eml
	said 'there is no token "Nope"'
}
