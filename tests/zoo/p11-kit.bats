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

@test "a signature and a decryption after the server's death are errors of the token" {
	begin_session
	ask 'sign rsa' 'signed'
	ask 'decrypt rsa' 'decrypted'
	kill_connection
	ask 'sign rsa' 'exit 4: token "zoo" reports a device error \(sign: CKR_DEVICE_ERROR\) .*'
	ask 'decrypt rsa' 'exit 4: token "zoo" reports a device error \(decrypt: CKR_DEVICE_ERROR\) .*'
	end_session
}

@test "a process that has used a key forks: both sides sign, and exit with the key in hand" {
	forks_and_leaves rsa
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
	exec {fd}>content
	head -c 1M /dev/zero >&"$fd" # what doesn't fit into the pipe was read, and the key found before
	kill_connection
	exec {fd}>&-
	status=0
	wait $job || status=$?
	[ "$status" = 4 ] || { echo "status $status"; cat said; return 1; }
	grep -q '^hsmime: token "zoo" reports a device error (sign: CKR_DEVICE_ERROR)$' said
	[ ! -e signed ]
}
