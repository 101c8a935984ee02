#!/usr/bin/env bats
# hsmime archive decrypt --deep and a token that answers wrongly, refuses or goes: no part stays encrypted for that.

load saboteur
load ../cli/archive
load ../cli/deep

setup_file() {
	new_archive_world
	new_deep_world
	cd "$W"
	mail_of '@cbc@' $'Content-Type: message/rfc822\n\nFrom: bob@example.test\n@gcm@' | sed '1,/^Subject/d' >template
	filled body <template >body/parts
	filled clear <template >clear/parts
	mailboxes make "$W/many" 120 parts
	mail_of '@nokey@' | sed '1,/^Subject/d' | filled body >body/closed
	mailboxes make "$W/closed" 40 closed
	mailboxes make "$W/all" 1200 parts list cbc plain
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	sabotage
}

# all_done: all of $W/many, and each with both its parts
all_done() {
	mailboxes check eml clear "$W/many/want"
	outcomes clear.hsmime finished=true waiting=0 decrypted=120 failed=0
	run ! grep -q '"opened":false' clear.hsmime/manifest.jsonl
	no_drafts .
}

@test "each part costs one operation" {
	archive 0 decrypt --deep --in "eml:$W/many/in" --out eml:clear
	all_done
	echo "$(calls C_Decrypt) C_Decrypt"
	[ "$(calls C_Decrypt)" -ge 240 ]
	[ "$(calls C_Decrypt)" -le 260 ]
}

@test "an answer that was wrong once is asked for again" {
	for span in 1 60; do
		rm -rf clear*
		sabotage "garble 60 $span"
		archive 0 decrypt --deep --in "eml:$W/many/in" --out eml:clear
		all_done
	done
	rm -rf clear*
	sabotage 'refuse C_Decrypt CKR_GENERAL_ERROR 60 20'
	archive 0 decrypt --deep --in "eml:$W/many/in" --out eml:clear
	all_done
}

# waited_for: the job, which runs in the background, waits for its token, which comes back, and leaves no part closed
waited_for() {
	timeout 60 tail -n +1 -F said 2>/dev/null | grep -qm1 'waiting up to 60 seconds'
	tell bring_back
	ends_as 0 "$1"
	all_done
}

@test "a token that goes is waited for, also where another one stays" {
	tell 'lose_at C_Decrypt 61' # within a message
	"$HSMIME" archive decrypt --deep --in "eml:$W/many/in" --out eml:clear >out 2>said &
	waited_for $!
	softhsm2-util --init-token --free --label Empty --so-pin 12345678 --pin 123456 >/dev/null
	rm -rf clear*
	sabotage 'hang C_Decrypt 61'
	"$HSMIME" archive decrypt --deep --in "eml:$W/many/in" --out eml:clear >out 2>said &
	await_event '^hang C_Decrypt'
	tell 'lose Demo' release
	waited_for $!
}

@test "where no token is there nothing is taken for a message without a key" {
	for box in many closed; do
		SOFTHSM2_CONF=/dev/null archive 4 decrypt --deep --token-wait 1 --in "eml:$W/$box/in" --out "eml:$box"
		outcomes "$box.hsmime" decrypted=0 copied=0 failed=0
		archive 0 decrypt --deep --in "eml:$W/$box/in" --out "eml:$box"
	done
	mailboxes check eml many "$W/many/want"
	mailboxes check eml closed "$W/closed/want"
	[ "$(grep -c '"cause":"no-key"' closed.hsmime/manifest.jsonl)" = 40 ]
}

@test "1,200 messages and 32 workers take at most 64 MiB" {
	sabotage
	for n in 1 2 3; do
		rm -rf clear*
		run_as 0 /usr/bin/time -f '%M' -o peak "$HSMIME" archive decrypt --deep --workers 32 --in "eml:$W/all/in" --out eml:clear
		cat peak >>peaks
	done
	sort -n peaks
	[ "$(sort -n peaks | sed -n 2p)" -le 65536 ]
	mailboxes check eml clear "$W/all/want"
}
