#!/usr/bin/env bats
# hsmime archive decrypt --provenance and --ca: what a decrypted message, and its record, tell of where it came from and of
# the signatures in it.

load helper
load archive

setup_file() {
	new_archive_world
	cd "$W"
	openssl cms -sign -in entity -signer eve.pem -inkey eve.key -out good
	openssl cms -sign -nodetach -in entity -signer eve.pem -inkey eve.key -out opaque
	sed 's/1000 units/9000 units/' good >forged
	{
		printf '%s\n' 'Content-Type: multipart/mixed; boundary=x' '' --x
		cat good
		printf '%s\n' --x 'Content-Type: text/plain' '' more --x--
	} >partly
	for name in good opaque forged partly; do
		openssl cms -encrypt -binary -aes-256-gcm -in $name -out "body/in-$name" alice.pem
		openssl cms -decrypt -in "body/in-$name" -inkey alice.key -out "clear/in-$name"
	done
	mailboxes make "$W/some" 14 cbc gcm in-good in-opaque in-forged in-partly plain
	for n in 01 02 03 04 05 06 07 08 09 10 11 12 13 14; do # the signer's address
		sed -i 's/^From: Alice <alice@/From: Eve <eve@/' "$W/some/in/000$n.eml" "$W/some/want/000$n.eml"
		touch -r "$W/body" "$W/some/in/000$n.eml"
	done
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# stripped FROM TO: the messages of FROM without the two fields before each, which have to be folded
stripped() {
	python3 - "$1" "$2" <<-'PY'
		import os, re, sys
		for name in os.listdir(sys.argv[1]):
		    if name.startswith("."):
		        continue
		    data = open(f"{sys.argv[1]}/{name}", "rb").read()
		    head = re.match(rb"Hsmime-Provenance:[^\n]*\n(?:[ ][^\n]*\n)*Authentication-Results:[^\n]*\n(?:[ ][^\n]*\n)*", data)
		    if head and max(map(len, head.group(0).splitlines())) > 78:
		        sys.exit(f"a line over 78 in {name}")
		    open(f"{sys.argv[2]}/{name}", "wb").write(data[head.end() if head else 0:])
	PY
}

# results NUMBER: the Authentication-Results field of that message, unfolded; origin NUMBER: the parameters of the other one
results() {
	python3 -c 'import email.parser, sys
print(email.parser.BytesHeaderParser().parse(open(sys.argv[1], "rb"))["Authentication-Results"].replace("\n", ""))' "clear/000$1.eml"
}

origin() {
	python3 - "clear/$1" "$2" <<-'PY'
		import email.parser, email.utils, sys
		mail = email.parser.BytesHeaderParser().parse(open(sys.argv[1], "rb"))
		# As a MIME parameter list (RFC 2231).
		made = email.message.Message()
		made["Content-Type"] = "x/y; " + mail["Hsmime-Provenance"].replace("\n", "")
		value = made.get_param(sys.argv[2])
		print(email.utils.collapse_rfc2231_value(value) if value is not None else None)
	PY
}

@test "a decrypted message says where it came from, and is otherwise what it would be" {
	archive 0 decrypt --provenance mx.example.test --in "eml:$W/some/in" --out eml:clear
	mkdir bare
	stripped clear bare
	mailboxes check eml bare "$W/some/want"
	cmp clear/00007.eml "$W/some/in/00007.eml"
	[ "$(origin 00001.eml by)" = mx.example.test ]
	[ "$(origin 00001.eml mailbox)" = "eml:$W/some/in" ]
	[ "$(origin 00001.eml name)" = 00001.eml ]
	[ "$(origin 00001.eml sha256)" = "$(sha256sum <"$W/some/in/00001.eml" | cut -d' ' -f1)" ]
	[ "$(origin 00001.eml authenticated)" = no ]
	[ "$(origin 00001.eml cipher)" = AES-256-CBC ]
	[ "$(origin 00002.eml authenticated)" = yes ]
	[[ $(origin 00002.eml key) == pkcs11:*id=%01* ]]
	[[ $(origin 00002.eml recipient-serial) == $(openssl x509 -noout -serial -in "$W/alice.pem" | cut -d= -f2) ]]
	[ "$(origin 00002.eml job)" = "$(origin 00001.eml job)" ]
	date -d "$(origin 00002.eml when)"
	mailboxes check-manifest clear.hsmime "$W/some/in" clear
	archive 0 check --no-seal --sources clear.hsmime
	no_drafts .
}

@test "it says what the signature is worth, in the words of RFC 8601" {
	archive 0 decrypt --provenance mx.example.test --ca "$W/ca.pem" --in "eml:$W/some/in" --out eml:clear
	[ "$(results 01)" = 'mx.example.test; smime=none' ]
	[[ $(results 03) == 'mx.example.test; smime=pass body.smime-identifier="eve@example.test" body.smime-serial="'*'" body.smime-issuer="'*'"' ]]
	[[ $(results 04) == 'mx.example.test; smime=pass '* ]]
	[[ $(results 05) == 'mx.example.test; smime=fail reason="'* ]]
	[[ $(results 06) == 'mx.example.test; smime=policy reason="only a part of the mail is signed" '*'body.smime-part="1" '* ]]
	rm -r clear clear.hsmime
	archive 0 decrypt --provenance mx.example.test --in "eml:$W/some/in" --out eml:clear
	[[ $(results 03) == 'mx.example.test; smime=neutral reason="the signature holds; whom to trust was not checked" '* ]]
	[[ $(results 05) == 'mx.example.test; smime=fail '* ]]
	rm -r clear clear.hsmime
	openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -subj /CN=other -days 9 2>/dev/null
	archive 0 decrypt --provenance mx.example.test --ca other.pem --in "eml:$W/some/in" --out eml:clear
	[[ $(results 03) == 'mx.example.test; smime=policy reason="'* ]]
	# Not the signer's mail.
	rm -r clear clear.hsmime
	cp -r "$W/some/in" tree
	sed -i 's/^From: Eve <eve@/From: Mallory <mallory@/' tree/00003.eml
	archive 0 decrypt --provenance mx.example.test --ca "$W/ca.pem" --in eml:tree --out eml:clear
	[[ $(results 03) == 'mx.example.test; smime=policy reason="the From address is not the signer'*'s" '* ]]
}

@test "what the mail brought and looks like ours gets another name, inside and outside" {
	mkdir tree
	printf '%s\n' 'Authentication-Results: mx.example.test; smime=pass' 'Hsmime-Provenance: by=inside' >inner
	cat "$W/entity" >>inner
	openssl cms -encrypt -binary -aes-256-gcm -in inner -out enc "$W/alice.pem"
	{
		printf '%s\n' 'Hsmime-Provenance: by=mx.example.test;' ' name=forged' 'AUTHENTICATION-RESULTS :(x) "MX.example.test" 1; smime=pass' \
			'Authentication-Results: other.example.test; dkim=pass' 'From: eve@example.test'
		cat enc
	} >tree/1.eml
	archive 0 decrypt --provenance mx.example.test --in eml:tree --out eml:clear
	[ "$(grep -ci '^hsmime-provenance' clear/1.eml)" = 1 ]
	[ "$(grep -ci '^authentication-results' clear/1.eml)" = 2 ]
	grep -qx 'Authentication-Results: other.example.test; dkim=pass' clear/1.eml
	grep -qx 'Original-Hsmime-Provenance: by=mx.example.test;' clear/1.eml
	grep -qx 'Original-AUTHENTICATION-RESULTS :(x) "MX.example.test" 1; smime=pass' clear/1.eml
	[ "$(grep -c '^Original-' clear/1.eml)" = 4 ]
	[ "$(origin 1.eml name)" = 1.eml ]
	grep -q 'smime=none' clear/1.eml
}

@test "no name on disk makes a header field" {
	mkdir tree
	name=$(printf 'a\nBcc: eve@example.test\n\n"; x=y \xff \xe2\x82\xac.eml')
	cp "$W/some/in/00002.eml" "tree/$name"
	archive 0 decrypt --provenance mx.example.test --in eml:tree --out eml:clear
	cp clear/*.eml clear/x.eml
	run ! grep -q '^Bcc' clear/x.eml
	run ! grep -qP '[^\x00-\x7f]' <(sed '/^From:/,$d' clear/x.eml)
	[ "$(sed -n '1,/^From:/p' clear/x.eml | grep -c '^[^ ]')" = 3 ]
	[[ $(origin x.eml name) == $'a\nBcc: eve@example.test\n\n"; x=y '* ]]
}

@test "each kind of mailbox, and mails with CRLF" {
	mailboxes maildir "$W/some" box
	archive 0 decrypt --provenance mx.example.test --in box --out mbox:clear.mbox
	[ "$(grep -c '^Hsmime-Provenance: by=mx.example.test;' clear.mbox)" = 12 ]
	[ "$(grep -c '^From MAILER' clear.mbox)" = 14 ]
	archive 0 decrypt --provenance mx.example.test --in box --out maildir:mail
	[ "$(grep -rl '^Hsmime-Provenance: by=mx.example.test;' mail | wc -l)" = 12 ]
	mkdir tree
	sed 's/$/\r/' "$W/some/in/00003.eml" >tree/00003.eml
	openssl cms -encrypt -outform DER -aes-128-gcm -in "$W/entity" -out tree/bare.p7m "$W/alice.pem"
	openssl cms -encrypt -binary -outform DER -aes-128-gcm -in "$W/ca.key" -out tree/none.p7m "$W/alice.pem"
	archive 0 decrypt --provenance mx.example.test --in eml:tree --out eml:clear
	run ! grep -qPv '\r$' <(sed '/^From:/q' clear/00003.eml)
	[ "$(origin bare.p7m.eml name)" = bare.p7m ]
	cmp "$W/ca.key" clear/none.p7m.eml
	mailboxes check-manifest clear.hsmime tree clear
}

@test "it is a setting of the job, and goes on" {
	archive 0 decrypt --provenance mx.example.test --limit 3 --in "eml:$W/some/in" --out eml:clear
	archive 2 decrypt --limit 3 --in "eml:$W/some/in" --out eml:clear
	archive 2 decrypt --provenance other.example.test --limit 3 --in "eml:$W/some/in" --out eml:clear
	archive 0 decrypt --provenance mx.example.test --limit 3 --in "eml:$W/some/in" --out eml:clear
	[ "$(grep -l '^Hsmime-Provenance' clear/* | wc -l)" = 3 ]
	cp -r "$W/some/in" tree
	cat tree/00002.eml >kept
	{ sed '/^MIME/,$d' tree/00002.eml && cat "$W/body/nokey"; } >tree/00002x.eml
	archive 1 decrypt --provenance mx.example.test --in eml:tree --out eml:again
	cat kept >tree/00002x.eml
	archive 0 retry again.hsmime
	grep -q '^Hsmime-Provenance' again/00002x.eml
	for id in 'a b' 'a;b' '' "a
b"; do
		archive 2 decrypt --provenance "$id" --in "eml:$W/some/in" --out eml:never
		explained
	done
	[ ! -e never ]
}

@test "the record has the verdicts, with or without the header" {
	archive 0 decrypt --ca "$W/ca.pem" --in "eml:$W/some/in" --out eml:clear
	signer() {
		grep -F "\"name\":\"000$1.eml\"" clear.hsmime/manifest.jsonl |
			field '[(s["signature_holds"], s["trusted"], s["from_matches"], l.get("place")) for l in d["layers"] for s in l.get("signers", [])]'
	}
	[ "$(signer 01)" = '[]' ]
	[ "$(signer 03)" = '[(True, True, True, None)]' ]
	[ "$(signer 04)" = '[(True, True, True, None)]' ]
	[ "$(signer 05)" = '[(False, True, True, None)]' ]
	[ "$(signer 06)" = "[(True, True, True, '1')]" ]
	rm -r clear clear.hsmime
	archive 0 decrypt --in "eml:$W/some/in" --out eml:clear
	[ "$(signer 03)" = '[(True, None, True, None)]' ]
	rm -r clear clear.hsmime
	archive 0 decrypt --ca "$W/ca.pem" --no-chain --in "eml:$W/some/in" --out eml:clear
	[ "$(signer 03)" = '[(True, None, True, None)]' ]
	rm -r clear clear.hsmime
	archive 0 decrypt --ca "$W/ca.pem" --at 2050-01-01 --in "eml:$W/some/in" --out eml:clear
	[ "$(signer 03)" = '[(True, False, True, None)]' ]
	archive 2 decrypt --ca "$W/ca.pem" --in "eml:$W/some/in" --out eml:clear
	archive 2 decrypt --at 2050-01-01 --in "eml:$W/some/in" --out eml:never
	explained
}
