#!/usr/bin/env bats
# The tool before a token that does not answer.

load saboteur

setup_file() {
	new_correspondents
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
	mkdir -p out
}

# nothing_left: no output, and no temporary file beside it
nothing_left() {
	[ -z "$(ls -A out)" ]
}

@test "a signature that never comes is given up: status 4, nothing left behind" {
	sabotage 'hang C_Sign'
	run_as 4 timeout 30 "$HSMIME" sign --call-limit 1 -k 'pkcs11:id=%02' -o out/signed.eml "$W/mail.eml"
	said 'token "Demo" does not answer .C_Sign has not returned.'
	nothing_left
}

@test "so is a decryption" {
	sabotage 'hang C_Decrypt'
	run_as 4 timeout 30 "$HSMIME" decrypt --call-limit 1 -o out/mail.eml "$W/for-alice.eml"
	said 'token "Demo" does not answer .C_Decrypt has not returned.'
	nothing_left
}

@test "and a module that does not start" {
	sabotage 'hang C_Initialize'
	run_as 4 timeout 30 "$HSMIME" keys --call-limit 1
	said 'does not answer .C_Initialize has not returned.'
}

@test "and a module that does not come back from being loaded" {
	for at in dlopen C_GetFunctionList; do
		for command in keys doctor; do
			HANG_AT=$at run_as 4 timeout 60 "$HSMIME" "$command" --call-limit 1 \
				--module "$HSMIME_BUILD/tests/token/hanging_module.so"
			grep -q "does not answer .$at has not returned" <<<"$output$stderr"
		done
	done
}

@test "behind p11-kit's proxy it takes all tokens with it, and the hint tells the way past it" {
	sabotage 'hang C_Initialize'
	behind_p11_kit
	run_as 4 "${proxied[@]}" timeout 30 "$HSMIME" keys --call-limit 1
	said 'p11-kit-proxy.so does not answer'
	said "hsmime doctor' tells which of the modules behind p11-kit it is, and --module goes past it"
	run_as 4 "${proxied[@]}" timeout 60 "$HSMIME" doctor --call-limit 1
	[[ $output == *"$HSMIME_MODULE"* ]]
}

@test "the report in JSON says so too" {
	sabotage 'hang C_Login'
	run_as 4 timeout 30 "$HSMIME" sign --json --call-limit 1 -k 'pkcs11:id=%02' -o out/signed.eml \
		"$W/mail.eml"
	python3 -c 'import json,sys; r = json.load(sys.stdin)
assert r["exit_status"] == 4 and "C_Login" in r["error"], r' <<<"$output"
	nothing_left
}

@test "a module that hangs when all is done spoils nothing" {
	sabotage 'hang C_Finalize'
	run_as 0 timeout 30 "$HSMIME" sign --call-limit 1 -k 'pkcs11:id=%02' -o out/signed.eml "$W/mail.eml"
	unset HSMIME_MODULE
	hsmime verify --ca "$W/ca.pem" out/signed.eml
}

@test "without a limit a call may take as long as it likes" {
	sabotage 'hang C_Sign'
	hsmime sign --call-limit 0 -k 'pkcs11:id=%02' -o out/signed.eml "$W/mail.eml" &
	await_event '^hang C_Sign'
	kill -0 $!
	tell release
	wait $!
	[ -e out/signed.eml ]
}

@test "a signal ends it while a call hangs, and leaves nothing" {
	sabotage 'hang C_Sign'
	"$HSMIME" sign -k 'pkcs11:id=%02' -o out/signed.eml "$W/mail.eml" 2>said &
	await_event '^hang C_Sign'
	kill -TERM $!
	ends_as 143 $!
	nothing_left
}
