#!/usr/bin/env bats
# The benchmarks judge programs that fail: a program that ends at once is not a fast one.

setup() {
	fake=$BATS_TEST_TMPDIR/build
	mkdir -p "$fake/src/cli" "$fake/tests/bench"
	ln -s "$HSMIME_BUILD"/tests/bench/{bench_*,latency.so} "$fake/tests/bench"
	ln -s "$HSMIME_BUILD/src/cli/hsmime" "$fake/src/cli/hsmime"
	export BENCH_ROUNDS=1 BENCH_TURN_MS=10 BENCH_KEYS=20 BENCH_MB=1 BENCH_MEMORY_MB=1
	unset BENCH_STRICT
}

# Where the first word is $2, the tool does nothing and ends with status 1.
breaks() { # program, word
	rm "$fake/$1"
	cat >"$fake/$1" <<-SH
		#!/bin/sh
		[ "\$1" != $2 ] || exit 1
		exec '$HSMIME_BUILD/$1' "\$@"
	SH
	chmod +x "$fake/$1"
}

bench() { # group
	run "$BATS_TEST_DIRNAME/run" "$fake" "$1"
}

fails() { # group, row...: these rows, and the run
	bench "$1"
	[ "$status" = 1 ]
	local row
	for row in "${@:2}"; do
		grep -Eq "^$row +FAILED$" <<<"$output"
	done
	[ "$(grep -c ' FAILED$' <<<"$output")" = $(($# - 1)) ]
	[[ $output == *"$(($# - 1)) rows failed"* ]]
}

@test "a command that fails is no good row, and the run fails" {
	breaks src/cli/hsmime sign
	fails single 'sign, against openssl with the engine' 'sign, above the bare PKCS#11 process'
}

@test "nor is one that fails before a token that is far away" {
	breaks src/cli/hsmime decrypt
	fails latency 'round trips, decrypt' decrypt
}

@test "nor a search that fails" {
	breaks tests/bench/bench_find hsmime
	fails find time 'calls, against one of .* keys'
}

@test "nor a key operation that fails, whatever its goal" {
	breaks tests/bench/bench_keyops rsa-decrypt
	bench keys
	[ "$status" = 1 ]
	grep -Eq '^rsa-decrypt, 2 threads +FAILED$' <<<"$output"
	[ "$(grep -c '^rsa-decrypt' <<<"$output")" = "$(grep -c '^rsa-decrypt.* FAILED$' <<<"$output")" ]
	! grep -q '^rsa-sign.* FAILED$' <<<"$output"
}

@test "nor one with large content, or measured for its memory" {
	breaks src/cli/hsmime verify
	fails large 'verify attached, against openssl dgst' 'verify attached, against openssl cms'
	bench memory
	[ "$status" = 1 ]
	grep -q '^verify attached, der: peak .* FAILED$' <<<"$output"
	grep -q '^sign attached, der: peak .* MiB' <<<"$output"
}

@test "what only is slow fails where that is asked for, and is named at the end" {
	# Slower than any goal.
	rm "$fake/src/cli/hsmime"
	printf '#!/bin/sh\nsleep 0.2\nexec "%s" "$@"\n' "$HSMIME_BUILD/src/cli/hsmime" >"$fake/src/cli/hsmime"
	chmod +x "$fake/src/cli/hsmime"
	bench single
	[ "$status" = 0 ]
	export BENCH_STRICT=1
	bench single
	[ "$status" = 1 ]
	[[ ${output##*goals missed} == *"whole process, 20 KB: decrypt, against openssl with the engine"* ]]
}
