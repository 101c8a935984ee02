#!/usr/bin/env bats
# Tokens that come, go and come back while the tool runs.

load saboteur

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_mail alice alice
	hsmime encrypt -r "$W/alice.pem" -o "$W/enc.eml" "$W/mail.eml"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

# waits ARGUMENT...: the tool starts without a token, says that it waits, and ends well when one comes
waits() {
	begin_waiting "$HSMIME" "$@"
	tell bring_back
	wait "$waiting"
}

@test "a card that is inserted is what --wait waits for" {
	sabotage lose 'slot_events 1'
	waits sign --wait -k 'pkcs11:token=Demo;id=%01' -o signed.eml "$W/mail.eml"
	[ "$(calls C_WaitForSlotEvent)" -ge 1 ]
	hsmime verify --ca "$W/ca.pem" signed.eml
}

@test "a module that can't wait is asked again and again" {
	sabotage lose 'slot_events 2'
	waits sign --wait --from -o signed.eml "$W/mail.eml"
	[ "$(calls C_WaitForSlotEvent)" = 1 ]
	hsmime verify --ca "$W/ca.pem" signed.eml
}

@test "readers that fail for a while are waited for" {
	local how
	for how in 1 2; do
		sabotage lose "slot_events $how" 'refuse C_GetSlotList CKR_DEVICE_ERROR 8 5'
		waits sign --wait -k 'pkcs11:token=Demo;id=%01' -o signed.eml "$W/mail.eml"
		hsmime verify --ca "$W/ca.pem" signed.eml
	done
}

@test "readers that can't be listed any more end the waiting with 4" {
	sabotage lose 'slot_events 2' 'refuse C_GetSlotList CKR_DEVICE_ERROR 8 1000'
	run_as 4 hsmime sign --wait -k 'pkcs11:token=Demo;id=%01' -o signed.eml "$W/mail.eml"
	said 'CKR_DEVICE_ERROR'
	[ ! -e signed.eml ]
}

@test "a decryption waits too" {
	sabotage lose 'slot_events 2'
	waits decrypt --wait -o mail.eml "$W/enc.eml"
	grep -q Agreed mail.eml
}

@test "a signal ends the waiting, and leaves nothing" {
	sabotage lose 'slot_events 1'
	mkdir out
	begin_waiting "$HSMIME" sign --wait -k 'pkcs11:token=Demo;id=%01' -o out/signed.eml "$W/mail.eml"
	kill -TERM "$waiting"
	ends_as 143 "$waiting"
	[ -z "$(ls -A out)" ]
}

# waits_on WHAT ARGUMENT...: a token comes that does not have the key, goes and comes; it is told what it lacks, once
waits_on() {
	sabotage lose 'slot_events 1'
	begin_waiting "$HSMIME" "${@:2}"
	tell bring_back
	timeout 60 tail -n +1 -F said 2>/dev/null | grep -qm1 "a token is there now, but $1; waiting on"
	tell lose
	await_event lost
	tell bring_back 'hang C_FindObjectsInit'
	await_event 'hang C_FindObjectsInit'
	kill -TERM "$waiting"
	ends_as 143 "$waiting"
	[ "$(grep -c waiting said)" = 2 ]
}

@test "a card that comes without the key is told, and waited on" {
	waits_on 'no private key fits pkcs11:token=Demo;id=%77' \
		sign --wait -k 'pkcs11:token=Demo;id=%77' -o signed.eml "$W/mail.eml"
	[ ! -e signed.eml ]
}

@test "so is one that a message is not for" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout soft.key -out soft.pem -days 9 -subj /CN=soft \
		-addext keyUsage=keyEncipherment 2>openssl.log
	hsmime encrypt --force-recipient --no-encrypt-to-self -r soft.pem -o other.eml "$W/mail.eml"
	waits_on "no key on the tokens belongs to a recipient of the message" decrypt --wait -o clear.eml other.eml
}

@test "without --wait nobody waits" {
	sabotage lose
	run_as 5 hsmime sign -k 'pkcs11:token=Demo;id=%01' -o signed.eml "$W/mail.eml"
	said 'insert the token'
}

@test "with --wait a choice that is not clear is an error all the same" {
	new_key 02 EC:secp256r1 bob
	run_as 5 hsmime sign --wait -k 'pkcs11:token=Demo' -o signed.eml "$W/mail.eml"
}
