#!/usr/bin/env bats
# hsmime archive verify: the signatures of a mailbox's messages, those inside of encryption too, told in a report;
# and nothing else is written.

load helper
load archive

setup_file() {
	new_archive_world
	new_peer old -1
	# An authority of that time, which signs for itself.
	openssl req -new -key old.key -subj /CN=past -out past.csr
	printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,digitalSignature\n' >past.ext
	openssl ca -batch -config ca.conf -selfsign -in past.csr -keyfile old.key -startdate 20180101000000Z \
		-enddate 20190101000000Z -notext -extfile past.ext -out past.pem 2>/dev/null
	cp old.key past.key
	openssl req -x509 -newkey rsa:2048 -nodes -keyout mallory.key -out mallory.pem -subj /CN=mallory -days 3000 2>/dev/null
	openssl pkcs8 -topk8 -nocrypt -in eve.key -out eve.p8
	mkdir tree
	sign eve -out tree/clear.eml
	sign eve -nodetach -out tree/opaque.eml
	sign eve -nodetach -outform DER -out tree/bare.p7m
	sign mallory -out tree/untrusted.eml
	sign old -out tree/expired.eml
	sed 's/1000 units/1001 units/' tree/clear.eml >tree/tampered.eml
	sign eve -nodetach -outform DER -out tree/changed.p7m
	flip tree/changed.p7m 20
	openssl cms -encrypt -in tree/clear.eml -out tree/inside.eml -aes-256-cbc alice.pem
	openssl cms -encrypt -in tree/tampered.eml -out tree/inside-tampered.eml -aes-128-gcm bob.pem
	openssl cms -encrypt -in entity -out tree/encrypted.eml -aes-128-gcm alice.pem
	openssl cms -sign -in tree/inside.eml -signer eve.pem -inkey eve.key -out tree/around.eml
	cp body/plain tree/plain.eml
	cp body/nokey tree/nokey.eml
	wrong_content_key tree/garbage.p7m
	head -c 900 tree/opaque.eml >tree/cut.eml
	printf 'no mail at all\n' >tree/malformed.eml
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# sign WHO ARGUMENT...: the entity
sign() {
	openssl cms -sign -in entity -signer "$1.pem" -inkey "$1.key" "${@:2}"
}

# causes REPORT NAME=OUTCOME[:CAUSE]...: of each, and there are no others
causes() {
	python3 - "$@" <<-'PY'
		import json, sys
		rows = [json.loads(line) for line in open(sys.argv[1])][1:]
		got = sorted(f"{r['name']}={r['outcome']}" + (f":{r['cause']}" if r["cause"] else "") for r in rows)
		if got != sorted(sys.argv[2:]):
		    sys.exit(f"{set(got) - set(sys.argv[2:])} instead of {set(sys.argv[2:]) - set(got)}")
	PY
}

readonly verdicts=(clear.eml=valid opaque.eml=valid bare.p7m=valid inside.eml=valid around.eml=valid
	untrusted.eml=failed:not-valid expired.eml=failed:not-valid tampered.eml=failed:not-valid changed.p7m=failed:not-valid
	inside-tampered.eml=failed:not-valid encrypted.eml=skipped plain.eml=skipped nokey.eml=failed:no-key
	garbage.p7m=failed:not-decrypted cut.eml=failed:malformed malformed.eml=failed:malformed)

@test "each message is judged, and the report tells of it; nothing else is written" {
	fingerprint "$W/tree" >before
	archive 1 verify --in "eml:$W/tree" --report verify.jsonl --ca "$W/ca.pem"
	said '9 messages failed'
	causes verify.jsonl "${verdicts[@]}"
	cmp verify.jsonl verify.jsonl.hsmime/manifest.jsonl
	outcomes verify.jsonl.hsmime task=verify finished=true listed=true valid=5 copied=0 skipped=2 failed=9 waiting=0 \
		cause:not-valid=5 cause:malformed=2 cause:no-key=1 cause:not-decrypted=1
	[ ! -e verify.jsonl.hsmime/failed ]
	fingerprint "$W/tree" | diff before -
	no_pin .
}

@test "the report says who signed, whether the signature holds, and what is wrong" {
	archive 1 verify --in "eml:$W/tree" --report verify.jsonl --ca "$W/ca.pem"
	python3 - "$W/tree" <<-'PY'
		import hashlib, json, sys
		rows = {row["name"]: row for row in list(map(json.loads, open("verify.jsonl")))[1:]}
		def signer(name): return rows[name]["layers"][-1]["signers"][0]
		assert "CN=eve" in signer("clear.eml")["subject"] and signer("clear.eml")["signature_holds"] is True
		assert signer("tampered.eml")["signature_holds"] is False and signer("tampered.eml")["problem"]
		assert signer("untrusted.eml")["signature_holds"] is True and signer("untrusted.eml")["problem"]
		assert [l["kind"] for l in rows["inside.eml"]["layers"]] == ["encrypted", "signed-detached"]
		assert rows["inside.eml"]["key"].startswith("pkcs11:")
		assert rows["nokey.eml"]["problem"] and rows["nokey.eml"]["recipients" if "recipients" in rows["nokey.eml"] else "layers"]
		for name, row in rows.items():
		    data = open(f"{sys.argv[1]}/{name}", "rb").read()
		    assert row["input_sha256"] == hashlib.sha256(data).hexdigest() and row["size"] == len(data), name
		    assert "output_sha256" not in row and "output" not in row, row
	PY
}

@test "each kind of mailbox is verified, also a list on standard input" {
	mailboxes make box 8 signed cbc plain
	mailboxes maildir box dir
	mailboxes mbox box file.mbox rd
	fingerprint dir >before
	local n=0
	for in in maildir:dir mbox:file.mbox eml:box/in -; do
		n=$((n + 1))
		archive 0 verify --in "$in" --report "$n.jsonl" --ca "$W/ca.pem" <<<"$(find box/in -name '*.eml' | sort)"
		outcomes "$n.jsonl.hsmime" finished=true valid=3 skipped=5 failed=0
		[ "$(wc -l <"$n.jsonl")" = 9 ]
	done
	fingerprint dir | diff before -
}

@test "the time, the authorities, and whether there have to be any, are options and make another job" {
	mkdir some
	cp "$W/tree/expired.eml" "$W/tree/clear.eml" "$W/tree/untrusted.eml" some
	(cd "$W" && sign past -out "$BATS_TEST_TMPDIR/some/past.eml")
	archive 1 verify --in eml:some --report then.jsonl --ca "$W/past.pem" --at 2018-06-01
	causes then.jsonl past.eml=valid expired.eml=failed:not-valid clear.eml=failed:not-valid untrusted.eml=failed:not-valid
	archive 1 verify --in eml:some --report now.jsonl --ca "$W/past.pem" --ca "$W/ca.pem"
	causes now.jsonl past.eml=failed:not-valid expired.eml=failed:not-valid clear.eml=valid untrusted.eml=failed:not-valid
	rm some/past.eml
	archive 1 verify --in eml:some --report system.jsonl
	causes system.jsonl expired.eml=failed:not-valid clear.eml=failed:not-valid untrusted.eml=failed:not-valid
	archive 0 verify --in eml:some --report alone.jsonl --no-chain --at 2018-06-01
	archive 2 verify --in eml:some --report alone.jsonl
	explained
	archive 2 verify --in eml:some --report alone.jsonl --no-chain --at 2018-06-02
	explained
	causes alone.jsonl expired.eml=valid clear.eml=valid untrusted.eml=valid
}

@test "a second run does nothing, and tells that messages failed" {
	archive 1 verify --in "eml:$W/tree" --report verify.jsonl --ca "$W/ca.pem"
	stat -c '%n %Y %i %s' verify.jsonl verify.jsonl.hsmime/manifest.jsonl >"$BATS_TEST_TMPDIR/before"
	HSMIME_MODULE=/nowhere archive 1 verify --in "eml:$W/tree" --report verify.jsonl --ca "$W/ca.pem"
	said '9 messages failed'
	stat -c '%n %Y %i %s' verify.jsonl verify.jsonl.hsmime/manifest.jsonl | diff before -
}

@test "what failed is judged again with the authority, the certificate or the key that was missing" {
	archive 1 verify --in "eml:$W/tree" --report verify.jsonl
	outcomes verify.jsonl.hsmime valid=0 failed=14 cause:not-decrypted=1
	archive 1 retry verify.jsonl.hsmime --ca "$W/ca.pem" --cause not-valid
	causes verify.jsonl "${verdicts[@]}"
	cmp verify.jsonl verify.jsonl.hsmime/manifest.jsonl
	# The signer's certificate is not in the message.
	mkdir bare
	(cd "$W" && sign eve -nocerts -out "$BATS_TEST_TMPDIR/bare/a.eml")
	archive 1 verify --in eml:bare --report bare.jsonl --ca "$W/ca.pem"
	archive 0 retry bare.jsonl.hsmime --cert "$W/eve.pem" --ca "$W/ca.pem"
	causes bare.jsonl a.eml=valid
}

@test "the tool's own report of it is JSON, with the numbers" {
	archive 1 verify --json --in "eml:$W/tree" --report verify.jsonl --ca "$W/ca.pem"
	[ "$(field '(d["task"], d["valid"], d["skipped"], d["failed"], d["exit_status"], d["out"], d["finished"])' <<<"$output")" = \
		"('verify', 5, 2, 9, 1, None, True)" ]
}

@test "the report is no file of the mailbox that is read, nor of the job" {
	mailboxes make box 3 signed
	mailboxes mbox box file.mbox rd
	find box/in -name '*.eml' >list
	fingerprint box >before
	fingerprint file.mbox >>before
	fingerprint list >>before
	for pair in "eml:box/in box/in/00001.eml" "eml:box/in box/in/new.jsonl" "mbox:file.mbox file.mbox" \
		"mbox:file.mbox ./box/../file.mbox" "list:list list"; do
		archive 2 verify --job job --in "${pair% *}" --report "${pair#* }" --no-chain
		explained
		[ ! -e job ]
	done
	{ fingerprint box; fingerprint file.mbox; fingerprint list; } | diff before -
	for name in journal.sqlite manifest.jsonl; do
		archive 2 verify --job job --in eml:box/in --report "job/$name" --no-chain
		explained
		[ ! -e job ]
	done
	ln -s file.mbox link
	archive 2 verify --job job --in mbox:file.mbox --report link --no-chain
	explained
}

@test "a report that can't be written is told before anything is done" {
	mailboxes make box 3 signed
	mkdir folder.jsonl
	archive 2 verify --in eml:box/in --report folder.jsonl --no-chain
	explained
	[ ! -e folder.jsonl.hsmime ]
	archive 2 verify --in eml:box/in --no-chain
	explained
}

@test "a report that was not written is written by the next run" {
	mailboxes make box 3 signed
	mkdir there
	archive 0 verify --job job --in eml:box/in --report there/verify.jsonl --no-chain
	rm there/verify.jsonl
	archive 0 verify --job job --in eml:box/in --report there/verify.jsonl --no-chain
	cmp there/verify.jsonl job/manifest.jsonl
}
