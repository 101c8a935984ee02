#!/usr/bin/env bats
# The tool before a token that goes under an operation and comes back, or is locked and unblocked.

load saboteur

setup_file() {
	new_correspondents
	(umask 077 && printf 123456 >"$W/right" && printf 000000 >"$W/wrong1" && printf 000001 >"$W/wrong2" &&
		printf 000002 >"$W/wrong3" && printf 654321 >"$W/new" && printf 12345678 >"$W/so")
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

@test "a decryption whose token comes back is done once more" {
	for row in alice:C_DecryptInit alice:C_Decrypt bob:C_DeriveKey; do
		sabotage "lose_at ${row#*:}" 'bring_back_at C_GetSlotList 1'
		rm -f clear.eml
		run_as 0 hsmime decrypt -o clear.eml "$W/for-${row%:*}.eml"
		grep -q '1000 units' clear.eml
		[ "$(calls "${row#*:}")" = 2 ]
		[ "$(calls C_Login)" = 2 ]
	done
}

@test "one whose token stays away ends with 4, and leaves nothing" {
	for row in alice:C_DecryptInit alice:C_Decrypt bob:C_DeriveKey; do
		sabotage "lose_at ${row#*:}"
		run_as 4 hsmime decrypt -o clear.eml "$W/for-${row%:*}.eml"
		said 'token "Demo"'
		[ ! -e clear.eml ]
	done
}

# The PIN is there for the first login alone, and there is no terminal.
@test "with nobody to ask for the PIN once more it ends with 4, and says so" {
	sabotage 'lose_at C_Decrypt' 'bring_back_at C_GetSlotList 1'
	cp "$W/right" once
	chmod 600 once
	run_as 4 setsid -w "$HSMIME" decrypt --pin-source 'command:cat once && rm once' -o clear.eml \
		"$W/for-alice.eml" </dev/null
	said 'no PIN from the command'
	said 'at a terminal or by --pin-source'
	[ ! -e clear.eml ]
	[ "$(calls C_Login)" = 1 ]
	run_as 4 env -u HSMIME_PIN_SOURCE setsid -w "$HSMIME" decrypt -o clear.eml "$W/for-alice.eml" </dev/null
	said 'nobody is there'
}

@test "a token that wrong PINs locked says so, and works with the PIN that unblocks it" {
	export PROXY_TRIES=$PWD/tries
	sabotage 'pin_tries 3 0'
	for i in 1 2 3; do
		run_as 4 hsmime sign --cms -k 'pkcs11:id=%02' --pin-source "file:$W/wrong$i" -o out "$W/mail.eml"
	done
	run_as 4 hsmime sign --cms -k 'pkcs11:id=%02' -o out "$W/mail.eml"
	said 'locked'
	said 'hsmime pin unblock'
	run_as 0 hsmime pin unblock --so-pin-source "file:$W/so" --new-pin-source "file:$W/new"
	run_as 0 hsmime sign --cms -k 'pkcs11:id=%02' --pin-source "file:$W/new" -o out "$W/mail.eml"
	run_as 0 hsmime pin unblock --so-pin-source "file:$W/so" --new-pin-source "file:$W/right"
}
