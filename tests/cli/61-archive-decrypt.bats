#!/usr/bin/env bats
# hsmime archive decrypt: each kind of mailbox in and out, compared with what openssl makes of the messages by a
# software copy of the keys; what fails is kept, and the source stays as it is.

load helper
load archive

readonly good=(cbc gcm oaep ecdh plain ecdhgcm both signed)

setup_file() {
	new_archive_world
	mailboxes make "$W/mixed" 40 "${good[@]}"
	mailboxes make "$W/few" 8 "${good[@]}"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# decrypted KIND BOX JOB [COUNT]: all of $W/mixed, once and right, and nothing else is left; the manifest is right
decrypted() {
	mailboxes check "$1" "$2" "$W/mixed/want"
	outcomes "$3" finished=true listed=true waiting=0 decrypted=30 copied=10 skipped=0 failed=0
	[ "$(wc -l <"$3/manifest.jsonl")" = 41 ]
	no_drafts .
	no_pin .
}

@test "a tree of files becomes a tree of files with the same names and times" {
	fingerprint "$W/mixed/in" >before
	archive 0 decrypt --in "eml:$W/mixed/in" --out eml:clear
	decrypted eml clear clear.hsmime
	diff <(find "$W/mixed/in" -type f -printf '%P %T@\n' | sort) \
		<(find clear -name '*.eml' -printf '%P %T@\n' | sort)
	mailboxes check-manifest clear.hsmime "$W/mixed/in" clear
	fingerprint "$W/mixed/in" | diff before -
}

@test "a Maildir becomes a Maildir with its sub-folders, flags, new mail and times" {
	mailboxes maildir "$W/mixed" box
	fingerprint box >before
	archive 0 decrypt --in maildir:box --out maildir:clear
	decrypted maildir clear clear.hsmime
	for box in box clear; do # where, which flags, and when
		find "$box" -type f ! -name maildirfolder -printf '%P %T@\n' |
			sed -E 's,(cur|new)/[^:]*(:2,[A-Z]*)? ,\1 \2 ,' | sort >"$box.spots"
	done
	diff box.spots clear.spots
	[ -e clear/.Sent.2019/maildirfolder ]
	mailboxes check-manifest clear.hsmime box clear
	fingerprint box | diff before -
}

@test "an mbox becomes an mbox in the same order, whichever way it is quoted" {
	mailboxes mbox "$W/mixed" rd.mbox rd
	fingerprint rd.mbox >before
	archive 0 decrypt --in mbox:rd.mbox --out mbox:clear.mbox
	decrypted mbox clear.mbox clear.mbox.hsmime
	fingerprint rd.mbox | diff before -
	# The time of each is that of its From line.
	diff <(sed -n 's/^From alice@example.test //p' rd.mbox) <(sed -n 's/^From MAILER-DAEMON //p' clear.mbox)
	# With mboxo nobody knows whether a >From in the clear was quoted.
	mailboxes make closed 12 cbc gcm ecdh
	mailboxes mbox closed o.mbox o
	archive 0 decrypt --in mbox:o.mbox --out mbox:clear-o.mbox
	mailboxes check mbox clear-o.mbox closed/want
}

@test "one kind becomes another, and a list on standard input anything" {
	mailboxes maildir "$W/mixed" box
	archive 0 decrypt --in box --out mbox:clear.mbox --workers 3
	outcomes clear.mbox.hsmime finished=true decrypted=30
	mailboxes mbox "$W/mixed" in.mbox rd
	archive 0 decrypt --in in.mbox --out maildir:clear
	decrypted maildir clear clear.hsmime
	find "$W/mixed/in" -name '*.eml' >paths
	archive 0 decrypt --in - --out mbox:list.mbox <<<"$(sort paths)"
	decrypted mbox list.mbox list.mbox.hsmime
	archive 0 decrypt --in list:paths --out maildir:listed
	decrypted maildir listed listed.hsmime
}

@test "bare DER becomes a file of another name, and nothing is put before what was in it" {
	mkdir -p tree/deep
	openssl cms -encrypt -outform DER -aes-128-gcm -in "$W/entity" -out tree/deep/a.p7m "$W/alice.pem"
	cp "$W/few/in/00001.eml" tree/deep/a.eml
	openssl cms -decrypt -inform DER -in tree/deep/a.p7m -inkey "$W/alice.key" -out want
	archive 0 decrypt --in eml:tree --out eml:clear
	cmp want clear/deep/a.p7m.eml
	cmp "$W/few/want/00001.eml" clear/deep/a.eml
	[ "$(find clear -type f | wc -l)" = 2 ]
	mailboxes check-manifest clear.hsmime tree clear
}

@test "what is not encrypted can be left out" {
	archive 0 decrypt --skip-plain --in "eml:$W/few/in" --out eml:clear
	[ "$(find clear -type f | wc -l)" = 6 ]
	outcomes clear.hsmime finished=true decrypted=6 copied=0 skipped=2
	[ "$(grep -c '"outcome":"skipped"' clear.hsmime/manifest.jsonl)" = 2 ]
}

# bad_tree: one of each that can't be decrypted, and one that can
bad_tree() {
	mkdir tree
	cp "$W/few/in/00001.eml" tree/good.eml
	{ head -n 6 "$W/few/in/00001.eml"; cat "$W/body/nokey"; } >tree/nokey.eml
	printf 'no mail at all\n' >tree/malformed.eml
	head -c 900 "$W/few/in/00001.eml" >tree/cut.eml
	openssl cms -encrypt -outform DER -aes-128-gcm -in "$W/entity" -out tree/tampered.p7m "$W/alice.pem"
	flip tree/tampered.p7m 1
	openssl cms -encrypt -outform DER -aes-128-gcm -in "$W/entity" -out tree/changed.p7m "$W/alice.pem"
	flip tree/changed.p7m 40
	wrong_content_key tree/garbage.p7m
}

@test "what fails is kept byte for byte, with its cause, and costs only itself" {
	bad_tree
	fingerprint tree >before
	archive 1 decrypt --in eml:tree --out eml:clear
	said '6 messages failed'
	said '^hsmime: they are in clear.hsmime/failed as they were'
	[ "$(find clear -type f -printf '%P\n')" = good.eml ]
	for file in tree/*; do
		[ "$file" = tree/good.eml ] || cmp "$file" "clear.hsmime/failed/${file#tree/}"
	done
	outcomes clear.hsmime finished=true decrypted=1 failed=6 cause:no-key=1 cause:malformed=2 cause:not-decrypted=3
	for pair in nokey.eml=no-key malformed.eml=malformed cut.eml=malformed tampered.p7m=not-decrypted \
		changed.p7m=not-decrypted garbage.p7m=not-decrypted; do
		grep -F "\"name\":\"${pair%=*}\"" clear.hsmime/manifest.jsonl | grep -qF "\"cause\":\"${pair#*=}\""
	done
	run_as 0 hsmime archive status clear.hsmime
	reported '^  failed of not-decrypted: 3$'
	mailboxes check-manifest clear.hsmime tree clear
	fingerprint tree | diff before -
}

@test "a message that can't be read fails, and is done again once it can" {
	cp -r "$W/few/in" tree
	find tree -name '*.eml' | sort >paths
	mv tree/00002.eml away
	archive 1 decrypt --in list:paths --out eml:clear
	said '^hsmime: 1 message failed$'
	said '^hsmime: those that could be read are in clear.hsmime/failed'
	outcomes clear.hsmime finished=true failed=1 cause:unreadable=1
	grep '"cause":"unreadable"' clear.hsmime/manifest.jsonl | grep -qF '"name":"tree/00002.eml"'
	mv away tree/00002.eml
	archive 0 retry clear.hsmime
	mailboxes check eml clear "$W/few/want"
}

@test "--require-authenticated makes CBC a failure of policy" {
	archive 1 decrypt --require-authenticated --in "eml:$W/few/in" --out eml:clear
	outcomes clear.hsmime failed=3 cause:policy=3 decrypted=3
	for file in clear.hsmime/failed/*.eml; do
		cmp "$file" "$W/few/in/${file##*/}"
	done
}

@test "--limit, --since and --until choose, and make another job" {
	archive 0 decrypt --limit 3 --in "eml:$W/few/in" --out eml:three
	[ "$(find three -type f | wc -l)" = 3 ]
	outcomes three.hsmime finished=true decrypted=3 waiting=0
	# Messages are a minute apart.
	archive 0 decrypt --since "@$((1500000000 + 180))" --until "@$((1500000000 + 300))" --in "eml:$W/few/in" --out eml:some
	[ "$(find some -type f -printf '%f\n' | sort | tr '\n' ' ')" = '00003.eml 00004.eml ' ]
	for other in '--limit 4' '--limit 3 --skip-plain' '--limit 3 --since @0' '--limit 3 -k pkcs11:id=%01' \
		'--limit 3 --require-authenticated' '--limit 3 --in eml:nowhere' ''; do
		local arguments
		read -ra arguments <<<"$other"
		[[ $other == *--in* ]] || arguments+=(--in "eml:$W/few/in")
		mkdir -p nowhere
		run_as 2 hsmime archive decrypt --out eml:three "${arguments[@]}"
		explained
	done
	[ "$(find three -type f | wc -l)" = 3 ]
	archive 0 decrypt --limit 3 --in "eml:$W/few/in" --out eml:three
}

@test "a job in a folder of the person's choice" {
	archive 0 decrypt --job work/here --in "eml:$W/few/in" --out eml:clear
	mailboxes check eml clear "$W/few/want"
	[ -s work/here/manifest.jsonl ]
	[ ! -e clear.hsmime ]
	outcomes work/here finished=true
	archive 2 decrypt --job other --skip-plain --in "eml:$W/few/in" --out eml:clear
	said 'clear has other files'
}

@test "a second run does nothing" {
	archive 0 decrypt --in "eml:$W/few/in" --out eml:clear
	fingerprint clear >before
	HSMIME_MODULE=/nowhere archive 0 decrypt --in "eml:$W/few/in" --out eml:clear
	fingerprint clear | diff before -
	mailboxes mbox "$W/few" in.mbox rd
	archive 0 decrypt --in in.mbox --out mbox:clear.mbox
	fingerprint clear.mbox >before
	HSMIME_MODULE=/nowhere archive 0 decrypt --in in.mbox --out mbox:clear.mbox
	fingerprint clear.mbox | diff before -
	no_drafts .
}

@test "a mistake in the mailboxes' names leaves no job behind" {
	archive 6 decrypt --in eml:nowhere --out eml:clear
	explained
	archive 2 decrypt --in "eml:$W/few/in" --out imap:clear
	explained
	archive 2 decrypt --in "eml:$W/few/in" --out "eml:$W/few/in/clear"
	explained
	archive 2 decrypt --in "eml:$W/few/in"
	explained
	archive 2 decrypt --out eml:clear
	explained
	mkdir full && touch full/file
	archive 2 decrypt --in "eml:$W/few/in" --out eml:full
	explained
	[ "$(find . -mindepth 1 ! -name 'separate-stderr*' | sort | tr '\n' ' ')" = './full ./full/file ' ]
	[ ! -e "$W/few/in/clear.hsmime" ]
	archive 0 decrypt --in "eml:$W/few/in" --out eml:clear
	mailboxes check eml clear "$W/few/want"
}

@test "a job's folder is not in the mailbox that is read, nor in the one that is written" {
	cp -r "$W/few/in" tree
	fingerprint tree >before
	archive 2 decrypt --job tree/job --in eml:tree --out eml:clear
	explained
	archive 2 decrypt --job clear/job --in eml:tree --out eml:clear
	explained
	fingerprint tree | diff before -
	[ ! -e clear ]
}

@test "a PIN in a key's name gets into no file" {
	run hsmime archive decrypt -k 'pkcs11:id=%01?pin-value=123456' --in "eml:$W/few/in" --out eml:clear
	[ "$status" != 0 ]
	[[ $output != *123456* ]]
	no_pin .
	archive 0 decrypt -k "pkcs11:?pin-source=file:$W/pin" --in "eml:$W/few/in" --out eml:clear -vvv
	[[ $stderr$output != *123456* ]]
	no_pin .
}

@test "names on disk are told whole, whatever is in them" {
	mkdir tree
	cp "$W/few/in/00001.eml" "$(printf 'tree/a\033[31m"b\\c \xff.eml')"
	cp "$W/few/in/00002.eml" "$(printf 'tree/new\nline.eml')"
	printf 'no mail\n' >"$(printf 'tree/bad\033[31m.eml')"
	archive 1 decrypt --in eml:tree --out eml:clear -v
	[[ $stderr$output != *$'\033'* ]]
	[ "$(wc -l <clear.hsmime/manifest.jsonl)" = 4 ]
	python3 -c 'import json; [json.loads(line) for line in open("clear.hsmime/manifest.jsonl", "rb")]'
	[ "$(find clear -type f | wc -l)" = 2 ]
	[ "$(find clear.hsmime/failed -type f | wc -l)" = 1 ]
}
