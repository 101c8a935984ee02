# Mails with encrypted ones inside. In $W/body is each encrypted entity and in $W/clear what openssl makes of it with a
# software copy of the key; a mail and what has to come of it are one template, filled from either (tests/cli/fill).

# new_deep_world: after new_archive_world, in $W
new_deep_world() {
	cd "$W" || return
	printf '%s\n' 'Content-Type: text/html' '' '<p>three</p>' >inmost
	new_body one alice inmost -aes-128-gcm alice.pem
	new_body two bob body/one -aes-256-cbc -recip bob.pem
	new_body three alice body/two -aes-256-cbc alice.pem
	printf '%s\n' 'Content-Type: multipart/mixed; boundary=in' '' '--in' 'Content-Type: text/plain' '' 'see below' '--in' \
		'X-Kept: inside' '@cbc@' '--in' 'Content-Type: message/rfc822' '' 'From: eve@example.test' 'Subject: =?utf-8?q?x?=' \
		'@ecdhgcm@' '--in--' >list.template
	filled body <list.template >list
	new_body list alice list -aes-256-gcm alice.pem
	# openssl writes text with CRLF; what is opened inside has what was in it
	filled --crlf clear <list.template >clear/list
	der cbc >body/binary.raw
	cp clear/cbc clear/binary.raw
	sed 's/pkcs7-mime.*/octet-stream; name="Contract.P7M"/' body/gcm >body/named
	cp clear/gcm clear/named
	printf 'a line of text\nno more\n' >octets
	openssl cms -encrypt -binary -aes-128-gcm -in octets -out body/octets alice.pem
	openssl cms -encrypt -aes-128-gcm -in entity -out body/nokeygcm eve.pem
	tampered gcm >body/tampered
	printf '%s\n' 'Content-Type: multipart/mixed; boundary=b' 'MIME-Version: 1.0' >outer
}

filled() {
	/usr/bin/python3 "$cli_root/tests/cli/fill" "$@"
}

# der NAME: the entity of body/NAME in binary; tampered NAME: with another octet near its end
der() {
	sed -n '/^$/,$p' "body/$1" | openssl base64 -d
}

tampered() {
	der "$1" >tampered.der
	flip tampered.der 40
	sed '/^$/q' "body/$1"
	openssl base64 <tampered.der
}

# mail_of PART...: a template on standard output: a mail of these parts, with a text before and one behind
mail_of() {
	printf '%s\n' 'From: carol@example.test' 'To: alice@example.test' 'Subject: several' 'MIME-Version: 1.0' \
		'Content-Type: multipart/mixed; boundary="b 1"' '' 'a preamble' '--b 1' 'Content-Type: text/plain' '' 'before'
	for part in "$@"; do
		printf '%s\n' '--b 1' "$part"
	done
	printf '%s\n' '--b 1  ' 'Content-Type: text/plain' '' 'behind ' '--b 1--' 'an epilogue'
}

# both TEMPLATE-FILE [--crlf|--lf]: in.eml and want.eml
both() {
	(cd "$W" && filled "${@:2}" body) <"$1" >in.eml
	(cd "$W" && filled "${@:2}" clear) <"$1" >want.eml
}

# layers FILE: place, kind, opened and status of each encrypted layer in a report of hsmime decrypt --json
layers() {
	field '"\n".join(" ".join(map(str, (l["place"], l["kind"], l["opened"], l["status"]))) for l in d["layers"]
		if "encrypted" in l["kind"])' <<<"$1"
}
