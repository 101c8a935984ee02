# What the tests of single members share: one process that keeps its engine (session.c), and the card
# that goes out and in under it.

# begin_session: the process that ask talks to; its messages are in session.log
begin_session() {
	coproc SESSION { exec "$HSMIME_BUILD/tests/zoo/zoo_session" "$ZOO_PKI" 2>session.log 3>&-; }
	session=$SESSION_PID session_out=${SESSION[0]} session_in=${SESSION[1]}
}

# begin_spied_session: the same with OpenSC's spy in between (spied in cli/helper)
begin_spied_session() {
	find_spy
	export PKCS11SPY_OUTPUT=$PWD/spy.log
	HSMIME_MODULE=$SPY begin_session
}

# ask REQUEST PATTERN: one line to the session; its answer has to be PATTERN
ask() {
	local answer
	echo "$1" >&"$session_in"
	read -r -t 60 answer <&"$session_out" || {
		echo "no answer to: $1"
		cat session.log
		return 1
	}
	[[ $answer =~ ^$2$ ]] || {
		printf 'asked: %s\nexpected: %s\nanswered: %s\n' "$1" "$2" "$answer"
		return 1
	}
}

# end_session: it ends by itself, and well
end_session() {
	exec {session_in}>&-
	wait "$session"
}

# leave_session: it exits without letting go of anything, and well
leave_session() {
	echo leave >&"$session_in"
	exec {session_in}>&-
	wait "$session"
}

# forks_and_leaves KEY: a process that has used KEY forks; both sides go on with it, and exit with it
# in hand
forks_and_leaves() {
	begin_session
	ask "sign $1" 'signed'
	ask "fork $1" 'signed on both sides'
	ask "sign $1" 'signed'
	ask "fork $1" 'signed on both sides'
	leave_session || { echo "exit status $?"; cat session.log; return 1; }
}

# reader_said COUNT TEXT: pcscd's log has it as often
reader_said() {
	[ "$(grep -c "$2" "$ZOO/pcscd.log")" -ge "$1" ]
}

# signal_card SIGNAL TEXT: until pcscd's log has TEXT once more; for 10 s at most
signal_card() {
	local deadline=$((SECONDS + 10)) before
	before=$(grep -c "$2" "$ZOO/pcscd.log" || true)
	kill "-$1" "$ZOO_CARD"
	until reader_said $((before + 1)) "$2"; do
		[ $SECONDS -lt $deadline ] || { echo "pcscd never said: $2"; return 1; }
		sleep 0.05
	done
}

take_card_out() {
	signal_card USR1 'Card Removed'
}

put_card_in() {
	signal_card USR2 'Card inserted'
}

# restart_pcscd: it ends under all that use it, and is there again, without the card
restart_pcscd() {
	local deadline=$((SECONDS + 10)) before pid
	pid=$(cat "$ZOO/pcscd.pid")
	kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do
		[ $SECONDS -lt $deadline ] || { echo 'pcscd did not end'; return 1; }
		sleep 0.05
	done
	before=$(grep -c 'daemon ready' "$ZOO/pcscd.log" || true)
	"$ZOO/pcscd" 3>&- &
	until [ "$(grep -c 'daemon ready' "$ZOO/pcscd.log" || true)" -gt "$before" ]; do
		[ $SECONDS -lt $deadline ] || { echo 'pcscd did not start'; return 1; }
		sleep 0.05
	done
}

# examined STATUS: by doctor, with a login; the report is in $output
examined() {
	run_as "$1" hsmime doctor --login --json --ca "$ZOO_PKI/ca.pem"
}

# findings CONDITION: how many there are, f being one of them
findings() {
	field "sum(1 for f in d['findings'] if $1)" <<<"$output"
}

# notable ID...: beside what every member has, doctor finds these, each once or more, in this order
notable() {
	local usual="'module-loaded', 'token-found', 'login-done', 'mechanisms', 'key-signs', 'key-decrypts',
		'certificate-valid', 'use-sign', 'use-decrypt'"
	[ "$(field "' '.join(dict.fromkeys(f['id'] for f in d['findings']
		if f['area'] not in ('settings', 'software') and f['id'] not in ($usual)))" <<<"$output")" = "$*" ] || {
		printf 'not %s, but:\n%s\n' "$*" "$output"
		return 1
	}
}
