#!/usr/bin/env bats
# The command line: what it takes, what it refuses with status 2, and how.

load helper

commands=(sign verify encrypt decrypt tokens keys config)

setup() {
	export HOME=$BATS_TEST_TMPDIR XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
	unset HSMIME_MODULE HSMIME_PIN_SOURCE
	cd "$BATS_TEST_TMPDIR"
}

@test "--help, -h and help show the commands and end with 0" {
	for words in --help -h help; do
		run_as 0 hsmime $words
		for command in "${commands[@]}"; do
			reported "^  $command +[a-z]"
		done
		[ -z "$stderr" ]
	done
}

@test "every command has --help, -h and hsmime help COMMAND, which are the same" {
	for command in "${commands[@]}"; do
		run_as 0 hsmime "$command" --help
		reported "^Usage: hsmime $command "
		first=$output
		run_as 0 hsmime "$command" -h
		[ "$output" = "$first" ]
		run_as 0 hsmime help "$command"
		[ "$output" = "$first" ]
	done
}

@test "--help needs nothing else to be right" {
	mkdir -p config/hsmime
	echo nonsense >config/hsmime/hsmime.conf
	run_as 0 hsmime sign --help
	run_as 0 hsmime verify a b c --help
}

@test "--version names the version alone" {
	run_as 0 hsmime --version
	[[ $output =~ ^hsmime\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "no command at all is a usage error" {
	run_as 2 hsmime
	explained
}

@test "an unknown command suggests the nearest" {
	run_as 2 hsmime sgin
	explained
	said 'no command sgin'
	said 'did you mean hsmime sign\?'
	run_as 2 hsmime verfy
	said 'did you mean hsmime verify\?'
	run_as 2 hsmime help decypt
	said 'did you mean hsmime decrypt\?'
}

@test "an unknown command like no other suggests none" {
	run_as 2 hsmime frobnicate
	explained
	said 'see hsmime --help'
	run_as 2 hsmime ''
	explained
}

@test "options before the command are refused with the reason" {
	run_as 2 hsmime --verbose tokens
	explained
	said 'options come behind the command'
}

@test "every command refuses an unknown option, long and short" {
	for command in "${commands[@]}"; do
		run_as 2 hsmime "$command" --no-such-thing
		explained
		said "$command has no option --no-such-thing"
		run_as 2 hsmime "$command" -Z
		explained
		said "$command has no option -Z"
	done
}

@test "an option of another command is unknown here" {
	run_as 2 hsmime verify -r cert.pem
	said 'verify has no option -r'
	run_as 2 hsmime tokens --cms
	said 'tokens has no option --cms'
	run_as 2 hsmime encrypt --login
	said 'encrypt has no option --login'
}

@test "a misspelt option suggests the nearest" {
	run_as 2 hsmime encrypt --recipent cert.pem
	said 'did you mean --recipient\?'
}

@test "long options are not abbreviated" {
	run_as 2 hsmime encrypt --recip cert.pem
	said 'no option --recip$'
	run_as 2 hsmime encrypt --recip=cert.pem
	said 'no option --recip$'
	run_as 2 hsmime sign --opaq
	said 'no option --opaq$'
}

@test "there is no --pin, and what was given with it is not repeated" {
	for words in '--pin 918273' '--pin=918273' '--pi=918273' '--pin-cod=918273'; do
		# shellcheck disable=SC2086
		run_as 2 hsmime sign $words
		[[ $stderr != *918273* ]]
	done
	run_as 2 hsmime sign --pin=918273
	explained
	said '--pin-source'
}

@test "an option without its argument says which argument" {
	run_as 2 hsmime verify --ca
	said '--ca needs an argument: FILE'
	run_as 2 hsmime sign -k
	said '--key needs an argument: KEY'
}

@test "an argument where none belongs is refused" {
	run_as 2 hsmime verify --cms=yes
	said '--cms takes no argument'
}

@test "values outside of a list are refused with the list" {
	run_as 2 hsmime encrypt --cipher rot13 -r x
	said "--cipher can't be rot13"
	said 'aes-128-cbc,aes-256-cbc,aes-128-gcm,aes-256-gcm'
	run_as 2 hsmime sign --cms --format xml
	said 'auto,der,pem,smime'
	run_as 2 hsmime encrypt --key-transport raw -r x
	said 'auto,oaep,pkcs1'
	run_as 2 hsmime sign --pss=maybe
	said 'true,false'
}

@test "too many operands are refused by every command" {
	for command in sign verify encrypt decrypt keys; do
		run_as 2 hsmime "$command" one two
		said 'too many arguments'
		said "usage: hsmime $command"
	done
	for command in tokens config; do
		run_as 2 hsmime "$command" one
		said 'too many arguments'
	done
}

# refuses COMMAND-LINE OPTION-A OPTION-B: the two do not fit together
refuses() {
	# shellcheck disable=SC2086
	run_as 2 hsmime $1
	explained
	said "--$2 (needs|does not go with) --$3"
}

@test "options that need each other say so" {
	refuses 'sign -r x.pem' recipient encrypt
	refuses 'sign --cipher aes-128-gcm' cipher encrypt
	refuses 'sign --key-transport oaep' key-transport encrypt
	refuses 'sign --force-recipient' force-recipient encrypt
	refuses 'sign --no-encrypt-to-self' no-encrypt-to-self encrypt
	refuses 'sign --recipient-key-id' recipient-key-id encrypt
	refuses 'sign --bcc-dir .' bcc-dir encrypt
	refuses 'sign --encrypt' encrypt recipient
	refuses 'verify --content x' content cms
	refuses 'sign --format der' format cms
	refuses 'decrypt --format pem' format cms
}

@test "options that exclude each other say so" {
	refuses 'sign --from -k pkcs11:id=%01' from key
	refuses 'sign --from --cms' from cms
	refuses 'sign --entity --cms' entity cms
	refuses 'decrypt --entity --cms' entity cms
	refuses 'encrypt --bcc-dir . --cms -r x' bcc-dir cms
	refuses 'verify --no-chain --ca x' no-chain ca
	refuses 'verify --no-chain --partial-chain' no-chain partial-chain
	refuses 'verify --no-check-time --at 2026-01-01' no-check-time at
	refuses 'verify --no-chain --at 2026-01-01' no-chain at
}

@test "encrypting for nobody is a usage error" {
	run_as 2 hsmime encrypt </dev/null
	explained
	said 'nobody to encrypt for'
}

@test "times that are none are refused" {
	for time in '' yesterday 2026 2026-13-01 2026-02-30 2026-01-00 2026-01-01T10:00:00 \
		2026-01-01T25:00:00Z 2026-01-01T10:61:00Z 2026-01-01T10:00:00+99:00 2026-01-01T10:00:00Zx \
		2026-01-01T10:00:00.Z 20260101 @ @x @12x @99999999999999999999; do
		run_as 2 hsmime verify --at "$time" </dev/null
		explained
		said 'is no time for --at'
	done
}

@test "sizes that are none are refused" {
	for size in '' 0 -1 +5 12X 1KB 99999999999999999999 18000000000G; do
		run_as 2 hsmime decrypt --spool-max "$size" </dev/null
		explained
		said 'is no size for --spool-max'
	done
}

@test "a malformed PIN source or digest is a usage error of the library, with the same face" {
	echo 'From: a@example.test' >mail.eml
	run_as 2 hsmime sign --pin-source 918273 mail.eml
	explained
	[[ $stderr != *918273* ]]
	run_as 2 hsmime sign --digest crc32 mail.eml
	explained
	said crc32
}

@test "words in messages can't steer the terminal" {
	run_as 2 hsmime $'x\e[31m'
	[[ $stderr != *$'\e'* ]]
	run_as 6 hsmime verify $'no\e]0;title\a'
	[[ $stderr != *$'\e'* ]]
	run_as 6 hsmime verify $'no\xc2\x9b31m \xe2\x80\xaetxt'
	[[ $stderr != *$'\xc2\x9b'* && $stderr != *$'\xe2\x80\xae'* ]]
}

@test "-- ends the options" {
	run_as 6 hsmime verify -- --no-such-file
	said 'reading --no-such-file: '
}
