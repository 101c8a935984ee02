#!/usr/bin/env bats
# hsmime doctor: states of tokens, keys, certificates and the host that are seldom met, each with
# what to do where something can be done, and each absent where all is well.

bats_require_minimum_version 1.5.0
load "${BATS_TEST_DIRNAME%/token}/cli/helper"
load saboteur

setup_file() {
	export HSMIME=$HSMIME_BUILD/src/cli/hsmime
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

# another_token: for this test alone
another_token() {
	new_token "$BATS_TEST_TMPDIR/world" Other
	export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
}

# examined STATUS: the report is in $output
examined() {
	run_as "$1" timeout 60 "$HSMIME" doctor --login --json --call-limit 2 --ca "$W/ca.pem" "${@:2}"
}

# told LEVEL ID: that finding, and what to do, unless it is one that wants nothing done
told() {
	[ "$(field "sorted(set(f['level'] for f in d['findings'] if f['id'] == '$2'))" <<<"$output")" = "['$1']" ] || {
		printf 'no %s that is a matter of %s in\n%s\n' "$2" "$1" "$output"
		return 1
	}
	[ "$1" = info ] ||
		[ "$(field "all(f['what_to_do'] for f in d['findings'] if f['id'] == '$2')" <<<"$output")" = True ]
}

# not_told ID...
not_told() {
	local id
	for id; do
		[ "$(field "'$id' in [f['id'] for f in d['findings']]" <<<"$output")" = False ] || {
			printf '%s in\n%s\n' "$id" "$output"
			return 1
		}
	done
}

@test "where all is well none of them is told" {
	examined 0
	not_told token-sessions token-same-label token-write-protected pin-not-set reader-empty \
		module-stuck key-always-authenticate key-not-for-mail certificate-not-yet-valid \
		certificate-key-limited clock-wrong state-folder-unusable module-none-configured
}

@test "a token that has no session left, one that can't be written to, and a slot to spare" {
	sabotage 'report_sessions 8' 'report_open 8' 'set_flags 0x2' # CKF_WRITE_PROTECTED
	examined 0
	told warning token-sessions
	told info token-write-protected
	told info token-spare
}

@test "a key that asks for each use, and one that is for no mail" {
	sabotage 'authenticate 1 1'
	examined 0
	told info key-always-authenticate
	sabotage 'limit_key 1 0'
	examined 5
	told info key-not-for-mail
	told warning certificate-key-limited
	told error use-none
}

@test "a reader without a card" {
	sabotage lose
	examined 4
	told info reader-empty
}

@test "a module that does not say what it is" {
	sabotage 'hang C_GetInfo'
	examined 4
	told error module-stuck
}

@test "two tokens of one label" {
	another_token
	softhsm2-util --init-token --free --label Other --so-pin 12345678 --pin 123456 >/dev/null
	run --separate-stderr hsmime doctor --json --ca "$W/ca.pem"
	told warning token-same-label
}

@test "a token whose PIN was never set" {
	another_token
	pkcs11-tool --module "$HSMIME_MODULE" --slot-index 1 --init-token --label Blank \
		--so-pin 12345678 >/dev/null 2>&1
	run --separate-stderr hsmime doctor --json --ca "$W/ca.pem"
	told warning pin-not-set
}

# Where every certificate begins later, it is rather the clock.
@test "a certificate that is not valid yet, and a clock that is wrong" {
	another_token
	new_peer later
	: >"$W/index"
	printf '[ca]\ndefault_ca=a\n[a]\ndatabase=%s\nnew_certs_dir=%s\npolicy=p\ndefault_md=sha256\nrand_serial=yes\n[p]\ncommonName=supplied\n' \
		"$W/index" "$W" >"$W/ca.conf"
	openssl ca -batch -config "$W/ca.conf" -in "$W/later.csr" -cert "$W/ca.pem" -keyfile "$W/ca.key" \
		-startdate 20900101000000Z -enddate 20910101000000Z -notext \
		-extfile "$W/later.ext" -out "$W/later.pem" 2>/dev/null
	"$cli_root/scripts/softtoken" import "$W" 01 later "$W/later.key" "$W/later.pem"
	run --separate-stderr hsmime doctor --json --login --ca "$W/ca.pem"
	told warning certificate-not-yet-valid
	told error clock-wrong
	new_key 02 EC:secp256r1 bob
	run --separate-stderr hsmime doctor --json --login --ca "$W/ca.pem"
	told warning certificate-not-yet-valid
	not_told clock-wrong
}

@test "a state folder that is none" {
	mkdir state
	: >state/hsmime
	examined 0
	told warning state-folder-unusable
	XDG_STATE_HOME=$PWD/state/hsmime/below examined 0
	told warning state-folder-unusable
	# An account that is in no list of accounts has no home either.
	unset XDG_STATE_HOME
	nobody=(unshare --user --map-user=54321 --map-group=54321)
	"${nobody[@]}" true || skip 'no namespaces for it'
	HOME='' run --separate-stderr "${nobody[@]}" "$HSMIME" doctor --json
	told warning state-folder-unusable
}

# configure [NAME FILE]...: p11-kit knows these modules alone. For root it reads nothing below HOME.
configure() {
	rm -rf home
	mkdir -p home/.config/pkcs11/modules
	echo 'user-config: only' >home/.config/pkcs11/pkcs11.conf
	while [ $# -gt 0 ]; do
		echo "module: $2" >"home/.config/pkcs11/modules/$1.module"
		shift 2
	done
	as_user=()
	[ "$(id -u)" != 0 ] || as_user=(unshare --user --map-user=1000 --map-group=1000)
	"${as_user[@]}" true || skip 'no namespaces for it'
	unset HSMIME_MODULE
}

configured() { # COMMAND...: by the user whom that is for
	HOME=$PWD/home XDG_CONFIG_HOME=$PWD/home/.config run --separate-stderr \
		"${as_user[@]}" "$HSMIME" "$@"
}

@test "a machine for which no module is configured" {
	configure
	configured doctor --json
	told warning module-none-configured
}

@test "configured modules that can't be loaded or don't start" {
	local soft=$HSMIME_MODULE
	sabotage 'refuse C_Initialize CKR_DEVICE_ERROR 0 99'
	configure soft "$soft" gone /nonexistent/gone.so text "$PWD/text" \
		broken "$HSMIME_BUILD/tests/token/proxy.so"
	: >text
	configured doctor --json
	told info module-configured
	told warning module-unloaded
	told warning module-unstarted
	grep -q 'gone (.*/gone.module)' <<<"$output"
	grep -q 'text (.*/text.module)' <<<"$output"
	grep -q 'broken (.*/proxy.so)' <<<"$output"
	grep -q 'CKR_DEVICE_ERROR' <<<"$output"
	configure broken "$HSMIME_BUILD/tests/token/proxy.so"
	printf 'From: a@example.test\n\nHello\n' >mail.eml
	configured tokens
	grep -q "'hsmime doctor' tells of modules that do not start" <<<"$stderr"
	configured sign -k 'pkcs11:token=Demo' -o signed.eml mail.eml
	grep -q "'hsmime doctor' tells of modules that do not start" <<<"$stderr"
}
