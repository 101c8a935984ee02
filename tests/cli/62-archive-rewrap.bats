#!/usr/bin/env bats
# hsmime archive rewrap: each kind of mailbox for other recipients, whom openssl lets open it by software copies of
# their keys; the encrypted content stays octet for octet, and what would be broken or lost is kept as it was.

load helper
load ../token/saboteur
load rewrap

setup_file() {
	new_rewrap_world
	mailboxes make "$W/mixed" 16 "${good[@]}"
	mailboxes make "$W/few" 8 "${good[@]}"
	der bare.p7m -aes-256-cbc
	der gcm.p7m -aes-128-gcm
	der ber.p7m -aes-256-cbc -stream
}

# der FILE ARGUMENT...: for alice, bare
der() {
	openssl cms -encrypt -outform DER -in "$W/entity" -out "$1" "${@:2}" "$W/alice.pem"
}

# all_rewrapped KIND BOX JOB: all of $W/mixed, for carol and dora alone
all_rewrapped() {
	rewrapped "$1" "$2" "$W/mixed" +carol +dora -alice -bob -eve
	outcomes "$3" finished=true listed=true waiting=0 rewrapped=12 copied=4 skipped=0 failed=0
	[ "$(wc -l <"$3/manifest.jsonl")" = 17 ]
	no_drafts .
	no_pin .
}

@test "a tree of files gets other recipients, and keeps names, times, headers and encrypted octets" {
	fingerprint "$W/mixed/in" >before
	archive 0 rewrap --in "eml:$W/mixed/in" --out eml:new "${new[@]}"
	all_rewrapped eml new new.hsmime
	diff <(find "$W/mixed/in" -type f -printf '%P %T@\n' | sort) <(find new -name '*.eml' -printf '%P %T@\n' | sort)
	mailboxes check-manifest new.hsmime "$W/mixed/in" new
	fingerprint "$W/mixed/in" | diff before -
}

@test "a Maildir keeps its sub-folders, flags, new mail and times" {
	mailboxes maildir "$W/mixed" box
	fingerprint box >before
	archive 0 rewrap --in maildir:box --out maildir:new "${new[@]}"
	all_rewrapped maildir new new.hsmime
	for box in box new; do # where, which flags, and when
		find "$box" -type f ! -name maildirfolder -printf '%P %T@\n' |
			sed -E 's,(cur|new)/[^:]*(:2,[A-Z]*)? ,\1 \2 ,' | sort >"$box.spots"
	done
	diff box.spots new.spots
	mailboxes check-manifest new.hsmime box new
	fingerprint box | diff before -
}

@test "an mbox keeps its order and times, and a list becomes anything" {
	mailboxes mbox "$W/mixed" in.mbox rd
	fingerprint in.mbox >before
	archive 0 rewrap --in mbox:in.mbox --out mbox:new.mbox "${new[@]}"
	all_rewrapped mbox new.mbox new.mbox.hsmime
	diff <(sed -n 's/^From alice@example.test //p' in.mbox) <(sed -n 's/^From MAILER-DAEMON //p' new.mbox)
	fingerprint in.mbox | diff before -
	archive 0 rewrap --in - --out mbox:list.mbox "${new[@]}" <<<"$(find "$W/mixed/in" -name '*.eml' | sort)"
	all_rewrapped mbox list.mbox list.mbox.hsmime
}

@test "what is not encrypted can be left out" {
	archive 0 rewrap --skip-plain --in "eml:$W/few/in" --out eml:new "${new[@]}"
	[ "$(find new -type f | wc -l)" = 6 ]
	outcomes new.hsmime finished=true rewrapped=6 copied=0 skipped=2
}

@test "the old recipients stay if that is asked for, but for those who are dropped" {
	archive 0 rewrap --keep-recipients --in "eml:$W/few/in" --out eml:kept -r carol.pem
	rewrapped eml kept "$W/few" +carol =alice =bob =eve -dora
	archive 0 rewrap --keep-recipients --drop "$W/eve.pem" --in "eml:$W/few/in" --out eml:dropped -r carol.pem
	rewrapped eml dropped "$W/few" +carol =alice =bob -eve
	# Only drop: "both" is for three.
	mailboxes make three 2 both
	archive 0 rewrap --keep-recipients --drop "$W/eve.pem" --drop "$W/bob.pem" --in eml:three/in --out eml:two
	rewrapped eml two three +alice -bob -eve
	outcomes two.hsmime rewrapped=2 failed=0
}

@test "a message that would be left without a recipient fails, and stays as it was" {
	mailboxes make one 2 both cbc
	archive 1 rewrap --keep-recipients --drop "$W/alice.pem" --in eml:one/in --out eml:new
	outcomes new.hsmime finished=true rewrapped=1 failed=1 cause:policy=1
	cmp one/in/00002.eml new.hsmime/failed/00002.eml
	[ ! -e new/00002.eml ]
	grep -q '"problem":"[^"]*no recipient left' new.hsmime/manifest.jsonl
}

@test "each message costs one operation of the token" {
	mailboxes make many 60 cbc gcm ecdh oaep
	sabotage
	archive 0 rewrap --in eml:many/in --out eml:new "${new[@]}"
	operations=$(($(calls C_Decrypt) + $(calls C_DeriveKey)))
	echo "$operations operations"
	[ "$operations" -ge 60 ]
	[ "$operations" -le 72 ] # the keys are tried out at intervals
	[ "$(calls C_UnwrapKey)" = 0 ]
	rewrapped eml new many +carol -alice
}

# told FILE PATTERN: what openssl prints of it has that
told() {
	openssl cms -cmsout -print -noout -inform DER -in "$1" >printed
	openssl asn1parse -inform DER -in "$1" >>printed
	grep -qE "$2" printed
}

@test "PKCS#1 v1.5 and the key wrap of 3DES become what is asked for the new recipients" {
	mkdir tree
	cp "$W/bare.p7m" tree
	openssl cms -encrypt -outform DER -aes-256-cbc -des3-wrap -in "$W/entity" -out tree/wrap.p7m -recip "$W/bob.pem"
	openssl cms -encrypt -outform DER -des3 -des3-wrap -in "$W/entity" -out tree/both.p7m -recip "$W/bob.pem"
	told tree/bare.p7m 'rsaEncryption'
	told tree/wrap.p7m 'CMS3DESwrap'
	archive 0 rewrap --key-transport oaep --in eml:tree --out eml:new "${new[@]}"
	outcomes new.hsmime rewrapped=3 failed=0
	for file in bare wrap both; do
		told "new/$file.p7m" 'rsaesOaep'
		told "new/$file.p7m" ':id-aes(256|192|128)-wrap'
		run ! grep -qE 'CMS3DESwrap|keyEncryptionAlgorithm.*rsaEncryption' printed
		rewrapped one "new/$file.p7m" "tree/$file.p7m" +carol +dora -alice -bob
	done
	[ "$(grep -c '"new_recipients":\[{[^]]*"algorithm":"RSA-OAEP"' new.hsmime/manifest.jsonl)" = 3 ]
	# Asked for PKCS#1 v1.5 it stays; the wrap goes with the recipient.
	archive 0 rewrap --key-transport pkcs1 --in eml:tree --out eml:old -r carol.pem
	told old/wrap.p7m 'rsaEncryption'
	run ! told old/wrap.p7m 'rsaesOaep|CMS3DESwrap'
	# Old recipients who stay keep theirs.
	archive 0 rewrap --keep-recipients --in eml:tree --out eml:kept -r dora.pem
	told kept/wrap.p7m 'CMS3DESwrap'
	told kept/wrap.p7m ':id-aes256-wrap'
}

@test "bare DER, BER and AuthEnvelopedData keep their form and their names" {
	mkdir -p tree/deep
	cp "$W/bare.p7m" "$W/gcm.p7m" tree
	cp "$W/ber.p7m" tree/deep
	archive 0 rewrap --in eml:tree --out eml:new "${new[@]}"
	[ "$(cd new && find . -type f | sort | tr '\n' ' ')" = './bare.p7m ./deep/ber.p7m ./gcm.p7m ' ]
	# Their lengths are what they were, definite or not.
	[ "$(head -c 2 tree/deep/ber.p7m | od -An -tx1)" = ' 30 80' ]
	for file in bare.p7m gcm.p7m deep/ber.p7m; do
		rewrapped one "new/$file" "tree/$file" +carol +dora -alice
	done
	openssl asn1parse -inform DER -in new/gcm.p7m | grep -q authEnveloped
	mailboxes check-manifest new.hsmime tree new
}

@test "encryption inside a signature is told, and not broken" {
	mkdir tree
	{ printf 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\nContent-Transfer-Encoding: base64\n\n'
		base64 "$W/bare.p7m"; } >inner
	openssl cms -sign -in inner -signer "$W/eve.pem" -inkey "$W/eve.key" -out tree/clear.eml
	openssl cms -sign -nodetach -in inner -signer "$W/eve.pem" -inkey "$W/eve.key" -out tree/opaque.eml
	cp "$W/few/in/00001.eml" tree/good.eml
	cp "$W/few/in/00008.eml" tree/signed.eml
	archive 1 rewrap --in eml:tree --out eml:new "${new[@]}"
	outcomes new.hsmime finished=true rewrapped=1 copied=1 failed=2 cause:inside-signature=2
	for file in clear opaque; do
		cmp "tree/$file.eml" "new.hsmime/failed/$file.eml"
		[ ! -e "new/$file.eml" ]
	done
	cmp tree/signed.eml new/signed.eml
	mailboxes check-manifest new.hsmime tree new
}

# bad_tree: what no key proves, and a good one
bad_tree() {
	mkdir tree
	cp "$W/few/in/00001.eml" tree/good.eml
	cp "$W/gcm.p7m" tree/tag.p7m
	flip tree/tag.p7m 1
	cp "$W/gcm.p7m" tree/content.p7m
	flip tree/content.p7m 40
	cp "$W/bare.p7m" tree/padding.p7m
	flip tree/padding.p7m 17
	openssl cms -encrypt -in "$W/entity" -out tree/nokey.eml "$W/eve.pem"
	head -c 900 "$W/few/in/00001.eml" >tree/cut.eml
	printf 'no mail at all\n' >tree/malformed.eml
	wrong_content_key tree/garbage.p7m
}

@test "a content key that is not proved costs only its message, of which nothing is written" {
	bad_tree
	fingerprint tree >before
	archive 1 rewrap --in eml:tree --out eml:new "${new[@]}"
	said '7 messages failed'
	[ "$(find new -type f -printf '%P\n')" = good.eml ]
	for file in tree/*; do
		[ "$file" = tree/good.eml ] || cmp "$file" "new.hsmime/failed/${file#tree/}"
	done
	outcomes new.hsmime finished=true rewrapped=1 failed=7 cause:no-key=1 cause:malformed=2 cause:not-decrypted=4
	no_drafts .
	mailboxes check-manifest new.hsmime tree new
	fingerprint tree | diff before -
}

@test "without the check it is copied as it is, and the old recipients have to stay" {
	mkdir tree
	cp "$W/gcm.p7m" tree/a.p7m
	flip tree/a.p7m 40
	for wrong in '' "--keep-recipients --drop $W/eve.pem"; do
		local arguments
		read -ra arguments <<<"$wrong"
		archive 2 rewrap --no-check "${arguments[@]}" --in eml:tree --out eml:new -r carol.pem
		explained
		no_job tree
	done
	archive 0 rewrap --no-check --keep-recipients --in eml:tree --out eml:new -r carol.pem
	flip new/a.p7m 40 # as it was before
	cp "$W/gcm.p7m" was.p7m
	rewrapped one new/a.p7m was.p7m +carol +alice
}

@test "an option that an action would pass over is refused" {
	mkdir tree
	openssl cms -encrypt -in "$W/entity" -out tree/late.eml "$W/eve.pem"
	archive 1 rewrap --in eml:tree --out eml:new -r carol.pem
	fingerprint new.hsmime/failed >before
	for wrong in 'retry new.hsmime -r dora.pem' 'retry new.hsmime --keep-recipients' 'retry new.hsmime --limit 1' \
		'status new.hsmime -r dora.pem' 'report new.hsmime --html x.html --since @0' \
		'decrypt --in eml:tree --out eml:x -r carol.pem' 'rewrap --in eml:tree --out eml:x -r carol.pem --require-authenticated' \
		'verify --in eml:tree --report x.jsonl --out eml:x' 'verify --in eml:tree --report x.jsonl -k alice' \
		'count --in eml:tree --workers 3'; do
		local arguments
		read -ra arguments <<<"$wrong"
		archive 2 "${arguments[@]}"
		explained
	done
	[ -z "$(find . -name 'x*')" ]
	fingerprint new.hsmime/failed | diff before -
	# What the configuration sets for other commands is no mistake.
	mkdir -p config/hsmime
	printf '[hsmime]\nkey-transport = oaep\n' >config/hsmime/hsmime.conf
	XDG_CONFIG_HOME=$PWD/config archive 0 status new.hsmime
}

@test "what failed is done again for the same recipients once the key is there" {
	mkdir tree
	cp "$W/few/in/00001.eml" tree/good.eml
	openssl cms -encrypt -in "$W/entity" -out tree/late.eml "$W/eve.pem"
	archive 1 rewrap --in eml:tree --out eml:new "${new[@]}"
	outcomes new.hsmime rewrapped=1 failed=1 cause:no-key=1
	rm carol.pem dora.pem
	archive 1 retry new.hsmime --cause malformed # there is none
	eve_token "$W/eve.pem"
	with_eve archive 0 retry new.hsmime --cause no-key
	outcomes new.hsmime finished=true rewrapped=2 failed=0
	rewrapped one new/late.eml tree/late.eml +carol +dora -eve
	[ -z "$(find new.hsmime/failed -type f)" ]
}

@test "what failed is done again once there is a certificate that tells whose the key is" {
	mkdir tree
	openssl cms -encrypt -in "$W/entity" -out tree/late.eml "$W/eve.pem"
	eve_token
	with_eve archive 1 rewrap --in eml:tree --out eml:new -r carol.pem
	outcomes new.hsmime failed=1 cause:no-key=1
	with_eve archive 0 retry new.hsmime --cert "$W/eve.pem"
	rewrapped one new/late.eml tree/late.eml +carol -eve
}

@test "the manifest has the recipients of before and of now" {
	archive 0 rewrap --in "eml:$W/few/in" --out eml:new "${new[@]}"
	python3 - <<-'PY'
		import json
		rows = [json.loads(line) for line in open("new.hsmime/manifest.jsonl")][1:]
		for row in rows:
		    if row["outcome"] == "copied":
		        continue
		    assert row["outcome"] == "rewrapped" and row["key"].startswith("pkcs11:"), row
		    layer, = row["layers"]
		    assert "encrypted" in layer["kind"] and layer["recipients"] and layer["cipher"], row
		    assert [r["used"] for r in layer["recipients"]].count(True) == 1, row
		    assert len(layer["new_recipients"]) == 2, row
		    assert any(r["issuer"] == "CN=dora" for r in layer["new_recipients"]), row
		    assert row["input_sha256"] != row["output_sha256"], row
		assert len(rows) == 8
	PY
}
