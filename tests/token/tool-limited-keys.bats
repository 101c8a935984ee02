#!/usr/bin/env bats
# A message for a key that is there and may not decrypt: that is said, and not that there is none.

load saboteur

# imported ID NAME [CERTIFICATE]: new_peer's key, with its certificate on the token where it is given
imported() {
	new_peer "$2"
	"$cli_root/scripts/softtoken" import "$W" "$1" "$2" "$W/$2.key" "${@:3}"
}

setup_file() {
	local name
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	imported 03 filed
	imported 04 other "$W/other.pem"
	new_peer stranger
	echo report >"$W/report"
	for name in alice bob filed stranger; do
		encrypted $name $name
	done
	encrypted both alice filed
	encrypted all stranger alice other
}

encrypted() { # FILE NAME...: $W/FILE.p7m, for them
	local name recipients=()
	for name in "${@:2}"; do
		recipients+=(-r "$W/$name.pem")
	done
	hsmime encrypt --cms "${recipients[@]}" -o "$W/$1.p7m" "$W/report"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export XDG_STATE_HOME=$PWD/state
}

# limited FILE ARGUMENT...: it can't be decrypted, since its key may not
limited() {
	rm -f clear
	run_as 5 hsmime decrypt --cms -o clear "$W/$1.p7m" "${@:2}"
	explained
	said 'the key is there, but may not be used to decrypt'
	said "'hsmime keys' shows what each key may be used for"
	[ ! -e clear ]
}

opened() { # FILE ARGUMENT...
	rm -f clear
	run_as 0 hsmime decrypt --cms -o clear "$W/$1.p7m" "${@:2}"
	cmp clear "$W/report"
}

@test "a recipient's key that may not decrypt is not one that is missing" {
	sabotage 'limit_key 1 1' 'limit_key 2 1'
	for name in alice bob; do
		limited $name
		limited $name --cert "$W/$name.pem"
		limited $name -k pkcs11:token=Demo
		limited $name -k $name@example.test
	done
	sabotage
	opened alice
	opened bob
}

@test "so it is where its certificate is in a file alone" {
	sabotage 'limit_key 3 1'
	limited filed --cert "$W/filed.pem"
	limited filed --cert "$W/stranger.pem" --cert "$W/filed.pem"
	sabotage
	opened filed --cert "$W/filed.pem"
}

@test "another recipient's key, which may, decrypts all the same" {
	sabotage 'limit_key 1 1'
	opened all
	opened all -k pkcs11:token=Demo
	opened both --cert "$W/filed.pem"
	limited both
	sabotage 'limit_key 3 1'
	opened both --cert "$W/filed.pem"
}

@test "a key that is not there is called missing" {
	sabotage 'limit_key 1 1'
	run_as 5 hsmime decrypt --cms -o clear "$W/stranger.p7m" --cert "$W/stranger.pem"
	explained
	said 'no key on the tokens belongs to a recipient of the message'
}
