#!/usr/bin/env bats
# PINs: where they come from, that a wrong one is never tried again, and the prompt.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 02 EC:secp256r1 bob
	echo data >"$W/data"
	(umask 077 && printf 000000 >"$W/wrong")
	find_spy
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	unset HSMIME_PIN_SOURCE
	key='pkcs11:id=%02'
}

sign() { # argument...
	hsmime sign --cms -k "$key" -o out "$@" "$W/data"
}

# logins COMMAND...: how often the command tried to log in
logins() {
	spied "$@" || true
	grep -c ': C_Login$' spy.log
}

# warned_and_explained: of the wrong PINs before, and then what happened and what to do
warned_and_explained() {
	[ "${#stderr_lines[@]}" = 3 ]
	[[ ${stderr_lines[0]} = 'hsmime: warning: a wrong PIN was given for the token '* ]]
	[[ ${stderr_lines[1]} = 'hsmime: token '* && ${stderr_lines[2]} = 'hsmime: '* ]]
}

@test "every PIN source gives the PIN" {
	run_as 0 sign --pin-source "file:$W/pin"
	run_as 0 sign --pin-source fd:9 9<"$W/pin"
	run_as 0 sign --pin-source 'command:echo 123456'
	CREDENTIALS_DIRECTORY=$W run_as 0 sign --pin-source cred:pin
	MY_PIN=123456 run_as 0 sign --pin-source env:MY_PIN
	said '^hsmime: warning: .*environment'
	HSMIME_PIN_SOURCE=file:$W/pin run_as 0 sign
}

@test "a URI may name a PIN file, but neither a PIN nor a command" {
	run_as 0 hsmime sign --cms -k "$key?pin-source=file:$W/pin" -o out "$W/data"
	run_as 7 hsmime sign --cms -k "$key?pin-value=123456" -o out "$W/data"
	explained
	[[ $stderr != *123456* ]]
	run_as 7 hsmime sign --cms -k "$key?pin-source=%7Ctouch%20ran" -o other "$W/data"
	[ ! -e ran ]
	[ ! -e other ]
}

@test "a PIN file that everyone can read is a warning, once" {
	cp "$W/pin" pin
	chmod 644 pin
	run_as 0 sign --pin-source "file:$PWD/pin"
	said '^hsmime: warning: every user of this host can read the file'
	[ "$(grep -c 'every user' <<<"$stderr")" = 1 ]
	chmod 600 pin
	run_as 0 sign --pin-source "file:$PWD/pin"
	[ -z "$stderr" ]
}

@test "a PIN source without a PIN is 4" {
	run_as 4 sign --pin-source file:/no/such/file
	explained
	run_as 4 sign --pin-source command:false
	run_as 4 sign --pin-source env:NO_SUCH_VARIABLE
	run_as 4 sign --pin-source "file:/dev/null"
	[ ! -e out ]
}

@test "no PIN source and no terminal is 4 with what to do" {
	run_as 4 setsid --wait "$HSMIME" sign --cms -k "$key" -o out "$W/data" </dev/null
	explained
	said 'pin-source'
}

@test "a wrong PIN is 4, tried once, and not shown" {
	run_as 4 sign --pin-source "file:$W/wrong"
	explained
	[[ $stderr != *000000* ]]
	[ ! -e out ]
	touch "$W/wrong"
	[ "$(logins sign --pin-source "file:$W/wrong" 2>/dev/null)" = 1 ]
	touch "$W/wrong"
	[ "$(logins hsmime keys --login --pin-source "file:$W/wrong" 2>/dev/null)" = 1 ]
	run_as 0 sign --pin-source "file:$W/pin"
}

@test "a wrong PIN of a source is not sent by the next process until the source changes" {
	cp "$W/wrong" pin
	[ "$(logins sign --pin-source "file:$PWD/pin" 2>/dev/null)" = 1 ]
	[ "$(logins sign --pin-source "file:$PWD/pin" 2>/dev/null)" = 0 ]
	run_as 4 hsmime keys --login --pin-source file:pin
	warned_and_explained
	said 'refused the PIN of this source before'
	said 'hsmime pin forget'
	printf 123456 >pin
	run_as 0 sign --pin-source "file:$PWD/pin"
	run_as 0 sign --pin-source "file:$PWD/pin"
}

@test "nor is the wrong PIN of a credential that its service made anew" {
	local round
	for round in 1 0; do
		rm -rf credentials
		mkdir -m 700 credentials
		cp "$W/wrong" credentials/pin
		[ "$(CREDENTIALS_DIRECTORY=$PWD/credentials logins sign --pin-source cred:pin 2>/dev/null)" = "$round" ]
	done
	run_as 4 env "CREDENTIALS_DIRECTORY=$PWD/credentials" "$HSMIME" keys --login --pin-source cred:pin
	warned_and_explained
	said 'refused the PIN of this credential before'
	hsmime pin forget
	run_as 0 sign --pin-source "file:$W/pin"
}

@test "eight processes with a right PIN do not hinder each other" {
	export XDG_STATE_HOME=$PWD/state
	pids=() failed=0
	for i in 1 2 3 4 5 6 7 8; do
		"$HSMIME" sign --cms -k "$key" -o "out$i" --pin-source "file:$W/pin" "$W/data" 2>>words &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=$((failed + 1))
	done
	[ "$failed" = 0 ] || cat words
	# SoftHSM itself fails at times where several processes use one folder: where it said so to a
	# login, that and nothing else is what the others are told and what is remembered.
	if grep -q 'refused the login (CKR_GENERAL_ERROR)' words; then
		run ! grep -E '^hsmime: token .*PIN' <(grep -v 'answered CKR_GENERAL_ERROR to the PIN' words)
		[ -z "$(grep -L '^answer: CKR_GENERAL_ERROR$' "$XDG_STATE_HOME"/hsmime/pins/*)" ]
	else
		[ "$failed" = 0 ] || grep -qE 'does not answer|no token|does not start|no user PIN yet' words
		# Nor has the token a PIN in what another process is just writing.
		run ! grep -i 'PIN' <(grep -vE 'has no user PIN yet|hsmime pin init' words)
		[ -z "$(ls "$XDG_STATE_HOME/hsmime/pins")" ]
	fi
}

@test "one operation logs in once" {
	[ "$(logins sign --pin-source "file:$W/pin")" = 1 ]
	hsmime encrypt --cms -r "$W/bob.pem" -o enc "$W/data"
	[ "$(logins hsmime decrypt -q --cms --pin-source "file:$W/pin" -o out enc)" = 1 ]
}

@test "what needs no private key asks for no PIN" {
	run_as 0 setsid --wait "$HSMIME" tokens </dev/null
	run_as 0 setsid --wait "$HSMIME" keys </dev/null
	run_as 0 setsid --wait "$HSMIME" encrypt --cms -r "$W/bob.pem" -o enc "$W/data" </dev/null
}

@test "-v and -vv never show the PIN" {
	run_as 0 sign -vv --pin-source "file:$W/pin"
	[[ $output$stderr != *123456* ]]
}

# typed PIN [ARGUMENT...]: signs with the PIN typed at the prompt; expect's transcript is $output
typed() {
	run expect -f - -- "$HSMIME" sign --cms -k "$key" -o out "${@:2}" "$W/data" <<-EXPECT
		set timeout 20
		eval spawn \$argv
		expect "PIN of the token Demo"
		send -- "$1\r"
		expect {
			eof { exit [lindex [wait] 3] }
			timeout { exit 99 }
		}
	EXPECT
}

@test "the prompt takes a PIN without showing it" {
	typed 123456
	[ "$status" = 0 ]
	reported 'PIN of the token Demo'
	[[ $output != *123456* ]]
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" --content "$W/data" out
}

@test "a wrong PIN at the prompt ends the work: it is not asked again" {
	typed 000000
	[ "$status" = 4 ]
	[ "$(grep -c 'PIN of the token' <<<"$output")" = 1 ]
	typed 123456
	[ "$status" = 0 ]
	reported 'Careful: a wrong PIN was given'
}

@test "an empty answer gives up with 4" {
	typed ''
	[ "$status" = 4 ]
	[ ! -e out ]
}

@test "a control character in what is typed is told, and no PIN is sent" {
	local character
	for character in '\032' '\t' '\033\[D'; do
		rm -f spy.log
		HSMIME_MODULE=$SPY PKCS11SPY_OUTPUT=$PWD/spy.log ASAN_OPTIONS=detect_leaks=0 typed "123${character}456"
		[ "$status" = 4 ]
		reported 'There was a control character in it'
		run ! grep -q ': C_Login$' spy.log
	done
	[ ! -e out ]
}

@test "a signal at the prompt gives the terminal its echo back" {
	run expect -f - -- "$HSMIME" "$key" "$W/data" <<-'EXPECT'
		set timeout 20
		spawn bash --norc --noprofile
		send -- "PS1=ready:; stty -a | grep -o '.echo '; echo before-end\r"
		expect "before-end\r"
		send -- "[lindex $argv 0] sign --cms -k '[lindex $argv 1]' -o out [lindex $argv 2]\r"
		expect "PIN of the token Demo"
		expect ": "
		send -- "\003"
		expect "ready:"
		send -- "stty -a | grep -q -- '-echo ' && echo echo-is-'off' || echo echo-is-'on'\r"
		expect {
			"echo-is-on" { exit 0 }
			"echo-is-off" { exit 1 }
		}
		exit 2
	EXPECT
	[ "$status" = 0 ]
	no_leftovers .
}
