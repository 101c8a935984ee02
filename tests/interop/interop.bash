# What the interop tests share: a token with a key of each kind, peers with
# their keys in files, one certificate authority, and data worth sending.
# HSMIME names the tool under test.

interop_root=${BASH_SOURCE[0]%/tests/interop/*}
bats_require_minimum_version 1.5.0

kinds=(rsa p256 p384 p521)
declare -gA id_of=([rsa]=01 [p256]=02 [p384]=03 [p521]=04)
declare -gA token_type=([rsa]=RSA:2048 [p256]=EC:secp256r1 [p384]=EC:secp384r1 [p521]=EC:secp521r1)
ciphers=(aes-128-cbc aes-256-cbc aes-128-gcm aes-256-gcm)

# make_world: fills $W and sets the environment that hsmime reads
make_world() {
	local kind
	export W=$BATS_FILE_TMPDIR/world
	export XDG_STATE_HOME=$W/state XDG_CONFIG_HOME=$W/config
	"$interop_root/scripts/softtoken" new "$W" Interop
	for kind in "${kinds[@]}"; do
		"$interop_root/scripts/softtoken" key "$W" "${id_of[$kind]}" "${token_type[$kind]}" \
			"$kind" "$kind@example.test"
		make_peer "$kind"
	done
	set -a
	# shellcheck source=/dev/null
	. "$W/env"
	set +a
	{ seq 1 3000; printf 'nul \0 cr \r ff \377 lf \n'; seq 1 100; } >"$W/data"
	printf '%s\n' 'From: Rsa <rsa@example.test>' 'To: peer-rsa@example.test, peer-p256@example.test' 'Subject: interop' \
		'MIME-Version: 1.0' 'Content-Type: text/plain; charset=us-ascii' '' \
		'First line.' '' 'Last line.' >"$W/mail.eml"
}

# make_peer KIND: peer-KIND.key and peer-KIND.pem in $W, certified like the token's
make_peer() {
	local options=(-algorithm EC -pkeyopt "ec_paramgen_curve:P-${1#p}")
	[ "$1" != rsa ] || options=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)
	openssl genpkey "${options[@]}" -out "$W/peer-$1.key" 2>/dev/null
	printf '%s\n' 'keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement' \
		'extendedKeyUsage=emailProtection' "subjectAltName=email:peer-$1@example.test" \
		'subjectKeyIdentifier=hash' >"$W/peer.ext"
	openssl req -new -key "$W/peer-$1.key" -subj "/CN=peer $1" |
		openssl x509 -req -CA "$W/ca.pem" -CAkey "$W/ca.key" -days 3000 -extfile "$W/peer.ext" \
			-set_serial "$((RANDOM * 32768 + RANDOM))" -out "$W/peer-$1.pem" 2>/dev/null
}

# key_uri KIND
key_uri() {
	printf 'pkcs11:token=Interop;id=%%%s' "${id_of[$1]}"
}

hsmime() {
	"$HSMIME" "$@"
}

# case_is WORDS: names the combination that a loop is at, for a failing test's output
case_is() {
	echo "# case: $*"
}

# fails_with STATUS COMMAND...: the command ends with exactly that exit status
fails_with() {
	local expected=$1 status=0
	shift
	"$@" || status=$?
	[ "$status" = "$expected" ] || {
		echo "# expected status $expected, got $status: $*"
		return 1
	}
}

# flip FILE OFFSET-FROM-END: inverts one octet
flip() {
	local size at octet
	size=$(stat -c %s "$1")
	at=$((size - $2))
	octet=$(od -An -tu1 -j "$at" -N 1 "$1")
	printf '%b' "\\x$(printf %02x $((octet ^ 255)))" |
		dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}
