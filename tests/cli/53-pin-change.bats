#!/usr/bin/env bats
# hsmime pin: a PIN is changed, unblocked, set; refused sources are forgotten.

load helper

setup() {
	new_token "$BATS_TEST_TMPDIR/world" Demo
	new_key 02 EC:secp256r1 bob
	unset HSMIME_PIN_SOURCE
	cd "$BATS_TEST_TMPDIR"
	umask 077
	printf 123456 >old
	printf 87654321 >new
	printf 000000 >wrong
	printf 12345678 >so # scripts/softtoken's
	find_spy
}

# works FILE: the PIN in it is the token's; fails FILE: it is not
works() {
	run_as 0 hsmime keys --login --token Demo --pin-source "file:$1"
}

fails() {
	touch "$1"
	run_as 4 hsmime keys --login --token Demo --pin-source "file:$1"
}

calls() { # FUNCTION: how often it was called, as the spy saw it
	grep -c ": $1\$" spy.log || true
}

@test "change: the new PIN holds, the old one does not" {
	run_as 0 hsmime pin change --pin-source file:old --new-pin-source file:new
	reported 'The PIN is changed'
	works new
	fails old
}

@test "change, unattended, with both PINs from one descriptor" {
	run_as 0 hsmime pin change --json --pin-source fd:9 --new-pin-source fd:9 9< <(cat old - new <<<'')
	[ "$(field 'd["status"], d["action"]' <<<"$output")" = "('ok', 'change')" ]
	works new
}

@test "change with a wrong old PIN is 4, sent once, and asks for no new one" {
	run_as 4 spied hsmime pin change --pin-source file:wrong --new-pin-source command:'touch asked; echo 87654321'
	explained
	[ "$(calls C_Login)" = 1 ]
	[ "$(calls C_SetPIN)" = 0 ]
	[ ! -e asked ]
	run_as 4 spied hsmime pin change --pin-source file:wrong --new-pin-source file:new
	said 'refused the PIN of this source before'
	[ "$(calls C_Login)" = 0 ]
	works old
}

@test "change to what the token does not take, or to the old PIN, is 4 and changes nothing" {
	printf 12 >short
	head -c 255 /dev/zero | tr '\0' 1 >long
	for new in short old /dev/null; do
		run_as 4 spied hsmime pin change --pin-source file:old --new-pin-source file:"$new"
		explained
		[ "$(calls C_SetPIN)" = 0 ]
	done
	run_as 4 hsmime pin change --pin-source file:old --new-pin-source file:short
	said 'too short'
	said 'it takes 4 to 255 octets'
	works old
}

@test "a change clears what was remembered of refused sources" {
	fails wrong
	[ -n "$(ls "$XDG_STATE_HOME/hsmime/pins")" ]
	run_as 0 hsmime pin change --pin-source file:old --new-pin-source file:new
	[ -z "$(ls "$XDG_STATE_HOME/hsmime/pins")" ]
}

@test "forget gives a refused source one more try" {
	fails wrong
	run_as 4 spied hsmime keys --login --pin-source file:wrong
	[ "$(calls C_Login)" = 0 ]
	run_as 0 hsmime pin forget --token Demo
	run_as 4 spied hsmime keys --login --pin-source file:wrong
	[ "$(calls C_Login)" = 1 ]
	run_as 0 hsmime pin forget
	[ -z "$(ls "$XDG_STATE_HOME/hsmime/pins")" ]
}

@test "forget of a token that is not there is 4, and names it" {
	fails wrong
	run_as 4 hsmime pin forget --token None
	explained
	said 'there is no token "None"'
	run_as 4 hsmime pin forget pkcs11:serial=77
	explained
	said 'there is no token that pkcs11:serial=77 names'
	[ -n "$(ls "$XDG_STATE_HOME/hsmime/pins")" ]
	run_as 0 hsmime pin forget
	[ -z "$(ls "$XDG_STATE_HOME/hsmime/pins")" ]
}

@test "unblock: the security officer gives a new PIN" {
	run_as 0 hsmime pin unblock --so-pin-source file:so --new-pin-source file:new
	works new
	fails old
}

@test "unblock with a wrong security officer's PIN is 4, sent once, by the next process not at all" {
	run_as 4 spied hsmime pin unblock --so-pin-source file:wrong --new-pin-source file:new
	explained
	said "security officer's PIN"
	[ "$(calls C_Login)" = 1 ]
	[ "$(calls C_InitPIN)" = 0 ]
	run_as 4 spied hsmime pin unblock --so-pin-source file:wrong --new-pin-source file:new
	[ "$(calls C_Login)" = 0 ]
	# It says nothing of the same digits as the user's PIN, and the token is not hurt.
	works old
}

@test "the security officer's PIN does not become the user's: 4, and nothing is changed" {
	run_as 4 spied hsmime pin unblock --so-pin-source file:so --new-pin-source file:so
	explained
	said "the new PIN is the security officer's; nothing was changed"
	[ "$(calls C_InitPIN)" = 0 ]
	works old
	run_as 4 spied hsmime pin init --label 'Fresh one' --so-pin-source file:new --new-pin-source file:new
	explained
	said "the new PIN is the security officer's"
	[ "$(calls C_InitToken)" = 0 ]
}

@test "a PUK is not tried on a PIN that is not locked" {
	run_as 2 spied hsmime pin unblock --puk --so-pin-source file:so --new-pin-source file:new
	explained
	[ "$(calls C_SetPIN)" = 0 ]
	works old
}

@test "init does not replace a PIN that is there" {
	run_as 2 hsmime pin init --so-pin-source file:so --new-pin-source file:new
	explained
	said 'has a PIN already'
	works old
}

@test "init makes a token of a blank one, with its first PIN" {
	run_as 0 hsmime pin init --label 'Fresh one' --so-pin-source file:new --new-pin-source file:old
	run_as 0 hsmime tokens --json
	[ "$(field '[t["pin"] for t in d if t["label"] == "Fresh one"]' <<<"$output")" = "['ok']" ]
	run_as 0 hsmime keys --login --token 'Fresh one' --pin-source file:old
	run_as 0 hsmime pin unblock --token 'Fresh one' --so-pin-source file:new --new-pin-source file:so
	run_as 0 hsmime keys --login --token 'Fresh one' --pin-source file:so
	works old
}

@test "where only a blank token is there init asks for a label, and names what each PIN comes from" {
	"$cli_root/scripts/softtoken" new "$PWD/blank" Gone
	(
		set -a
		# shellcheck source=/dev/null
		. blank/env
		softhsm2-util --delete-token --token Gone >/dev/null
		for action in init change unblock; do
			run_as 4 hsmime pin "$action" --so-pin-source file:so --new-pin-source file:new
			explained
			said 'no token that is there is initialised'
			said 'hsmime pin init --label'
		done
		run_as 4 hsmime pin init --token Gone --so-pin-source file:so --new-pin-source file:new
		said 'there is no token "Gone"'
		run_as 4 setsid --wait "$HSMIME" pin init --label X </dev/null
		explained
		said 'token "\(not initialised\)" asks for a new security officer.s PIN, and nobody is there'
		said '\(--so-pin-source and --new-pin-source file:PATH'
		run_as 4 setsid --wait "$HSMIME" pin init --label X --so-pin-source file:so </dev/null
		said 'asks for a new PIN, and nobody'
		said '\(--new-pin-source file:PATH'
	)
	run_as 4 setsid --wait "$HSMIME" pin unblock </dev/null
	said "asks for the security officer's PIN"
}

@test "from one descriptor the security officer's PIN comes before the new one" {
	run_as 0 hsmime pin init --label 'Fresh one' --so-pin-source fd:9 --new-pin-source fd:9 9< <(cat so - new <<<'')
	run_as 0 hsmime keys --login --token 'Fresh one' --pin-source file:new
	run_as 0 hsmime pin unblock --token 'Fresh one' --so-pin-source fd:9 --new-pin-source fd:9 9< <(cat so - old <<<'')
	run_as 0 hsmime keys --login --token 'Fresh one' --pin-source file:old
}

@test "more than one token: the error lists them, and a URI or --token chooses" {
	hsmime pin init --label Other --so-pin-source file:so --new-pin-source file:old
	run_as 2 hsmime pin change --pin-source file:old --new-pin-source file:new
	explained
	said '"Demo" \(serial '
	said '"Other" \(serial '
	run_as 0 hsmime pin change pkcs11:token=Other --pin-source file:old --new-pin-source file:new
	run_as 0 hsmime keys --login --token Other --pin-source file:new
	works old
	run_as 4 hsmime pin change --token None --pin-source file:old --new-pin-source file:new
	said 'there is no token "None"'
}

@test "a token is erased only after its new label was typed at a terminal" {
	run_as 2 setsid --wait "$HSMIME" pin init --label New --force --token Demo \
		--so-pin-source file:so --new-pin-source file:new </dev/null
	explained
	run_as 2 hsmime pin init --force
	works old
	run expect -f - -- "$HSMIME" <<-'EXPECT'
		set timeout 20
		spawn [lindex $argv 0] pin init --label New --force --token Demo --so-pin-source file:so --new-pin-source file:new
		expect "to go on: "
		send -- "yes\r"
		expect eof
		exit [lindex [wait] 3]
	EXPECT
	[ "$status" = 2 ]
	works old
	run expect -f - -- "$HSMIME" <<-'EXPECT'
		set timeout 20
		spawn [lindex $argv 0] pin init --label New --force --token Demo --so-pin-source file:so --new-pin-source file:new
		expect "to go on: "
		send -- "New\r"
		expect eof
		exit [lindex [wait] 3]
	EXPECT
	[ "$status" = 0 ]
	run_as 0 hsmime keys --login --token New --pin-source file:new
	run_as 0 hsmime tokens --json
	[ "$(field '[t["label"] for t in d if t["label"]]' <<<"$output")" = "['New']" ]
}

@test "the token that is to be erased is named on the command line, and shown before" {
	mkdir -p "$XDG_CONFIG_HOME/hsmime"
	printf '[hsmime]\ntoken=Demo\n' >"$XDG_CONFIG_HOME/hsmime/hsmime.conf"
	run_as 2 spied hsmime pin init --label New --force --so-pin-source file:so --new-pin-source file:new
	explained
	said 'the token that is to be erased is not named'
	[ ! -e spy.log ] || [ "$(calls C_InitToken)" = 0 ]
	run_as 0 hsmime tokens --json
	serial=$(field '[t["serial"] for t in d if t["label"] == "Demo"][0]' <<<"$output")
	run expect -f - -- "$HSMIME" "pkcs11:serial=$serial" <<-'EXPECT'
		set timeout 20
		spawn [lindex $argv 0] pin init --label New --force [lindex $argv 1] --so-pin-source file:so --new-pin-source file:new
		expect "to go on: "
		send -- "Demo\r"
		expect eof
		exit [lindex [wait] 3]
	EXPECT
	[ "$status" = 2 ]
	reported "on the token Demo \(serial number $serial\) will be lost"
	works old
}

# change_by_hand OLD NEW AGAIN: at the terminal
change_by_hand() {
	run expect -f - -- "$HSMIME" "$@" <<-'EXPECT'
		set timeout 20
		spawn [lindex $argv 0] pin change
		expect "PIN of the token Demo to change the PIN: "
		send -- "[lindex $argv 1]\r"
		expect {
			"New PIN for the token Demo (4 to 255 characters): " {}
			eof { exit [lindex [wait] 3] }
		}
		send -- "[lindex $argv 2]\r"
		expect {
			"New PIN for the token Demo, again: " {}
			eof { exit [lindex [wait] 3] }
		}
		send -- "[lindex $argv 3]\r"
		expect eof
		exit [lindex [wait] 3]
	EXPECT
}

@test "at the terminal the new PIN is asked for twice, and shown never" {
	change_by_hand 123456 87654321 87654322
	[ "$status" = 4 ]
	reported 'the two new PINs differ; nothing was changed'
	works old
	change_by_hand 123456 87654321 87654321
	[ "$status" = 0 ]
	[[ $output != *8765432* && $output != *123456* ]]
	works new
	change_by_hand 000000 1 1
	[ "$status" = 4 ]
	[[ $output != *'New PIN'* ]]
}

@test "what makes no sense is 2" {
	run_as 2 hsmime pin
	explained
	run_as 2 hsmime pin chanqe
	explained
	run_as 2 hsmime pin change --puk
	run_as 2 hsmime pin unblock --label X
	run_as 2 hsmime pin init --label "$(printf 'x%.0s' {1..33})" --so-pin-source file:so --new-pin-source file:new
	explained
	run_as 2 hsmime pin change --new-pin-source 87654321 --pin-source file:old
	[[ $stderr != *87654321* ]]
}
