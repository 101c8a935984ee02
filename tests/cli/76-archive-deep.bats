#!/usr/bin/env bats
# hsmime archive decrypt --deep: whole mailboxes, and what the manifest tells of each layer.

load helper
load archive
load deep

setup_file() {
	new_archive_world
	new_deep_world
	cd "$W"
	openssl pkcs8 -topk8 -nocrypt -in eve.key -out eve.p8
	# Bodies as mailboxes make takes them: what is in body and in clear, without a header.
	mail_of '@cbc@' $'Content-Type: message/rfc822\n\nFrom: bob@example.test\n@ecdhgcm@' | sed '1,/^Subject/d' >template
	filled body <template >body/parts
	filled clear <template >clear/parts
	mail_of '@nokey@' | sed '1,/^Subject/d' >template
	filled body <template >body/closed
	mail_of '@cbc@' '@tampered@' | sed '1,/^Subject/d' >template
	sed 's/@tampered@/@tampered.raw@/' template >template2
	sed -z 's/\n*$//' body/tampered >clear/tampered.raw
	filled body <template >body/half
	filled clear <template2 >clear/half
	openssl cms -sign -in body/parts -signer eve.pem -inkey eve.key -out body/signedparts
	cp clear/one clear/three
	mailboxes make "$W/deep" 32 cbc parts plain list closed half signedparts three
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# decrypted KIND BOX: all of $W/deep once and right
decrypted() {
	mailboxes check "$1" "$2" "$W/deep/want"
	outcomes "$2.hsmime" finished=true listed=true waiting=0 decrypted=20 copied=12 skipped=0 failed=0
	no_drafts .
	no_pin .
}

# told NUMBER EXPRESSION: of that message's line, d
told() {
	sed -n "s/^.*\"name\":\"0*$1\.eml.*$/&/p" clear.hsmime/manifest.jsonl | field "$2"
}

@test "each kind of mailbox: what is encrypted inside comes off, and the rest stays" {
	fingerprint "$W/deep/in" >before
	archive 0 decrypt --deep --in "eml:$W/deep/in" --out eml:clear
	decrypted eml clear
	mailboxes check-manifest clear.hsmime "$W/deep/in" clear
	fingerprint "$W/deep/in" | diff before -
	mailboxes maildir "$W/deep" box
	archive 0 decrypt --deep --in box --out mbox:clear.mbox
	outcomes clear.mbox.hsmime decrypted=20 copied=12
	mailboxes mbox "$W/deep" in.mbox rd
	archive 0 decrypt --deep --in in.mbox --out mbox:again.mbox
	decrypted mbox again.mbox
	archive 0 decrypt --deep --in in.mbox --out maildir:mail
	decrypted maildir mail
}

@test "the manifest tells of each layer, where it is, and why it stays" {
	archive 0 decrypt --deep --in "eml:$W/deep/in" --out eml:clear
	local layers='[(l.get("place"), l["opened"], l.get("cause")) for l in d["layers"] if "encrypted" in l["kind"]]'
	[ "$(told 1 "$layers")" = '[(None, True, None)]' ]
	[ "$(told 2 "$layers")" = "[('2', True, None), ('3.1', True, None)]" ]
	[ "$(told 2 'd["outcome"], d["authenticated"]')" = "('decrypted', False)" ]
	[ "$(told 3 'd["outcome"], "layers" in d')" = "('copied', False)" ]
	[ "$(told 4 "$layers")" = "[(None, True, None), ('2', True, None), ('3.1', True, None)]" ]
	[ "$(told 5 "$layers")" = "[('2', False, 'no-key')]" ]
	[ "$(told 5 'd["outcome"], len(d["layers"][0]["recipients"])')" = "('copied', 1)" ]
	[ "$(told 6 "$layers")" = "[('2', True, None), ('3', False, 'not-decrypted')]" ]
	[ "$(told 7 "$layers")" = "[('1.2', False, 'inside-signature'), ('1.3.1', False, 'inside-signature')]" ]
	[ "$(told 8 "$layers")" = '[(None, True, None), (None, True, None), (None, True, None)]' ]
	cp clear/00007.eml signed.eml
	cmp signed.eml "$W/deep/in/00007.eml"
}

@test "status and report tell in how many messages something stayed closed, once there are any" {
	archive 0 decrypt --deep --in "eml:$W/deep/in" --out eml:clear
	reported '^ *closed *12 messages' # 5, 6 and 7, four times
	outcomes clear.hsmime closed=12 failed=0
	archive 0 status clear.hsmime
	reported '^ *closed *12 messages'
	archive 0 report clear.hsmime --html page.html
	[ "$(grep -c 'stayed so</th><td class="w">12</td>' page.html)" = 1 ]
	# None.
	mkdir tree
	cp "$W"/deep/in/0000[1-4].eml tree
	archive 0 decrypt --deep --in eml:tree --out eml:four
	outcomes four.hsmime closed=0 finished=true
	archive 0 status four.hsmime
	run ! grep -q closed <<<"$output"
	archive 0 report four.hsmime --html page.html
	run ! grep -q 'stayed so' page.html
	# Nobody looked.
	archive 0 decrypt --in "eml:$W/deep/in" --out eml:outside
	outcomes outside.hsmime closed=0
	archive 0 rewrap --in "eml:$W/deep/in" --out eml:new -r "$W/alice.pem"
	run_as 0 hsmime archive status --json new.hsmime
	[ "$(field '"closed" in d' <<<"$output")" = False ]
}

@test "--provenance tells how many layers stay, and leaves what is copied as it is" {
	archive 0 decrypt --deep --provenance mx.example.test --in "eml:$W/deep/in" --out eml:clear
	grep -q 'still-encrypted=1' <(sed '/^From:/q' clear/00006.eml)
	run ! grep -q 'still-encrypted' <(sed '/^From:/q' clear/00002.eml)
	cmp clear/00005.eml "$W/deep/in/00005.eml"
	cmp clear/00007.eml "$W/deep/in/00007.eml"
	[[ $(cat clear/00002.eml) == *"$(cat "$W/deep/want/00002.eml")" ]]
}

@test "--dry-run tells what would come of it, and opens nothing" {
	run_as 0 hsmime archive decrypt --deep --dry-run --json --in "eml:$W/deep/in" --out eml:clear
	[ "$(field 'd["decrypted"], d["copied"], d["failed"]' <<<"$output")" = '(20, 12, 0)' ]
	run_as 0 hsmime archive decrypt --dry-run --json --in "eml:$W/deep/in" --out eml:clear
	[ "$(field 'd["decrypted"], d["copied"], d["failed"]' <<<"$output")" = '(12, 20, 0)' ]
	[ ! -e clear ] && [ ! -e clear.hsmime ]
}

@test "without --deep such parts stay, and it is another job" {
	archive 0 decrypt --in "eml:$W/deep/in" --out eml:clear
	outcomes clear.hsmime decrypted=12 copied=20
	cmp clear/00002.eml "$W/deep/in/00002.eml"
	archive 2 decrypt --deep --in "eml:$W/deep/in" --out eml:clear
	explained
	archive 2 verify --deep --in "eml:$W/deep/in" --report report
	archive 2 rewrap --deep --in "eml:$W/deep/in" --out eml:other -r "$W/alice.pem"
}

@test "what could not be opened is not left out as plain" {
	archive 0 decrypt --deep --skip-plain --in "eml:$W/deep/in" --out eml:clear
	outcomes clear.hsmime finished=true decrypted=20 copied=8 skipped=4
	cmp clear/00005.eml "$W/deep/in/00005.eml"
	[ ! -e clear/00003.eml ]
}

@test "once the key is there a second run over the new mailbox opens what stayed" {
	archive 0 decrypt --deep --in "eml:$W/deep/in" --out eml:clear
	eve_token "$W/eve.pem"
	with_eve archive 0 decrypt --deep --in eml:clear --out eml:clearer
	outcomes clearer.hsmime decrypted=4 copied=28 failed=0 closed=8
	grep -q 'Agreed' clearer/00005.eml
	cmp clear/00002.eml clearer/00002.eml
}

@test "some of the messages are done as all of them are, and a second run does nothing" {
	archive 0 decrypt --deep --limit 5 --in "eml:$W/deep/in" --out eml:five
	[ "$(find five -type f | wc -l)" = 5 ]
	for file in five/*; do
		cmp "$file" "$W/deep/want/${file#five/}"
	done
	archive 0 decrypt --deep --in "eml:$W/deep/in" --out eml:clear
	archive 0 decrypt --deep --in "eml:$W/deep/in" --out eml:clear
	decrypted eml clear
}

# around PART: a mail with the part that standard input is
around() {
	printf '%s\n' 'From: carol@example.test' 'Content-Type: multipart/mixed; boundary=b' '' --b
	cat
	printf '\n--b--\n'
}

@test "forwarded messages at any depth are opened; what is attached in base64 stays, octet for octet" {
	mkdir tree
	{ printf 'From: eve@example.test\n'; cat "$W/body/cbc"; } >inner
	local kind
	for kind in 'message/rfc822' 'multipart/digest; boundary=d' 'multipart/mixed; boundary=d'; do
		{
			printf 'Content-Type: %s\n\n' "$kind"
			[[ $kind != multipart* ]] || printf -- '--d\n'
			[[ $kind != *digest* ]] || echo
			[[ $kind != *mixed* ]] || printf 'Content-Type: message/rfc822\n\n'
			cat inner
			[[ $kind != multipart* ]] || printf -- '\n--d--\n'
		} | around >"tree/${kind//[\/; =]/-}.eml"
	done
	{ printf 'Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n'; base64 inner; } | around >tree/encoded.eml
	{ printf 'Content-Type: application/octet-stream; name=x.eml\nContent-Transfer-Encoding: base64\n\n'; base64 inner; } |
		around >tree/file.eml
	archive 0 decrypt --deep --in eml:tree --out eml:clear
	outcomes clear.hsmime decrypted=3 copied=2 failed=0
	[ "$(grep -l 'Agreed' clear/*.eml | wc -l)" = 3 ]
	cmp tree/encoded.eml clear/encoded.eml
	cmp tree/file.eml clear/file.eml
	# And is told of, there alone.
	[ "$(python3 -c 'import json
for line in list(open("clear.hsmime/manifest.jsonl"))[1:]:
    line = json.loads(line)
    if "not_searched" in line:
        print(line["name"], line["not_searched"])' | sort)" = "encoded.eml part 1: a mail is attached there as a file
file.eml part 1: a mail is attached there as a file" ]
	archive 0 decrypt --deep --skip-plain --in eml:tree --out eml:some
	outcomes some.hsmime decrypted=3 copied=2 skipped=0
}
