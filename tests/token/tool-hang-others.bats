#!/usr/bin/env bats
# Calls that hang beside those of an operation, a person's impatience, and a module that ends badly.

load saboteur

setup_file() {
	new_correspondents
	(umask 077 && printf 12345678 >"$W/so")
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
	mkdir -p out
}

# given_up FUNCTION COMMAND...: ends with 4 since FUNCTION hangs, and leaves no output
given_up() {
	run_as 4 timeout 30 "$HSMIME" "${@:2}" --call-limit 1
	said "token \"Demo\" does not answer .$1 has not returned."
	grep -q "^hang $1" "$PROXY_EVENTS"
	[ -z "$(ls -A out)" ]
}

@test "an agreement is given up at each of its calls" {
	for call in C_DeriveKey C_DestroyObject; do
		sabotage "hang $call"
		given_up "$call" decrypt -o out/mail.eml "$W/for-bob.eml"
	done
}

@test "so is the decryption with a key that unwraps" {
	for call in C_UnwrapKey C_CreateObject; do
		sabotage "hang $call" 'limit_key 1 4' 'unwrap_sensitive 1'
		given_up "$call" decrypt -o out/mail.eml "$W/for-alice.eml"
	done
}

@test "so is a change of the PIN, and its unblocking" {
	sabotage 'hang C_SetPIN'
	given_up C_SetPIN pin change --token Demo --pin-source "file:$W/pin" --new-pin-source "file:$W/so"
	sabotage 'hang C_InitPIN'
	given_up C_InitPIN pin unblock --token Demo --so-pin-source "file:$W/so" --new-pin-source "file:$W/pin"
}

@test "Ctrl-C ends the waiting for a PIN that nobody types on the pad, and leaves nothing" {
	sabotage 'pad 123456' 'hang C_Login'
	run env -u HSMIME_PIN_SOURCE expect -f - -- "$HSMIME" sign -k 'pkcs11:id=%01' -o out/signed.eml \
		"$W/mail.eml" <<-'EXPECT'
			set timeout 30
			eval spawn $argv
			expect "Type on the PIN pad"
			exec sh -c {tail -n +1 -F "$PROXY_EVENTS" 2>/dev/null | grep -qm1 "^hang C_Login"}
			send -- "\003"
			expect {
				eof { puts "ended: [wait]" }
				timeout { exit 99 }
			}
		EXPECT
	[ "$status" = 0 ]
	reported 'ended: .*SIGINT'
	[ -z "$(ls -A out)" ]
}

@test "a module that hangs or aborts when the program ends spoils nothing" {
	export HSMIME_MODULE=$HSMIME_BUILD/tests/token/bad_end.so
	for how in hang abort; do
		BAD_END=$how run_as 0 timeout 30 "$HSMIME" sign -k 'pkcs11:id=%02' -o out/signed.eml "$W/mail.eml"
		hsmime verify --ca "$W/ca.pem" out/signed.eml
		rm out/signed.eml
	done
}
