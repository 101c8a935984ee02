#!/usr/bin/env bats
# Files, pipes and terminals: what is read and written, and what is left when it ends early.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	new_mail alice bob
	head -c 3000000 /dev/urandom >"$W/data"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	key='pkcs11:id=%02'
}

@test "no file, and -, are standard input; no -o, and -o -, are standard output" {
	for input in '' -; do
		for output in '' '-o -'; do
			# shellcheck disable=SC2086
			hsmime encrypt -q --cms $output -r "$W/bob.pem" $input <"$W/data" >encrypted
			# shellcheck disable=SC2086
			hsmime decrypt -q --cms $output $input <encrypted >out
			cmp out "$W/data"
		done
	done
}

@test "options may follow the file" {
	run_as 0 hsmime sign --cms "$W/data" -k "$key" -o signed --opaque
	run_as 0 hsmime verify signed --cms --ca "$W/ca.pem"
}

@test "all four in one pipe" {
	run_as 0 bash -o pipefail -c '"$HSMIME" sign --cms --opaque -k "$1" <"$W/data" |
		"$HSMIME" encrypt --cms -r "$W/alice.pem" | "$HSMIME" decrypt -q --cms |
		"$HSMIME" verify -q --cms --ca "$W/ca.pem" -o - | cmp - "$W/data"' - "$key"
}

@test "the signature can come from a file and the content from standard input" {
	hsmime sign --cms -k "$key" -o data.p7s "$W/data"
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" --content - data.p7s <"$W/data"
	run_as 2 hsmime verify --cms --ca "$W/ca.pem" --content - <"$W/data"
	explained
}

@test "the output may be the input" {
	cp "$W/mail.eml" mail.eml
	run_as 0 hsmime sign --from -o mail.eml mail.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" mail.eml
	run_as 0 hsmime encrypt -r "$W/bob.pem" -o mail.eml mail.eml
	run_as 0 hsmime decrypt -q -o mail.eml mail.eml
	run_as 0 hsmime verify --ca "$W/ca.pem" mail.eml
}

@test "a folder that is not there, or a folder as output, is 6" {
	run_as 6 hsmime sign --cms -k "$key" -o no/such/folder/out "$W/data"
	explained
	mkdir folder
	run_as 6 hsmime sign --cms -k "$key" -o folder "$W/data"
	explained
	no_leftovers .
}

@test "a folder as input is named, before anything is read" {
	for command in "sign --from" "sign --cms -k $key" "encrypt -r $W/bob.pem" \
		"encrypt --cms -r $W/bob.pem" decrypt 'decrypt --cms' verify 'verify --cms'; do
		# shellcheck disable=SC2086
		run_as 6 hsmime $command .
		explained
		said '^hsmime: reading \.: Is a directory$'
		# shellcheck disable=SC2086
		run_as 6 hsmime $command <.
		said '^hsmime: reading standard input: Is a directory$'
	done
	hsmime sign --cms -k "$key" -o data.p7s "$W/data"
	run_as 6 hsmime verify --cms --content . data.p7s
	explained
	said '^hsmime: reading \.: Is a directory$'
}

@test "empty names are refused as what they are, and ~ is not a folder" {
	run_as 2 hsmime encrypt -r "$W/bob.pem" -o '' "$W/mail.eml"
	explained
	said 'the name of the output is empty'
	run_as 2 hsmime verify ''
	said 'the name of the input is empty'
	run_as 2 hsmime verify --ca '' "$W/mail.eml"
	said 'the name of a file of certificates is empty'
	run_as 6 hsmime verify --ca "~"/ca.pem "$W/mail.eml"
	explained
	said '~ is not expanded here'
}

@test "a reader that ended is named as the cause, not names or space" {
	mkfifo ended
	run_as 6 bash -c 'exec 3<>ended 4>ended 3<&-; "$HSMIME" encrypt --cms -r "$W/bob.pem" "$W/data" >&4'
	explained
	said 'Broken pipe'
	said 'the program that reads it has ended'
}

@test "/dev/stdout as output is standard output, be it a pipe or a file" {
	run_as 0 hsmime encrypt --cms --cipher aes-256-cbc -r "$W/alice.pem" -o enc "$W/data"
	hsmime decrypt -q --cms -o /dev/stdout enc | cmp - "$W/data"
	hsmime decrypt -q --cms -o /dev/stdout enc >out
	cmp out "$W/data"
	head -c -1 enc >short
	[ "$(hsmime decrypt -q --cms -o /dev/stdout short 2>/dev/null | wc -c)" = 0 ]
}

@test "a FIFO as output gets all of it, in one opening" {
	mkfifo fifo
	run_as 0 hsmime encrypt --cms --cipher aes-256-cbc -r "$W/alice.pem" -o cbc "$W/data"
	run_as 0 hsmime encrypt --cms --cipher aes-256-gcm -r "$W/alice.pem" -o gcm "$W/data"
	for name in cbc gcm; do
		timeout 60 cat fifo >got &
		run_as 0 timeout 60 "$HSMIME" decrypt -q --cms -o fifo $name
		wait $!
		cmp got "$W/data"
	done
}

@test "an input that can't be read is 6" {
	run_as 6 hsmime sign --cms -k "$key" -o out /no/such/file
	explained
	run_as 6 hsmime sign --cms -k "$key" -o out .
	explained
	[ ! -e out ]
}

@test "a file without a size, as those of /proc, is read whole" {
	run_as 0 hsmime encrypt --cms -r "$W/bob.pem" -o out /proc/version
	hsmime decrypt -q --cms out | cmp - /proc/version
	run_as 0 hsmime sign --cms --opaque -k "$key" -o out /proc/version
	hsmime verify -q --cms --ca "$W/ca.pem" -o - out | cmp - /proc/version
	run_as 0 hsmime sign --cms -k "$key" -o out /proc/version
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" --content /proc/version out
}

# meanwhile COMMAND ARGUMENT...: COMMAND changes the file "log" when hsmime has opened it
meanwhile() {
	hsmime sign --cms -k "$key" -o out --pin-source "command:$1; cat '$W/pin'" "${@:2}" log
}

@test "an input that grows or shrinks while it is read is 6" {
	local how
	for how in 'echo more >>log' 'truncate -s 300000 log'; do
		for option in --opaque --detached; do
			head -c 500000 "$W/data" >log
			run_as 6 meanwhile "$how" $option
			explained
			said '^hsmime: the file changed while it was read$'
			[ ! -e out ]
			head -c 500000 "$W/data" >log
			run_as 6 meanwhile "$how" -e -r "$W/alice.pem"
			explained
			said '^hsmime: the file changed while it was read$'
			no_leftovers .
		done
	done
}

@test "a full device is 6" {
	run_as 6 bash -c '"$HSMIME" sign --cms --opaque -k "$1" "$W/data" >/dev/full' - "$key"
	explained
	run_as 6 bash -c '"$HSMIME" decrypt -q --cms <("$HSMIME" encrypt --cms -r "$W/bob.pem" "$W/data") >/dev/full'
	explained
}

@test "a report that can't be written is 6, and the file that was written before is complete, as the manual says" {
	run_as 6 bash -c '"$HSMIME" sign --cms --opaque -k "$1" -j -o signed "$W/data" >/dev/full' - "$key"
	said 'writing the report'
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" -o content signed
	cmp content "$W/data"
	tr '\n' ' ' <"$cli_root/docs/man/hsmime.1.scd" |
		grep -q '(exit status 6, "writing the report"), the file is there, complete'
}

@test "standard input that is closed is 6, and said to be so" {
	for command in "sign -k $key" "sign --cms -k $key" verify decrypt; do
		# shellcheck disable=SC2086
		run_as 6 bash -c '"$HSMIME" "$@" <&-' - $command
		explained
		said 'standard input is closed'
	done
}

@test "a reader that goes away is 6 with words, not a silent death" {
	run_as 0 bash -c '{ "$HSMIME" sign --cms --opaque -k "$1" "$W/data" 2>words; echo $? >code; } |
		head -c 10 >/dev/null' - "$key"
	[ "$(cat code)" = 6 ]
	grep -qi 'pipe' words
}

@test "a spool that may not grow refuses, and nothing leaves" {
	hsmime encrypt --cms -r "$W/bob.pem" -o encrypted "$W/data"
	run_as 7 bash -c '"$HSMIME" decrypt --cms --spool-max 1M < <(cat encrypted)'
	said '^hsmime: raise --spool-max, which is 1M'
	explained
	run_as 0 bash -c '"$HSMIME" decrypt -q --cms --spool-max 4M < <(cat encrypted) | cmp - "$W/data"'
}

@test "a failure leaves an existing output as it was" {
	hsmime encrypt --cms --cipher aes-256-gcm -r "$W/bob.pem" -o encrypted "$W/data"
	flip encrypted 5
	echo kept >out
	run_as 1 hsmime decrypt --cms -o out encrypted
	[ "$(cat out)" = kept ]
	no_leftovers .
}

# ended_by SIGNAL: hsmime, in the middle of its input, leaves nothing behind and dies by it
ended_by() {
	local pid status=0
	mkfifo input
	# A shell without job control starts what is in the background with some signals ignored.
	env --default-signal "$HSMIME" sign --cms --opaque -k "$key" -o out input &
	pid=$!
	exec 7>input
	cat "$W/data" >&7
	# The pipe holds 64 KiB: when the rest was taken the output has begun.
	[ -n "$(find . -name '.out*')" ]
	kill -s "$1" $pid
	wait $pid || status=$?
	exec 7>&-
	rm input
	[ "$status" = $((128 + $(kill -l "$1"))) ]
	[ ! -e out ]
	no_leftovers .
}

@test "a signal that ends hsmime leaves no temporary file" {
	ended_by TERM
	ended_by HUP
	ended_by INT
	ended_by QUIT
}

@test "a signal that was ignored at the start stays ignored" {
	mkfifo input
	(
		trap '' INT HUP
		exec "$HSMIME" sign --cms --opaque -k "$key" -o out input
	) &
	pid=$!
	exec 7>input
	cat "$W/data" >&7
	kill -HUP $pid
	kill -INT $pid
	exec 7>&-
	wait $pid
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" out
}

# on_terminal COMMAND-LINE: its standard streams are a terminal; sets $output and $status
on_terminal() {
	run script -qec "$1" /dev/null </dev/null
}

@test "binary output does not go to a terminal" {
	on_terminal "'$HSMIME' encrypt --cms -r '$W/bob.pem' '$W/data'"
	[ "$status" = 2 ]
	reported 'binary output does not go to a terminal'
	on_terminal "'$HSMIME' sign --cms --format der -k '$key' '$W/data'"
	[ "$status" = 2 ]
	on_terminal "'$HSMIME' encrypt --cms --format pem -r '$W/bob.pem' '$W/mail.eml'"
	[ "$status" = 0 ]
	reported 'BEGIN CMS'
}

@test "no progress breaks into what a person types, however long that takes" {
	run bash -c '{ for line in {1..7}; do echo "line $line"; sleep 0.8; done; } |
		script -qec "\"$HSMIME\" encrypt --cms -r \"$W/bob.pem\" -o typed" /dev/null'
	[ "$status" = 0 ]
	reported 'reading from the terminal'
	[[ $output != *MB/s* ]]
	hsmime decrypt -q --cms typed | grep -q "line 7"
}

@test "no progress where standard error is no terminal, and none for short work" {
	run_as 0 hsmime encrypt --cms -r "$W/bob.pem" -o out "$W/data"
	[ -z "$stderr" ]
	on_terminal "'$HSMIME' encrypt --cms -r '$W/bob.pem' -o out '$W/data'"
	[ "$status" = 0 ]
	[ -z "$output" ]
}

@test "long work on a terminal shows octets, rate, share and time left, and clears them" {
	on_terminal "{ head -c 20000 '$W/data'; sleep 3; tail -c +20001 '$W/data'; } |
		'$HSMIME' encrypt --cms -r '$W/bob.pem' -o out"
	[ "$status" = 0 ]
	reported 'MB/s'
	[[ $output == *$'\r\e[K' ]]
	on_terminal "{ head -c 20000 '$W/data'; sleep 3; tail -c +20001 '$W/data'; } |
		'$HSMIME' encrypt -q --cms -r '$W/bob.pem' -o out"
	[ -z "$output" ]
}

@test "no core dump, and no other process of the account may look into this one" {
	mkfifo input
	"$HSMIME" sign --cms --opaque -k "$key" -o out input &
	pid=$!
	exec 7>input
	cat "$W/data" >&7
	grep -qE '^Max core file size +0 +0 ' /proc/$pid/limits
	[ "$(stat -c %u /proc/$pid/environ)" = 0 ]
	exec 7>&-
	wait $pid
}
