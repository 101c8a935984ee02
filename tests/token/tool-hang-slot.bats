#!/usr/bin/env bats
# One slot that hangs as soon as it is asked for its token: the tool works with the others.

bats_require_minimum_version 1.5.0
load "${BATS_TEST_DIRNAME%/token}/cli/helper"
load saboteur

setup_file() {
	export HSMIME=$HSMIME_BUILD/src/cli/hsmime
	new_token "$BATS_FILE_TMPDIR/world" Alpha
	new_peer alice
	openssl pkcs8 -topk8 -nocrypt -in "$W/alice.key" -out "$W/alice.p8"
	"$cli_root/scripts/softtoken" import "$W" 01 alice "$W/alice.p8" "$W/alice.pem"
	softhsm2-util --init-token --free --label Beta --so-pin 12345678 --pin 123456
	new_mail alice alice
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

# each_slot COMMAND...: with the first slot hanging, the second (Alpha, Beta), and the blank one
each_slot() {
	local n
	for n in 0 1 2; do
		sabotage "hang C_GetTokenInfo $n"
		"$@" "$n"
	done
}

signs() {
	status=0
	hsmime sign --call-limit 1 -k 'pkcs11:token=Alpha;id=%01' -o signed.eml "$W/mail.eml" \
		2>err || status=$?
	[ "$(grep -c 'does not answer' err)" = 1 ]
	grep -q 'slot [0-9]* is passed over: the token in slot [0-9]* does not answer' err
	if [ "$status" = 0 ]; then
		hsmime verify --ca "$W/ca.pem" signed.eml
		signed=$((signed + 1))
	fi
}

@test "a signature by a token needs no other slot's answer" {
	signed=0
	each_slot signs
	[ "$signed" = 2 ]
}

lists() {
	run_as 0 hsmime tokens --call-limit 1
	[ "$(grep -cE 'Alpha|Beta' <<<"$output")" -ge 1 ]
	grep -qE 'Alpha|Beta' <<<"$output"
}

@test "the other tokens are listed" {
	each_slot lists
}

examines() {
	status=0
	hsmime doctor --call-limit 1 >out 2>err || status=$?
	[ "$status" = 4 ]
	grep -q 'the token in slot [0-9]* is stuck' out
	[ "$(grep -c 'the token is there' out)" -ge 1 ]
	[ "$(grep -c 'is passed over' err)" = 1 ]
}

@test "doctor tells of the slot, once, and looks at the others" {
	each_slot examines
}

# Alpha, of id=%01, hangs before it said who it is.
hidden() {
	run_as 4 hsmime "$@" --call-limit 1
	said 'the token in slot [0-9]* is stuck: .*; without it no'
	said 'take the card out and insert it again'
	! grep -qE 'insert the token;|plugged in' <<<"$output$stderr"
}

@test "where no token that answers has the key, the one that hangs may have it" {
	"$HSMIME" encrypt -r "$W/alice.pem" -o enc.eml "$W/mail.eml"
	alpha=
	for n in 0 1 2; do
		sabotage "hang C_GetTokenInfo $n"
		hsmime sign --call-limit 1 -k 'pkcs11:id=%01' -o signed.eml "$W/mail.eml" 2>err || alpha=$n
	done
	[ -n "$alpha" ]
	sabotage "hang C_GetTokenInfo $alpha"
	hidden sign -k 'pkcs11:id=%01' -o signed.eml "$W/mail.eml"
	sabotage "hang C_GetTokenInfo $alpha"
	hidden sign -k alice@example.test -o signed.eml "$W/mail.eml"
	sabotage "hang C_GetTokenInfo $alpha"
	hidden decrypt enc.eml
	sabotage "hang C_GetTokenInfo $alpha"
	run_as 5 hsmime sign --call-limit 1 -k 'pkcs11:token=Beta;id=%01' "$W/mail.eml"
	sabotage "hang C_GetTokenInfo $alpha"
	run_as 0 hsmime tokens --call-limit 1 -j
	[ "$(field '[[t["label"], t["pin"]] for t in d if t["flags"] == ["stuck"]]' <<<"$output")" = "[['', 'unknown']]" ]
	sabotage "hang C_GetTokenInfo $alpha"
	run_as 0 hsmime keys --call-limit 1
	said 'a token is stuck, and may have some'
	! grep -q 'plugged in' <<<"$output$stderr"
}
