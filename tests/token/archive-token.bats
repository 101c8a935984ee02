#!/usr/bin/env bats
# hsmime archive decrypt and a token that goes, comes back, is short of sessions, dies or answers wrongly: it costs time
# and no message.

load saboteur
load ../cli/archive

setup_file() {
	new_archive_world
	mailboxes make "$W/many" 240 cbc gcm oaep both ecdh plain
	mailboxes make "$W/rsa" 300 cbc gcm
	softhsm2-util --init-token --free --label Spare --so-pin 12345678 --pin 123456 >/dev/null
	softhsm2-util --import "$W/alice.p8" --token Spare --label alice --id 01 --pin 123456 >/dev/null
	softhsm2-util --init-token --free --label Empty --so-pin 12345678 --pin 123456 >/dev/null
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	sabotage
}

# begin ARGUMENT...: hsmime archive decrypt of $W/many into clear, in the background ($job), its words in ./said
begin() {
	"$HSMIME" archive decrypt --in "eml:$W/many/in" --out eml:clear "$@" >out 2>said &
	job=$!
}

# await_words PATTERN: the job has said that
await_words() {
	timeout 60 tail -n +1 -F said 2>/dev/null | grep -qm1 -- "$1"
}

# nothing_wrong: what is in clear already is right, and nothing is marked as failed
nothing_wrong() {
	outcomes clear.hsmime failed=0
	for file in clear/*.eml; do
		[ ! -e "$file" ] || cmp "$file" "$W/many/want/${file##*/}"
	done
	[ -z "$(find clear.hsmime/failed -type f)" ]
}

all_done() {
	nothing_wrong
	mailboxes check eml clear "$W/many/want"
	outcomes clear.hsmime finished=true waiting=0 decrypted=200 copied=40
	no_drafts .
}

@test "each message costs one operation, and the second run none" {
	archive 0 decrypt --in "eml:$W/many/in" --out eml:clear
	all_done
	local rsa ec
	rsa=$(calls C_Decrypt) ec=$(calls C_DeriveKey)
	echo "$rsa C_Decrypt, $ec C_DeriveKey, $(calls C_FindObjectsInit) searches, $(calls C_Login) logins"
	# Beside them the keys are tried out, once in a batch. Of a message for both keys either may do it.
	[ $((rsa + ec)) -ge 200 ]
	[ $((rsa + ec)) -le 230 ]
	[ "$ec" -ge 40 ]
	[ "$(calls C_Login)" -le 2 ]
	# Whoever is the first searches, and the others wait for what it finds.
	[ "$(calls C_FindObjectsInit)" -lt 40 ]
	rm proxy.counts
	archive 0 decrypt --in "eml:$W/many/in" --out eml:clear
	[ ! -e proxy.counts ] || [ "$(awk '{ n += $2 } END { print n + 0 }' proxy.counts)" = 0 ]
}

@test "what nobody has a key for costs no search each" {
	mailboxes make none 100 nokey
	archive 1 decrypt --in eml:none/in --out eml:clear
	outcomes clear.hsmime failed=100 cause:no-key=100
	[ "$(calls C_Decrypt)" -lt 10 ]
	echo "$(calls C_FindObjectsInit) searches"
	[ "$(calls C_FindObjectsInit)" -lt 40 ]
}

@test "a card, which takes long for each, is not tried out again and again" {
	mailboxes make cards 60 cbc
	tell 'delay C_Decrypt 50000'
	archive 0 decrypt --in eml:cards/in --out eml:clear --workers 2
	outcomes clear.hsmime decrypted=60
	echo "$(calls C_Decrypt) C_Decrypt"
	# One trial for the first batch, and one for each 2.5 seconds then: they take 1.5.
	[ "$(calls C_Decrypt)" -le 64 ]
}

@test "a token that is pulled out and put in again is waited for" {
	tell 'lose_at C_Decrypt 60'
	begin
	await_words 'waiting up to 60 seconds'
	outcomes clear.hsmime finished=false
	tell bring_back
	ends_as 0 "$job"
	all_done
}

@test "the token with the keys goes while another one stays" {
	tell 'hang C_Decrypt 60'
	begin
	await_event '^hang C_Decrypt'
	tell 'lose Demo' 'lose Spare' release
	await_words 'waiting up to 60 seconds'
	tell bring_back
	ends_as 0 "$job"
	all_done
}

@test "a token that stays away stops the job, which goes on another day" {
	tell 'lose_at C_Decrypt 60'
	begin --token-wait 1
	ends_as 4 "$job"
	grep -q 'the same command goes on' said
	grep -qE '^ +waiting +[1-9]' out
	grep -qF 'clear.hsmime: not finished' out
	run ! grep -q 'not listed yet' out
	nothing_wrong
	outcomes clear.hsmime finished=false
	# It is away yet.
	sabotage 'lose'
	archive 4 decrypt --in "eml:$W/many/in" --out eml:clear --token-wait 1
	nothing_wrong
	sabotage
	archive 0 decrypt --in "eml:$W/many/in" --out eml:clear
	all_done
}

@test "the token with the keys stays away while another one is there" {
	tell 'hang C_Decrypt 60'
	begin --token-wait 2
	await_event '^hang C_Decrypt'
	tell 'lose Demo' 'lose Spare' release
	ends_as 4 "$job"
	nothing_wrong
	sabotage
	archive 0 decrypt --in "eml:$W/many/in" --out eml:clear
	all_done
}

@test "a signal ends the waiting for a token" {
	tell 'lose_at C_Decrypt 60'
	begin
	await_words 'waiting up to 60 seconds'
	kill -TERM "$job"
	ends_as 143 "$job"
	nothing_wrong
	sabotage
	archive 0 decrypt --in "eml:$W/many/in" --out eml:clear
	all_done
}

@test "few sessions are enough for many workers" {
	for most in 1 3; do
		rm -rf clear*
		sabotage "limit_sessions $most"
		archive 0 decrypt --in "eml:$W/many/in" --out eml:clear --workers 32 -k pkcs11:token=Demo
		all_done
	done
}

@test "one of two HSMs with the same key dies" {
	for fault in 'refuse C_Decrypt CKR_DEVICE_ERROR 20 1000000' 'lose_at C_Decrypt 60'; do
		rm -rf clear*
		if [[ $fault == refuse* ]]; then
			sabotage 'only Spare' "$fault"
		else
			sabotage 'hang C_Decrypt 60'
		fi
		"$HSMIME" archive decrypt --in "eml:$W/rsa/in" --out eml:clear -k 'pkcs11:token=Demo;id=%01' \
			-k 'pkcs11:token=Spare;id=%01' >out 2>said &
		job=$!
		if [[ $fault == lose* ]]; then
			await_event '^hang C_Decrypt'
			tell 'lose Spare' release
		fi
		ends_as 0 "$job"
		outcomes clear.hsmime finished=true decrypted=300 failed=0
		mailboxes check eml clear "$W/rsa/want"
	done
}

@test "two HSMs are named, and each message says which of their keys it is for" {
	mailboxes make other 20 ecdh nokey
	sabotage 'hang C_Decrypt 60'
	"$HSMIME" archive decrypt -v --in "eml:$W/rsa/in" --out eml:clear -k pkcs11:token=Demo \
		-k pkcs11:token=Spare >out 2>said &
	job=$!
	await_event '^hang C_Decrypt'
	tell 'lose Spare' release
	ends_as 0 "$job"
	grep -q 'the key is on 2 tokens' said
	outcomes clear.hsmime finished=true decrypted=300 failed=0
	mailboxes check eml clear "$W/rsa/want"
	# A key that only one of them has, in whatever order; and one that none has.
	rm -rf clear*
	sabotage
	archive 1 decrypt --in eml:other/in --out eml:clear -k pkcs11:token=Empty -k pkcs11:token=Demo
	outcomes clear.hsmime decrypted=10 cause:no-key=10
	# A token that is not among them is not used.
	rm -rf clear*
	archive 1 decrypt --in eml:other/in --out eml:clear -k pkcs11:token=Gone -k pkcs11:token=Empty
	outcomes clear.hsmime decrypted=0 cause:no-key=20
	# One that is not there at all does not stop the others.
	rm -rf clear*
	archive 0 decrypt --in "eml:$W/rsa/in" --out eml:clear -k pkcs11:token=Gone -k pkcs11:token=Spare
	outcomes clear.hsmime finished=true decrypted=300 failed=0
}

@test "a token that answers wrongly for a while: what it gave is done again" {
	for span in 1 400; do
		rm -rf clear*
		sabotage "garble 60 $span"
		archive 0 decrypt --in "eml:$W/many/in" --out eml:clear
		all_done
	done
	mailboxes mbox "$W/many" in.mbox rd
	sabotage 'garble 60 40'
	archive 0 decrypt --in mbox:in.mbox --out mbox:ordered
	mailboxes check mbox ordered "$W/many/want"
}

@test "a token that answers wrongly from the first call on, and for good, gets nothing kept" {
	for first in 0 60; do
		rm -rf clear*
		sabotage "garble $first 100000000"
		archive 4 decrypt --in "eml:$W/many/in" --out eml:clear --token-wait 1
		said 'answers wrongly'
		nothing_wrong
		sabotage
		archive 0 decrypt --in "eml:$W/many/in" --out eml:clear
		all_done
	done
}

@test "a token that refuses for a while" {
	for code in CKR_GENERAL_ERROR CKR_DEVICE_MEMORY; do
		rm -rf clear*
		sabotage "refuse C_Decrypt $code 60 40"
		archive 0 decrypt --in "eml:$W/many/in" --out eml:clear
		all_done
	done
}

@test "a wrong PIN is tried once, not by every worker" {
	(umask 077 && printf 000000 >wrong)
	archive 4 decrypt --pin-source "file:$PWD/wrong" --in "eml:$W/many/in" --out eml:clear
	[ "$(calls C_Login)" = 1 ]
	nothing_wrong
	archive 0 decrypt --in "eml:$W/many/in" --out eml:clear
	all_done
}
