#!/usr/bin/env bats
# --wait beside other tokens, by other names of the key, behind p11-kit's proxy.

load saboteur

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	softhsm2-util --init-token --free --label Spare --so-pin 12345678 --pin 123456 >/dev/null
	new_mail alice alice
	hsmime encrypt -r "$W/alice.pem" -o "$W/enc.eml" "$W/mail.eml"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

sign=(sign --wait -o signed.eml)
demo='pkcs11:token=Demo;id=%01'

signed() {
	(unset HSMIME_MODULE && hsmime verify --ca "$W/ca.pem" signed.eml)
	rm signed.eml
}

# waits LINE ARGUMENT...: the tool waits, and ends well when the saboteur does as the line says
waits() {
	begin_waiting "$HSMIME" "${@:2}"
	tell "$1"
	wait "$waiting"
}

@test "another token is there from the start, without the key" {
	for how in 1 2; do
		sabotage 'lose Demo' "slot_events $how"
		waits bring_back "${sign[@]}" -k 'pkcs11:id=%01' "$W/mail.eml"
		signed
		sabotage 'lose Demo' "slot_events $how"
		waits bring_back decrypt --wait -o clear.eml "$W/enc.eml"
		grep -q Agreed clear.eml
		rm clear.eml
	done
}

@test "another slot does not answer" {
	for how in 1 2; do
		sabotage 'lose Demo' "slot_events $how" 'hang C_GetTokenInfo 1'
		begin_waiting "$HSMIME" "${sign[@]}" --call-limit 1 -k "$demo" "$W/mail.eml"
		await_event '^hang C_GetTokenInfo'
		tell bring_back
		wait "$waiting"
		signed
	done
}

@test "there is no reader at first" {
	sabotage 'hide_slots 1' 'slot_events 2'
	waits 'hide_slots 0' "${sign[@]}" -k "$demo" "$W/mail.eml"
	signed
}

# waits_for_reader LOSE ARGUMENT...: the tool waits inside the module, and ends well when a reader is plugged in with
# the token, in a slot that it has not seen
waits_for_reader() {
	sabotage 'lose_readers 1' "$1" 'slot_events 1'
	begin_waiting "$HSMIME" "${@:2}"
	await_event '^waits C_WaitForSlotEvent'
	tell bring_back
	wait "$waiting"
	[ "$(grep -oE '^(waits|back|woken)' "$PROXY_EVENTS" | paste -sd ' ')" = 'waits back woken' ]
}

@test "a reader is plugged in while the module waits" {
	for lose in lose 'lose Demo'; do # there is no reader at all; there is another one
		waits_for_reader "$lose" "${sign[@]}" -k "$demo" "$W/mail.eml"
		signed
		waits_for_reader "$lose" decrypt --wait -o clear.eml "$W/enc.eml"
		grep -q Agreed clear.eml
		rm clear.eml
	done
}

@test "a key is waited for by every name that it has, and so is a group" {
	export XDG_CONFIG_HOME=$PWD/config
	mkdir -p config/hsmime
	printf '%s\n' '[hsmime]' '[group office]' "keys = $demo" >config/hsmime/hsmime.conf
	for name in alice@example.test group:office; do
		sabotage lose 'slot_events 1'
		waits bring_back "${sign[@]}" -k "$name" "$W/mail.eml"
		signed
	done
	sabotage lose 'slot_events 1'
	waits bring_back "${sign[@]}" -k "$demo" -k 'pkcs11:token=Spare;id=%01' "$W/mail.eml"
	signed
}

@test "a token that comes locked is told, and not tried" {
	sabotage lose 'set_flags 0x40000' # CKF_USER_PIN_LOCKED
	begin_waiting "$HSMIME" "${sign[@]}" -k "$demo" "$W/mail.eml"
	tell bring_back
	ends_as 4 "$waiting"
	grep -q 'locked' said
	[ "$(calls C_Login)" = 0 ]
	[ ! -e signed.eml ]
}

@test "the tokens come behind p11-kit's proxy" {
	sabotage lose
	behind_p11_kit
	begin_waiting "${proxied[@]}" "$HSMIME" "${sign[@]}" -k "$demo" "$W/mail.eml"
	tell bring_back
	wait "$waiting"
	signed
}
