#!/usr/bin/env bats
# PINs asked for by pinentry: a stand-in that speaks Assuan, and the real one in a terminal.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 02 EC:secp256r1 bob
	echo data >"$W/data"
	unset HSMIME_PIN_SOURCE
	find_spy
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	key='pkcs11:id=%02'
	new_pinentry
}

# without_terminal COMMAND...: as a timer or a desktop starts it
without_terminal() {
	setsid --wait "$HSMIME" "$@" </dev/null
}

sign() {
	without_terminal sign --cms -k "$key" -o out "$@" "$W/data"
}

@test "pinentry gives the PIN, and is told the token and the purpose" {
	run_as 0 sign --pinentry "$PWD/pinentry"
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" --content "$W/data" out
	grep -qE '^SETDESC .*Token: Demo \(serial number [0-9a-f]+\)%0ATo: sign' told
	grep -qx 'SETPROMPT PIN:' told
	grep -qx 'SETTITLE hsmime' told
	[ "$(grep -c '^GETPIN' told)" = 1 ]
}

@test "a PIN with any characters comes through as it is" {
	printf '12%%0A+4 é' >answer
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Demo --login --pin 123456 \
		--change-pin --new-pin "$(cat answer)" >/dev/null 2>&1
	run_as 0 sign --pinentry "$PWD/pinentry"
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Demo --login --pin "$(cat answer)" \
		--change-pin --new-pin 123456 >/dev/null 2>&1
}

@test "pinentry is told of the terminal, the locale and the display" {
	DISPLAY=:7 GPG_TTY=/dev/pts/77 TERM=vt100 LC_ALL=C.UTF-8 run_as 0 sign --pinentry "$PWD/pinentry"
	for option in ttyname=/dev/pts/77 ttytype=vt100 lc-ctype=C.UTF-8 display=:7; do
		grep -qxF "OPTION $option" told
	done
}

@test "without a terminal but with a display pinentry is found by itself" {
	DISPLAY=:7 PATH=$PWD:$PATH run_as 0 sign
	[ -s told ] && rm told
	WAYLAND_DISPLAY=w PINENTRY=$PWD/pinentry run_as 0 sign
	[ -s told ] && rm told
	DISPLAY=:7 PATH=$PWD:$PATH run_as 4 sign --pinentry none
	PATH=$PWD:$PATH run_as 4 sign --pinentry auto
	[ ! -e told ]
}

@test "the configuration may name the program" {
	mkdir -p "$XDG_CONFIG_HOME/hsmime"
	printf '[hsmime]\npinentry = %s\n' "$PWD/pinentry" >"$XDG_CONFIG_HOME/hsmime/hsmime.conf"
	run_as 0 sign
	rm "$XDG_CONFIG_HOME/hsmime/hsmime.conf"
	[ -s told ]
}

@test "who cancels gives up: 4, and nothing is sent" {
	echo cancel >answer
	run_as 4 spied setsid --wait "$HSMIME" sign --cms -k "$key" -o out --pinentry "$PWD/pinentry" "$W/data"
	explained
	run ! grep -q ': C_Login$' spy.log
	[ ! -e out ]
}

@test "a pinentry that fails, or is not there, is told and is 4" {
	echo die >answer
	run_as 4 sign --pinentry "$PWD/pinentry"
	said "warning: $PWD/pinentry can't ask for the PIN: it ended without an answer"
	run_as 4 sign --pinentry /no/such/pinentry
	said "warning: /no/such/pinentry can't ask for the PIN: it can't be started"
	run_as 4 sign --pinentry true
	said "warning: /usr/bin/true can't ask for the PIN: it ended without an answer"
	[ ! -e out ]
}

@test "a name without a slash is looked for in PATH alone, never in the current folder" {
	mkdir -p "$XDG_CONFIG_HOME/hsmime"
	printf '[hsmime]\npinentry = pinentry-no-such\n' >"$XDG_CONFIG_HOME/hsmime/hsmime.conf"
	cp pinentry pinentry-no-such
	run_as 4 sign
	rm "$XDG_CONFIG_HOME/hsmime/hsmime.conf"
	said "warning: pinentry-no-such can't ask for the PIN: it is not in PATH"
	PATH=$PATH:: run_as 4 sign --pinentry pinentry-no-such
	said "it is not in PATH"
	[ ! -e told ]
	[ ! -e out ]
	run_as 0 sign --pinentry ./pinentry-no-such
}

@test "a program that PINENTRY names and that is not there is told; an empty name is 2" {
	local name
	for name in pinentry-no-such /no/such/pinentry; do
		DISPLAY=:7 PINENTRY=$name run_as 4 sign
		said "warning: $name can't ask for the PIN: it "
	done
	DISPLAY=:7 PINENTRY=pinentry-no-such run_as 0 hsmime keys
	[[ $stderr != *pinentry-no-such* ]]
	run_as 2 sign --pinentry ''
	explained
	said 'the program for --pinentry is empty'
	[ ! -e out ]
}

@test "a program that does not greet, or stops before the question, is given up after --call-limit" {
	printf '%s\n' '#!/bin/bash' 'echo OK' 'read -r line' 'exec sleep 600' >stops
	chmod +x stops
	for program in /bin/cat "$PWD/stops"; do
		run_as 4 timeout 60 setsid --wait "$HSMIME" sign --cms -k "$key" -o out --call-limit 1 \
			--pinentry "$program" "$W/data" </dev/null
		said "warning: $program can't ask for the PIN: it does not speak as a pinentry does, or hangs"
	done
	[ ! -e out ]
}

@test "a person may take longer than --call-limit" {
	sed -i 's/^GETPIN)$/& sleep 2/' pinentry
	grep -q 'sleep 2' pinentry
	run_as 0 sign --call-limit 1 --pinentry "$PWD/pinentry"
}

@test "who does not answer in time, or has neither display nor terminal, is told so: 4" {
	echo timeout >answer
	run_as 4 sign --pinentry "$PWD/pinentry"
	said "warning: $PWD/pinentry can't ask for the PIN: nobody answered in time"
	[ ! -e out ]
	if command -v pinentry-curses >/dev/null; then
		GPG_TTY='' run_as 4 sign --pinentry pinentry-curses
		said "pinentry-curses can't ask for the PIN: it has neither a display that lets it in nor a terminal"
	fi
}

@test "an answer that is too long is 4 and shown nowhere" {
	head -c 600 /dev/zero | tr '\0' 9 >answer
	run_as 4 sign --pinentry "$PWD/pinentry"
	[[ $output$stderr != *999* ]]
	[ ! -e out ]
}

@test "a wrong PIN is 4, asked for once; the next time pinentry warns" {
	printf 000000 >answer
	run_as 4 sign --pinentry "$PWD/pinentry"
	[ "$(grep -c '^GETPIN' told)" = 1 ]
	[[ $output$stderr != *000000* ]]
	printf 123456 >answer
	run_as 0 sign --pinentry "$PWD/pinentry"
	grep -q '^SETDESC Careful: a wrong PIN was given' told
}

@test "the PIN is in no words, also where libassuan is asked to log" {
	ASSUAN_DEBUG=255 run_as 0 sign -vv --pinentry "$PWD/pinentry"
	[[ $output$stderr != *123456* ]]
}

@test "a new PIN is asked for twice" {
	run_as 4 without_terminal pin change --pinentry "$PWD/pinentry"
	said 'the new PIN is the old one'
	grep -qx 'SETPROMPT New PIN:' told
	grep -qE '^SETDESC Token: Demo .*%0ATo: set a new PIN%0ALength: 4 to 255 characters$' told
	printf 123456 >old
	printf 7654321 >answer
	run_as 0 without_terminal pin change --pinentry "$PWD/pinentry" --pin-source "file:$PWD/old"
	grep -qx 'SETPROMPT The same again:' told
	printf 7654321 >now
	run_as 0 without_terminal pin change --pin-source "file:$PWD/now" --new-pin-source "file:$PWD/old"
}

@test "after the login the PIN is nowhere in memory" {
	if grep -qaF __asan_init "$HSMIME"; then
		skip 'AddressSanitizer keeps what was freed, and maps terabytes'
	fi
	PIN=83920174655
	printf 123456 >old
	printf $PIN >answer
	run_as 0 without_terminal pin change --pin-source "file:$PWD/old" --new-pin-source "file:$PWD/answer"
	mkfifo input
	"$HSMIME" sign --cms --opaque -k "$key" --pinentry "$PWD/pinentry" -o out input 2>words &
	pid=$!
	exec 7>input
	head -c 300000 /dev/urandom >&7
	run memory_has "$PIN" "$key"
	found_status=$status found=$output
	exec 7>&-
	wait "$pid"
	grep -q '^GETPIN' told
	run_as 0 without_terminal pin change --pin-source "file:$PWD/answer" --new-pin-source "file:$PWD/old"
	if looks_into_others; then
		[ "$found_status" = 0 ]
		[ "$found" = 'no yes' ]
	else
		[ "$found_status" != 0 ]
		[[ $found = *PermissionError* ]]
	fi
}

@test "the real pinentry, in a terminal" {
	command -v pinentry-curses >/dev/null || skip 'no pinentry-curses here'
	run expect -f - -- "$HSMIME" sign --cms -k "$key" -o out --pinentry pinentry-curses "$W/data" <<-'EXPECT'
		set timeout 20
		set env(TERM) xterm
		set stty_init "rows 40 columns 100"
		eval spawn $argv
		expect "Token: Demo"
		expect "PIN:"
		send -- "123456\r"
		expect eof
		exit [lindex [wait] 3]
	EXPECT
	[ "$status" = 0 ]
	[[ $output != *123456* ]]
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" --content "$W/data" out
}

@test "pinentry ends with hsmime, whoever ends that" {
	local signal pid
	printf '%s\n' '#!/bin/bash' 'echo OK' \
		'while read -r line; do case $line in GETPIN) echo $$ >asked.new; mv asked.new asked; exec sleep 300;; esac; echo OK; done' >slow
	chmod +x slow
	for signal in TERM KILL; do
		rm -f asked
		setsid "$HSMIME" sign --cms -k "$key" -o out --pinentry "$PWD/slow" "$W/data" </dev/null 3>&- &
		timeout 30 bash -c 'until [ -e asked ]; do sleep 0.05; done'
		pid=$(<asked)
		kill "-$signal" $!
		! wait $!
		timeout 30 bash -c "while kill -0 $pid 2>/dev/null; do sleep 0.05; done"
	done
}
