#!/usr/bin/env bats
# hsmime archive rewrap --reencrypt: content encrypted anew for other recipients, whom openssl lets open it by software
# copies of their keys; nothing that is not proved leaves, nothing becomes weaker, and what was is told.

load helper
load ../token/saboteur
load rewrap

readonly anew=(--reencrypt "${new[@]}")

setup_file() {
	new_rewrap_world
	mailboxes make "$W/mixed" 16 "${good[@]}"
	mailboxes make "$W/cbc" 4 cbc ecdh plain
	# A body that does not fit what is held, so that it is written with indefinite lengths.
	{ printf 'Content-Type: text/plain\n\n' && head -c 150000 /dev/urandom | base64; } >large
	for cipher in aes-128-cbc aes-256-cbc des-ede3-cbc aes-128-gcm aes-256-gcm; do
		openssl cms -encrypt -outform DER -$cipher -in "$W/entity" -out "$cipher.p7m" alice.pem
		openssl cms -encrypt -outform DER -stream -binary -$cipher -in large -out "$cipher.ber" alice.pem
	done
}

# all_anew KIND BOX JOB: all of $W/mixed, for carol and dora alone
all_anew() {
	reencrypted "$1" "$2" "$W/mixed" aes-256-gcm +carol +dora -alice -bob -eve
	outcomes "$3" finished=true listed=true waiting=0 rewrapped=12 copied=4 skipped=0 failed=0
	[ "$(wc -l <"$3/manifest.jsonl")" = 17 ]
	no_drafts .
	no_pin .
}

@test "a tree of files: names, times and headers stay, and each is AES-256-GCM where nothing else is said" {
	fingerprint "$W/mixed/in" >before
	archive 0 rewrap --in "eml:$W/mixed/in" --out eml:new "${anew[@]}"
	all_anew eml new new.hsmime
	diff <(find "$W/mixed/in" -type f -printf '%P %T@\n' | sort) <(find new -name '*.eml' -printf '%P %T@\n' | sort)
	mailboxes check-manifest new.hsmime "$W/mixed/in" new
	fingerprint "$W/mixed/in" | diff before -
}

@test "a Maildir and an mbox" {
	mailboxes maildir "$W/mixed" box
	archive 0 rewrap --in maildir:box --out maildir:new "${anew[@]}"
	all_anew maildir new new.hsmime
	mailboxes mbox "$W/mixed" in.mbox rd
	archive 0 rewrap --in mbox:in.mbox --out mbox:new.mbox "${anew[@]}"
	all_anew mbox new.mbox new.mbox.hsmime
}

@test "each cipher becomes each other, in DER and BER, and openssl opens it" {
	mkdir tree
	cp "$W"/*-cbc.p7m "$W"/*-gcm.p7m tree
	for cipher in aes-128-cbc aes-256-cbc des-ede3-cbc aes-128-gcm aes-256-gcm; do
		cp "$W/$cipher.ber" "tree/$cipher-large.p7m"
	done
	for cipher in aes-128-gcm aes-256-gcm; do
		archive 0 rewrap --cipher "$cipher" --in eml:tree --out "eml:$cipher" "${anew[@]}"
		outcomes "$cipher.hsmime" finished=true rewrapped=10 failed=0
		for file in tree/*; do
			reencrypted one "$cipher/${file#tree/}" "$file" "$cipher" +carol +dora -alice
		done
		mailboxes check-manifest "$cipher.hsmime" tree "$cipher"
	done
	rm tree/*-gcm*
	for cipher in aes-128-cbc aes-256-cbc; do
		archive 0 rewrap --cipher "$cipher" --in eml:tree --out "eml:$cipher" "${anew[@]}"
		for file in tree/*; do
			reencrypted one "$cipher/${file#tree/}" "$file" "$cipher" +carol +dora -alice
		done
	done
}

@test "authenticated content is not made weaker: it fails, before a key is used" {
	mkdir tree
	cp "$W"/aes-256-gcm.p7m "$W"/aes-128-cbc.p7m tree
	sabotage
	archive 1 rewrap --cipher aes-256-cbc --in eml:tree --out eml:new "${anew[@]}"
	outcomes new.hsmime finished=true rewrapped=1 failed=1 cause:policy=1
	cmp tree/aes-256-gcm.p7m new.hsmime/failed/aes-256-gcm.p7m
	[ "$(ls new)" = aes-128-cbc.p7m ]
	grep -q '"problem":"[^"]*would take that away' new.hsmime/manifest.jsonl
	[ "$(calls C_Decrypt)" -le 2 ] # of the other one, and of the key's trial
}

@test "that content was not authenticated before is in the manifest, and can be refused" {
	archive 0 rewrap --in "eml:$W/mixed/in" --out eml:new "${anew[@]}"
	python3 - <<-'PY'
		import json
		rows = [row for row in map(json.loads, open("new.hsmime/manifest.jsonl")) if row.get("outcome") == "rewrapped"]
		assert len(rows) == 12
		for row in rows:
		    layer, = row["layers"]
		    cbc = layer["cipher"].endswith("CBC")
		    assert layer["kind"] == ("encrypted" if cbc else "auth-encrypted"), row
		    assert row["authenticated"] is not cbc, row
		    assert layer["new_kind"] == "auth-encrypted" and layer["new_cipher"] == "AES-256-GCM", row
		    assert len(layer["new_recipients"]) == 2, row
		    assert row["input_sha256"] != row["output_sha256"], row
		assert {row["layers"][0]["cipher"][-3:] for row in rows} == {"CBC", "GCM"}
	PY
	# And on the page for those who ordered it.
	archive 0 report new.hsmime --html page.html
	grep -q 'Authenticated before' page.html
	grep -A9 'Authenticated before' page.html | grep -q 'open to changes until.*<td class="n">6</td>'
	grep -A9 'Authenticated before' page.html | grep -q '>yes</td><td class="n">6</td>'
	archive 1 rewrap --require-authenticated --in "eml:$W/mixed/in" --out eml:strict "${anew[@]}"
	outcomes strict.hsmime rewrapped=6 failed=6 cause:policy=6 copied=4
	# Without it the manifest says nothing of a new cipher.
	archive 0 rewrap --in "eml:$W/mixed/in" --out eml:same -r carol.pem
	run ! grep -q new_cipher same.hsmime/manifest.jsonl
	archive 0 report same.hsmime --html page.html
	run ! grep -q 'Authenticated before' page.html
}

@test "what can't be done is told before the job begins" {
	for wrong in '--keep-recipients' "--keep-recipients --drop $W/eve.pem" '--no-check' '--keep-recipients --no-check'; do
		local arguments
		read -ra arguments <<<"$wrong"
		archive 2 rewrap "${arguments[@]}" --in "eml:$W/cbc/in" --out eml:new "${anew[@]}"
		explained
		no_job
	done
	archive 2 rewrap --keep-recipients --in "eml:$W/cbc/in" --out eml:new "${anew[@]}"
	said '--recipient'
	archive 2 rewrap --cipher aes-256-gcm --in "eml:$W/cbc/in" --out eml:new -r carol.pem
	explained
	said '--reencrypt'
	archive 2 rewrap --require-authenticated --in "eml:$W/cbc/in" --out eml:new -r carol.pem
	explained
	run hsmime archive rewrap --cipher des-ede3-cbc --in "eml:$W/cbc/in" --out eml:new "${anew[@]}"
	[ "$status" = 2 ]
	archive 2 decrypt --reencrypt --in "eml:$W/cbc/in" --out eml:new
	explained
	archive 2 rewrap --reencrypt --in "eml:$W/cbc/in" --out eml:new
	explained
	no_job
	# The cipher that is set for other commands is not meant.
	mkdir -p config/hsmime
	printf '[hsmime]\ncipher = aes-128-cbc\n' >config/hsmime/hsmime.conf
	XDG_CONFIG_HOME=$PWD/config archive 0 rewrap --in "eml:$W/cbc/in" --out eml:new "${anew[@]}"
	reencrypted eml new "$W/cbc" aes-256-gcm +carol -alice
}

@test "another cipher is another job, and the same one goes on" {
	archive 0 rewrap --in "eml:$W/cbc/in" --out eml:new "${anew[@]}"
	fingerprint new >before
	for other in '--cipher aes-128-gcm' '--require-authenticated'; do
		local arguments
		read -ra arguments <<<"$other"
		archive 2 rewrap "${arguments[@]}" --in "eml:$W/cbc/in" --out eml:new "${anew[@]}"
		explained
	done
	archive 2 rewrap --in "eml:$W/cbc/in" --out eml:new -r carol.pem -r dora.pem
	archive 0 rewrap --cipher aes-256-gcm --in "eml:$W/cbc/in" --out eml:new "${anew[@]}"
	fingerprint new | diff before -
}

@test "what failed is done again with the same cipher" {
	mkdir tree
	openssl cms -encrypt -in "$W/entity" -out tree/late.eml "$W/eve.pem"
	archive 1 rewrap --cipher aes-128-gcm --in eml:tree --out eml:new "${anew[@]}"
	outcomes new.hsmime failed=1 cause:no-key=1
	eve_token "$W/eve.pem"
	with_eve archive 0 retry new.hsmime
	reencrypted one new/late.eml tree/late.eml aes-128-gcm +carol +dora -eve
}

# bad_tree: what no key proves, and a good one
bad_tree() {
	mkdir tree
	cp "$W/aes-128-gcm.p7m" tree/good.p7m
	cp "$W/aes-128-gcm.p7m" tree/tag.p7m
	flip tree/tag.p7m 1
	cp "$W/aes-128-gcm.p7m" tree/content.p7m
	flip tree/content.p7m 40
	# Changed at its end, when most of what it became was written.
	cp "$W/aes-256-gcm.ber" tree/large.p7m
	flip tree/large.p7m 9
	cp "$W/aes-256-cbc.p7m" tree/padding.p7m
	flip tree/padding.p7m 17
	head -c 900 "$W/aes-256-cbc.ber" >tree/cut.p7m
	openssl cms -encrypt -in "$W/entity" -out tree/nokey.eml "$W/eve.pem"
	wrong_content_key tree/garbage.p7m
}

@test "what is not proved costs only itself, and nothing of it is there" {
	bad_tree
	fingerprint tree >before
	archive 1 rewrap --in eml:tree --out eml:new "${anew[@]}"
	[ "$(find new -type f -printf '%P\n')" = good.p7m ]
	for file in tree/*; do
		[ "$file" = tree/good.p7m ] || cmp "$file" "new.hsmime/failed/${file#tree/}"
	done
	outcomes new.hsmime finished=true rewrapped=1 failed=7 cause:no-key=1 cause:malformed=1 cause:not-decrypted=5
	no_drafts .
	mailboxes check-manifest new.hsmime tree new
	fingerprint tree | diff before -
}

@test "encryption inside a signature is told, and not broken" {
	mkdir tree
	{ printf 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\nContent-Transfer-Encoding: base64\n\n'
		base64 "$W/aes-256-cbc.p7m"; } >inner
	openssl cms -sign -in inner -signer "$W/eve.pem" -inkey "$W/eve.key" -out tree/clear.eml
	archive 1 rewrap --in eml:tree --out eml:new "${anew[@]}"
	outcomes new.hsmime failed=1 cause:inside-signature=1
	cmp tree/clear.eml new.hsmime/failed/clear.eml
}

@test "no plaintext is on the disk at any time" {
	mkdir tree
	head -c 3000000 /dev/zero | tr '\0' 'x' | fold -w 70 | sed '1i Content-Type: text/plain\n\nMARK-OF-PLAINTEXT' >marked
	openssl cms -encrypt -outform DER -aes-128-cbc -binary -in marked -out tree/a.p7m "$W/alice.pem"
	strace -f -e trace=write,pwrite64,writev -s 4000000 -o trace "$HSMIME" archive rewrap --in eml:tree --out eml:new \
		"${anew[@]}" 2>/dev/null >/dev/null || skip 'strace is not there, or not allowed'
	run ! grep -q MARK-OF-PLAINTEXT trace
	run ! grep -qa MARK-OF-PLAINTEXT -r new new.hsmime
	reencrypted one new/a.p7m tree/a.p7m aes-256-gcm +carol
}

# peak COMMAND...: runs it and sets $peak, its resident memory in KiB
peak() {
	peak=$(python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@")
}

@test "a message of ${HSMIME_LARGE_MB:-200} MB takes no more memory than a small one" {
	[ -z "${ASAN_OPTIONS:-}" ] || skip "AddressSanitizer keeps what was freed"
	local mb=${HSMIME_LARGE_MB:-200}
	mkdir small large
	for cipher in aes-256-cbc aes-256-gcm; do
		{ printf 'Content-Type: text/plain\n\n'; head -c "${mb}M" /dev/zero; } |
			hsmime encrypt --cms --cipher "$cipher" -r "$W/alice.pem" -o "large/$cipher.p7m"
		cp "$W/$cipher.p7m" small
	done
	peak "$HSMIME" archive rewrap --in eml:small --out eml:new-small --workers 1 "${anew[@]}"
	small=$peak
	peak "$HSMIME" archive rewrap --in eml:large --out eml:new-large --workers 1 "${anew[@]}"
	echo "$small KiB, $peak KiB"
	[ "$peak" -le $((small + 4096)) ]
	rm -r large
	for cipher in aes-256-cbc aes-256-gcm; do
		[ "$(stat -c %s "new-large/$cipher.p7m")" -gt $((mb * 1048576)) ]
		# Read by nothing of ours: openssl holds all of it in memory, so that only its beginning is decrypted here.
		openssl asn1parse -inform DER -in <(head -c 4000 "new-large/$cipher.p7m") 2>/dev/null |
			grep -q aes-256-gcm
	done
}
