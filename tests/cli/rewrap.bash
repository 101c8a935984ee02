# What the tests of hsmime archive rewrap begin with: messages for alice, bob and eve (archive.bash), and carol and dora, who
# are to have them.

load archive

# shellcheck disable=SC2034 # for who loads this
readonly good=(cbc gcm oaep ecdh plain ecdhgcm both signed) new=(-r carol.pem -r dora.pem)

# new_rewrap_world: eve's key is in $W/eve.p8 too
new_rewrap_world() {
	new_archive_world
	new_peer carol
	new_ec_peer dora
	openssl pkcs8 -topk8 -nocrypt -in eve.key -out eve.p8
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cp "$W/carol.pem" "$W/dora.pem" .
}
