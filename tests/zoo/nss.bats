#!/usr/bin/env bats
# NSS's softokn under a process that forks.

load ../cli/helper
load zoo

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "a process that has used a key forks: both sides sign, and exit with the key in hand" {
	forks_and_leaves rsa
}
