#!/usr/bin/env bats
# hsmime doctor: what it finds on the machine: settings, memory, the service of card readers.

bats_require_minimum_version 1.5.0
load "${BATS_TEST_DIRNAME%/token}/cli/helper"
load saboteur

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

# found ID: level and subject of that finding, from the report in $output
found() {
	field "[(f['level'], f['subject']) for f in d['findings'] if f['id'] == '$1']" <<<"$output"
}

# with_run COMMAND...: where COMMAND arranged /run, doctor with a module that shows no slot
with_run() {
	local isolate=(unshare --mount)
	[ "$(id -u)" = 0 ] || isolate+=(--user --map-root-user)
	"${isolate[@]}" unshare --user --map-user=1000 --map-group=1000 true || skip 'no namespaces for it'
	sabotage 'hide_slots 1'
	run --separate-stderr "${isolate[@]}" bash -c 'mount -t tmpfs tmpfs /run && eval "$1" &&
		exec unshare --user --map-user=1000 --map-group=1000 "$HSMIME" doctor --json' - "$*"
}

@test "the configuration file that is read, and that there is none" {
	new_token "$PWD/world" Demo
	export XDG_CONFIG_HOME=$PWD/config
	mkdir -p config/hsmime
	run --separate-stderr "$HSMIME" doctor --json
	[[ $(found settings-file) == *"('info', '$PWD/config/hsmime/hsmime.conf')"* ]]
	printf '[hsmime]\ncall-limit = 30\n' >config/hsmime/hsmime.conf
	run --separate-stderr "$HSMIME" doctor --json
	[[ $(found settings-file) == *"('ok', '$PWD/config/hsmime/hsmime.conf')"* ]]
}

@test "the versions are those of the tool and of the libraries" {
	local ssl
	new_token "$PWD/world" Demo
	ssl=$(pkg-config --modversion libcrypto)
	run --separate-stderr "$HSMIME" doctor --json
	[ "$(found versions)" = "[('info', None)]" ]
	[ "$(field "[f['what'] for f in d['findings'] if f['id'] == 'versions'][0]" <<<"$output")" = \
		"$("$HSMIME" --version | head -n 1), OpenSSL $(openssl version | cut -d ' ' -f 2) (built with $ssl and p11-kit $(pkg-config --modversion p11-kit-1))" ]
}

@test "memory that can be locked, and that can't" {
	new_token "$PWD/world" Demo
	run --separate-stderr "$HSMIME" doctor --json
	[ "$(found memory-locked)" = "[('ok', None)]" ]
	# Who may lock all memory has no limit.
	run --separate-stderr unshare --user --map-user=1000 --map-group=1000 \
		bash -c 'ulimit -l 0; exec "$HSMIME" doctor --json'
	[ "$(found memory-locked)" = '[]' ]
	[ "$(found memory-not-locked)" = "[('warning', None)]" ]
}

@test "pcscd that is not there, that lets nobody in, and that answers" {
	with_run true
	[ "$(found reader-service-absent)" = "[('warning', '/run/pcscd/pcscd.comm')]" ]
	with_run 'mkdir -m 000 /run/pcscd'
	[ "$(found reader-service-denied)" = "[('warning', '/run/pcscd/pcscd.comm')]" ]
	[ "$(found reader-service-absent)" = '[]' ]
	with_run 'mkdir /run/pcscd && { python3 -c "import socket, time
s = socket.socket(socket.AF_UNIX); s.bind(\"/run/pcscd/pcscd.comm\"); s.listen()
time.sleep(30)" >&2 & } && until [ -S /run/pcscd/pcscd.comm ]; do sleep 0.05; done'
	[ "$(found reader-none)" != '[]' ]
	[ "$(found reader-service-absent)$(found reader-service-denied)" = '[][]' ]
}
