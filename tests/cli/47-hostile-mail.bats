#!/usr/bin/env bats
# Mails made to mislead or to exhaust: what reads in two ways, what can't be made safe,
# what is too much.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_mail alice alice
	hsmime sign --from -o "$W/signed.eml" "$W/mail.eml"
	boundary=$(sed -n 's/.*boundary="\(.*\)".*/\1/p' "$W/signed.eml")
	export boundary
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	key='pkcs11:id=%01'
}

# malformed WORDS COMMAND...: status 3, these words, two lines
malformed() {
	local words=$1
	shift
	run_as 3 "$@"
	said "$words"
	explained
}

# verify_altered WORDS SED: the signed mail with an outer header altered is malformed
verify_altered() {
	sed "$2" "$W/signed.eml" >altered.eml
	cmp -s altered.eml "$W/signed.eml" && return 1
	malformed "$1" hsmime verify --ca "$W/ca.pem" altered.eml
}

# mail LINES < body: a mail from alice to herself with these fields, escapes in them expanded
mail() {
	printf '%s\n' 'From: alice@example.test' 'To: alice@example.test' 'Subject: x' 'MIME-Version: 1.0'
	printf '%b\n\n' "$1"
	cat
}

@test "the mail to alter is valid" {
	run_as 0 hsmime verify --ca "$W/ca.pem" "$W/signed.eml"
}

@test "a second Content-Type is malformed, before the first or behind it" {
	verify_altered 'the mail has more than one Content-Type field' \
		'0,/^MIME-Version/s/^MIME-Version/Content-Type: text\/plain\n&/'
	verify_altered 'the mail has more than one Content-Type field' \
		"0,/boundary=/s/.*boundary=.*/&\nContent-Type: text\/plain/"
}

@test "a second boundary is malformed, in either form" {
	for parameter in 'boundary="evil"' 'boundary*="evil"' 'boundary*0="evil"' \
		"boundary=\"$boundary\""; do
		verify_altered 'more than one value for boundary' \
			"0,/boundary=/s/boundary=.*/&; $parameter/"
		verify_altered 'more than one value for boundary' \
			"0,/boundary=/s/boundary=/$parameter; &/"
	done
	verify_altered 'more than one value for micalg' '0,/micalg=/s/micalg=/micalg=md5; &/'
	verify_altered 'more than one value for protocol' '0,/protocol=/s/protocol=/protocol*0=x; &/'
}

@test "a boundary behind many other parameters is seen" {
	many=$(printf 'p%d=x; ' {1..40})
	verify_altered 'more than one value for boundary' "0,/boundary=/s/boundary=.*/&; ${many}boundary=evil/"
}

@test "a CR that ends no line of the header is malformed" {
	verify_altered 'the mail has a CR without LF' \
		's/^Subject: .*/Subject: pay\rContent-Type: text\/plain\r\rEVIL/'
	verify_altered 'the mail has a CR without LF' 's/^Subject: .*/&\rFrom: ceo@example.test/'
}

@test "a part of the signed content that reads in two ways is malformed" {
	printf 'Content-Type: multipart/mixed; boundary=i\n\n--i\nContent-Type: text/plain\nContent-Type: text/html\n\nx\n--i--\n' \
		>content
	openssl req -x509 -newkey rsa:2048 -nodes -keyout own.key -out own.pem \
		-subj /CN=own/emailAddress=alice@example.test 2>/dev/null
	openssl cms -sign -in content -signer own.pem -inkey own.key -out inner.eml 2>/dev/null
	{ printf 'From: alice@example.test\n'; cat inner.eml; } >mail.eml
	run_as 3 hsmime verify --ca own.pem --any-purpose mail.eml
	said 'part 1.1 has more than one Content-Type field'
}

@test "opaque signed content that reads in two ways is malformed" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout own.key -out own.pem \
		-subj /CN=own/emailAddress=alice@example.test 2>/dev/null
	for content in 'Content-Type: text/plain\nContent-Type: text/html\n\nx\n' \
		'Content-Type: text/plain\rX: y\n\nx\n' \
		'Content-Type: message/rfc822\n\nA: b\rC: d\n\nx\n'; do
		printf "$content" >content
		openssl cms -sign -nodetach -binary -in content -signer own.pem -inkey own.key -out inner.eml 2>/dev/null
		{ printf 'From: alice@example.test\n'; cat inner.eml; } >mail.eml
		run_as 3 hsmime verify --ca own.pem --any-purpose -o out mail.eml
		said 'the signed content has|part 1 has a CR'
		[ ! -e out ]
	done
}

@test "sign and encrypt refuse a header that reads in two ways" {
	for fields in 'Content-Type: text/plain\nContent-Type: text/html' \
		'Content-Type: text/plain; charset=utf-8; charset=utf-7' \
		'Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64' \
		'X: a\rBcc: bob@example.test'; do
		mail "$fields" <<<x >mail.eml
		for how in 'sign' 'sign --opaque' "sign --encrypt -r $W/alice.pem"; do
			# shellcheck disable=SC2086
			malformed 'the mail has ' hsmime $how -k "$key" -o out mail.eml
		done
		malformed 'the mail has ' hsmime encrypt -r "$W/alice.pem" -o out mail.eml
		[ ! -e out ]
	done
}

@test "a part that reads in two ways is not signed in any form" {
	mail 'Content-Type: multipart/mixed; boundary=b' >mail.eml \
		<<<$'--b\nContent-Type: text/plain\nContent-Type: text/html\n\nx\n--b--'
	for how in 'sign' 'sign --opaque' "sign --encrypt -r $W/alice.pem"; do
		# shellcheck disable=SC2086
		malformed 'part 1 has more than one Content-Type' hsmime $how -k "$key" -o out mail.eml
	done
}

@test "a CR in the header of a part is neither signed nor encrypted" {
	mail 'Content-Type: multipart/mixed; boundary=b' >mail.eml \
		<<<$'--b\nContent-Type: text/plain\r\rEVIL\n\nx\n--b--'
	malformed 'part 1 has a CR without LF' hsmime sign -k "$key" -o out mail.eml
	malformed 'part 1 has a CR without LF' hsmime sign --opaque -k "$key" -o out mail.eml
	malformed 'part 1 has a CR without LF' hsmime encrypt -r "$W/alice.pem" -o out mail.eml
}

# unsafe WORDS: mail.eml can be signed opaque and not in clear
unsafe() {
	run_as 7 hsmime sign -k "$key" -o out mail.eml
	said "$1"
	said --opaque
	explained
	run_as 0 hsmime sign --opaque -k "$key" -o out mail.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" out
}

@test "what can't be encoded is refused by name, and can be signed opaque" {
	mail 'Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode' >mail.eml \
		<<<$'From here\nbegin 644 a'
	unsafe 'the mail \(text/plain\) holds a line that starts with "From "'
	mail 'Content-Type: multipart/mixed' <<<'From here' >mail.eml
	unsafe 'the mail \(multipart/mixed\)'
	mail 'Content-Type: multipart/report; boundary=b' >mail.eml \
		<<<$'--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nDiagnostic-Code: \xe4\n--b--'
	unsafe 'part 2 \(message/delivery-status\) holds 8-bit octets'
}

@test "a mail inside stays valid when a mailbox has quoted the lines that start with From" {
	mail 'Content-Type: multipart/mixed; boundary=b' >mail.eml \
		<<<$'--b\nContent-Type: message/rfc822\n\nFrom a@x Mon\nSubject: in\n\nFrom here\n--b--'
	hsmime sign -k "$key" -o signed.eml mail.eml
	sed '2,$s/^From />From /' signed.eml >stored.eml
	cmp signed.eml stored.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" stored.eml
}

@test "a body of no known charset says so" {
	printf 'From: alice@example.test\nSubject: x\n\n\xe4\n' >mail.eml
	hsmime sign -k "$key" -o signed.eml mail.eml
	grep -qx 'Content-Type: text/plain; charset=unknown-8bit' signed.eml
}

@test "a part that is too much is named, with the limit" {
	{
		mail 'Content-Type: multipart/mixed; boundary=b' <<<$'--b\n\nx\n--b'
		yes 'key: value' | head -n 100000
		echo --b--
	} >mail.eml
	malformed 'part 2: its header is larger than 1048576 octets' hsmime sign -k "$key" -o out mail.eml
	{
		mail 'Content-Type: multipart/mixed; boundary=b' <<<$'--b\nContent-Type: message/rfc822\n'
		yes 'key: value' | head -n 5001
		printf '\nx\n--b--\n'
	} >mail.eml
	malformed 'part 1.1: its header has more than 5000 fields' \
		hsmime sign -k "$key" -o out mail.eml
}

# many_parts COUNT BOUNDARY-LENGTH: a mail of that many multiparts, with a text in each of them
many_parts() {
	python3 - "$@" <<'PYTHON'
import sys
count, length = map(int, sys.argv[1:])
sys.stdout.reconfigure(encoding='latin-1')
print('From: alice@example.test\nContent-Type: multipart/mixed; boundary=b\n')
for i in range(count):
    print(f'--b\nContent-Type: multipart/mixed; boundary={i:0{length}}\n'
          'Content-Transfer-Encoding: 8bit\n\nbefore \xe4\n'
          f'--{i:0{length}}\nContent-Type: text/plain; charset=iso-8859-1\n'
          f'Content-Transfer-Encoding: 8bit\n\n\xe4\n--{i:0{length}}--\nafter \xe4')
print('--b--')
PYTHON
}

# peak COMMAND...: runs it and sets $peak, its resident memory in KiB
peak() {
	peak=$(python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@")
}

# small COMMAND...: it takes at most 16 MiB; built to find faults in memory, it takes more
small() {
	peak "$HSMIME" --version
	[ "$peak" -lt 16384 ] || skip 'this build takes more memory from the start'
	peak "$@"
	echo "$peak KiB: $*"
	[ "$peak" -le 16384 ]
}

@test "no mail takes more than 16 MiB, however many parts and long boundaries it has" {
	many_parts 4990 960 >long.eml
	malformed 'the types and boundaries of the mail.s parts are larger than 1048576 octets' \
		hsmime sign -k "$key" -o out long.eml
	many_parts 4990 130 >many.eml
	many_parts 950 960 >some.eml
	for mail in many some; do
		run_as 0 hsmime sign -k "$key" -o signed $mail.eml
		run_as 0 hsmime verify --ca "$W/ca.pem" signed
		small "$HSMIME" verify --ca "$W/ca.pem" signed
	done
	for mail in long many some; do
		small "$HSMIME" sign -k "$key" -o out $mail.eml
		small "$HSMIME" sign --opaque -k "$key" -o out $mail.eml
		small "$HSMIME" encrypt -r "$W/alice.pem" -o out $mail.eml
	done
}

@test "what is not seen, or turns text round, does not reach the terminal" {
	for text in $'\u061c' $'\u200b' $'\u200c' $'\u200f' $'\u202e' $'\u2060' $'\u2064' $'\u2066' \
		$'\ufeff' $'\U000e0001' $'\U000e007f'; do
		run_as 6 hsmime verify "no/such/${text}file"
		said 'no/such/\?file'
		run --separate-stderr hsmime verify --json "no/such/${text}file"
		[[ $output != *"$text"* ]]
		[ "$(python3 -c 'import json, sys; print(sys.argv[1] in json.load(sys.stdin)["error"])' "/${text}file" <<<"$output")" = True ]
	done
	run_as 6 hsmime verify 'no/such/umlaut ä 漢字 🔑'
	said 'umlaut ä 漢字 🔑'
}
