#!/usr/bin/env bats
# Where a PIN does not turn up: arguments, environment, memory, words, files, other processes.

load helper

PIN=83920174655 # found nowhere by chance
WRONG=73519246810

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 02 EC:secp256r1 bob
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Demo --login --pin 123456 \
		--change-pin --new-pin $PIN >/dev/null 2>&1
	printf %s $PIN >"$W/pin"
	printf %s $WRONG >"$W/wrong"
	chmod 600 "$W/pin" "$W/wrong"
	head -c 1000000 /dev/urandom >"$W/data"
	unset HSMIME_PIN_SOURCE
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	key='pkcs11:id=%02'
}

# begin ARGUMENT...: hsmime, logged in, in the middle of its input; its process is $pid
begin() {
	rm -f input
	mkfifo input
	"$HSMIME" sign --cms --opaque -vv -k "$key" "$@" -o out input 2>words &
	pid=$!
	exec 7>input
	# The pipe holds 64 KiB: when the rest was taken the content is being read.
	cat "$W/data" >&7
}

end() {
	exec 7>&-
	wait "$pid"
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" -o content out
	cmp content "$W/data"
}

# holds_not FILE PIN: the PIN is not in FILE, or that can not even be read
holds_not() {
	local status=0
	grep -qaF -- "$2" "$1" 2>/dev/null || status=$?
	[ "$status" != 0 ] || {
		echo "the PIN is in $1"
		return 1
	}
}

# memory_has TEXT: whether the memory of $pid has it; 2: it can't be read
memory_has() {
	python3 - "$pid" "$1" <<-'PYTHON'
		import sys
		pid, wanted = sys.argv[1], sys.argv[2].encode()
		try:
		    maps = open(f'/proc/{pid}/maps').read().splitlines()
		    memory = open(f'/proc/{pid}/mem', 'rb', buffering=0)
		except OSError:
		    sys.exit(2)
		for line in maps:
		    span, rights = line.split()[:2]
		    if rights[0] != 'r' or line.endswith(('[vvar]', '[vsyscall]')):
		        continue
		    start, end = (int(x, 16) for x in span.split('-'))
		    try:
		        memory.seek(start)
		        if wanted in memory.read(end - start):
		            sys.exit(0)
		    except OSError:
		        continue
		sys.exit(1)
	PYTHON
}

@test "a PIN is in no argument, no environment and no words" {
	for source in "file:$W/pin" 'fd:9' "command:cat $W/pin" cred:pin; do
		CREDENTIALS_DIRECTORY=$W begin --pin-source "$source" 9<"$W/pin"
		holds_not "/proc/$pid/cmdline" $PIN
		holds_not "/proc/$pid/environ" $PIN
		grep -q . "/proc/$pid/cmdline"
		end
		holds_not words $PIN
	done
}

@test "after the login a PIN is nowhere in memory" {
	for source in "file:$W/pin" "command:cat $W/pin"; do
		begin --pin-source "$source"
		kept=0 pin=0
		memory_has "$key" || kept=$?
		memory_has $PIN || pin=$?
		end
		[ $kept != 2 ] || skip 'the memory of hsmime can not be read here, which is good too'
		[ $kept = 0 ] && [ $pin = 1 ]
	done
}

@test "a refused PIN is in no words, no JSON and no file of ours" {
	for arguments in -v -vv -q --json; do
		case $arguments in
		--json) command=(keys --login) ;;
		*) command=(sign --cms -k "$key" -o out) ;;
		esac
		[ "$arguments" = --json ] || command+=("$W/data")
		run_as 4 hsmime "${command[@]}" $arguments --pin-source "file:$W/wrong"
		[[ $output$stderr != *$WRONG* ]]
		# The token is not locked by all this.
		hsmime sign --cms -k "$key" -o out --pin-source "file:$W/pin" "$W/data"
		rm out
	done
	[ -z "$(grep -rlaF $WRONG "$XDG_STATE_HOME" "$PWD" 2>/dev/null)" ]
}

@test "settings show where a PIN comes from, never the PIN" {
	mkdir -p "$XDG_CONFIG_HOME/hsmime"
	SECRET=$PIN run_as 0 hsmime config --pin-source env:SECRET
	[[ $output$stderr != *$PIN* ]]
	reported 'env:SECRET'
}

@test "a PIN in an argument or a URI is refused without being repeated" {
	run_as 2 hsmime sign --cms -k "$key" --pin-source $PIN -o out "$W/data"
	[[ $output$stderr != *$PIN* ]]
	run_as 2 hsmime sign --cms -k "$key" --pin $PIN -o out "$W/data"
	[[ $output$stderr != *$PIN* ]]
	run hsmime sign --cms -k "$key?pin-value=$PIN" -o out "$W/data"
	[ "$status" = 2 ] || [ "$status" = 7 ]
	[[ $output$stderr != *$PIN* ]]
	[ ! -e out ]
}

@test "a command that gives the PIN gets nothing of ours but its words back" {
	run_as 4 hsmime sign --cms -k "$key" --pin-source "command:echo $PIN >&2; false" -o out "$W/data"
	[ ! -e out ]
	run_as 0 hsmime sign --cms -k "$key" --pin-source "command:readlink /proc/self/fd/* >fds; cat $W/pin" \
		-o out "$W/data"
	if grep -F -e "$W/data" -e .out- fds; then return 1; fi
	[ -s fds ]
}
