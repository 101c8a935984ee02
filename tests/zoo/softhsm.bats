#!/usr/bin/env bats
# What the matrix says of keys, shown with the saboteur before SoftHSM.

load ../token/saboteur

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# line NAME: the matrix's
line() {
	sed -n "s/^$1\t//p" matrix
}

@test "a key that may not be used for it is told from one that is not there" {
	softhsm=$HSMIME_MODULE
	sabotage 'limit_key 2 1' 'limit_key 1 2' # ec256 signs only, rsa decrypts only
	"$HSMIME_BUILD/tests/zoo/zoo_matrix" "$ZOO_PKI" >matrix
	[ "$(line 'ECDH P-256')" = 'the key is there, but may not be used to decrypt' ]
	[ "$(line 'sign ECDSA P-256')" = mechanism ]
	[ "$(line 'sign RSA-PSS')" = 'the key is there, but may not be used to sign' ]
	[ "$(line 'ECDH P-384')" = mechanism ]
	run -0 hsmime keys --login --json 'pkcs11:id=%04'
	[ "$(field 'd[0]["curve"]' <<<"$output")" = P-521 ]
	pkcs11-tool --module "$softhsm" --token-label zoo --login --pin 123456 --delete-object \
		--type privkey --id 04 >/dev/null 2>&1
	"$HSMIME_BUILD/tests/zoo/zoo_matrix" "$ZOO_PKI" >matrix
	[ "$(line 'ECDH P-521')" = 'no key' ]
	[ "$(line 'sign ECDSA P-521')" = 'no key' ]
}
