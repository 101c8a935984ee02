#!/usr/bin/env bats
# The saboteur in another process, steered by its control file, and the tool before it.

load saboteur

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	echo data >"$W/data"
	(umask 077 && printf 000000 >"$W/wrong" && printf 111111 >"$W/other")
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

sign() { # argument...
	hsmime sign --cms -k 'pkcs11:id=%02' -o out "$@" "$W/data"
}

@test "calls are counted" {
	sabotage
	run_as 0 sign
	[ "$(calls C_Login)" = 1 ]
	[ "$(calls C_Sign)" = 1 ]
}

@test "a call is refused with the code that was given" {
	sabotage '# not yet' 'refuse C_Sign CKR_DEVICE_MEMORY'
	run_as 4 sign
	said CKR_DEVICE_MEMORY
	[ ! -e out ]
}

@test "a token that goes during a call and comes back at another signs" {
	sabotage 'lose_at C_Sign' 'bring_back_at C_GetSlotList 1'
	run_as 0 sign
	[ "$(calls C_Sign)" = 2 ]
	[ "$(calls C_Login)" = 2 ]
	grep -q '^back' "$PROXY_EVENTS"
}

@test "a token that stays away is reported" {
	sabotage 'lose_at C_Sign'
	run_as 4 sign
	said 'token "Demo"'
	[ ! -e out ]
}

@test "a call hangs until the control file releases it" {
	sabotage 'hang C_Sign'
	sign &
	await_event '^hang C_Sign'
	[ "$(calls C_Sign)" = 1 ]
	kill -0 $!
	[ ! -e out ]
	tell release
	wait $!
	[ -e out ]
}

@test "counts are written when they are asked for" {
	sabotage 'hang C_Sign'
	sign &
	await_event '^hang C_Sign'
	rm "$PROXY_COUNTS"
	tell counts
	timeout 60 tail -n +1 -F "$PROXY_COUNTS" 2>/dev/null | grep -qxm1 'C_Sign 1'
	tell release
	wait $!
}

@test "a token that is named can be away from the start" {
	sabotage 'lose Demo'
	run_as 5 sign
	said 'insert the token'
	grep -qx 'lost Demo' "$PROXY_EVENTS"
	[ "$(calls C_OpenSession)" = 0 ]
	sabotage 'lose Demon'
	run ! sign
	[[ $output = *'proxy: no token Demon to lose'* ]]
}

@test "wrong PINs are counted across processes, and nothing unattended uses the last try" {
	sabotage 'pin_tries 3'
	export PROXY_TRIES=$PWD/tries
	run_as 4 sign --pin-source "file:$W/wrong"
	[ "$(cat tries)" = 1 ]
	run_as 4 sign --pin-source "file:$W/other"
	[ "$(cat tries)" = 2 ]
	run_as 4 sign --pin-source "file:$W/pin"
	said 'one more wrong PIN'
	[ "$(calls C_Login)" = 0 ]
}

@test "the person at the pad cancels, mistypes, types" {
	sabotage 'pad -'
	run_as 4 sign </dev/null
	said 'no PIN was typed on the pad of token "[^"]*" \(CKR_FUNCTION_CANCELED\)'
	sabotage 'pad 99999'
	run_as 4 sign </dev/null
	[ "$(calls C_Login)" = 1 ]
	sabotage 'pad 123456'
	run_as 0 sign </dev/null
}

@test "5,000 other keys do not hide the one that is named" {
	sabotage 'extra_keys 5000'
	run_as 0 sign
}
