#!/usr/bin/env bats
# hsmime doctor: what it finds, and what it leaves alone.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# another_token: for this test alone
another_token() {
	new_token "$BATS_TEST_TMPDIR/world" Other
}

# imported ID NAME DAYS LINE...: new_peer's key and certificate on the token
imported() {
	new_peer "$2" "$3" "${@:4}"
	"$cli_root/scripts/softtoken" import "$W" "$1" "$2" "$W/$2.key" "$W/$2.pem"
}

# put_certificate ID NAME: NAME's certificate on the token, with that ID
put_certificate() {
	openssl x509 -in "$W/$2.pem" -outform DER -out "$W/put.der"
	pkcs11-tool --module "$HSMIME_MODULE" --token-label "$TOKEN_LABEL" --login --pin 123456 \
		--write-object "$W/put.der" --type cert --id "$1" --label "$2" >/dev/null 2>&1
}

# remove KIND ID: an object of the token
remove() {
	pkcs11-tool --module "$HSMIME_MODULE" --token-label "$TOKEN_LABEL" --login --pin 123456 \
		--delete-object --type "$1" --id "$2" >/dev/null 2>&1
}

# found STATUS ARGUMENT...: the report is JSON; its ids, each once, in $ids
found() {
	run_as "$1" hsmime doctor --json "${@:2}"
	python3 -m json.tool <<<"$output" >/dev/null
	[ "$(field 'd["exit_status"]' <<<"$output")" = "$1" ]
	ids=" $(field '" ".join(sorted(set(f["id"] for f in d["findings"])))' <<<"$output") "
}

# has ID, lacks ID: among what was found
has() {
	[[ $ids == *" $1 "* ]] || {
		echo "no $1 among$ids"
		return 1
	}
}

lacks() {
	[[ $ids != *" $1 "* ]] || {
		echo "$1 among$ids"
		return 1
	}
}

# is LEVEL ID: that finding's
is() {
	[ "$(field "[f['level'] for f in d['findings'] if f['id'] == '$2'][0]" <<<"$output")" = "$1" ]
}

@test "a token that is well: every key is tried, nothing is wrong" {
	run_as 0 hsmime doctor --login --ca "$W/ca.pem"
	[ -z "$stderr" ]
	reported '^token$'
	reported '✔ the module is loaded: SoftHSM'
	[ "$(grep -c '✔ the key signs' <<<"$output")" = 2 ]
	[ "$(grep -c '✔ the key decrypts' <<<"$output")" = 2 ]
	[[ ${lines[-1]} == '0 errors, 0 warnings, '*' well' ]]
	found 0 --login --ca "$W/ca.pem"
	has login-done
	has key-signs
	has key-decrypts
	has certificate-valid
	has use-sign
	has use-decrypt
	[ "$(field '[f for f in d["findings"] if f["level"] in ("warning", "error")]' <<<"$output")" = '[]' ]
	[ "$(field 'sorted(d["findings"][0])' <<<"$output")" = \
		"['area', 'count', 'id', 'level', 'status', 'subject', 'what', 'what_to_do']" ]
}

@test "without --login nobody logs in, and that is said" {
	find_spy
	spied hsmime doctor --ca "$W/ca.pem" >said
	grep -q C_GetTokenInfo spy.log
	run ! grep -qE 'C_Login|C_Sign' spy.log
	grep -q 'no login without --login' said
	grep -q 'hsmime doctor --login tries each key' said
	found 0 --ca "$W/ca.pem"
	has login-left-out
	lacks key-signs
	lacks certificate-no-key
}

@test "words stand for the signs where the terminal may not know them" {
	LC_ALL=C run_as 0 hsmime doctor --ca "$W/ca.pem"
	reported '^  ok      the module is loaded'
	[[ $output != *✔* ]]
}

@test "--quiet leaves what is well out" {
	run_as 0 hsmime doctor -q
	reported '! the certificate is not trusted'
	[[ $output != *'is loaded'* ]]
	[ -z "$stderr" ]
}

@test "every finding is in the manual page, and no other" {
	page=$HSMIME_BUILD/docs/man/hsmime-doctor.1
	[ -e "$page" ] || skip 'no manual pages in this build'
	grep -ohE '\{ *"[a-z0-9-]+",( "[a-z]+",)?|\.id = "[a-z-]+"' "$cli_root"/src/api/doctor_kinds.c \
		"$cli_root/src/cli/cmd_doctor.c" | grep -E '\.id|",.*",' | grep -oE '"[a-z0-9-]+"' |
		grep -- - | tr -d '"' | sort -u >known
	{ cat known; echo versions; echo mechanisms; } | sort -u >all
	mandoc -T utf8 -O width=200 "$page" | col -bx | sed -n '/^FINDINGS/,/^EXIT STATUS/p' |
		grep -E '^ {7}[a-z-]+(, [a-z-]+)*$' | tr ',' '\n' | tr -d ' ' | sort -u >documented
	[ "$(wc -l <all)" -ge 60 ]
	diff -u all documented
}

@test "a module that is not there, or is none: what to do, and the rest all the same" {
	found 4 --module /no/such/module.so
	has module-failed
	has versions
	lacks token-found
	[ "$(field 'd["status"]' <<<"$output")" = token ]
	run_as 4 hsmime doctor --module "$W/ca.pem"
	reported "can't load the PKCS#11 module"
	said "can't load the PKCS#11 module"
}

@test "no token, none that is set up, none with that label" {
	mkdir empty
	echo "directories.tokendir = $PWD/empty" >softhsm2.conf
	export SOFTHSM2_CONF=$PWD/softhsm2.conf
	found 4
	has token-none
	has token-uninitialized
	run_as 4 hsmime doctor --token Nope
	reported 'there is no token with this label'
}

@test "a wrong PIN is sent once, said to be wrong, and the certificates are looked at" {
	another_token
	new_key 01 RSA:2048 carol
	echo 999999 >wrong
	chmod 600 wrong
	find_spy
	HSMIME_PIN_SOURCE=file:wrong spied run_as 4 hsmime doctor --login --json
	[ "$(grep -cE '^[0-9]+: C_Login$' spy.log)" = 1 ]
	[[ $output == *login-failed* ]]
	[[ $output == *certificate-valid* ]]
	[[ $output != *key-signs* ]]
	found 0
	has pin-count-low
	lacks pin-source-refused
	HSMIME_PIN_SOURCE=file:$PWD/wrong found 4
	has pin-source-refused
	hsmime pin forget
	HSMIME_PIN_SOURCE=file:$PWD/wrong found 0
}

@test "the file with the PIN: not there, and readable by others" {
	HSMIME_PIN_SOURCE=file:/no/such/file found 4
	has pin-source-missing
	cp "$W/pin" pin
	chmod 644 pin
	HSMIME_PIN_SOURCE=file:$PWD/pin found 0
	has pin-source-open
	HSMIME_PIN_SOURCE=env:NOTHING_THERE found 4
	has pin-source-missing
	THE_PIN=123456 HSMIME_PIN_SOURCE=env:THE_PIN found 0
	has pin-source-open
	[[ $output != *123456* ]]
}

@test "a certificate that expired, and no other" {
	another_token
	imported 01 old -1
	found 5 --login --ca "$W/ca.pem"
	has certificate-expired
	has use-none
	has key-signs
	run_as 5 hsmime doctor --ca "$W/ca.pem"
	reported '! the certificate of CN=old expired on 2019-01-01'
	said 'no certificate on the tokens is good for new mail'
}

@test "a certificate that expires soon, is for one use only, is weak, names nobody" {
	another_token
	imported 01 soon 10 keyUsage=critical,keyEncipherment extendedKeyUsage=emailProtection
	openssl req -x509 -newkey rsa:1024 -nodes -keyout "$W/weak.key" -out "$W/weak.pem" -subj /CN=weak \
		-days 400 -addext basicConstraints=critical,CA:FALSE 2>/dev/null
	"$cli_root/scripts/softtoken" import "$W" 02 weak "$W/weak.key" "$W/weak.pem"
	found 0 --ca "$W/ca.pem"
	has certificate-expires
	has certificate-usage
	has certificate-weak
	has certificate-no-email
	run_as 0 hsmime doctor --ca "$W/ca.pem" subject=soon
	reported 'no certificate is one to sign mail with now'
}

# mismatches COUNT: so many keys whose certificate is another's, which is of no use, and nothing else is wrong
mismatches() {
	[ "$(field 'sum(f["id"] == "key-mismatch" for f in d["findings"])' <<<"$output")" = "$1" ]
	has use-none
	lacks use-sign
	lacks use-decrypt
	lacks key-decrypt-failed
}

@test "a certificate of another key under the key's ID" {
	another_token
	new_key 01 RSA:2048 carol
	new_key 02 EC:secp256r1 dave
	new_peer stranger 3000
	remove cert 01
	put_certificate 01 stranger
	found 5 --login --ca "$W/ca.pem"
	has key-mismatch
	is error key-mismatch
	[ "$(field '[f["subject"].split("id=")[1][:3] for f in d["findings"] if f["id"] == "key-mismatch"]' <<<"$output")" = \
		"['%01']" ]
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/ec.key" \
		-out "$W/ec.pem" -subj /CN=ec -days 400 2>/dev/null
	remove cert 02
	put_certificate 02 ec
	found 5 --login 'pkcs11:id=%02'
	mismatches 1
	# Before a login the public key objects tell as much.
	found 5 'pkcs11:id=%02'
	mismatches 1
	# Nor does it help that there are two of them.
	found 5 --login --ca "$W/ca.pem"
	mismatches 2
	found 5 --ca "$W/ca.pem"
	mismatches 2
	# Where nothing but a signature can tell.
	remove pubkey 02
	found 5 --login 'pkcs11:id=%02'
	mismatches 1
	new_key 03 RSA:2048 erin
	found 5 --login --ca "$W/ca.pem"
	has key-mismatch
	has key-decrypts
	[ "$(field '[f["what"] for f in d["findings"] if f["id"] in ("use-sign", "use-decrypt")]' <<<"$output")" = \
		"['certificates to sign mail with now: 1', 'certificates to encrypt mail for now: 1']" ]
}

@test "a key without certificate, a certificate without key, two certificates" {
	another_token
	new_key 01 RSA:2048 carol
	new_key 02 EC:secp256r1 dave
	new_peer stranger 3000
	remove cert 02
	put_certificate 77 stranger
	put_certificate 01 carol
	found 0 --login --ca "$W/ca.pem"
	has key-no-certificate
	has certificate-no-key
	has key-several-certificates
	lacks key-mismatch
}

@test "the authority: its certificate, one between that is missing, and none" {
	another_token
	found 5
	has use-none
	openssl req -newkey rsa:2048 -nodes -keyout "$W/sub.key" -subj /CN=sub -out "$W/sub.csr" 2>/dev/null
	printf '%s\n' basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign >"$W/sub.ext"
	openssl x509 -req -in "$W/sub.csr" -CA "$W/ca.pem" -CAkey "$W/ca.key" -days 3000 -set_serial 77 \
		-extfile "$W/sub.ext" -out "$W/sub.pem" 2>/dev/null
	cp "$W/ca.pem" root.pem
	cp "$W/sub.pem" "$W/ca.pem"
	cp "$W/sub.key" "$W/ca.key"
	imported 01 erin 3000
	found 0 --ca root.pem
	has certificate-untrusted
	found 0 --ca root.pem --cert "$W/sub.pem"
	lacks certificate-untrusted
}

@test "what a key is named by limits the report" {
	run_as 0 hsmime doctor --login bob@example.test --ca "$W/ca.pem"
	reported CN=bob
	[[ $output != *CN=alice* ]]
	[ "$(grep -c 'the key signs' <<<"$output")" = 1 ]
	found 5 --login nobody@example.test
	has key-none
	run_as 2 hsmime doctor nonsense
	explained
	run_as 2 hsmime doctor --json serial=xyz
	[ "$(field 'd["command"], d["exit_status"]' <<<"$output")" = "('doctor', 2)" ]
}

@test "several keys: each is looked at, and the one that is not there is told" {
	run_as 0 hsmime doctor --login --ca "$W/ca.pem" -k alice@example.test -k 'pkcs11:id=%02'
	[ "$(grep -c 'the key signs' <<<"$output")" = 2 ]
	found 5 --login -k nobody@example.test bob@example.test
	has key-signs
	[ "$(field '[f["subject"] for f in d["findings"] if f["id"] == "key-none"]' <<<"$output")" = \
		"['nobody@example.test']" ]
}

@test "a URI or PIN source that is malformed or refused is an error of usage, as for other commands" {
	for key in 'pkcs11:colour=red' 'pkcs11:id=%zz' nonsense; do
		for module in "$HSMIME_MODULE" /no/such/module.so; do
			run_as 2 hsmime doctor --module "$module" -k alice@example.test -k "$key"
			explained
		done
	done
	run_as 2 hsmime doctor --pin-source nonsense
	explained
	HSMIME_PIN_SOURCE=nonsense run_as 2 hsmime doctor --login
	for query in pin-value=123456 pin-source=env:PIN module-name=nobody; do
		run_as 7 hsmime keys "pkcs11:id=%01?$query"
		run_as 7 hsmime doctor "pkcs11:id=%01?$query"
		explained
	done
}

@test "a certificate without an ID belongs to the key whose public key it has" {
	another_token
	new_key 01 RSA:2048 carol
	remove cert 01
	openssl x509 -in "$W/carol.pem" -outform DER -out carol.der
	pkcs11-tool --module "$HSMIME_MODULE" --token-label "$TOKEN_LABEL" --login --pin 123456 \
		--write-object carol.der --type cert --label carol >/dev/null 2>&1
	found 0 --login --ca "$W/ca.pem"
	has certificate-valid
	lacks key-no-certificate
	lacks certificate-no-key
	found 0 --login --ca "$W/ca.pem" carol@example.test
	has key-signs
	[ "$(hsmime keys --login --json | field '[(k["id"], k["emails"], k["private_key"]) for k in d]')" = \
		"[('01', ['carol@example.test'], True)]" ]
}

@test "settings that hsmime does not know, and a state folder that others can write to" {
	mkdir -p config/hsmime state/hsmime
	printf '[hsmime]\ncolour = red\n' >config/hsmime/hsmime.conf
	chmod 777 state/hsmime
	XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state found 0
	has settings-unknown
	has state-folder-open
}

@test "memory that can't be locked is told" {
	[ "$(id -u)" != 0 ] || skip 'root locks what it likes'
	ulimit -l 0
	found 0
	has memory-not-locked
}
