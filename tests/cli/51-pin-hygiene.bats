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
	head -c 300000 /dev/urandom >"$W/data"
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

# holds_not FILE PIN: FILE can be read, and the PIN is not in it
holds_not() {
	local status=0
	[ -s "$1" ] || {
		echo "$1 is empty or not there"
		return 1
	}
	grep -qaF -- "$2" "$1" || status=$?
	[ $status = 1 ] || {
		echo "$1: grep says $status (0: it holds the PIN)"
		return 1
	}
}

# environment_holds_not PIN: it can be read and has no PIN, or is kept from us
environment_holds_not() {
	if looks_into_others; then
		tr '\0' '\n' <"/proc/$pid/environ" >environment
		grep -qa '^W=' environment
		holds_not environment "$1"
	else
		run ! cat "/proc/$pid/environ"
	fi
}

@test "a PIN is in no argument, no environment and no words" {
	for source in "file:$W/pin" 'fd:9' "command:cat $W/pin" cred:pin; do
		CREDENTIALS_DIRECTORY=$W begin --pin-source "$source" 9<"$W/pin"
		cat "/proc/$pid/cmdline" >arguments
		environment_holds_not $PIN
		end
		holds_not arguments $PIN
		holds_not words $PIN
	done
}

@test "after the login a PIN is nowhere in memory" {
	if grep -qaF __asan_init "$HSMIME"; then
		skip 'AddressSanitizer keeps what was freed, and maps terabytes'
	fi
	for source in "file:$W/pin" "command:cat $W/pin"; do
		begin --pin-source "$source"
		run memory_has "$key" $PIN
		found_status=$status found=$output
		end
		if looks_into_others; then
			[ "$found_status" = 0 ]
			[ "$found" = 'yes no' ]
		else
			[ "$found_status" != 0 ]
			[[ $found = *PermissionError* ]]
		fi
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
	run_as 7 hsmime sign --cms -k "$key?pin-value=$PIN" -o out "$W/data"
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
