#!/usr/bin/env bats
# One PIN source and several processes: at once, and one after another that did not live to hear
# the token's answer.

load saboteur

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 02 EC:secp256r1 bob
	echo data >"$W/data"
	unset HSMIME_PIN_SOURCE
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
	(umask 077 && printf 123456 >pin && printf 000000 >wrong)
	sign=(sign --cms -k 'pkcs11:id=%02' --pin-source "file:$PWD/pin" -o out "$W/data")
}

# lost_in_login SIGNAL: a process is in its login, and ends by that
lost_in_login() {
	sabotage 'hang C_Login'
	"$HSMIME" "${sign[@]}" 2>/dev/null &
	await_event '^hang C_Login'
	kill "-$1" $!
	! wait $!
	sabotage
}

@test "of several processes with one wrong PIN at the same time one sends it" {
	local pids=() i
	export PROXY_TRIES=$PWD/tries
	sabotage 'pin_tries 3' 'delay C_Login 300000'
	for i in 1 2 3 4 5 6; do
		"$HSMIME" sign -v --cms -k 'pkcs11:id=%02' --pin-source "file:$PWD/wrong" \
			-o "out$i" "$W/data" 2>"words$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		! wait "$i"
	done
	[ "$(cat tries)" = 1 ]
	grep -q 'refused the PIN of this source before' words*
}

@test "after a PIN was accepted, who died in the login is not waited for, and hinders nobody" {
	local signal start
	for signal in TERM KILL; do
		hsmime "${sign[@]}"
		lost_in_login "$signal"
		start=$SECONDS
		run_as 0 hsmime "${sign[@]}"
		[ $((SECONDS - start)) -lt 20 ]
	done
}

@test "the same holds after a login that was given up, and after one whose card went" {
	hsmime "${sign[@]}"
	sabotage 'hang C_Login'
	run_as 4 hsmime "${sign[@]}" --call-limit 1
	said 'C_Login has not returned'
	sabotage
	run_as 0 hsmime "${sign[@]}"
	sabotage 'lose_at C_Login'
	run_as 4 hsmime "${sign[@]}"
	said 'token "Demo" is gone'
	sabotage
	run_as 0 hsmime "${sign[@]}"
}

@test "two such in a row, and one of a PIN that was never accepted, need a person" {
	hsmime "${sign[@]}"
	lost_in_login KILL
	lost_in_login KILL
	run_as 4 hsmime "${sign[@]}"
	said 'its answer never came'
	said 'hsmime pin forget'
	[ "$(calls C_Login)" = 0 ]
	hsmime pin forget
	lost_in_login KILL
	run_as 4 hsmime "${sign[@]}"
	said 'its answer never came'
}

@test "a turn that can't be read keeps nobody" {
	local name
	hsmime "${sign[@]}"
	name=$(ls -A state/hsmime/pins)
	[[ $name = .* ]]
	ln -s nowhere "state/hsmime/pins/$name.turn"
	run_as 0 timeout 20 "$HSMIME" "${sign[@]}"
	[ "$(ls -A state/hsmime/pins)" = "$name" ]
}
