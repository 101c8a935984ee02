#!/usr/bin/env bats
# docs/TOKENS.md shows what the members' matrices are held to.

bats_require_minimum_version 1.5.0
zoo=$BATS_TEST_DIRNAME/zoo
docs=$BATS_TEST_DIRNAME/../../docs/TOKENS.md

# published MARK: the lines of docs/TOKENS.md between that mark and the next
published() {
	sed -n "/^<!-- $1 -->\$/,/^<!-- end -->\$/p" "$docs" | sed '1d;$d'
}

@test "the tables in docs/TOKENS.md are what tests/zoo/zoo table prints" {
	more=$("$zoo" members --more | tr '\n' ' ')
	for mark in 'zoo table --expected' "zoo table --expected ${more% }"; do
		read -r -a arguments <<<"${mark#zoo }"
		diff <(published "$mark") <("$zoo" "${arguments[@]}") || {
			echo "put what tests/zoo/$mark prints under that mark in docs/TOKENS.md"
			return 1
		}
	done
}

@test "every member has its column, and each the same lines" {
	for member in $("$zoo" members) $("$zoo" members --more); do
		"$zoo" table --expected "$member" | head -1 | grep -qF "| | $member |"
		diff <(cut -f 1 "$BATS_TEST_DIRNAME/expected/$member") \
			<(cut -f 1 "$BATS_TEST_DIRNAME/expected/softhsm")
	done
}

# like_expected FILE: what compare says of it for SoftHSM
like_expected() {
	"$BATS_TEST_DIRNAME/compare" softhsm "$BATS_TEST_DIRNAME/expected/softhsm" "$1"
}

@test "what is worse, better or missing fails, and says what to do" {
	expected=$BATS_TEST_DIRNAME/expected/softhsm
	like_expected "$expected"
	sed 's/^ECDH P-256.*/ECDH P-256\tfails: CKR_GENERAL_ERROR/' "$expected" >"$BATS_TEST_TMPDIR/worse"
	run ! like_expected "$BATS_TEST_TMPDIR/worse"
	[[ $output = *'ECDH P-256: expected "mechanism", got "fails: CKR_GENERAL_ERROR"'*Worse* ]]
	[[ $output != *Better* ]]
	sed 's/padding in software/mechanism/' "$expected" >"$BATS_TEST_TMPDIR/better"
	run ! like_expected "$BATS_TEST_TMPDIR/better"
	[[ $output = *Better*'zoo record softhsm'* ]]
	[[ $output != *Worse* ]]
	sed 1d "$expected" >"$BATS_TEST_TMPDIR/less"
	run ! like_expected "$BATS_TEST_TMPDIR/less"
	[[ $output = *'not tried'* ]]
}

@test "what newer versions of a module do is expected too, and nothing else" {
	expected=$BATS_TEST_DIRNAME/expected/p11-kit
	for result in 'fails: CKR_MECHANISM_INVALID' mechanism; do
		sed "s/^\(ECDH[^\t]*\t\).*/\1$result/" "$expected" >"$BATS_TEST_TMPDIR/matrix"
		"$BATS_TEST_DIRNAME/compare" p11-kit "$expected" "$BATS_TEST_TMPDIR/matrix"
	done
	sed 's/^\(ECDH[^\t]*\t\).*/\1padding in software/' "$expected" >"$BATS_TEST_TMPDIR/matrix"
	run ! "$BATS_TEST_DIRNAME/compare" p11-kit "$expected" "$BATS_TEST_TMPDIR/matrix"
	[[ $output = *'expected "fails: CKR_MECHANISM_INVALID", got "padding in software"'* ]]
}

@test "a use that the key does not permit is worse than a failure, and better than no key" {
	expected=$BATS_TEST_DIRNAME/expected/tpm2
	sed 's/^\(ECDH P-256\t\).*/\1no key/' "$expected" >"$BATS_TEST_TMPDIR/worse"
	run ! "$BATS_TEST_DIRNAME/compare" tpm2 "$expected" "$BATS_TEST_TMPDIR/worse"
	[[ $output = *Worse* ]]
	sed 's/^\(ECDH P-256\t\).*/\1fails: CKR_MECHANISM_INVALID/' "$expected" >"$BATS_TEST_TMPDIR/better"
	run ! "$BATS_TEST_DIRNAME/compare" tpm2 "$expected" "$BATS_TEST_TMPDIR/better"
	[[ $output = *Better* ]]
}

# without_namespaces COMMAND...: on a machine that has none, as far as zoo can see
without_namespaces() {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/unshare"
	chmod +x "$BATS_TEST_TMPDIR/bin/unshare"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH "$@"
}

@test "a member that can't be started is skipped, and a failure where it must run" {
	ZOO_MUST_RUN=0 run -77 without_namespaces "$zoo" run piv true
	[[ $output = *'piv is skipped'* ]]
	ZOO_MUST_RUN=1 run -1 without_namespaces "$zoo" run piv true
	[[ $output = *"piv can't be skipped here"* ]]
}

@test "a namespace that somebody else says is there is looked at" {
	ZOO_MUST_RUN=0 ZOO_NAMESPACE=1 run "$zoo" run piv true
	[ "$status" != 77 ] || skip 'no virtual reader here'
	[ "$status" = 1 ]
	[[ $output = *'ZOO_NAMESPACE is set'* ]]
}
