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

# hinted FILE PATTERN PATTERN: alice's key fails at it with these two lines, and nobody is sent to look for the token
hinted() {
	run_as 4 hsmime decrypt --cms -k 'pkcs11:id=%01' -o clear "$W/$1.p7m"
	explained
	said "$2"
	said "$3"
	run ! grep -q 'whether the token is there' <<<"$stderr"
	[ ! -e clear ]
}

@test "of a key that unwraps only and asks for its PIN each time it is said that nobody can give it that" {
	sabotage 'limit_key 1 4' 'authenticate 1 1'
	hinted alice 'unwraps only and asks for its PIN at each use' 'use a key that may decrypt'
}

@test "a token that lacks the padding is not one that is missing, whatever it answers" {
	hsmime encrypt --cms --key-transport oaep -r "$W/alice.pem" -o "$W/oaep.p7m" "$W/report"
	sabotage 'refuse C_DecryptInit CKR_ARGUMENTS_BAD 0 99'
	hinted oaep CKR_ARGUMENTS_BAD 'lacks RSA-OAEP decryption with these digests'
	sabotage 'limit_key 1 4' 'unwrap_length 2' 'refuse C_UnwrapKey CKR_MECHANISM_PARAM_INVALID 1 99'
	hinted oaep CKR_MECHANISM_PARAM_INVALID 'lacks unwrapping by RSA-OAEP'
	sabotage 'limit_key 1 4' 'refuse C_UnwrapKey CKR_TEMPLATE_INCOMPLETE 0 99'
	hinted alice CKR_TEMPLATE_INCOMPLETE 'takes no content key of this kind'
}

@test "a signature of impossible length is the token's failure, with what to do" {
	sabotage 'lie C_Sign 100000'
	run_as 4 hsmime sign --cms -k 'pkcs11:id=%01' -o signed "$W/report"
	explained
	said 'malformed signature'
	said "check the token's driver"
}
