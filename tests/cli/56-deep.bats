#!/usr/bin/env bats
# hsmime decrypt --deep: what is encrypted inside a mail comes off in its place, compared with what openssl makes of each
# part; everything else stays octet for octet, and what can't be opened too.

load helper
load archive
load deep

setup_file() {
	new_archive_world
	new_deep_world
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# opened LAYER...: in.eml becomes want.eml, with these layers
opened() {
	run_as 0 hsmime decrypt --deep --json -o out.eml in.eml
	cmp want.eml out.eml
	[ "$(layers "$output")" = "$(printf '%s\n' "$@")" ]
	no_leftovers .
}

# kept STATUS LAYER...: in.eml stays, and these are why
kept() {
	rm -f out.eml
	run_as "$1" hsmime decrypt --deep --json -o out.eml in.eml
	[ ! -e out.eml ]
	[ "$(layers "$output")" = "$(printf '%s\n' "${@:2}")" ]
	no_leftovers .
}

@test "encrypted parts are opened where they are, and everything else stays" {
	mail_of $'X-Kept: yes\n@cbc@' $'@named@' $'Content-Type: message/rfc822\n\nReceived: from a\n\tby b\nFrom: bob@example.test\n@ecdh@' \
		$'Content-Type: multipart/alternative; boundary=alt\n\n--alt\n@gcm@\n--alt\nContent-Type: message/rfc822\n\nContent-Type: multipart/digest; boundary=dig\n\n--dig\n\nSubject: x\n@oaep@\n--dig--\n--alt--' \
		>template
	for how in --lf --crlf; do
		both template "$how"
		opened '2 encrypted True ok' '3 auth-encrypted True ok' '4.1 encrypted True ok' '5.1 auth-encrypted True ok' \
			'5.2.1.1.1 auth-encrypted True ok'
		[ "$(field 'd["authenticated"]' <<<"$output")" = False ]
	done
	run_as 0 hsmime decrypt --deep -o out.eml in.eml
	said 'decrypted part 4\.1 with pkcs11:'
	run_as 0 hsmime decrypt --deep <in.eml
	cmp want.eml <(hsmime decrypt --deep -q <in.eml)
	cmp want.eml <(cat in.eml | hsmime decrypt --deep -q | cat)
}

@test "without --deep nothing of that is done" {
	mail_of '@cbc@' >template
	both template
	run_as 3 hsmime decrypt -o out.eml in.eml
	said 'not encrypted: it is multipart/mixed'
	[ ! -e out.eml ]
	{ sed '/^MIME/,$d' in.eml && cat "$W/body/list"; } >list.eml
	run_as 0 hsmime decrypt -o out.eml list.eml
	[ "$(grep -c pkcs7-mime out.eml)" = 2 ]
}

@test "of a mail that is encrypted outside its parts come off as well, and those that come out" {
	{ mail_of x | sed '/^MIME/,$d' && cat "$W/body/list"; } >in.eml
	{ mail_of x | sed '/^MIME/,$d' && cat "$W/clear/list"; } >want.eml
	opened 'None auth-encrypted True ok' '2 encrypted True ok' '3.1 auth-encrypted True ok'
	mail_of '@list@' >template
	both template
	opened '2 auth-encrypted True ok' '2.2 encrypted True ok' '2.3.1 auth-encrypted True ok'
}

@test "layers directly inside each other come off: 3, and 8, and the ninth stays" {
	mail_of x | sed '/^MIME/,$d' >header
	cat header "$W/body/three" >in.eml
	cat header "$W/clear/one" >want.eml
	opened 'None encrypted True ok' 'None encrypted True ok' 'None auth-encrypted True ok'
	mail_of '@three@' | sed 's/@three@/Content-Type: message\/rfc822\n\nX-Kept: 1\n&/' >template
	(cd "$W" && filled body) <template >in.eml
	sed 's/@three@/@one@/' template | (cd "$W" && filled clear) >want.eml
	opened '2.1 encrypted True ok' '2.1 encrypted True ok' '2.1 auth-encrypted True ok'
	cp "$W/inmost" n
	for n in 1 2 3 4 5 6 7 8 9; do
		openssl cms -encrypt -aes-128-gcm -in n -out next "$W/alice.pem"
		mv next n
		[ "$n" != 8 ] || cat header n >eight.eml
	done
	run_as 0 hsmime decrypt --deep -o out.eml eight.eml
	grep -q three out.eml
	cat header n >in.eml
	run_as 0 hsmime decrypt --deep --json -o out.eml in.eml
	[ "$(field '[l["opened"] for l in d["layers"]] == 8 * [True] + [False]' <<<"$output")" = True ]
	[ "$(field 'd["layers"][8]["status"]' <<<"$output")" = malformed ]
	run ! grep -q three out.eml
	openssl cms -decrypt -in out.eml -inkey "$W/alice.key" | grep -q three
}

@test "encoded in base64, binary or quoted-printable, a part is opened" {
	printf '%s\n' 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m' \
		'Content-Transfer-Encoding: quoted-printable' '' >"$W/body/qp.raw"
	(cd "$W" && der gcm | python3 -c 'import quopri, sys; sys.stdout.buffer.write(quopri.encodestring(sys.stdin.buffer.read(), quotetabs=True).rstrip(b"\n"))') >>"$W/body/qp.raw"
	cp "$W/clear/gcm" "$W/clear/qp.raw"
	mail_of '@qp.raw@' >template
	both template
	opened '2 auth-encrypted True ok'
	mail_of $'Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: binary\n\n@binary.raw@' >template
	(cd "$W" && filled body) <template >in.eml
	mail_of '@binary.raw@' | (cd "$W" && filled clear) >want.eml
	opened '2 encrypted True ok'
}

@test "what lies inside a signature stays, and the signature holds" {
	local beside=(-md sha256) inside=(-nodetach)
	mail_of '@cbc@' | sed '1,/^Subject/d; s/b 1/s 1/' >template
	(cd "$W" && filled body) <template >signed
	mail_of x | sed '/^MIME/,$d' >header
	for how in inside beside; do
		declare -n arguments=$how
		openssl cms -sign "${arguments[@]}" -in signed -signer "$W/eve.pem" -inkey "$W/eve.key" -out body
		cat header body >in.eml
		if [ "$how" = inside ]; then place=2; else place=1.2; fi
		kept 7 "$place encrypted False policy"
		[ "$(field 'd["layers"][0]["inside_signature"], len(d["layers"][0]["recipients"])' <<<"$output")" = '(True, 1)' ]
		# Beside one that is opened.
		cp body "$W/body/signed2"
		cp body "$W/clear/signed2"
		printf '\n' >>"$W/body/signed2"
		sed -i -z 's/\n*$//' "$W/clear/signed2"
		mail_of '@signed2@' '@gcm@' >template2
		both template2
		run_as 0 hsmime decrypt --deep --json -o out.eml in.eml
		cmp want.eml out.eml
		[ "$(layers "$output")" = "$(printf '%s\n' "2.$place encrypted False policy" '3 auth-encrypted True ok')" ]
		sed -n '/^MIME-Version/,/^--b 1$/p' <(sed '1,/^before/d' out.eml) | sed '$d' >part
		openssl cms -verify -in part -CAfile "$W/ca.pem" -out verified
		grep -q pkcs7-mime verified
	done
	# An envelope around the signature comes off, and what is signed stays.
	openssl cms -encrypt -aes-256-gcm -in body -out enc "$W/alice.pem"
	cat header enc >in.eml
	run_as 0 hsmime decrypt --deep --json -o out.eml in.eml
	[ "$(layers "$output")" = "$(printf '%s\n' 'None auth-encrypted True ok' '1.2 encrypted False policy')" ]
	openssl cms -verify -in out.eml -CAfile "$W/ca.pem" -out verified
}

@test "a signature that comes out of a part is judged" {
	(cd "$W" && new_body sealed alice body/signed -aes-256-gcm alice.pem)
	mail_of '@sealed@' >template
	both template
	run_as 0 hsmime decrypt --deep --json --ca "$W/ca.pem" -o out.eml in.eml
	cmp want.eml out.eml
	[ "$(field '[(l["kind"], l["status"], l["partial"]) for l in d["layers"]][1]' <<<"$output")" = "('signed-detached', 'invalid', True)" ]
	[ "$(field 'd["layers"][1]["signers"][0]["trusted"]' <<<"$output")" = True ]
}

@test "what no key opens stays, as does what does not decrypt, and costs nothing else" {
	for part in nokey nokeygcm tampered octets; do
		cp "$W/body/$part" "$W/clear/$part"
		sed -i -z 's/\n*$//' "$W/clear/$part"
	done
	mail_of '@nokey@' '@gcm@' '@tampered@' '@nokeygcm@' '@octets@' '@cbc@' >template
	both template
	opened '2 encrypted False no-key' '3 auth-encrypted True ok' '4 auth-encrypted False invalid' \
		'5 auth-encrypted False no-key' '6 auth-encrypted False unsupported' '7 encrypted True ok'
	[ "$(field '[l["key"] for l in d["layers"] if not l["opened"]]' <<<"$output")" = '[None, None, None, None]' ]
	run_as 0 hsmime decrypt --deep -o out.eml in.eml
	said 'warning: part 2 stays encrypted: no key'
	said 'warning: part 6 stays encrypted: .*no MIME entity'
}

@test "where nothing could be opened that is the failure, and nothing is written" {
	mail_of '@nokey@' '@tampered@' >template
	both template
	kept 5 '2 encrypted False no-key' '3 auth-encrypted False invalid'
	run_as 5 hsmime decrypt --deep -o out.eml in.eml
	said 'nothing in the mail could be decrypted: part 2: no key'
	mail_of '@tampered@' >template
	both template
	kept 1 '2 auth-encrypted False invalid'
	mail_of 'Content-Type: application/pdf' >in.eml
	run_as 3 hsmime decrypt --deep -o out.eml in.eml
	said 'not encrypted: it is multipart/mixed'
}

@test "nobody learns why a part did not decrypt" {
	wrong_content_key garbage.der
	cp garbage.der padding.der
	flip padding.der 1
	for name in garbage padding; do
		{ printf '%s\n' 'Content-Type: application/pkcs7-mime' 'Content-Transfer-Encoding: base64' '' && openssl base64 <$name.der; } >"$W/body/$name"
		mail_of "@$name@" | (cd "$W" && filled body) >in.eml
		run_as 1 hsmime decrypt --deep --json -o out.eml in.eml
		printf '%s\n' "$output" >$name.json
		printf '%s\n' "$stderr" >$name.err
	done
	diff garbage.json padding.json
	diff garbage.err padding.err
	[ "$(field 'd["layers"][0]["problem"], d["layers"][0]["key"]' <garbage.json)" = \
		"$(mail_of @tampered@ | (cd "$W" && filled body) | (hsmime decrypt --deep --json -o out.eml || true) 2>/dev/null |
			field 'd["layers"][0]["problem"], d["layers"][0]["key"]')" ]
}

@test "--require-authenticated keeps CBC inside closed" {
	cp "$W/body/cbc" "$W/clear/closed"
	sed -i -z 's/\n*$//' "$W/clear/closed"
	cp "$W/body/cbc" "$W/body/closed"
	mail_of '@closed@' '@gcm@' >template
	both template
	run_as 0 hsmime decrypt --require-authenticated --deep --json -o out.eml in.eml
	cmp want.eml out.eml
	[ "$(layers "$output")" = "$(printf '%s\n' '2 encrypted False policy' '3 auth-encrypted True ok')" ]
	[ "$(field 'd["authenticated"], d["layers"][0]["inside_signature"]' <<<"$output")" = '(True, False)' ]
}

@test "what would break out of its place stays encrypted" {
	local n=0
	for line in '--b 1' '--b 1--' '--b 1x' $'text\r--b 1'; do
		n=$((n + 1))
		printf '%s\n' 'Content-Type: text/plain' '' 'said by eve' "$line" 'Content-Type: text/plain' '' 'said by carol?' >evil
		openssl cms -encrypt -binary -aes-128-gcm -in evil -out "$W/body/evil$n" "$W/alice.pem"
		cp "$W/body/evil$n" "$W/clear/evil$n"
		sed -i -z 's/\n*$//' "$W/clear/evil$n"
		mail_of "@evil$n@" '@gcm@' >template
		both template
		opened '2 auth-encrypted False policy' '3 auth-encrypted True ok'
		[[ $(field 'd["layers"][0]["problem"]' <<<"$output") == *'break out of its place'* ]]
	done
	# From within a part that was encrypted itself, and from the other side.
	printf '%s\n' 'Content-Type: multipart/mixed; boundary=own' '' '--own' '@evil1@' '--own--' | (cd "$W" && filled body) >outer
	openssl cms -encrypt -binary -aes-128-gcm -in outer -out "$W/body/outer" "$W/alice.pem"
	cp outer "$W/clear/outer"
	mail_of '@outer@' >template
	both template
	opened '2 auth-encrypted True ok' '2.1 auth-encrypted False policy'
	# A line that only looks like it.
	printf '%s\n' 'Content-Type: text/plain' '' ' --b 1' '-- b 1' '--b' 'x --b 1' >good
	openssl cms -encrypt -binary -aes-128-gcm -in good -out "$W/body/good" "$W/alice.pem"
	cp good "$W/clear/good"
	mail_of '@good@' >template
	both template
	opened '2 auth-encrypted True ok'
}

@test "where a header around it reads in two ways a part stays" {
	mail_of '@gcm@' | sed 's/boundary="b 1"/&; boundary=c/' | (cd "$W" && filled body) >in.eml
	run_as 3 hsmime decrypt --deep -o out.eml in.eml
	mail_of $'Content-Type: multipart/mixed; boundary=x; boundary=y\n\n--x\n@gcm@\n--x--' '@cbc@' | (cd "$W" && filled body) >in.eml
	run_as 0 hsmime decrypt --deep --json -o out.eml in.eml
	[ "$(layers "$output")" = "$(printf '%s\n' '2.1 auth-encrypted False malformed' '3 encrypted True ok')" ]
}

@test "too many parts stay, and that is told" {
	parts=()
	for ((n = 0; n < 258; n++)); do parts+=('@gcm@'); done
	mail_of "${parts[@]}" >template
	both template
	run_as 0 hsmime decrypt --deep --json -o out.eml in.eml
	[ "$(field 'len(d["layers"]), d["not_searched"]' <<<"$output")" = "(256, 'the mail: there are more than 256 CMS parts')" ]
	[ "$(grep -c pkcs7-mime out.eml)" = 2 ]
	run_as 0 hsmime decrypt --deep -o out.eml in.eml
	said 'warning: not all was looked through'
	# What is over the limits of MIME is not looked through.
	{
		printf '%s\n' 'From: a@example.test' 'Content-Type: multipart/mixed; boundary=b' ''
		printf -- '--b\n\nx\n%.0s' {1..10001}
		printf -- '--b--\n'
	} >in.eml
	run_as 3 hsmime decrypt --deep --json -o out.eml in.eml
	[[ $(field 'd["not_searched"]' <<<"$output") == 'the mail: the mail has more than 10000 parts' ]]
}

@test "each part that is ours costs one token operation, and others none" {
	find_spy
	cp "$W/body/nokey" "$W/clear/nokey"
	mail_of '@cbc@' '@nokey@' '@gcm@' '@list@' >template
	both template
	spied "$HSMIME" decrypt --deep -q -o out.eml in.eml
	[ "$(grep -cE '^[0-9]+: C_Decrypt$' spy.log)" = 4 ] # and that for bob derives
	[ "$(grep -cE '^[0-9]+: C_DeriveKey$' spy.log)" = 1 ]
}

# peak COMMAND...: runs it and sets $peak, its resident memory in KiB
peak() {
	peak=$(python3 -c 'import resource, subprocess, sys
if subprocess.run(sys.argv[1:]).returncode: sys.exit(1)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@")
}

@test "100 MB in a forwarded message take no more memory than 3 MB" {
	[ -z "${ASAN_OPTIONS:-}" ] || skip "AddressSanitizer keeps what was freed"
	for size in 3 100; do
		{ printf '%s\n' 'Content-Type: application/octet-stream' 'Content-Transfer-Encoding: base64' '' &&
			head -c "$((size * 740000))" /dev/zero | openssl base64; } >large
		openssl cms -encrypt -binary -aes-256-cbc -in large -out "$W/body/large" "$W/alice.pem"
		cp large "$W/clear/large"
		mail_of $'Content-Type: message/rfc822\n\nFrom: x@example.test\n@large@' >template
		both template
		rm large
		peak "$HSMIME" decrypt --deep -q -o out.eml in.eml
		cmp want.eml out.eml
		[ "$size" != 3 ] || small=$peak
	done
	rm -f "$W/body/large" "$W/clear/large" in.eml want.eml out.eml
	[ "$peak" -lt $((small + 4096)) ]
}

@test "--cms looks through the entity that comes out" {
	openssl cms -encrypt -binary -outform DER -aes-128-gcm -in "$W/body/one" -out in.p7m "$W/alice.pem"
	run_as 0 hsmime decrypt --cms --deep -o out in.p7m
	cmp "$W/clear/one" out
	openssl cms -encrypt -binary -outform DER -aes-128-gcm -in "$W/octets" -out in.p7m "$W/alice.pem"
	run_as 0 hsmime decrypt --cms --deep -o out in.p7m
	cmp "$W/octets" out
}

@test "the manual page names the limits" {
	page=$cli_root/docs/man/hsmime-decrypt.1.scd
	grep -qE '\b256\b' "$page"
	grep -qE '\b8 at most\b' "$page"
}
