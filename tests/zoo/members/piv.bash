# OpenSC on an emulated PIV card: RSA in slot 9a, RSA with a login for each use in 9c (rsa2), P-256
# in 9d and P-384 in a slot of retired keys. PIV has no P-521.
# Where the file ZOO_REFUSAL exists, the card refuses one private-key operation.

namespace=own
keys=(rsa rsa2 ec256 ec384)

check() {
	check_reader
}

slot() { # reference, key
	echo "$1=$ZOO_PKI/$2.key:$ZOO_PKI/$2.der"
}

start() {
	export ZOO_REFUSAL=$ZOO/refuse
	start_reader
	insert_card "$HSMIME_BUILD/tests/zoo/zoo_piv_card" "$card_port" "$pin" 3 "$ZOO_REFUSAL" \
		"$(slot 9a rsa)" "$(slot 9c rsa2)" "$(slot 9d ec256)" "$(slot 82 ec384)"
}
