#!/usr/bin/env bats
# Where hsmime.so's module and PIN come from, and what is said when they can't be had.

load provider

setup_file() {
	provider_token
}

# configured STATUS COMMAND...: openssl with that file, and nothing of it in the environment
configured() {
	local expected=$1
	shift
	run_as "$expected" env -u HSMIME_MODULE -u HSMIME_PIN_SOURCE OPENSSL_CONF="$W/openssl.cnf" \
		timeout -k 5 60 openssl "$@"
}

# signs_with OPTION...: dgst on the RSA and the EC key, verified without the token
signs_with() {
	for pair in 01:alice 02:bob; do
		rm -f "$W/sig"
		"$@" dgst -sha256 -sign "$(key "${pair%:*}")" -out "$W/sig" "$W/report.txt"
		openssl x509 -in "$W/${pair#*:}.pem" -pubkey -noout -out "$W/pub"
		plain dgst -sha256 -verify "$W/pub" -signature "$W/sig" "$W/report.txt"
	done
}

@test 'openssl.cnf names module and PIN source' {
	for o in "${orders[@]}"; do
		configure "${o% *}" "${o#* }" "pkcs11-module = $HSMIME_MODULE" "pin-source = $HSMIME_PIN_SOURCE"
		signs_with configured 0
	done
}

# documented FIRST-LINE: what stands in docs/PROVIDER.md from that line on, with this test's files
documented() {
	sed -n "/^    $1\$/,/^[^ ]/s/^    //p" "$cli_root/docs/PROVIDER.md" |
		sed "s|/usr/lib/softhsm/libsofthsm2.so|$HSMIME_MODULE|; s|/etc/hsmime/pin|$W/pin|"
}

@test 'the openssl.cnf of docs/PROVIDER.md works, and keys are made in software' {
	documented 'openssl_conf = start' >"$W/openssl.cnf"
	grep -q "^pin-source = file:$W/pin\$" "$W/openssl.cnf"
	signs_with configured 0
	configured 0 genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/made.pem"
}

@test 'with what docs/PROVIDER.md says hsmime may come first' {
	{
		echo 'openssl_conf = start'
		documented '\[start\]' | sed -n '/alg_section/,$p' | sed '1i [start]\nproviders = providers'
		printf '%s\n' '[providers]' 'hsmime = hsmime_section' 'default = default_section' \
			'[default_section]' 'activate = 1' '[hsmime_section]' 'activate = 1' \
			"pkcs11-module = $HSMIME_MODULE" "pin-source = $HSMIME_PIN_SOURCE"
	} >"$W/openssl.cnf"
	grep -q '^default_properties = ?provider=default$' "$W/openssl.cnf"
	signs_with configured 0
	configured 0 genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/made.pem"
	sed -i '/default_properties/d' "$W/openssl.cnf"
	configured 1 genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/made.pem"
}

@test 'module is the file of the provider, as in every section of openssl.cnf' {
	for o in "${orders[@]}"; do
		configure "${o% *}" "${o#* }" "module = $OPENSSL_MODULES/hsmime.so" \
			"pkcs11-module = $HSMIME_MODULE" "pin-source = $HSMIME_PIN_SOURCE"
		signs_with configured 0
	done
}

@test 'the environment names module and PIN source where openssl.cnf does not' {
	for o in "${orders[@]}"; do
		configure "${o% *}" "${o#* }"
		run_as 0 env OPENSSL_CONF="$W/openssl.cnf" openssl dgst -sha256 -sign "$(key 02)" \
			-out "$W/sig" "$W/report.txt"
	done
}

@test 'openssl.cnf has the last word over the environment' {
	configure hsmime default "pkcs11-module = $HSMIME_MODULE" "pin-source = $HSMIME_PIN_SOURCE"
	run_as 0 env OPENSSL_CONF="$W/openssl.cnf" HSMIME_MODULE=/nowhere HSMIME_PIN_SOURCE=file:/nowhere \
		openssl dgst -sha256 -sign "$(key 02)" -out "$W/sig" "$W/report.txt"
}

@test 'a limit for calls that is no number of seconds is refused' {
	for limit in 0 7 1000000; do
		configure default hsmime "pkcs11-module = $HSMIME_MODULE" "pin-source = $HSMIME_PIN_SOURCE" \
			"call-limit = $limit"
		configured 0 pkey -noout -in "$(key 01)"
	done
	for limit in abc -1 1.5 '1 s' 1000001 99999999999999999999; do
		configure default hsmime "pkcs11-module = $HSMIME_MODULE" "pin-source = $HSMIME_PIN_SOURCE" \
			"call-limit = $limit"
		configured 1 pkey -noout -in "$(key 01)"
		mentions "call-limit in openssl.cnf is \"$limit\""
	done
}

@test 'openssl.cnf names the token whose keys count' {
	configure default hsmime "pkcs11-module = $HSMIME_MODULE" "pin-source = $HSMIME_PIN_SOURCE" \
		'token = Demo'
	configured 0 pkey -noout -in 'pkcs11:id=%01'
	configure default hsmime "pkcs11-module = $HSMIME_MODULE" "pin-source = $HSMIME_PIN_SOURCE" \
		'token = Other'
	configured 1 pkey -noout -in 'pkcs11:id=%01'
	mentions 'there is no token "Other"'
}

@test 'the PIN may come from the URI as a file, and from the program' {
	unset HSMIME_PIN_SOURCE
	for o in "${orders[@]}"; do
		order "$o"
		ossl 0 pkey -noout -in "$(key 01)?pin-source=file:$W/pin"
		ossl 0 pkey -noout -in "$(key 01)" -passin "file:$W/pin"
		ossl 0 dgst -sha256 -sign "$(key 02)" -passin pass:123456 -out "$W/sig" "$W/report.txt"
	done
}

# one_try STATUS COMMAND...: a wrong PIN, by a program that knows of none before; however often its
# source is asked, it is once
one_try() {
	local expected=$1
	shift
	rm -f "$W/asked"
	rm -rf "$XDG_STATE_HOME"
	HSMIME_PIN_SOURCE="command:echo x >>'$W/asked'; echo 999999" ossl "$expected" "$@"
	[ "$(wc -l <"$W/asked")" = 1 ]
	mentions 'no login.*refused the PIN'
}

@test 'a wrong PIN is tried once' {
	for o in "${orders[@]}"; do
		order "$o"
		one_try 1 pkey -noout -in "$(key 01)"
		one_try 1 req -new -key "$(key 01)" -subj /CN=x
		one_try 1 dgst -sha256 -sign "$(key 02)" "$W/report.txt"
		one_try 1 storeutl -noout pkcs11:token=Demo
		reported ': Certificate$'
		one_try 2 cms -sign -in "$W/report.txt" -inkey "$(key 01)" -signer "$W/alice.pem"
		HSMIME_PIN_SOURCE='' ossl 1 pkey -noout -in "$(key 01)" -passin pass:999999
		mentions 'no login.*refused the PIN'
	done
	# None of these have locked it.
	ossl 0 pkey -noout -in "$(key 01)"
}

@test 'a PIN that can not be had is an error with the reason' {
	for o in "${orders[@]}"; do
		order "$o"
		HSMIME_PIN_SOURCE=file:/nowhere ossl 1 pkey -noout -in "$(key 01)"
		mentions 'no login.*/nowhere'
		HSMIME_PIN_SOURCE=nonsense ossl 1 pkey -noout -in "$(key 01)"
		mentions 'unsupported request'
	done
}

@test 'a key that is not there is an error, and so is one of several' {
	for o in "${orders[@]}"; do
		order "$o"
		ossl 1 pkey -noout -in "$(key 77)"
		mentions 'no such key.*no private key fits pkcs11:token=Demo;id=%77'
		ossl 1 pkey -noout -in pkcs11:token=Other
		mentions 'no such key.*no token matches'
		ossl 1 pkey -noout -in pkcs11:token=Demo
		mentions 'no such key.*several keys fit.*id=%0[1-5] '
	done
}

@test 'a module that is not there, or is none, is an error with the reason' {
	local other
	other=$(ldd "$OPENSSL_MODULES/hsmime.so" | awk '/libcrypto/ { print $3 }')
	for o in "${orders[@]}"; do
		order "$o"
		HSMIME_MODULE=/nowhere.so ossl 1 pkey -noout -in "$(key 01)"
		mentions "can't load the PKCS#11 module /nowhere.so"
		HSMIME_MODULE=$other ossl 1 pkey -noout -in "$(key 01)"
		mentions 'is not a PKCS#11 module'
		HSMIME_MODULE=/nowhere.so ossl 1 storeutl -noout pkcs11:token=Demo
		mentions "can't load the PKCS#11 module /nowhere.so"
		configure "${o% *}" "${o#* }" 'pkcs11-module = /nowhere.so'
		configured 1 pkey -noout -in "$(key 01)"
		mentions "can't load the PKCS#11 module /nowhere.so"
	done
}

@test 'a URI that would show a PIN or run something is refused, and runs nothing' {
	for o in "${orders[@]}"; do
		order "$o"
		ossl 1 pkey -noout -in "$(key 01)?pin-value=123456"
		mentions 'refused.*holds a PIN.*pin-source=file:/PATH'
		ossl 1 pkey -noout -in "$(key 01)?pin-source=|touch%20$W/ran"
		mentions 'refused.*is a command.*HSMIME_PIN_SOURCE='
		ossl 1 pkey -noout -in "$(key 01)?pin-source=command:touch%20$W/ran"
		mentions 'refused'
		[ ! -e "$W/ran" ]
		ossl 1 pkey -noout -in "$(key 01)?module-path=/nowhere.so"
		mentions 'refused.*not configured.*HSMIME_MODULE'
		ossl 1 storeutl -noout "pkcs11:token=Demo?module-path=/nowhere.so"
		mentions 'refused.*not configured'
	done
}

@test 'a malformed URI is an error' {
	for o in "${orders[@]}"; do
		order "$o"
		for uri in 'pkcs11:id=%zz' 'pkcs11:token=Demo;nonsense=1' 'pkcs11:type=nonsense'; do
			ossl 1 pkey -noout -in "$uri"
			mentions 'unsupported request.*malformed pkcs11: URI'
		done
	done
}
