#!/usr/bin/env bats
# hsmime archive and what mailboxes are like: what fails is kept byte for byte whichever kind it came from, flags, folders and
# times go with their messages, and an option chooses the messages of one key.

load helper
load archive

setup_file() {
	new_archive_world
	mailboxes make "$W/bad" 24 cbc nokey gcm plain
	mailboxes make "$W/few" 8 cbc gcm ecdh plain
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# kept_in JOB FOLDER WHO...: the messages of FOLDER whose numbers are WHO are all there is in JOB/failed, octet for octet
kept_in() {
	python3 - "$@" <<-'PY'
		import os, sys
		job, folder, *who = sys.argv[1:]
		kept = sorted(open(f"{place}/{name}", "rb").read() for place, _, files in os.walk(f"{job}/failed") for name in files)
		want = sorted(open(f"{folder}/{int(n):05}.eml", "rb").read() for n in who)
		if kept != want:
		    sys.exit(f"{len(kept)} in failed/, of which {sum(k in want for k in kept)} are as they were, instead of {len(want)}")
	PY
}

@test "failed/ is byte for byte, from a Maildir, an mbox and a list, into each kind" {
	mailboxes maildir "$W/bad" box
	mailboxes mbox "$W/bad" rd.mbox rd
	find "$W/bad/in" -name '*.eml' | sort >paths
	local in out
	for in in maildir:box mbox:rd.mbox list:paths; do
		for out in eml:clear maildir:clear mbox:clear; do
			rm -rf clear*
			archive 1 decrypt --in "$in" --out "$out"
			outcomes clear.hsmime finished=true decrypted=12 copied=6 failed=6 cause:no-key=6
			kept_in clear.hsmime "$W/bad/in" 2 6 10 14 18 22
			[ "$(grep -c '"cause":"no-key"' clear.hsmime/manifest.jsonl)" = 6 ]
		done
	done
	# And it is looked at: with one octet more it is not.
	local one
	one=$(find clear.hsmime/failed -type f | head -1)
	echo >>"$one"
	run ! kept_in clear.hsmime "$W/bad/in" 2 6 10 14 18 22
}

@test "failed/ of an mbox: quoted lines as they were meant, CRLF, and no end of the last line" {
	local type='Content-Type: application/pkcs7-mime; smime-type=enveloped-data'
	mkdir bad
	printf '%s\n' "$type" '' 'From inside' '>From twice' '>>From three' MIIx >bad/00001.eml
	printf '%s\r\n' "$type" '' 'From inside' MIIx >bad/00002.eml
	printf '%s\n\nMIIx' "$type" >bad/00003.eml
	{
		printf 'From a@example.test Thu Jan  1 00:00:01 2004\n'
		sed 's/^>*From />&/' bad/00001.eml
		printf '\nFrom a@example.test Thu Jan  1 00:00:02 2004\r\n'
		sed 's/^>*From />&/' bad/00002.eml
		printf '\r\nFrom a@example.test Thu Jan  1 00:00:03 2004\n'
		cat bad/00003.eml
	} >in.mbox
	fingerprint in.mbox >before
	archive 1 decrypt --in mbox:in.mbox --out eml:clear
	outcomes clear.hsmime finished=true failed=3 cause:malformed=3
	kept_in clear.hsmime bad 1 2 3
	# The time of each is that of its From line.
	[ "$(find clear.hsmime/failed -type f -printf '%Ts\n' | sort | tr '\n' ' ')" = '1072915201 1072915202 1072915203 ' ]
	fingerprint in.mbox | diff before -
}

# times KIND BOX: of its messages, in order
times() {
	case $1 in
	mbox) sed -n 's/^From MAILER-DAEMON //p' "$2" | while read -r when; do date -ud "$when" +%s; done ;;
	*) find "$2" -type f ! -name maildirfolder -printf '%Ts\n' ;;
	esac | sort
}

@test "times go from each kind to each" {
	mailboxes maildir "$W/few" box
	mailboxes mbox "$W/few" in.mbox rd
	find "$W/few/in" -type f -printf '%Ts\n' | sort >want
	local in out
	for in in maildir:box mbox:in.mbox "eml:$W/few/in"; do
		for out in eml:clear maildir:clear mbox:clear; do
			rm -rf clear*
			archive 0 decrypt --in "$in" --out "$out"
			times "${out%:*}" clear | diff want -
		done
	done
}

@test "a Maildir of other programs: flags of any letter, sizes in names, odd folders; what is no message stays out" {
	local one=$W/few/in/00001.eml folder
	for folder in box box/.Sub.deep 'box/.a b &AOQ-'; do
		mkdir -p "$folder"/{cur,new,tmp}
	done
	cp -p "$one" 'box/cur/1.host,S=12,W=13:2,S'
	cp -p "$one" box/cur/2.host:2,abFS
	cp -p "$one" box/cur/3.host
	cp -p "$one" box/cur/4.host:2,
	cp -p "$one" box/new/5.host
	cp -p "$one" box/.Sub.deep/cur/6.host:2,DT
	cp -p "$one" 'box/.a b &AOQ-/cur/7.host:2,R'
	cp -p "$one" box/cur/.hidden
	cp -p "$one" box/tmp/8.half
	echo 3 V1 >box/dovecot-uidlist
	echo '0 $Junk' >box/dovecot-keywords
	touch -d '1969-12-31T23:59:58Z' box/cur/3.host
	fingerprint box >before
	archive 0 decrypt --in maildir:box --out maildir:clear
	outcomes clear.hsmime finished=true decrypted=7 failed=0
	find clear -type f ! -name maildirfolder -printf '%P %Ts\n' | sed -E 's,/[^/:]*\.hsmime,/,' | sort >got
	sort >want <<-END
		cur/:2,S 1500000060
		cur/:2,abFS 1500000060
		cur/:2, -2
		cur/:2, 1500000060
		new/ 1500000060
		.Sub.deep/cur/:2,DT 1500000060
		.a b &AOQ-/cur/:2,R 1500000060
	END
	diff want got
	fingerprint box | diff before -
	# A Maildir again: of the same messages the same.
	archive 0 decrypt --in maildir:clear --out maildir:twice
	outcomes twice.hsmime copied=7
	find twice -type f ! -name maildirfolder -printf '%P %Ts\n' | sed -E 's,/[^/:]*\.hsmime,/,' | sort | diff want -
}

@test "--match recipient chooses what is done, and is a setting of the job" {
	local serial
	serial=$(openssl x509 -in "$W/bob.pem" -noout -serial | sed 's/.*=//')
	archive 0 decrypt --match "recipient=$serial" --in "eml:$W/few/in" --out eml:clear
	outcomes clear.hsmime finished=true decrypted=2 copied=0 failed=0
	[ "$(cd clear && echo *.eml)" = '00003.eml 00007.eml' ]
	cmp clear/00003.eml "$W/few/want/00003.eml"
	archive 2 decrypt --in "eml:$W/few/in" --out eml:clear
	explained
	new_peer carol
	archive 0 rewrap --match "recipient=$serial" -r "$W/carol.pem" --in "eml:$W/few/in" --out eml:new
	outcomes new.hsmime rewrapped=2 copied=0
	archive 0 decrypt --match recipient=abcdef --in "eml:$W/few/in" --out eml:none
	outcomes none.hsmime finished=true decrypted=0 copied=0 failed=0
}

@test "--limit, --since and --until hold for a run that goes on, and for a retry" {
	archive 1 decrypt --limit 10 --since @1500000120 --until @1500001200 --in "eml:$W/bad/in" --out eml:clear
	outcomes clear.hsmime finished=true waiting=0
	[ "$(find clear clear.hsmime/failed -name '*.eml' | wc -l)" = 10 ]
	find clear clear.hsmime/failed -name '*.eml' -printf '%f\n' | sort >before
	archive 1 retry clear.hsmime
	archive 1 decrypt --limit 10 --since @1500000120 --until @1500001200 --in "eml:$W/bad/in" --out eml:clear
	find clear clear.hsmime/failed -name '*.eml' -printf '%f\n' | sort | diff before -
	run ! grep -qE '^000(01|2[0-9])' before
}

# serial NAME: of its certificate, as hexadecimal without a leading zero
serial() {
	openssl x509 -in "$W/$1.pem" -noout -serial | sed 's/.*=0*//'
}

@test "a line, and a row of the journal, for each message: source, SHA-256, layers, key, certificate, algorithms, outcome, cause" {
	mkdir tree
	cp "$W/few/in/00004.eml" tree/plain.eml
	local body
	for body in cbc gcm oaep ecdh both nokey; do
		{ sed '/^MIME/,$d' "$W/few/in/00001.eml"; cat "$W/body/$body"; } >"tree/$body.eml"
	done
	printf 'no mail\n' >tree/malformed.eml
	archive 1 decrypt --in eml:tree --out eml:clear
	python3 - "$PWD" "$(serial alice)" "$(serial bob)" "$(serial eve)" <<-'PY'
		import hashlib, json, sqlite3, sys
		here, alice, bob, eve = sys.argv[1:]
		facts, *lines = map(json.loads, open("clear.hsmime/manifest.jsonl"))
		rows = {line["name"]: line for line in lines}
		journal = sqlite3.connect("clear.hsmime/journal.sqlite")
		kept = dict(journal.execute("SELECT CAST(coalesce(m.name, m.key) AS TEXT), o.record FROM message m JOIN outcome o USING (number)"))
		assert len(rows) == len(lines) == len(kept) == 8
		want = {  # outcome, cause, cipher, algorithm, whose key, whose certificates, authenticated
		    "plain": ("copied", None, None, None, None, [], None),
		    "cbc": ("decrypted", None, "AES-256-CBC", "RSA PKCS#1 v1.5", "01", [alice], False),
		    "gcm": ("decrypted", None, "AES-128-GCM", "RSA PKCS#1 v1.5", "01", [alice], True),
		    "oaep": ("decrypted", None, "AES-256-GCM", "RSA-OAEP", "01", [alice], True),
		    "ecdh": ("decrypted", None, "AES-256-CBC", "ECDH", "02", [bob], False),
		    "both": ("decrypted", None, "AES-128-CBC", None, None, [eve, bob, alice], False),
		    "nokey": ("failed", "no-key", "AES-256-CBC", "RSA PKCS#1 v1.5", None, [eve], None),
		    "malformed": ("failed", "malformed", None, None, None, [], None),
		}
		for name, (outcome, cause, cipher, algorithm, key, serials, authenticated) in want.items():
		    row = rows[f"{name}.eml"]
		    assert json.loads(kept[f"{name}.eml"]).items() <= row.items(), row  # the manifest adds the number alone
		    assert (row["mailbox"], row["outcome"], row["cause"]) == (f"eml:{here}/tree", outcome, cause), row
		    data = open(f"tree/{name}.eml", "rb").read()
		    place = "clear.hsmime/failed" if outcome == "failed" else "clear"
		    assert row["input_sha256"] == hashlib.sha256(data).hexdigest() and row["size"] == len(data), row
		    assert row["output_sha256"] == hashlib.sha256(open(f"{place}/{row['output']}", "rb").read()).hexdigest(), row
		    assert (row["problem"] is None) == (cause is None), row
		    layer = (row.get("layers") or [row])[0]
		    recipients = layer.get("recipients", [])
		    assert layer.get("cipher") == cipher and row.get("authenticated") == authenticated, row
		    # openssl puts them in an order of its own.
		    assert sorted(r["serial_number"].upper().lstrip("0") for r in recipients) == sorted(serials), row
		    assert all(r["algorithm"] for r in recipients) and algorithm in (None, *(r["algorithm"] for r in recipients)), row
		    used = [r["serial_number"].upper().lstrip("0") for r in recipients if r["used"]]
		    if outcome == "decrypted":
		        assert len(used) == 1 and row["key"] == layer["key"] and row["key"].startswith("pkcs11:"), row
		        assert key is None or f"id=%{key}" in row["key"], row
		        assert f"id=%{'01' if used == [alice] else '02'}" in row["key"] and used[0] in (alice, bob), row
		    else:
		        assert not used and row["key"] is None, row
	PY
}
