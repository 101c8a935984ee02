#!/usr/bin/env bats
# Which key -k means: by URI, e-mail address, subject and serial number of its certificate.

load helper

# imported ID NAME DAYS LINE...: new_peer's key and certificate on the token
imported() {
	new_peer "$2" "$3" "${@:4}"
	"$cli_root/scripts/softtoken" import "$W" "$1" "$2" "$W/$2.key" "$W/$2.pem"
}

usage_of() { # USAGE ADDRESS: the extensions of a certificate for it
	printf '%s\n' "keyUsage=critical,$1" 'extendedKeyUsage=emailProtection' "subjectAltName=email:$2@example.test"
}

# serial NAME: of its certificate, in hexadecimal
serial() {
	openssl x509 -in "$W/$1.pem" -noout -serial | cut -d = -f 2
}

setup_file() {
	local both=digitalSignature,keyEncipherment
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	mapfile -t lines < <(usage_of $both alice)
	imported 02 before -1 "${lines[@]}"
	mapfile -t lines < <(usage_of keyEncipherment reader)
	imported 03 reader 3000 "${lines[@]}"
	mapfile -t lines < <(usage_of $both office)
	imported 04 office1 3000 "${lines[@]}"
	imported 05 office2 3000 "${lines[@]}"
	new_peer filed 3000
	new_peer other 3000
	"$cli_root/scripts/softtoken" import "$W" 06 filed "$W/filed.key"
	echo report >"$W/report"
	hsmime encrypt --cms --force-recipient -r "$W/before.pem" -o "$W/old.p7m" "$W/report"
	hsmime encrypt --cms -r "$W/office2.pem" -o "$W/office.p7m" "$W/report"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# signs_as KEY NAME: what -k KEY signs has NAME's certificate
signs_as() {
	run_as 0 hsmime sign --cms --opaque -k "$1" -o signed "$W/report" "${@:3}"
	run_as 0 hsmime verify --cms --no-chain signed --json
	[ "$(field 'd["layers"][0]["signers"][0]["serial_number"]' <<<"$output")" = "$(serial "$2")" ]
}

# decrypts KEY FILE [ARGUMENT...]
decrypts() {
	run_as 0 hsmime decrypt --cms -k "$1" -o clear "${@:2}"
	cmp clear "$W/report"
}

@test "a URI that names one of a key's certificates signs with that one or not at all" {
	new_token "$PWD/two" Two
	echo report >"$W/report"
	imported 07 past -1
	openssl x509 -req -in "$W/past.csr" -CA "$W/ca.pem" -CAkey "$W/ca.key" -days 3000 \
		-set_serial 0x77 -extfile "$W/past.ext" -out "$W/now.pem" 2>x509.log
	openssl x509 -in "$W/now.pem" -outform DER -out now.der
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Two --login --pin 123456 --id 07 \
		--label now --type cert --write-object now.der >/dev/null
	signs_as 'pkcs11:id=%07' now
	signs_as 'pkcs11:object=now' now
	run_as 7 hsmime sign --cms -k 'pkcs11:id=%07;object=past;type=cert' -o none "$W/report"
	said "the signer's certificate can't be used: it expired on 2019-01-01"
	[ ! -e none ]
	signs_as 'pkcs11:object=past;type=cert' now --cert "$W/now.pem"
}

@test "what is wrong with a certificate is said, and no other token's PIN is risked for it" {
	new_token "$PWD/three" Demo
	echo report >"$W/report"
	imported 07 past -1
	softhsm2-util --init-token --free --label Spare --so-pin 12345678 --pin 654321 >/dev/null
	run_as 5 hsmime sign --cms -k "serial=$(serial past)" -o none "$W/report"
	said 'on the token expired on 2019-01-01'
	run_as 0 hsmime tokens --token Spare
	reported ' ok '
	# Another one for that address may be hidden there.
	run_as 5 hsmime sign --cms -k past@example.test -o none "$W/report"
	said 'past@example.test on the token expired on 2019-01-01'
	said 'token "Spare" is passed over: .* refused the PIN'
}

@test "each way of naming a key signs with it" {
	signs_as 'pkcs11:token=Demo;id=%01' alice
	signs_as alice@example.test alice
	signs_as ALICE@example.test alice
	signs_as subject=alice alice
	signs_as 'subject=CN=alice,O=hsmime demo' alice
	signs_as "subject=O=hsmime demo" alice
	signs_as "serial=$(serial alice)" alice
	signs_as "serial=0x$(serial alice | sed 's/../&:/g; s/:$//' | tr A-F a-f)" alice
}

@test "the key may be named in the configuration too" {
	mkdir -p config/hsmime
	printf '[hsmime]\nkey = alice@example.test\n' >config/hsmime/hsmime.conf
	XDG_CONFIG_HOME=$PWD/config run_as 0 hsmime sign --cms -o signed "$W/report"
}

@test "an expired certificate is not signed with, and it is said since when" {
	run_as 5 hsmime sign --cms -k "serial=$(serial before)" "$W/report"
	explained
	said 'serial=.* on the token expired on 2019-01-01'
	run_as 7 hsmime sign --cms -k 'pkcs11:id=%02' "$W/report"
	explained
	said '2019-01-01'
}

@test "an expired certificate's key decrypts old mail, however it is named" {
	run_as 0 hsmime decrypt --cms -o clear "$W/old.p7m"
	cmp clear "$W/report"
	decrypts 'pkcs11:id=%02' "$W/old.p7m"
	decrypts "serial=$(serial before)" "$W/old.p7m"
	decrypts subject=before "$W/old.p7m"
	# Two keys have that address: the message says which it is.
	decrypts alice@example.test "$W/old.p7m"
	decrypts pkcs11:token=Demo "$W/old.p7m"
}

@test "an old certificate in a file opens the mail of a key that has the renewed one alone" {
	new_token "$PWD/renewed" Renewed
	echo report >"$W/report"
	new_peer mover -1
	openssl x509 -req -in "$W/mover.csr" -CA "$W/ca.pem" -CAkey "$W/ca.key" -days 3000 \
		-set_serial 0x78 -extfile "$W/mover.ext" -out "$W/renewed.pem" 2>x509.log
	"$cli_root/scripts/softtoken" import "$W" 07 mover "$W/mover.key" "$W/renewed.pem"
	hsmime encrypt --cms --force-recipient -r "$W/mover.pem" -o old.p7m "$W/report"
	run_as 5 hsmime decrypt --cms -o clear old.p7m
	explained
	said 'no key on the tokens belongs to a recipient'
	said 'give it with --cert'
	[ ! -e clear ]
	run_as 5 hsmime decrypt --cms --cert "$W/renewed.pem" -o clear old.p7m
	run_as 0 hsmime decrypt --cms --cert "$W/mover.pem" -o clear old.p7m
	cmp clear "$W/report"
	for key in 'pkcs11:id=%07' pkcs11:token=Renewed mover@example.test; do
		run_as 5 hsmime decrypt --cms -k "$key" -o none old.p7m
		decrypts "$key" old.p7m --cert "$W/mover.pem"
	done
	hsmime encrypt --cms -r "$W/renewed.pem" -o new.p7m "$W/report"
	run_as 0 hsmime decrypt --cms -o clear new.p7m
}

@test "a key that the message is not for does not decrypt it" {
	run_as 5 hsmime decrypt --cms -k alice@example.test "$W/office.p7m"
	explained
	said 'not encrypted for the key'
	run_as 5 hsmime decrypt --cms -k reader@example.test "$W/office.p7m"
	explained
}

@test "of several keys of a name none is to be chosen where the message is for none of them" {
	for name in office@example.test serial="$(serial office1)"; do
		run_as 5 hsmime decrypt --cms -k "$name" "$W/old.p7m"
		explained
		said 'not encrypted for '
		run ! grep -qE 'several keys|choose one' <<<"$stderr"
	done
	run_as 5 hsmime decrypt --cms -k office@example.test "$W/old.p7m"
	said 'the message is not encrypted for any key of office@example.test$'
	run_as 5 hsmime decrypt --cms -k office@example.test --cert "$W/before.pem" "$W/old.p7m"
	said 'several keys fit'
}

@test "of a token's keys none is to be chosen where the message is for none of them" {
	hsmime encrypt --cms -r "$W/other.pem" -o other.p7m "$W/report"
	run_as 5 hsmime decrypt --cms -k pkcs11:token=Demo other.p7m
	explained
	said "none of the message's recipients has its key on a token"
	run ! grep -q 'several keys' <<<"$stderr"
	openssl cms -encrypt -binary -outform DER -aes128 -pwri_password secret -in "$W/report" \
		-out password.p7m
	run_as 5 hsmime decrypt --cms -k pkcs11:token=Demo password.p7m
	said 'recipients by password'
}

@test "a certificate of the wrong usage does not sign, and decrypts" {
	run_as 5 hsmime sign --cms -k reader@example.test "$W/report"
	explained
	said 'reader@example.test on the token is not one to sign mail with'
	hsmime encrypt --cms -r "$W/reader.pem" -o mine.p7m "$W/report"
	decrypts reader@example.test mine.p7m
}

@test "a tie lists label, subject, validity and URI of each, and the URI then chooses" {
	run_as 5 hsmime sign --cms -k office@example.test "$W/report"
	explained
	said 'several keys fit'
	for n in 1 2; do
		said "pkcs11:token=Demo;id=%0$((n + 3)) \(RSA, \"office$n\", CN=office$n, valid 2[0-9-]+ to 2[0-9-]+\)"
	done
	uri=$(grep -oE 'pkcs11:token=Demo;id=%05' <<<"$stderr")
	signs_as "$uri" office2
	decrypts office@example.test "$W/office.p7m"
}

@test "a certificate that is in a file alone names the key as well" {
	run_as 5 hsmime sign --cms -k filed@example.test "$W/report"
	said 'no certificate on the tokens names filed@example.test'
	signs_as filed@example.test filed --cert "$W/filed.pem"
	signs_as subject=filed filed --cert "$W/filed.pem"
}

@test "what names nothing is no key, and what can't is a mistake of usage" {
	for key in nobody@example.test subject=nobody serial=1234567890; do
		run_as 5 hsmime sign --cms -k $key "$W/report"
		explained
		said "no certificate on the tokens names $key"
	done
	for key in alice @ '' serial=xyz serial= subject=Colour=red subject=; do
		run_as 2 hsmime sign --cms -k "$key" "$W/report"
		explained
		said malformed
		said 'for example'
	done
}

@test "keys lists what is named" {
	run_as 0 hsmime keys alice@example.test
	reported 'CN=alice'
	reported 'CN=before'
	[[ $output != *office* ]]
	run_as 0 hsmime keys -k "serial=$(serial office1)"
	reported "^  serial: +$(serial office1)$"
	[ "$(grep -c ^pkcs11: <<<"$output")" = 1 ]
	run_as 2 hsmime keys serial=nonsense
}

@test "an attribute behind the ? that is not known is ignored with one warning, without its value" {
	for uri in "pkcs11:token=Demo;id=%01?pin-sorce=file:$W/pin" \
		"pkcs11:token=Demo;id=%01?pin-source=file:$W/pin&x-vendor=918273"; do
		run_as 0 hsmime sign --cms -k "$uri" -o signed "$W/report"
		[ "$(grep -cE 'warning: "(pin-sorce|x-vendor)" is not known and ignored .*pkcs11:token=Demo;id=%01\)' <<<"$stderr")" = 1 ]
		run ! grep -qE '918273|sorce=' <<<"$stderr"
	done
	mkdir -p config/hsmime
	printf '[group g]\nkeys=pkcs11:token=Demo;id=%%01?pin-sorce=file:/nowhere\n' >config/hsmime/hsmime.conf
	for key in group:g alice@example.test; do
		XDG_CONFIG_HOME=$PWD/config run_as 0 hsmime sign --cms -k "$key" -o signed "$W/report"
		[ "$(grep -c '"pin-sorce" is not known' <<<"$stderr")" = 1 ]
	done
	XDG_CONFIG_HOME=$PWD/config run_as 0 hsmime doctor 'pkcs11:id=%01?pin-sorce=a'
	said '"pin-sorce" is not known .*pkcs11:id=%01\)'
}
