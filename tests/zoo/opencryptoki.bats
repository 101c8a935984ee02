#!/usr/bin/env bats
# openCryptoki under a process that forks: by itself it refuses the child.

load ../cli/helper
load zoo

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "a process that has used a key forks: both sides sign, and exit with the key in hand" {
	forks_and_leaves rsa
}
