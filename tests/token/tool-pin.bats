#!/usr/bin/env bats
# What the person is told and asked, at the terminal and by pinentry, where the token is not usual.

load saboteur

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	echo data >"$W/data"
	hsmime encrypt --cms -r "$W/alice.pem" -o "$W/enc" "$W/data"
	unset HSMIME_PIN_SOURCE
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
	sign=(sign --cms -k 'pkcs11:id=%01' -o out "$W/data")
	decrypt=(decrypt --cms -o out "$W/enc")
	last_try='set_flags 0x20000' # CKF_USER_PIN_FINAL_TRY
}

# at_terminal SCRIPT ARGUMENT...: the tool in a terminal, answered by expect's SCRIPT; what it shows
# is $output
at_terminal() {
	run expect -f - -- "$HSMIME" "${@:2}" <<-EXPECT
		set timeout 60
		eval spawn \$argv
		$1
		expect {
			eof { exit [lindex [wait] 3] }
			timeout { exit 99 }
		}
	EXPECT
}

# by_pinentry STATUS ARGUMENT...: the tool without a terminal
by_pinentry() {
	run_as "$1" setsid --wait "$HSMIME" "${@:2}" --pinentry "$PWD/pinentry" </dev/null
}

signed() {
	[ "$status" = 0 ]
	hsmime verify --cms --ca "$W/ca.pem" --content "$W/data" out
}

decrypted() {
	[ "$status" = 0 ]
	cmp out "$W/data"
}

# not_tried: no PIN was sent, nothing was written
not_tried() {
	[ "$(calls C_Login)" = 0 ]
	[ ! -e out ]
}

@test "at the terminal the last try is taken by who types yes" {
	sabotage "$last_try"
	at_terminal 'expect "Type yes to go on: "; send -- "yes\r"
		expect "PIN of the token Demo to sign: "; send -- "123456\r"' "${sign[@]}"
	signed
	reported 'This is the last try: a wrong PIN locks the token\.'
	[ "$(calls C_Login)" = 1 ]
}

@test "a right PIN takes the warning of the last try away at once" {
	sabotage 'pin_tries 3'
	export PROXY_TRIES=$PWD/tries
	for wrong in 111111 222222; do
		printf %s "$wrong" >"$wrong"
		chmod 600 "$wrong"
		run_as 4 hsmime "${sign[@]}" --pin-source "file:$PWD/$wrong"
	done
	sabotage 'pin_tries 3' 'authenticate 1 1'
	at_terminal 'expect "Type yes to go on: "; send -- "yes\r"
		expect "PIN of the token Demo to sign: "; send -- "123456\r"
		expect "PIN of the token Demo to sign with the key "; send -- "123456\r"' "${sign[@]}"
	signed
	[ "$(grep -c 'last try' <<<"$output")" = 1 ]
}

@test "and by nobody else" {
	local answer
	for answer in no '' y yess YES; do
		sabotage "$last_try"
		at_terminal "expect \"Type yes to go on: \"; send -- \"$answer\\r\"" "${sign[@]}"
		[ "$status" = 4 ]
		reported 'the last try on token "Demo" was not taken; no PIN was sent'
		reported 'make sure of the PIN and start again, .* hsmime pin unblock'
		[[ $output != *'PIN of the token'* ]]
		not_tried
	done
}

@test "pinentry asks whether to take the last try, and no is no" {
	new_pinentry
	sabotage "$last_try"
	by_pinentry 0 "${sign[@]}"
	signed
	grep -q '^SETDESC This is the last try: a wrong PIN locks the token.%0AGo on?%0AToken: Demo ' told
	[ "$(grep -cx 'CONFIRM\|GETPIN' told)" = 2 ]
	[ "$(calls C_Login)" = 1 ]
	rm out told
	touch no
	sabotage "$last_try"
	by_pinentry 4 "${sign[@]}"
	said 'the last try on token "Demo" was not taken; no PIN was sent'
	grep -qx CONFIRM told
	run ! grep -q '^GETPIN' told
	not_tried
}

@test "the terminal says when the PIN is to be typed on the token's pad" {
	sabotage 'pad 123456'
	at_terminal 'expect "Type on the PIN pad: PIN of the token Demo to sign\r\n"' "${sign[@]}"
	signed
	[ "$(grep -c 'PIN pad' <<<"$output")" = 1 ]
}

@test "so does pinentry, which asks for no PIN then" {
	new_pinentry
	sabotage 'pad 123456'
	by_pinentry 0 "${sign[@]}"
	signed
	grep -qE "^SETDESC Press OK, then type the PIN on the token's pad.%0AToken: Demo .*%0ATo: sign" told
	grep -qx MESSAGE told
	run ! grep -q '^GETPIN' told
	rm out told
	sabotage 'pad 123456' 'set_flags 0x10000' # CKF_USER_PIN_COUNT_LOW
	by_pinentry 0 "${sign[@]}"
	signed
	grep -q '^SETDESC Careful: a wrong PIN was given to this token before.%0APress OK, then type' told
}

@test "a key that asks each time is named at the terminal" {
	local both='expect "PIN of the token Demo to "; send -- "123456\r"
		expect " with the key alice: "; send -- "123456\r"'
	sabotage 'authenticate 1 1'
	at_terminal "$both" "${sign[@]}"
	signed
	reported 'PIN of the token Demo to sign: '
	reported 'PIN of the token Demo to sign with the key alice: '
	rm out
	sabotage 'authenticate 1 1'
	at_terminal "$both" "${decrypt[@]}"
	decrypted
	reported 'PIN of the token Demo to decrypt with the key alice: '
}

@test "and in pinentry" {
	new_pinentry
	sabotage 'authenticate 1 1'
	by_pinentry 0 "${sign[@]}"
	signed
	grep -qE '^SETDESC Token: Demo .*%0AKey: alice%0ATo: sign' told
	[ "$(grep -c '^GETPIN' told)" = 2 ]
	rm out told
	sabotage 'authenticate 1 1'
	by_pinentry 0 "${decrypt[@]}"
	decrypted
	grep -qE '^SETDESC Token: Demo .*%0AKey: alice%0ATo: decrypt' told
}

@test "pinentry is told all of it, whatever the length of the names, and also where they are no UTF-8" {
	local label key
	label=$(printf 'T%.0s' {1..30})%A
	key=$(printf '\374%.0s' {1..127})
	new_token "$PWD/long" "$label"
	unset HSMIME_PIN_SOURCE
	new_peer carol
	"$cli_root/scripts/softtoken" import "$W" 03 "$key" "$W/carol.key" "$W/carol.pem"
	echo data >"$W/data"
	new_pinentry
	sabotage 'authenticate 3 1' 'pad 123456'
	by_pinentry 0 sign --cms -k 'pkcs11:id=%03' -o out "$W/data"
	signed
	grep -qE "^SETDESC Press OK, .*%0AToken: ${label/\%/%25} \\(.*%0AKey: (�){127}%0ATo: sign\$" told
}

@test "wrong PINs before are a warning where nobody is asked" {
	sabotage 'set_flags 0x10000' # CKF_USER_PIN_COUNT_LOW
	run_as 0 hsmime "${sign[@]}" --pin-source "file:$W/pin"
	said '^hsmime: warning: a wrong PIN was given for the token with serial number [0-9a-f]+ since its last login'
	sabotage
	run_as 0 hsmime "${sign[@]}" --pin-source "file:$W/pin"
	[ -z "$stderr" ]
	sabotage 'pad 123456' 'set_flags 0x10000'
	run_as 0 setsid --wait "$HSMIME" "${sign[@]}" </dev/null
	said '^hsmime: warning: a wrong PIN was given for the token with serial number [0-9a-f]+ since its last login'
}

@test "a vague answer to a PIN may be the token's fault: the first run hints at what the next one does" {
	local round
	(umask 077 && printf 123456 >pin)
	for round in first next; do
		sabotage 'refuse C_Login CKR_DEVICE_ERROR'
		run_as 4 hsmime "${sign[@]}" --pin-source "file:$PWD/pin"
		said 'CKR_DEVICE_ERROR'
		said 'check that the token works and that the PIN is right; .*hsmime pin forget'
	done
	run_as 0 hsmime pin forget
	sabotage 'refuse C_Login CKR_DEVICE_ERROR'
	at_terminal 'expect "PIN of the token Demo to sign: "; send -- "123456\r"' "${sign[@]}"
	[ "$status" = 4 ]
	reported 'check that the token works and that the PIN is right; it is not tried again'
	[[ $output != *'pin forget'* ]]
	[ ! -e out ]
}

@test "a token that comes back asks again, and no answer is 4" {
	sabotage 'lose_at C_Sign' 'bring_back_at C_GetSlotList 1'
	at_terminal 'expect "PIN of the token Demo to sign: "; send -- "123456\r"
		expect "PIN of the token Demo to sign: "; send -- "\r"' "${sign[@]}"
	[ "$status" = 4 ]
	reported 'no PIN was given for token "Demo"'
	[ "$(calls C_Sign)" = 1 ]
	[ "$(calls C_Login)" = 1 ]
	[ ! -e out ]
}

@test "a card that is gone and whose reader then hangs is given up too" {
	local before start
	mkdir folder
	sabotage 'hang C_Sign'
	hsmime "${sign[@]}" --pin-source "file:$W/pin" &
	await_event '^hang C_Sign'
	before=$(calls C_GetTokenInfo)
	tell release
	wait $!
	rm out
	sabotage 'lose_at C_Sign' "hang C_GetTokenInfo $before"
	start=$SECONDS
	run_as 4 timeout 60 "$HSMIME" sign --cms -k 'pkcs11:id=%01' --call-limit 2 \
		--pin-source "file:$W/pin" -o folder/out "$W/data"
	[ $((SECONDS - start)) -lt 20 ]
	said 'token "Demo"'
	grep -q '^hang C_GetTokenInfo' "$PROXY_EVENTS"
	[ -z "$(ls -A folder)" ]
}

@test "a key is used for what it may do, and for nothing else" {
	export HSMIME_PIN_SOURCE=file:$W/pin
	hsmime encrypt --cms -r "$W/bob.pem" -o agreed "$W/data"
	sabotage 'limit_key 1 1' # CKA_SIGN
	run_as 5 hsmime "${decrypt[@]}"
	[ ! -e out ]
	run_as 0 hsmime "${sign[@]}"
	signed
	rm out
	sabotage 'limit_key 1 4' # CKA_UNWRAP
	run_as 0 hsmime "${decrypt[@]}"
	decrypted
	[ "$(calls C_UnwrapKey)" -ge 1 ]
	[ "$(calls C_Decrypt)" = 0 ]
	rm out
	sabotage 'limit_key 2 8' # CKA_DERIVE
	run_as 5 hsmime sign --cms -k 'pkcs11:id=%02' -o out "$W/data"
	[ ! -e out ]
	run_as 0 hsmime decrypt --cms -o out agreed
	decrypted
}

@test "a PIN that has to be changed is 4 with what to do" {
	sabotage 'change_pin 1'
	run_as 4 hsmime "${sign[@]}" --pin-source "file:$W/pin"
	said 'hsmime pin change'
	[ ! -e out ]
}
