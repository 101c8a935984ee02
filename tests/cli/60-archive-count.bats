#!/usr/bin/env bats
# hsmime archive count: every kind of mailbox, and what is told of its messages.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/token"
	new_peer alice
	new_peer bob
	cd "$W"
	new_mail alice bob
	openssl cms -encrypt -aes-256-cbc -in mail.eml -out cbc.body alice.pem
	openssl cms -encrypt -aes-128-gcm -in mail.eml -out gcm.body alice.pem bob.pem
	openssl cms -encrypt -aes-128-gcm -outform DER -in mail.eml -out gcm.der bob.pem
	openssl cms -sign -in mail.eml -signer alice.pem -inkey alice.key -out detached.body
	openssl cms -sign -nodetach -in mail.eml -signer alice.pem -inkey alice.key -out opaque.body
	dated 'Mon, 1 Apr 2019 10:00:00 +0200' cbc.body >cbc.eml
	dated 'Wed, 1 Apr 2020 10:00:00 +0000' gcm.body >gcm.eml
	dated 'Wed, 1 Apr 2020 10:00:01 +0000' detached.body >detached.eml
	dated 'Thu, 1 Apr 2021 10:00:00 +0000' opaque.body >opaque.eml
	dated 'Thu, 1 Apr 2021 10:00:00 +0000' mail.eml >plain.eml
	printf 'no mail at all\n' >malformed.eml
}

setup() {
	cd "$W"
	# A tree of its own for each test.
	mkdir -p "$BATS_TEST_TMPDIR/tree/deep/er"
	cp cbc.eml gcm.eml detached.eml "$BATS_TEST_TMPDIR/tree"
	cp opaque.eml plain.eml malformed.eml "$BATS_TEST_TMPDIR/tree/deep/er"
	cp gcm.der "$BATS_TEST_TMPDIR/tree/deep/bare.p7m"
	cp plain.eml "$BATS_TEST_TMPDIR/tree/deep/other.txt"
	touch -d 2018-06-01T00:00:00Z "$BATS_TEST_TMPDIR"/tree/deep/*.p7m "$BATS_TEST_TMPDIR"/tree/deep/er/malformed.eml
	cd "$BATS_TEST_TMPDIR"
}

# dated DATE FILE: the mail with that Date
dated() {
	printf 'Date: %s\n' "$1"
	cat "$2"
}

# maildir FOLDER FILE...: a Maildir with these in cur
maildir() {
	local folder=$1 file n=0
	mkdir -p "$folder"/{cur,new,tmp}
	for file in "${@:2}"; do
		n=$((n + 1))
		cp "$file" "$folder/cur/10000$n.host:2,S"
	done
}

# mbox FILE...: these in one, as mboxrd has it
mbox() {
	local file
	for file; do
		printf 'From alice@example.test Thu Jan  2 03:04:05 2003\n'
		sed 's/^>*From />&/' "$file"
		echo
	done
}

# count_of ARRAY VALUE: how many messages the report has for it
count_of() {
	python3 - "$1" "$2" <<-'PY'
		import json, sys
		report = json.load(open("report.json"))
		print(sum(row["messages"] for row in report[sys.argv[1]] if row["value"] == sys.argv[2]))
	PY
}

# counts ARRAY VALUE=NUMBER...: exactly these
counts() {
	python3 - "$@" <<-'PY'
		import json, sys
		report = json.load(open("report.json"))
		got = {row["value"]: row["messages"] for row in report[sys.argv[1]]}
		want = {text.rpartition("=")[0]: int(text.rpartition("=")[2]) for text in sys.argv[2:]}
		if got != want:
		    sys.exit(f"{sys.argv[1]}: {got} instead of {want}")
	PY
}

report() {
	hsmime archive count --json "$@" >report.json
}

@test "a tree of files is counted by kind, year, cipher, algorithm and recipient" {
	report --in eml:tree
	counts kinds encrypted=1 auth-encrypted=2 signed=1 signed-opaque=1 plain=1 malformed=1
	counts years 2018=2 2019=1 2020=2 2021=2
	counts ciphers AES-256-CBC=1 AES-128-GCM=2
	counts algorithms 'RSA PKCS#1 v1.5=3'
	alice=$(openssl x509 -in "$W/alice.pem" -noout -serial | tr 'A-F' 'a-f')
	python3 - "${alice#serial=}" <<-'PY'
		import json, sys
		rows = json.load(open("report.json"))["recipients"]
		assert [row["messages"] for row in rows] == [2, 2], rows
		serials = [row["serial_number"].lower().lstrip("0") for row in rows]
		assert sys.argv[1].lstrip("0") in serials, (serials, sys.argv[1])
		assert all("CN=Demo CA" in row["issuer"] and row["key_id"] is None for row in rows), rows
	PY
}

@test "sizes add up to those of the files" {
	report --in tree
	size=$(cat tree/*.eml tree/deep/*.p7m tree/deep/er/*.eml | wc -c)
	python3 - "$size" <<-'PY'
		import json, sys
		report = json.load(open("report.json"))
		assert report["messages"] == 7 and report["octets"] == int(sys.argv[1]), report
		for part in "kinds", "years":
		    assert sum(row["octets"] for row in report[part]) == int(sys.argv[1]), part
	PY
}

@test "a Maildir is counted with its sub-folders, and without what is in tmp" {
	maildir box "$W/cbc.eml" "$W/plain.eml"
	maildir box/.Sent "$W/gcm.eml"
	cp "$W/gcm.eml" box/tmp/half
	cp "$W/detached.eml" box/new/20001.host
	report --in maildir:box
	counts kinds encrypted=1 plain=1 auth-encrypted=1 signed=1
	hsmime archive count --json --in box >again.json
	diff report.json again.json
}

@test "an mbox is counted, a quoted From line does not begin a message" {
	{
		cat "$W/plain.eml"
		printf '\nFrom here on it is quoted.\n'
	} >from.eml
	mbox "$W/cbc.eml" from.eml "$W/opaque.eml" >old.mbox
	report --in mbox:old.mbox
	counts kinds encrypted=1 plain=1 signed-opaque=1
	counts years 2019=1 2021=2
}

@test "without a Date the time of the mbox's From line counts" {
	mbox "$W/cbc.body" >undated.mbox
	report --in undated.mbox
	counts years 2003=1
}

@test "a list of paths is read from standard input" {
	find tree -name '*.eml' | report --in -
	[ "$(count_of kinds auth-encrypted)" = 1 ]
	find tree -name '*.eml' -print0 | report --in list:-
	[ "$(count_of kinds auth-encrypted)" = 1 ]
	printf 'tree/cbc.eml\nnot there.eml\n' | report --in -
	counts kinds encrypted=1 unreadable=1
}

@test "what is malformed or can't be read is told with --verbose, and ends nothing" {
	run_as 0 hsmime archive count -v --in tree
	said 'malformed.eml'
	reported '^ +7 .* in all'
	reported '^ +1 .* malformed'
}

@test "--since, --until and --limit choose by the messages' dates" {
	report --in tree --since 2020-04-01T10:00:00Z --until 2021-01-01
	counts kinds auth-encrypted=1 signed=1
	report --in tree --since 2020-04-01T12:00:01+02:00 --until 2021-01-01
	counts kinds signed=1
	report --in tree --until 2019-01-01
	counts kinds auth-encrypted=1 malformed=1
	report --in tree --limit 3
	[ "$(python3 -c 'import json; print(json.load(open("report.json"))["messages"])')" = 3 ]
}

@test "--match chooses by the recipient, however its number is written" {
	local serial
	serial=$(openssl x509 -in "$W/bob.pem" -noout -serial | sed 's/.*=//')
	run_as 0 hsmime archive count --in tree --match "recipient=$serial"
	[[ $output == *' 2 '*'in all'* ]]
	run_as 0 hsmime archive count --in tree --match "recipient=0${serial,,}"
	[[ $output == *' 2 '*'in all'* ]]
	run_as 0 hsmime archive count --in tree --match recipient=abcdef
	[[ $output == *' 0 '*'in all'* ]]
	run_as 2 hsmime archive count --in tree --match recipient=bob
	explained 'no serial number or key identifier'
	run_as 2 hsmime archive count --in tree --match from=bob
	explained 'nothing that messages can be chosen by'
}

@test "no token is used and no module loaded" {
	HSMIME_MODULE=/nowhere report --in tree
	[ "$(count_of kinds encrypted)" = 1 ]
}

@test "what can't be listed is warned of, the rest is counted, and the status is 6" {
	{
		echo tree/cbc.eml
		head -c 10000 /dev/zero | tr '\0' a
		printf '\ntree/gcm.eml\n'
	} >paths
	run_as 6 hsmime archive count --in list:paths
	reported '^ +2 .* in all'
	said 'warning: .*line 2'
	said 'not all was counted: 1 '
	run -6 hsmime archive count --json --in list:paths
	python3 -c 'import json; r = json.load(open(0)); assert r["unlisted"] == 1 and r["messages"] == 2, r' \
		< <(hsmime archive count --json --in list:paths 2>/dev/null)
}

@test "a symbolic link is passed over and told of" {
	ln -s cbc.eml tree/link.eml
	run_as 0 hsmime archive count --in tree
	said 'warning: 1 entr.* passed over'
	reported '^ +7 .* in all'
}

@test "an empty mailbox is no error" {
	mkdir empty
	run_as 0 hsmime archive count --in eml:empty
	reported '^ +0 .* in all'
}

@test "what is no mailbox is refused with 2, what can't be read with 6" {
	run_as 2 hsmime archive count
	explained
	run_as 2 hsmime archive count --in imap:somewhere
	explained
	run_as 2 hsmime archive count --in mbox:"$W/mail.eml"
	explained
	run_as 2 hsmime archive count --in maildir:tree
	explained
	run_as 6 hsmime archive count --in nowhere
	explained
	run_as 2 hsmime archive
	explained
	run_as 2 hsmime archive dance
	explained
	run_as 2 hsmime archive count --in tree --limit 0
	explained
	run_as 2 hsmime archive count --in tree --since yesterday
	explained
}

@test "names on disk do nothing to a terminal" {
	cp "$W/malformed.eml" "$(printf 'tree/a\033[31mb.eml')"
	run_as 0 hsmime archive count -v --in tree
	! grep -q "$(printf '\033')" <<<"$stderr"
}
