#!/usr/bin/env bats
# The seal of hsmime archive, when the process or the token dies at the moment that it is made.

load saboteur
load ../cli/archive

setup_file() {
	new_archive_world
	mailboxes make "$W/few" 8 cbc gcm plain
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	cp -r "$W/tokens" tokens
	sed "s|$W/tokens|$PWD/tokens|" "$W/softhsm2.conf" >softhsm2.conf
	export SOFTHSM2_CONF=$PWD/softhsm2.conf
}

readonly job=(decrypt --in "eml:tree" --out eml:clear --seal 'pkcs11:id=%01')

# proved: the archive is, and openssl takes the seal for one too
proved() {
	archive 0 check clear.hsmime --ca "$W/ca.pem" --sources
	openssl cms -verify -binary -inform DER -in clear.hsmime/manifest.jsonl.p7s \
		-content clear.hsmime/manifest.jsonl -CAfile "$W/ca.pem" -purpose any -out /dev/null
}

@test "kill -9 between the manifest and its seal: the next run seals, and does nothing else" {
	cp -r "$W/few/in" tree
	sabotage 'hang C_Sign 1' # the first is the trial
	"$HSMIME" archive "${job[@]}" >out 2>said &
	await_event '^hang C_Sign'
	kill -9 $!
	wait $! || true
	[ -s clear.hsmime/manifest.jsonl ]
	[ ! -e clear.hsmime/manifest.jsonl.p7s ]
	outcomes clear.hsmime finished=true sealed=false decrypted=6
	find clear clear.hsmime/manifest.jsonl -printf '%P %i %C@\n' | sort >before
	sabotage
	archive 0 "${job[@]:0:5}" # it was told of the seal before
	find clear clear.hsmime/manifest.jsonl -printf '%P %i %C@\n' | sort | diff before -
	outcomes clear.hsmime finished=true sealed=true
	proved
	no_drafts .
	no_pin .
}

@test "a token that fails at the seal costs no message, and the same command seals" {
	cp -r "$W/few/in" tree
	sabotage 'refuse C_Sign CKR_DEVICE_REMOVED 1 1000'
	archive 4 "${job[@]}"
	said 'all messages are done, but the manifest is not sealed'
	outcomes clear.hsmime finished=true sealed=false decrypted=6
	archive 1 check clear.hsmime --ca "$W/ca.pem"
	reported '^no-seal: '
	sabotage
	archive 0 "${job[@]}"
	proved
}

@test "a key that can't sign is found out before anything is done" {
	cp -r "$W/few/in" tree
	sabotage 'refuse C_Sign CKR_FUNCTION_FAILED 0 1000'
	archive 4 "${job[@]}"
	explained
	said 'the key for the seal'
	[ ! -e clear ]
	[ ! -e clear.hsmime ]
}

@test "a person is asked once for trial, messages and seal, also where the token was away before the seal" {
	cp -r "$W/few/in" tree
	new_pinentry
	sabotage 'hang C_Decrypt 4'
	env -u HSMIME_PIN_SOURCE "$HSMIME" archive "${job[@]}" --workers 1 --pinentry "$PWD/pinentry" >out 2>said &
	local pid=$!
	await_event '^hang C_Decrypt'
	tell lose release
	timeout 60 tail -n +1 -F said 2>/dev/null | grep -qm1 'waiting up to'
	tell bring_back
	ends_as 0 "$pid"
	[ "$(grep -c '^GETPIN' told)" = 1 ]
	outcomes clear.hsmime finished=true sealed=true decrypted=6
	proved
	no_pin clear* out said
}

@test "a dry run finds the key for the seal, or tells that it can't, and signs nothing" {
	cp -r "$W/few/in" tree
	sabotage
	archive 0 "${job[@]}" --dry-run
	[ "$(calls C_Sign)" = 0 ]
	archive 5 "${job[@]::5}" --seal 'pkcs11:id=%77' --dry-run
	said 'the key for the seal'
	[ ! -e clear ]
	[ ! -e clear.hsmime ]
	archive 0 "${job[@]}"
	find clear.hsmime -printf '%P %i %C@\n' | sort >before
	archive 0 "${job[@]}" --dry-run
	find clear.hsmime -printf '%P %i %C@\n' | sort | diff before -
	proved
}
