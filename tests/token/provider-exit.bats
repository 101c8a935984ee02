#!/usr/bin/env bats
# hsmime.so under valgrind, in openssl and at its end: SoftHSM uses OpenSSL itself, so that
# what is freed when matters.

load provider

setup_file() {
	command -v valgrind >/dev/null || skip 'no valgrind'
	new_token "$BATS_FILE_TMPDIR/token"
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	printf 'Agreed: 1000 units at 5.\n' >"$W/report.txt"
	openssl cms -encrypt -aes256 -in "$W/report.txt" -out "$W/for-bob" "$W/bob.pem"
	openssl cms -encrypt -aes256 -in "$W/report.txt" -out "$W/for-alice" "$W/alice.pem"
}

# checked STATUS COMMAND...: openssl under valgrind, which finds nothing
checked() {
	local expected=$1
	shift
	run_as "$expected" timeout -k 5 120 valgrind --quiet --error-exitcode=99 \
		--undef-value-errors=no --suppressions="$cli_root/tests/suppressions.valgrind" openssl "$@"
}

@test 'loaded by options: no invalid access' {
	for o in "${orders[@]}"; do
		order "$o"
		checked 0 cms -sign "${providers[@]}" -in "$W/report.txt" -inkey "$(key 01)" \
			-signer "$W/alice.pem" -out "$W/signed"
		checked 0 cms -decrypt "${providers[@]}" -in "$W/for-bob" -recip "$W/bob.pem" \
			-inkey "$(key 02)" -out "$W/decrypted"
	done
}

@test 'loaded by openssl.cnf and torn down by OPENSSL_cleanup: no invalid access' {
	for o in "${orders[@]}"; do
		printf '%s\n' 'openssl_conf = start' '[start]' 'providers = providers' '[providers]' \
			"${o% *} = activate" "${o#* } = activate" '[activate]' 'activate = 1' >"$W/openssl.cnf"
		export OPENSSL_CONF=$W/openssl.cnf
		checked 0 req -new -key "$(key 02)" -subj /CN=bob -out "$W/request"
		checked 0 cms -decrypt -in "$W/for-alice" -recip "$W/alice.pem" -inkey "$(key 01)" \
			-out "$W/decrypted"
	done
}

@test 'after an error: no invalid access' {
	order "${orders[0]}"
	HSMIME_PIN_SOURCE=env:WRONG WRONG=999999 checked 1 pkey "${providers[@]}" -noout -in "$(key 01)"
	order "${orders[1]}"
	checked 1 pkey "${providers[@]}" -noout -in "$(key 77)"
}
