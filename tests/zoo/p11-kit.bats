#!/usr/bin/env bats
# The process behind p11-kit's client dies under one that works with it.

load ../cli/helper
load zoo

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# p11-kit's server has a process for each connection.
kill_connection() {
	local connections
	connections=$(pgrep -P "$ZOO_SERVER")
	kill $connections
}

# The process does not ignore SIGPIPE, and lets go of its keys at the end. With a limit another
# thread makes the calls, without one the program's own.
server_dies_under_a_session() {
	begin_session
	ask 'sign rsa' 'signed'
	ask 'decrypt rsa' 'decrypted'
	kill_connection
	ask 'sign rsa' 'exit 4: token "zoo" reports a device error \(sign: CKR_DEVICE_ERROR\) .*'
	ask 'decrypt rsa' 'exit 4: token "zoo" reports a device error \(decrypt: CKR_DEVICE_ERROR\) .*'
	end_session
}

@test "a signature and a decryption after the server's death are errors of the token" {
	server_dies_under_a_session
}

@test "so they are without a limit for calls" {
	export ZOO_CALL_LIMIT=0
	server_dies_under_a_session
}

@test "a process that has used a key forks: both sides sign, and exit with the key in hand" {
	forks_and_leaves rsa
}

@test "doctor tells of no module behind the client, whatever this machine is configured with" {
	status=4
	[ "$(sed -n 's/^ECDH P-256\t//p' "$ZOO/matrix")" != mechanism ] || status=0
	examined $status
	[ "$(findings "f['area'] == 'module' and f['id'] != 'module-loaded'")" = 0 ]
}

@test "another process is connected anew" {
	begin_session
	ask 'sign rsa' 'signed'
	kill_connection
	ask 'sign rsa' 'exit 4: .*'
	run_as 0 hsmime keys --login
	reported '^  subject: +CN=rsa'
	end_session
}

@test "no signal kills hsmime then: it ends with 4, and leaves nothing" {
	mkfifo content
	"$HSMIME" sign --cms -k 'pkcs11:object=rsa' -o signed content 2>said &
	job=$!
	exec {fd}<>content # does not wait for somebody who may be gone
	# What doesn't fit into the pipe was read, and the key found before.
	timeout 60 head -c 1M /dev/zero >&"$fd"
	kill_connection
	exec {fd}>&-
	status=0
	wait $job || status=$?
	[ "$status" = 4 ] || { echo "status $status"; cat said; return 1; }
	grep -q '^hsmime: token "zoo" reports a device error (sign: CKR_DEVICE_ERROR)$' said
	[ ! -e signed ]
}

# within COMMAND...: until it succeeds, for 30 s at most
within() {
	local deadline=$((SECONDS + 30))
	until "$@"; do
		[ $SECONDS -lt $deadline ] || { echo "in vain: $*"; return 1; }
		sleep 0.05
	done
}

is_gone() { # process
	! kill -0 "$1" 2>/dev/null
}

@test "the server goes with who started it, also where that is killed" {
	"$BATS_TEST_DIRNAME/zoo" run p11-kit bash -c \
		'echo "$$ $ZOO_SERVER $ZOO" >pids.new; mv pids.new pids; exec sleep 60' >said 2>&1 3>&- &
	within test -e pids
	read -r command server folder <pids
	kill -0 "$server"
	kill -KILL $!
	within is_gone "$server"
	kill "$command"
	rm -rf "$folder"
}
