#!/usr/bin/env bats
# A person with one certificate to sign with and another one to be encrypted for, both of one
# address: each operation takes the key whose certificate is for it.

load helper

# certified ID NAME ALGORITHM DAYS USAGE: a key on the token, labelled eve, with a certificate for
# eve@example.test
certified() {
	local name=$2
	openssl genpkey -quiet -out "$W/$name.key" -algorithm "${3%%:*}" \
		-pkeyopt "${3#*:}" 2>/dev/null
	openssl req -new -key "$W/$name.key" -subj "/CN=$name" -out "$W/$name.csr"
	printf '%s\n' 'subjectKeyIdentifier=hash' "keyUsage=critical,$5" \
		'extendedKeyUsage=emailProtection' 'subjectAltName=email:eve@example.test' >"$W/$name.ext"
	if [ "$4" -lt 0 ]; then
		certify_past "$name"
	else
		openssl x509 -req -in "$W/$name.csr" -CA "$W/ca.pem" -CAkey "$W/ca.key" -days "$4" \
			-set_serial "$((RANDOM * 32768 + RANDOM))" -extfile "$W/$name.ext" \
			-out "$W/$name.pem" 2>/dev/null
	fi
	"$cli_root/scripts/softtoken" import "$W" "$1" eve "$W/$name.key" "$W/$name.pem"
}

setup_file() {
	# Both digitalSignature and nonRepudiation are for signatures; both uses for encryption occur.
	new_token "$BATS_FILE_TMPDIR/rsa" RSA
	certified 01 rsa_encrypts RSA:rsa_keygen_bits:2048 3000 keyEncipherment
	certified 02 rsa_signs RSA:rsa_keygen_bits:2048 3000 nonRepudiation
	certified 03 rsa_before RSA:rsa_keygen_bits:2048 -1 keyEncipherment
	new_mail eve eve
	new_token "$BATS_FILE_TMPDIR/ec" EC
	certified 01 ec_encrypts EC:ec_paramgen_curve:P-256 3000 keyAgreement
	certified 02 ec_signs EC:ec_paramgen_curve:P-256 3000 digitalSignature
	new_mail eve eve
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# on TYPE: the token with keys of that type
on() {
	set -a
	# shellcheck source=/dev/null
	. "$BATS_FILE_TMPDIR/$1/env"
	set +a
	export W=$BATS_FILE_TMPDIR/$1 XDG_STATE_HOME=$BATS_FILE_TMPDIR/$1/state
}

# signed_by NAME: signed.eml is, by the certificate's serial number
signed_by() {
	local serial
	serial=$(openssl x509 -in "$W/$1.pem" -noout -serial | cut -d = -f 2)
	run_as 0 hsmime verify --json --ca "$W/ca.pem" signed.eml
	[ "$(field 'd["layers"][0]["signers"][0]["serial_number"]' <<<"$output")" = "$serial" ]
}

# decrypts NAME [OPTION...]: a mail that was encrypted for that certificate
decrypts() {
	hsmime encrypt --force-recipient -r "$W/$1.pem" -o encrypted.eml "$W/mail.eml"
	run_as 0 hsmime decrypt "${@:2}" -o clear.eml encrypted.eml
	grep -q Agreed clear.eml
}

@test "a signature takes the key of the certificate for signatures, however it is named" {
	for type in rsa ec; do
		on $type
		for key in eve@example.test "pkcs11:token=${type^^}" pkcs11:object=eve; do
			run_as 0 hsmime sign -k "$key" -o signed.eml "$W/mail.eml"
			signed_by ${type}_signs
		done
		run_as 0 hsmime sign --from -o signed.eml "$W/mail.eml"
		signed_by ${type}_signs
	done
}

@test "a decryption takes the key of the certificate for encryption, also of an expired one" {
	for type in rsa ec; do
		on $type
		for key in eve@example.test "pkcs11:token=${type^^}" pkcs11:object=eve; do
			decrypts ${type}_encrypts -k "$key"
		done
		decrypts ${type}_encrypts
	done
	on rsa
	decrypts rsa_before
	decrypts rsa_before -k eve@example.test
}

@test "named outright, the key of the other certificate signs nothing" {
	for type in rsa ec; do
		on $type
		run_as 7 hsmime sign -k 'pkcs11:id=%01' -o signed.eml "$W/mail.eml"
		explained
		[ ! -e signed.eml ]
		run_as 5 hsmime sign -k "subject=CN=${type}_encrypts" -o signed.eml "$W/mail.eml"
		said 'is not one to sign mail with'
		[ ! -e signed.eml ]
	done
}

@test "of two certificates of one address for one use, none is taken" {
	on rsa
	certified 04 rsa_too RSA:rsa_keygen_bits:2048 3000 digitalSignature
	run_as 5 hsmime sign -k eve@example.test -o signed.eml "$W/mail.eml"
	said 'several keys fit'
	said 'CN=rsa_signs'
	said 'CN=rsa_too'
	run ! grep -q 'CN=rsa_encrypts' <<<"$stderr"
	decrypts rsa_encrypts -k eve@example.test
}
