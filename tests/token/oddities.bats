#!/usr/bin/env bats
# Oddities of p11-kit, which stands between programs and modules: its proxy, its server.

load saboteur
load "${BATS_TEST_DIRNAME%/token}/zoo/zoo"

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	echo data >"$W/data"
	CLIENT=$(find /usr/lib -name p11-kit-client.so -print -quit)
	export CLIENT
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

teardown() {
	end_server
}

sign() { # argument...
	hsmime sign --cms -k 'pkcs11:token=Demo;id=%02' -o out "$@" "$W/data"
}

# start_server: p11-kit's server of the token, and the environment of its clients
start_server() {
	p11-kit server -n "$PWD/socket" --provider "$HSMIME_MODULE" 'pkcs11:token=Demo' >server
	# shellcheck source=/dev/null
	. ./server
}

# end_server: it and the process that serves a client
end_server() {
	[ -n "${P11_KIT_SERVER_PID-}" ] || return 0
	# shellcheck disable=SC2046
	kill -9 $(pgrep -P "$P11_KIT_SERVER_PID") "$P11_KIT_SERVER_PID"
	unset P11_KIT_SERVER_PID
}

@test "p11-kit's proxy, an instance of its own for each caller, signs" {
	unset HSMIME_MODULE
	run_as 0 sign
	run_as 0 hsmime verify --cms --ca "$W/ca.pem" --content "$W/data" out
}

@test "a process that has used p11-kit's proxy forks: both sides sign, and exit with the key in hand" {
	unset HSMIME_MODULE
	ZOO_PKI=$W forks_and_leaves alice
}

@test "a token behind p11-kit's server signs" {
	[ -n "$CLIENT" ] || skip 'no p11-kit-client.so here'
	start_server
	HSMIME_MODULE=$CLIENT run_as 0 sign
}

# configured True/False: doctor tells, or does not, of the modules that p11-kit is configured with
configured() {
	run --separate-stderr "$HSMIME" doctor --json
	[ "$(field "'module-loaded' in [f['id'] for f in d['findings']]" <<<"$output")" = True ]
	[ "$(field "any(f['id'] in ('module-configured', 'module-unloaded', 'module-unstarted',
		'module-none-configured') for f in d['findings'])" <<<"$output")" = "$1" ]
}

@test "the modules that p11-kit is configured with are behind its proxy, and not behind its client" {
	local proxy softhsm=$HSMIME_MODULE
	proxy=$(find /usr/lib -name p11-kit-proxy.so -print -quit)
	[ -n "$CLIENT" ] || skip 'no p11-kit-client.so here'
	start_server
	HSMIME_MODULE=$CLIENT configured False
	[[ $output == *token-found* ]]
	HSMIME_MODULE=$CLIENT run_as 7 hsmime sign --cms -o out "$W/data" \
		-k "pkcs11:token=Demo;id=%02?module-path=$softhsm"
	end_server
	[ "$HSMIME_MODULE" = "$softhsm" ]
	configured False
	for HSMIME_MODULE in "$proxy" p11-kit-proxy.so "$(readlink -f "$proxy")"; do
		configured True
	done
	unset HSMIME_MODULE
	configured True
}

@test "a server that dies during a signature is a failure of the token, and no signal" {
	[ -n "$CLIENT" ] || skip 'no p11-kit-client.so here'
	start_server
	export PROXY_INNER=$CLIENT
	sabotage 'hang C_Sign'
	sign 2>errors &
	await_event '^hang C_Sign'
	end_server
	tell release
	status=0
	wait $! || status=$?
	[ "$status" = 4 ]
	grep -q 'CKR_DEVICE_' errors
	[ ! -e out ]
}
