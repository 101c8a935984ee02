#!/usr/bin/env bats
# The exit statuses, as hsmime(1) documents them: each is reached by what its row says.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_peer carol
	new_peer expired -1
	new_mail alice carol
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	cp "$W/mail.eml" .
	hsmime sign --from -o signed.eml mail.eml
}

# documented STATUS PATTERN: the manual page's row for STATUS has it
documented() {
	sed -n '/^# EXIT STATUS/,/^# [^E]/p' "$cli_root/docs/man/hsmime.1.scd" |
		grep -A1 "^\*$1\*\$" | grep -qE "$2" || {
		echo "hsmime(1) does not say \"$2\" for $1"
		return 1
	}
}

@test "0: done, and for verify valid" {
	documented 0 'valid'
	run_as 0 hsmime verify --ca "$W/ca.pem" signed.eml
}

@test "1: not valid" {
	documented 1 'does not hold'
	sed -i 's/1000 units/9000 units/' signed.eml
	run_as 1 hsmime verify --ca "$W/ca.pem" signed.eml
}

@test "2: usage" {
	documented 2 'option'
	run_as 2 hsmime verify --no-such-option signed.eml
}

@test "3: malformed, truncated or unsupported" {
	documented 3 'malformed'
	run_as 3 hsmime verify --cms --ca "$W/ca.pem" mail.eml
	hsmime encrypt --cms --no-encrypt-to-self -r "$W/alice.pem" -o enc mail.eml
	head -c 300 enc >short
	run_as 3 hsmime decrypt --cms -o out short
}

@test "4: token or PIN" {
	documented 4 'PIN'
	run_as 4 hsmime sign --from --pin-source file:<(echo 000000) -o out.eml mail.eml
	run_as 4 hsmime tokens --module /no/such/module.so
	run_as 0 hsmime keys --login
}

@test "5: no matching key or certificate" {
	documented 5 'matches'
	run_as 5 hsmime sign -k 'pkcs11:id=%99' -o out.eml mail.eml
	hsmime encrypt --no-encrypt-to-self -r "$W/carol.pem" -o enc.eml mail.eml
	run_as 5 hsmime decrypt -o out.eml enc.eml
}

@test "6: input or output" {
	documented 6 'Reading or writing'
	run_as 6 hsmime verify /no/such/file
	run_as 6 hsmime sign --from -o /no/such/folder/out mail.eml
}

@test "7: refused by policy" {
	documented 7 'Refused'
	new_mail alice expired old.eml
	run_as 7 hsmime encrypt -r "$W/expired.pem" -o out.eml old.eml
	run_as 7 hsmime decrypt --require-authenticated -o out.eml \
		<(hsmime encrypt -r "$W/carol.pem" mail.eml)
	said 'accept it with --require-authenticated=false$'
}

@test "the manual page knows these statuses and no other" {
	[ "$(sed -n '/^# EXIT STATUS/,/^# [^E]/s/^\*\([0-9]*\)\*$/\1/p' "$cli_root/docs/man/hsmime.1.scd" |
		tr '\n' ' ')" = '0 1 2 3 4 5 6 7 ' ]
}
