#!/usr/bin/env bats
# One key on two tokens, named as a group.

load saboteur

A='pkcs11:token=Demo;id=%01'
B='pkcs11:token=Spare;id=%01'

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_peer alice
	openssl pkcs8 -topk8 -nocrypt -in "$W/alice.key" -out "$W/alice.p8"
	"$cli_root/scripts/softtoken" import "$W" 01 alice "$W/alice.p8" "$W/alice.pem"
	softhsm2-util --init-token --free --label Spare --so-pin 12345678 --pin 123456 >/dev/null
	softhsm2-util --import "$W/alice.p8" --token Spare --label alice --id 01 --pin 123456 >/dev/null
	openssl x509 -in "$W/alice.pem" -outform DER -out "$W/alice.der"
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Spare --login --pin 123456 \
		--write-object "$W/alice.der" --type cert --id 01 --label alice >/dev/null
	new_key 02 EC:secp256r1 bob
	new_mail alice bob
	hsmime encrypt -r "$W/alice.pem" --force-recipient -o "$W/enc.eml" "$W/mail.eml"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
	export XDG_CONFIG_HOME=$PWD/config
	mkdir -p config/hsmime
}

configure() { # line...
	printf '%s\n' '[hsmime]' "$@" >config/hsmime/hsmime.conf
}

@test "several --key are one key on several tokens" {
	run_as 0 hsmime sign -v -k "$A" -k "$B" -o signed.eml "$W/mail.eml"
	said '2 of 2 keys'
	hsmime verify --ca "$W/ca.pem" signed.eml
	run_as 0 hsmime decrypt -v -k "$A" -k "$B" -o mail.eml "$W/enc.eml"
	said '2 of 2 keys'
	grep -q Agreed mail.eml
}

@test "a token that is not there is told of, and the others do it" {
	run_as 0 hsmime sign -k 'pkcs11:token=Absent;id=%01' -k "$B" -o signed.eml "$W/mail.eml"
	said 'goes on without pkcs11:token=Absent'
	run_as 0 hsmime decrypt -k "$B" -k 'pkcs11:token=Absent;id=%01' -o mail.eml "$W/enc.eml"
	said 'goes on without pkcs11:token=Absent'
	run_as 5 hsmime sign -k 'pkcs11:token=Absent;id=%01' -k 'pkcs11:token=Gone;id=%01' -o none "$W/mail.eml"
	[ ! -e none ]
}

@test "a group of the configuration is named, and used where its key is" {
	configure '' '[group office]' "keys = $A $B"
	run_as 0 hsmime sign -v -k group:office -o signed.eml "$W/mail.eml"
	said 'group office: 2 of 2 keys'
	run_as 0 hsmime decrypt -v -o mail.eml "$W/enc.eml"
	said 'group office: 2 of 2 keys'
	run_as 0 hsmime sign -v -k 'pkcs11:token=Demo;id=%02' -o other.eml "$W/mail.eml"
	run ! grep -q 'group office' <<<"$stderr"
	run_as 0 hsmime config
	reported '^\[group office\] keys = pkcs11:token=Demo;id=%01 pkcs11:token=Spare;id=%01$'
	run_as 0 hsmime config --json
	[ "$(field 'd["groups"][0]["name"]' <<<"$output")" = office ]
}

# different_pins: Spare has a PIN of its own for this test; both PINs are in files
different_pins() {
	cp -r "$W" other
	sed -i "s|$W|$PWD/other|" other/softhsm2.conf
	export SOFTHSM2_CONF=$PWD/other/softhsm2.conf
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Spare --login --pin 123456 \
		--change-pin --new-pin 654321 >/dev/null
	printf 654321 >spare.pin
	chmod 600 spare.pin
	unset HSMIME_PIN_SOURCE
	configure "${1-}" '' '[group office]' \
		"keys = $A?pin-source=file:$W/pin $B?pin-source=file:$PWD/spare.pin"
}

# no_try_lost: nobody sent a wrong PIN
no_try_lost() {
	run_as 0 hsmime tokens
	[ "$(grep -cE '^(Demo|Spare) .* ok ' <<<"$output")" = 2 ]
}

# used_both ARGUMENT...: the tool logs in to both tokens, whatever the key was chosen by
used_both() {
	run_as 0 hsmime "$@" </dev/null
	said 'group office: 2 of 2 keys'
	no_try_lost
}

@test "each token of a group has its URI's PIN source, however the key was chosen" {
	for source in '' "pin-source = file:$W/pin" 'pin-source = file:/no/such/file'; do
		different_pins "$source"
		used_both decrypt -v -o mail.eml "$W/enc.eml"
		used_both sign -v --from -o signed.eml "$W/mail.eml"
		used_both sign -v -k alice@example.test -o signed.eml "$W/mail.eml"
		used_both sign -v -k "$B" -o signed.eml "$W/mail.eml"
		used_both sign -v -k group:office -o signed.eml "$W/mail.eml"
		run_as 0 hsmime keys --login
		no_try_lost
		rm -rf other
	done
	hsmime verify --ca "$W/ca.pem" signed.eml
}

@test "a group whose certificate is on one member alone signs with the other one too" {
	cp -r "$W" other
	sed -i "s|$W|$PWD/other|" other/softhsm2.conf
	export SOFTHSM2_CONF=$PWD/other/softhsm2.conf
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Spare --login --pin 123456 \
		--delete-object --type cert --id 01 >/dev/null
	run_as 0 hsmime sign -v -k "$A" -k "$B" -o signed.eml "$W/mail.eml"
	said '2 of 2 keys'
	hsmime verify --ca "$W/ca.pem" signed.eml
	sabotage 'only Demo' 'refuse C_SignInit CKR_DEVICE_ERROR 0 9'
	run_as 0 hsmime sign --json -k "$A" -k "$B" -o signed.eml "$W/mail.eml"
	[[ $(field 'd["key"]' <<<"$output") == *token=Spare* ]]
	hsmime verify --ca "$W/ca.pem" signed.eml
}

@test "a PIN source for no token in particular is that of its URI alone" {
	different_pins
	configure '' '[group office]' "keys = pkcs11:id=%01?pin-source=file:$W/pin $B"
	run_as 4 hsmime decrypt -o none "$W/enc.eml" </dev/null
	said 'nobody is there'
	no_try_lost
	# It may be either token's: the one that was logged in to already is taken.
	run_as 0 hsmime decrypt -k "$A?pin-source=file:$W/pin" -o mail.eml "$W/enc.eml" </dev/null
	no_try_lost
}

@test "what is wrong with a group's URI is told as the group's, and by doctor" {
	configure '' '[group office]' 'keys = pkcs11:id=%01?pin-source=file:rel'
	run_as 7 hsmime sign -k "$A" -o none "$W/mail.eml"
	said "the group office: the URI's pin-source is not a file with an absolute path"
	said 'correct its keys in the configuration'
	run_as 7 hsmime sign -k group:office -o none "$W/mail.eml"
	said 'the group office: '
	run --separate-stderr hsmime doctor --json
	[ "$(field '[(f["subject"], f["level"]) for f in d["findings"] if f["id"] == "group-wrong"]' \
		<<<"$output")" = "[('office', 'error')]" ]
	for keys in 'pkcs11:id=%1' 'pkcs11:id=%01?pin-value=123456'; do
		configure '' '[group office]' "keys = $keys $B"
		run --separate-stderr hsmime doctor --json
		[[ $output == *group-wrong* ]]
		run hsmime sign -v -k group:office -o none "$W/mail.eml"
		if grep 123456 <<<"$output"; then false; fi
	done
	configure '' '[group office]' "keys = $A pkcs11:token=Nowhere;id=%01"
	run --separate-stderr hsmime doctor --json
	[ "$(field '[f["level"] for f in d["findings"] if f["id"] == "group-absent"]' <<<"$output")" = "['warning']" ]
	[[ $output != *group-wrong* ]]
}

@test "to keys and doctor a group is each of its keys" {
	configure '' '[group office]' "keys = $A $B"
	for given in '-k group:office' group:office "-k $A -k group:office"; do
		read -r -a arguments <<<"$given"
		run_as 0 hsmime keys --login --json "${arguments[@]}"
		[ "$(field 'sorted((k["token"], k["id"]) for k in d)' <<<"$output")" = \
			"[('Demo', '01'), ('Spare', '01')]" ]
	done
	run_as 0 hsmime doctor --login --ca "$W/ca.pem" -k group:office
	[ "$(grep -c 'the key signs' <<<"$output")" = 2 ]
	run_as 2 hsmime keys --pem-uri group:office
	explained
	said 'a PEM file names one key, and group:office is a group'
	run_as 2 hsmime keys --pem-uri -k group:office -k "$A"
	said 'a PEM file names one key'
	for command in keys doctor; do
		run_as 2 hsmime "$command" -k group:none
		explained
		said 'there is no group "none"'
	done
}

@test "a group's keys have to be the same key" {
	run_as 2 hsmime sign -k "$A" -k 'pkcs11:token=Demo;id=%02' -o none "$W/mail.eml"
	said 'are not the same key'
	[ ! -e none ]
}

# different STATUS EXPECTED ARGUMENT...: doctor ends with STATUS, and tells of groups of different keys as that list
different() {
	run_as "$1" hsmime doctor --json --ca "$W/ca.pem" "${@:3}"
	[ "$(field '[(f["subject"], f["level"], f["status"]) for f in d["findings"]
		if f["id"] == "group-different"]' <<<"$output")" = "$2" ]
}

@test "doctor tells of a group whose keys are not the same key, with what to do" {
	local found="[('office', 'error', 'usage')]"
	configure '' '[group office]' "keys = $A $B pkcs11:token=Demo;id=%02" '[group fine]' "keys = $B $A"
	run_as 2 hsmime sign -k group:office -o none "$W/mail.eml"
	said 'are not the same key'
	different 2 "$found"
	different 2 "$found" --login
	run_as 2 hsmime doctor --ca "$W/ca.pem"
	reported "$A and pkcs11:token=Demo;id=%02 are not the same key"
	reported "-> name one key's places alone in the group"
	# By a PIN source in the URI nothing of it is told.
	configure '' '[group office]' "keys = $A?pin-source=file:$W/pin pkcs11:token=Demo;id=%02?pin-source=file:$W/pin"
	different 2 "$found"
	[ "$(field '"pin-source" in [f["what"] for f in d["findings"] if f["id"] == "group-different"][0]' \
		<<<"$output")" = False ]
	# What is one key, and what may be, is no such group.
	for keys in "$A $B" "$A pkcs11:token=Spare" "$B pkcs11:token=Nowhere;id=%01" "$A;type=private $B"; do
		configure '' '[group office]' "keys = $keys"
		different 0 '[]'
		different 0 '[]' --login
	done
}

@test "so it is where only a login shows the key" {
	cp -r "$W" other
	sed -i "s|$W|$PWD/other|" other/softhsm2.conf
	export SOFTHSM2_CONF=$PWD/other/softhsm2.conf
	openssl genpkey -quiet -algorithm RSA -out dora.p8 2>/dev/null
	softhsm2-util --import dora.p8 --token Spare --label dora --id 07 --pin 123456 >/dev/null
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Spare --login --pin 123456 \
		--delete-object --type pubkey --id 07 >/dev/null
	configure '' '[group office]' "keys = $A pkcs11:token=Spare;id=%07"
	different 0 '[]'
	[[ $output == *group-absent* ]]
	different 2 "[('office', 'error', 'usage')]" --login
}

@test "what is no group is said" {
	run_as 2 hsmime sign -k group:none "$W/mail.eml"
	explained
	said 'there is no group "none"'
	run_as 2 hsmime sign -k "$A" -k alice@example.test "$W/mail.eml"
	said 'is no pkcs11: URI'
	run_as 2 hsmime sign -k "$A" -k '' "$W/mail.eml"
	said '"", in the group "--key", is no pkcs11: URI'
	configure '' '[group office]' 'keys ='
	run_as 2 hsmime tokens
	said 'hsmime.conf'
	configure '' '[group office]'
	run_as 2 hsmime tokens
	said 'keys'
	configure '' '[group office]' "keys = $A" 'color = red'
	run_as 0 hsmime tokens
	said 'there is no key color in a group'
	configure '' '[grup office]' "keys = $A"
	run_as 0 hsmime tokens
	said 'there is no group \[grup office\]'
}

@test "a token whose PIN is wrong is told of, though it is the first" {
	printf 999999 >wrong
	chmod 600 wrong
	run_as 0 hsmime sign -k "$A?pin-source=file:$PWD/wrong" -k "$B" -o signed.eml "$W/mail.eml"
	[ "$(grep -c 'goes on without pkcs11:token=Demo.* refused the PIN' <<<"$stderr")" = 1 ]
	run_as 0 hsmime keys --login # the count begins anew
}

@test "what is reported is the key that did it" {
	sabotage 'only Demo' 'refuse C_SignInit CKR_DEVICE_ERROR 0 99' \
		'refuse C_DecryptInit CKR_DEVICE_ERROR 0 99'
	for _ in 1 2 3; do
		run_as 0 hsmime sign --json -k "$A" -k "$B" -o signed.eml "$W/mail.eml"
		[[ $(field 'd["key"]' <<<"$output") == *token=Spare* ]]
		run_as 0 hsmime decrypt --json -k "$A" -k "$B" -o mail.eml "$W/enc.eml"
		[[ $(field 'd["layers"][0]["key"]' <<<"$output") == *token=Spare* ]]
	done
}

@test "short commands begin at either token" {
	for _ in {1..40}; do
		run_as 0 hsmime sign --json -k "$A" -k "$B" -o signed.eml "$W/mail.eml"
		field 'd["key"].split("token=")[1].split(";")[0]' <<<"$output" >>used
		[ "$(sort -u used | wc -l)" = 1 ] || break
	done
	[ "$(sort -u used | tr '\n' ' ')" = 'Demo Spare ' ]
}

@test "a token that hangs is given up, and the other one signs" {
	sabotage 'hang C_Sign'
	run_as 0 timeout 60 "$HSMIME" sign --call-limit 1 -k "$A" -k "$B" -o signed.eml "$W/mail.eml"
	said 'is set aside: .* does not answer'
	unset HSMIME_MODULE
	hsmime verify -q --ca "$W/ca.pem" signed.eml
}

# one_mail FILE: it is one, with one header
one_mail() {
	local field
	for field in From Subject MIME-Version; do
		[ "$(grep -c "^$field:" "$1")" = 1 ]
	done
}

@test "into a pipe goes one mail, though a token hangs meanwhile" {
	hsmime decrypt -k "$A" -o expected.eml "$W/enc.eml"
	sabotage 'hang C_Sign'
	timeout 60 "$HSMIME" sign --call-limit 1 -k "$A" -k "$B" "$W/mail.eml" 2>said | cat >signed.eml
	[ "${PIPESTATUS[*]}" = '0 0' ]
	grep -q 'is set aside: .* does not answer' said
	one_mail signed.eml
	[ "$(grep -c '^Content-Type: multipart/signed' signed.eml)" = 1 ]
	sabotage 'hang C_Decrypt'
	timeout 60 "$HSMIME" decrypt --call-limit 1 -k "$A" -k "$B" <"$W/enc.eml" 2>said | cat >mail.eml
	[ "${PIPESTATUS[*]}" = '0 0' ]
	grep -q 'is set aside: .* does not answer' said
	cmp mail.eml expected.eml
	unset HSMIME_MODULE
	run_as 0 hsmime verify --ca "$W/ca.pem" signed.eml
}

@test "that a signature may exist twice is told with -v" {
	sabotage 'refuse C_Sign CKR_DEVICE_REMOVED 0 2'
	run_as 0 hsmime sign -v -k "$A" -k "$B" -o signed.eml "$W/mail.eml"
	said 'is set aside'
	said 'the signature is made again on another token: it may exist twice'
	[ "$(calls C_Sign)" = 3 ]
	sabotage 'refuse C_Sign CKR_DEVICE_REMOVED 0 2'
	run_as 0 hsmime sign -k "$A" -k "$B" -o signed.eml "$W/mail.eml"
	run ! grep -q twice <<<"$stderr"
	# One that was made once, and a decryption, are no matter.
	sabotage 'refuse C_Decrypt CKR_DEVICE_REMOVED 0 2'
	run_as 0 hsmime sign -v -k "$A" -k "$B" -o signed.eml "$W/mail.eml"
	run ! grep -q twice <<<"$stderr"
	run_as 0 hsmime decrypt -v -k "$A" -k "$B" -o mail.eml "$W/enc.eml"
	said 'is set aside'
	run ! grep -q twice <<<"$stderr"
}

@test "a token that goes during a decryption is set aside, and the other one decrypts" {
	sabotage 'refuse C_Decrypt CKR_DEVICE_REMOVED 0 2'
	run_as 0 timeout 60 "$HSMIME" decrypt -k "$A" -k "$B" -o mail.eml "$W/enc.eml"
	said 'is set aside'
	grep -q Agreed mail.eml
}

@test "of two groups with the same key the one that is named is used" {
	local small=('' '[group small]' "keys = $A") office=('' '[group office]' "keys = $A $B")
	for first in small office; do
		if [ "$first" = small ]; then
			configure "${small[@]}" "${office[@]}"
		else
			configure "${office[@]}" "${small[@]}"
		fi
		run_as 0 hsmime sign -v -k group:office -o signed.eml "$W/mail.eml"
		said 'group office: 2 of 2 keys'
		run_as 0 hsmime sign -v -k group:small -o signed.eml "$W/mail.eml"
		said 'group small: 1 of 1 keys'
		run_as 0 hsmime decrypt -v -k group:office -o mail.eml "$W/enc.eml"
		said 'group office: 2 of 2 keys'
		run_as 0 hsmime decrypt -v -k group:small -o mail.eml "$W/enc.eml"
		said 'group small: 1 of 1 keys'
	done
}
