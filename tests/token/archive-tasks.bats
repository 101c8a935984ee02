#!/usr/bin/env bats
# hsmime archive rewrap and verify, and a token that answers wrongly, refuses, goes or is short of sessions: nobody gets a key
# that opens nothing, no signature is judged by garbage, and no message fails for that.

load saboteur
load ../cli/archive

setup_file() {
	new_archive_world
	new_peer carol
	cd "$W"
	openssl cms -encrypt -binary -aes-256-cbc -in body/signed -out body/inside alice.pem
	openssl cms -encrypt -binary -aes-256-gcm -in body/signed -out body/insidegcm bob.pem
	mailboxes make "$W/many" 60 cbc gcm oaep both ecdh plain
	mailboxes make "$W/signed" 60 inside insidegcm signed cbc
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	sabotage
}

readonly ways=(rewrap 'rewrap --reencrypt')

# begin WAY [ARGUMENT...]: it is in the background ($job), and what it says in ./said
begin() {
	local words
	read -ra words <<<"$1"
	rm -rf new* report*
	if [ "$1" = verify ]; then
		words+=(--no-chain --in "eml:$W/signed/in" --report report)
	else
		words+=(-r "$W/carol.pem" --in "eml:$W/many/in" --out eml:new)
	fi
	"$HSMIME" archive "${words[@]}" "${@:2}" >out 2>said 3>&- &
	job=$!
}

# again WAY: the same command, to its end
again() {
	local words
	read -ra words <<<"$1"
	if [ "$1" = verify ]; then
		archive 0 "${words[@]}" --no-chain --in "eml:$W/signed/in" --report report
	else
		archive 0 "${words[@]}" -r "$W/carol.pem" --in "eml:$W/many/in" --out eml:new
	fi
}

# whole WAY: each message once, for carol alone, and openssl opens it; or each signature judged as it is
whole() {
	if [ "$1" = verify ]; then
		outcomes report.hsmime finished=true waiting=0 valid=45 skipped=15 failed=0
		return
	fi
	outcomes new.hsmime finished=true waiting=0 rewrapped=50 copied=10 failed=0
	[ -z "$(find new.hsmime/failed -type f)" ]
	if [ "$1" = rewrap ]; then
		rewrapped eml new "$W/many" +carol -alice -bob -eve
	else
		reencrypted eml new "$W/many" aes-256-gcm +carol -alice -bob -eve
	fi
	mailboxes check-manifest new.hsmime "$W/many/in" new
	no_drafts .
}

@test "answers that are wrong for a while: what they gave is done again" {
	local span way
	for way in "${ways[@]}" verify; do
		for span in 1 100; do
			sabotage "garble 20 $span"
			begin "$way"
			ends_as 0 "$job"
			whole "$way"
		done
	done
}

@test "answers that are wrong for good: nothing of them is kept" {
	local first way
	for way in "${ways[@]}" verify; do
		for first in 0 20; do
			sabotage "garble $first 100000000"
			begin "$way" --token-wait 1
			ends_as 4 "$job"
			grep -q 'answers wrongly' said
			[ "$way" = verify ] || outcomes new.hsmime failed=0 finished=false
			[ "$way" != verify ] || outcomes report.hsmime failed=0 finished=false
			[ -z "$(find new.hsmime/failed -type f 2>/dev/null)" ]
		done
		# What was done before that is right, and the rest comes now.
		sabotage
		again "$way"
		whole "$way"
	done
}

@test "a token that refuses for a while, and one of a single session" {
	local fault way
	for way in "${ways[@]}" verify; do
		for fault in 'refuse C_Decrypt CKR_GENERAL_ERROR 20 20' 'refuse C_Decrypt CKR_DEVICE_MEMORY 20 20' \
			'limit_sessions 1'; do
			sabotage "$fault"
			begin "$way"
			ends_as 0 "$job"
			whole "$way"
		done
	done
}

@test "a token that is pulled out and put in again is waited for; one that stays away stops the job" {
	local way
	for way in "${ways[@]}" verify; do
		sabotage 'lose_at C_Decrypt 20'
		begin "$way"
		timeout 60 tail -n +1 -F said 2>/dev/null | grep -qm1 'waiting up to 60 seconds'
		tell bring_back
		ends_as 0 "$job"
		whole "$way"
		sabotage 'lose_at C_Decrypt 20'
		begin "$way" --token-wait 1
		ends_as 4 "$job"
		sabotage
		again "$way"
		whole "$way"
	done
}

@test "a signature that does not hold is told, whatever the token did before" {
	cp -r "$W/signed/in" tree
	sed 's/1000 units/1001 units/' "$W/body/signed" >forged
	{ sed '/^$/q' tree/00003.eml | sed '/^MIME/,$d'; cat forged; } >tree/00003.eml.new
	mv tree/00003.eml.new tree/00003.eml
	openssl cms -encrypt -binary -aes-256-cbc -in forged -out tree/00001.eml "$W/alice.pem"
	sabotage 'garble 10 20'
	archive 1 verify --no-chain --in eml:tree --report report
	outcomes report.hsmime finished=true valid=43 skipped=15 failed=2 cause:not-valid=2
}
