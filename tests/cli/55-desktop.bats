#!/usr/bin/env bats
# PINs asked for by the pinentries of desktops, GTK's and Qt's, in their windows (scripts/test desktop).

load "${BATS_TEST_DIRNAME%/cli}/token/saboteur"
load desktop

programs=(pinentry-gtk-2 pinentry-qt)

setup_file() {
	local program
	for program in Xvfb xdotool setxkbmap setpriv "${programs[@]}"; do
		command -v "$program" >/dev/null || {
			echo "no $program here: scripts/setup desktop installs it"
			return 1
		}
	done
	new_token "$BATS_FILE_TMPDIR/world" 'Müller & S_hne 50%A <b>x</b>'
	new_key 02 EC:secp256r1 bob
	echo data >"$W/data"
	printf 123456 >"$W/old"
	chmod 600 "$W/old"
	unset HSMIME_PIN_SOURCE QT_QPA_PLATFORM
	find_spy
	start_display
}

teardown_file() {
	end_display
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export DISPLAY=$SCREEN XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state
	sign=(sign --cms -k 'pkcs11:id=%02' -o out "$W/data")
}

teardown() { # a window that a failed test leaves goes with its hsmime
	[ -z "${pid:-}" ] || kill "$pid" 2>/dev/null || true
}

signed() {
	hsmime verify --cms --ca "$W/ca.pem" --content "$W/data" out
	rm out
}

@test "the right PIN signs, by the program that the option names" {
	for program in "${programs[@]}"; do
		begin "${sign[@]}" --pinentry "$program"
		answer 123456
		ends 0
		[ -z "$stderr" ]
		signed
	done
}

@test "by the one that the configuration names, or the environment, or that is there" {
	local program=pinentry-qt
	mkdir -p "$XDG_CONFIG_HOME/hsmime" path
	printf '[hsmime]\npinentry = %s\n' "$program" >"$XDG_CONFIG_HOME/hsmime/hsmime.conf"
	begin "${sign[@]}"
	appears
	[ "$(readlink "/proc/$asker/exe")" = "$(command -v "$program")" ]
	fill 123456
	ends 0
	rm out "$XDG_CONFIG_HOME/hsmime/hsmime.conf"
	ln -s "$(command -v pinentry-gtk-2)" path/pinentry
	PINENTRY=$program PATH=$PWD/path:$PATH begin "${sign[@]}"
	appears
	[ "$(readlink "/proc/$asker/exe")" = "$(command -v "$program")" ]
	fill 123456
	ends 0
	rm out
	PATH=$PWD/path:$PATH begin "${sign[@]}"
	appears
	[ "$(readlink "/proc/$asker/exe")" = "$(command -v pinentry-gtk-2)" ]
	fill 123456
	ends 0
	signed
}

@test "the window shows a long description too: it grows with what it says" {
	local program plain
	new_peer carol
	"$cli_root/scripts/softtoken" import "$W" 03 "Schlüssel & 100% $(printf '\374_ä%.0s' {1..20})" \
		"$W/carol.key" "$W/carol.pem"
	for program in "${programs[@]}"; do
		sabotage 'authenticate 3 1'
		begin sign --cms -k 'pkcs11:id=%03' -o out --pinentry "$program" "$W/data"
		appears
		plain=$(width)
		fill 123456
		appears
		[ "$(width)" -gt "$plain" ]
		fill 123456
		ends 0
		signed
	done
}

@test "a PIN with spaces, quotes and other than ASCII characters is set and sent as it is, in any locale" {
	local program special="a b'\"ä%ß&_+ü#<>|"
	(umask 077; printf %s "$special" >special)
	for program in "${programs[@]}"; do
		begin pin change --pinentry "$program"
		answer 123456
		answer "$special"
		answer "$special"
		ends 0
		pkcs11-tool --module "$HSMIME_MODULE" --token-label "$TOKEN_LABEL" --login --pin "$special" \
			--list-objects --type privkey | grep -q 'label: *bob'
		begin "${sign[@]}" --pinentry "$program"
		answer "$special"
		ends 0
		signed
		printf '#!/bin/sh\nLC_ALL=C exec "%s" "$@"\n' "$HSMIME" >in_c
		chmod +x in_c
		HSMIME=$PWD/in_c begin "${sign[@]}" --pinentry "$program"
		answer "$special"
		ends 0
		signed
		run_as 0 hsmime pin change --pin-source "file:$PWD/special" --new-pin-source "file:$W/old"
	done
}

@test "a new PIN that is not repeated, or given up, changes nothing" {
	local program
	for program in "${programs[@]}"; do
		begin pin change --pinentry "$program"
		answer 123456
		answer 7654321
		answer 7654322
		ends 4
		said 'the two new PINs differ; nothing was changed'
		begin pin change --pinentry "$program"
		answer 123456
		answer 7654321
		press Escape
		ends 4
		run_as 0 hsmime "${sign[@]}" --pin-source "file:$W/old"
		signed
	done
}

@test "who cancels gives up, by the key or the button: 4, and no PIN is tried" {
	local program key
	for program in "${programs[@]}"; do
		for key in Escape alt+c Return; do
			spied begin "${sign[@]}" --pinentry "$program"
			press "$key"
			ends 4
			[ -s spy.log ]
			run ! grep -q ': C_Login$' spy.log
			run ! grep -q warning: words
			said 'no PIN was given for token "Müller & S_hne'
			[ ! -e out ]
		done
	done
}

@test "a wrong PIN is sent once and told, and the next window is another" {
	local program
	for program in "${programs[@]}"; do
		spied begin "${sign[@]}" --pinentry "$program"
		answer 000000
		ends 4
		[ "$(grep -c ': C_Login$' spy.log)" = 1 ]
		said 'refused the PIN'
		said 'check the PIN; it is not tried again'
		[[ $stderr != *000000* ]]
		[ ! -e out ]
		begin "${sign[@]}" --pinentry "$program"
		answer 123456
		ends 0
		signed
	done
}

@test "the last try is taken by who presses OK, and not by Return alone" {
	local program key
	for program in "${programs[@]}"; do
		sabotage 'set_flags 0x20000' # CKF_USER_PIN_FINAL_TRY
		begin "${sign[@]}" --pinentry "$program"
		press alt+o
		answer 123456
		ends 0
		signed
		for key in Return Escape; do
			sabotage 'set_flags 0x20000'
			begin "${sign[@]}" --pinentry "$program"
			press "$key"
			ends 4
			said 'the last try on token .* was not taken'
			[ "$(calls C_Login)" = 0 ]
		done
	done
}

@test "the token's own pad is waited for once OK is pressed" {
	local program
	for program in "${programs[@]}"; do
		sabotage 'pad 123456'
		begin "${sign[@]}" --pinentry "$program"
		press Return
		ends 0
		[ "$(calls C_Login)" = 1 ]
		signed
	done
}

@test "a window that is gone with its program is told, and is 4" {
	local program
	for program in "${programs[@]}"; do
		spied begin "${sign[@]}" --pinentry "$program"
		appears
		xdotool windowkill "$window"
		ends 4
		said "warning: /usr/bin/$program can't ask for the PIN: it ended without an answer"
		run ! grep -q ': C_Login$' spy.log
		[ ! -e out ]
	done
}

@test "a display where nobody answers, or that lets nobody in, is told, and is 4" {
	local where no_window=(
		"pinentry-gtk-2 can't ask for the PIN: it has neither a display that lets it in nor a terminal"
		"pinentry-qt can't ask for the PIN: it ended without an answer, as where no display lets it in")
	for where in DISPLAY=:54321 XAUTHORITY=/dev/null; do
		for i in 0 1; do
			run_as 4 env "$where" setsid --wait "$HSMIME" "${sign[@]}" --pinentry "${programs[i]}" </dev/null
			said "warning: /usr/bin/${no_window[i]}"
			[ ! -e out ]
		done
	done
}

# at_terminal ARGUMENT...: the tool in a terminal, whose person answers what is drawn there
at_terminal() {
	run expect -f - -- "$HSMIME" "$@" <<-'EXPECT'
		set timeout 60
		set env(TERM) xterm
		set stty_init "rows 40 columns 100"
		eval spawn $argv
		expect {
			"Token: " {}
			eof { exit [lindex [wait] 3] }
		}
		expect "PIN:"
		send -- "123456\r"
		expect eof
		exit [lindex [wait] 3]
	EXPECT
}

@test "at a terminal GTK's asks there instead; so does Qt's, but only without a display" {
	local program
	for program in "${programs[@]}"; do
		(
			unset DISPLAY
			at_terminal "${sign[@]}" --pinentry "$program"
			[ "$status" = 0 ]
		)
		signed
	done
	DISPLAY=:54321 at_terminal "${sign[@]}" --pinentry pinentry-gtk-2
	[ "$status" = 0 ]
	signed
	DISPLAY=:54321 at_terminal "${sign[@]}" --pinentry pinentry-qt
	[ "$status" = 4 ]
	reported "pinentry-qt can't ask for the PIN: it ended without an answer"
	[ ! -e out ]
}
