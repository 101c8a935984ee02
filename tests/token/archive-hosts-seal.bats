#!/usr/bin/env bats
# The seal of a job of several hosts: one host signs, whoever else is at it waits, and takes over where that one dies.

load saboteur
load ../cli/archive
load ../cli/hosts

setup_file() {
	new_archive_world
	new_peer clerk
	own_key 06 clerk
	mailboxes make "$W/few" 8 cbc gcm plain
	new_database
}

teardown_file() {
	end_database
}

# A job that is finished, and not sealed.
setup() {
	cd "$BATS_TEST_TMPDIR"
	job=(archive decrypt --in "eml:$W/few/in" --out eml:clear)
	own_token 1
	own_token 2
	as_host 1 "$HSMIME" "${job[@]}" --journal "$database" 3>&-
	[ ! -e clear.hsmime/manifest.jsonl.p7s ]
	sabotage
	export PROXY_CONTROL=$PWD/host-1/control
	tell 'hang C_Sign 1' # the first is the trial
	seal=(--seal 'pkcs11:id=%01')
}

# sealing NAME ARGUMENT...: a host ($pid) in the background that seals; host 1 stands still when it signs
sealing() {
	SOFTHSM2_CONF=$PWD/host-$1/softhsm2.conf PROXY_CONTROL=$PWD/host-$1/control PROXY_COUNTS=$PWD/host-$1/counts \
		"$HSMIME" "${job[@]}" "${seal[@]}" "${@:2}" >"host-$1/out" 2>"host-$1/said" 3>&- &
	pid=$!
}

# signed NAME: how often a host did
signed() {
	[ ! -e "host-$1/counts" ] && echo 0 || PROXY_COUNTS=$PWD/host-$1/counts calls C_Sign # it may not have begun with the token
}

# await_words NAME WORDS: until that host has said so; fails after 60 s
await_words() {
	timeout 60 tail -n +1 -F "host-$1/said" 2>/dev/null | grep -qm1 -- "$2"
}

# second_waits: host 2 seals too, and waits for the first
second_waits() {
	sealing 2
	await_words 2 'another host seals the manifest'
}

# ended PID NAME: it came to a good end
ended() {
	ln -sf "host-$2/said" said
	ends_as 0 "$1"
	grep -q 'finished, and sealed' "host-$2/out"
}

# proved NAME: the seal holds, and is NAME's
proved() {
	archive 0 check clear.hsmime --ca "$W/ca.pem" --sources
	openssl cms -verify -binary -inform DER -in clear.hsmime/manifest.jsonl.p7s -content clear.hsmime/manifest.jsonl \
		-CAfile "$W/ca.pem" -purpose any -signer by.pem -out /dev/null
	openssl x509 -in by.pem -noout -subject | grep -q "CN *= *$1\$"
	no_drafts clear clear.hsmime
}

@test "two hosts at once: one signs, the other waits, signs nothing and says that it is sealed" {
	sealing 1
	local first=$pid
	await_event '^hang C_Sign'
	second_waits
	[ ! -e clear.hsmime/manifest.jsonl.p7s ]
	tell release
	ended "$first" 1
	ended "$pid" 2
	grep -q 'sealed already' host-2/said
	[ "$(signed 1)" = 2 ]
	[ "$(signed 2)" = 0 ]
	proved alice
}

@test "who seals is killed: the other one, which waited, seals" {
	sealing 1 --lease 2
	local first=$pid
	await_event '^hang C_Sign'
	second_waits
	kill -9 "$first"
	wait "$first" || true
	ended "$pid" 2
	run ! grep -q 'sealed already' host-2/said
	[ "$(signed 2)" = 2 ]
	proved alice
}

@test "who stood still while another one sealed writes no seal any more" {
	sealing 1 --lease 2
	local first=$pid
	await_event '^hang C_Sign'
	kill -STOP "$first"
	sealing 2
	ended "$pid" 2
	[ "$(signed 2)" = 2 ]
	stat -c '%i %Y' clear.hsmime/manifest.jsonl.p7s >before
	tell release
	kill -CONT "$first"
	ended "$first" 1
	grep -q 'was not heard of for too long' host-1/said
	stat -c '%i %Y' clear.hsmime/manifest.jsonl.p7s | diff before -
	proved alice
}

@test "another key than the one that just sealed replaces its seal, as of one host" {
	sealing 1
	local first=$pid
	await_event '^hang C_Sign'
	seal=(--seal 'pkcs11:id=%06')
	second_waits
	tell release
	ended "$first" 1
	ended "$pid" 2
	[ "$(signed 2)" = 2 ]
	proved clerk
}

@test "who only waits for the seal is stopped by a signal, and the seal comes all the same" {
	sealing 1
	local first=$pid
	await_event '^hang C_Sign'
	second_waits
	kill -TERM "$pid"
	ln -sf host-2/said said
	ends_as 143 "$pid"
	[ "$(signed 2)" = 0 ]
	tell release
	ended "$first" 1
	proved alice
}
