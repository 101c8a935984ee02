#!/usr/bin/env bats
# NSS's softokn under a process that forks.

load ../cli/helper
load zoo

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "doctor tells which module is behind the proxy, and of the token that keeps nothing" {
	examined 0
	notable module-configured token-write-protected
	[ "$(findings "f['id'] == 'module-configured' and f['subject'].startswith('nss (')")" = 1 ]
	[ "$(findings "f['id'] == 'token-found'")" = 2 ]
}

@test "a process that has used a key forks: both sides sign, and exit with the key in hand" {
	forks_and_leaves rsa
}
