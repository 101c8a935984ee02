#!/usr/bin/env bats
# Keys on a token for programs that open a key as a file: a PEM file that holds its URI.

load provider

setup_file() {
	provider_token
	hsmime keys --pem-uri "$(key 01)" >"$W/alice-key.pem"
	hsmime keys --pem-uri "$(key 02)" >"$W/bob-key.pem"
}

# pem_uri URI [DESCRIPTION]: that file, whatever the URI
pem_uri() {
	python3 - "$@" <<-'PY'
		import base64, sys
		uri = sys.argv[1].encode()
		words = (sys.argv[2:] or ["PKCS#11 Provider URI v1.0"])[0].encode()
		def tlv(tag, value):
		    size = len(value)
		    head = bytes([size]) if size < 128 else bytes([0x83, size >> 16, size >> 8 & 255, size & 255])
		    if 128 <= size < 256: head = bytes([0x81, size])
		    elif 256 <= size < 65536: head = bytes([0x82, size >> 8, size & 255])
		    return bytes([tag]) + head + value
		text = base64.encodebytes(tlv(0x30, tlv(0x1A, words) + tlv(0x0C, uri))).decode()
		label = "PKCS#11 PROVIDER URI"
		print(f"-----BEGIN {label}-----\n{text}-----END {label}-----")
	PY
}

# uri_in FILE: the URI that such a file holds
uri_in() {
	openssl asn1parse -in "$1" | sed -n 's/.*UTF8STRING *://p'
}

# time_stamp STATUS KEY: openssl ts opens its key as a file, and tells why it can't (and, whatever
# comes of it, which of its settings are not there)
time_stamp() {
	run_as "$1" openssl ts "${providers[@]}" -reply -queryfile "$W/query" -config "$W/ts.cnf" \
		-section tsa -inkey "$2" -signer "$W/tsa.pem" -out "$W/reply"
}

new_authority() {
	printf '%s\n' '[tsa]' "serial = $W/serial" 'default_policy = 1.2.3.4' 'digests = sha256' \
		'signer_digest = sha256' 'crypto_device = builtin' >"$W/ts.cnf"
	sed -i '/crypto_device/d' "$W/ts.cnf"
	echo 01 >"$W/serial"
	printf 'extendedKeyUsage=critical,timeStamping\n' >"$W/tsa.ext"
	plain x509 -in "$W/$1.pem" -pubkey -noout -out "$W/tsa.pub"
	plain req -new -newkey rsa:2048 -nodes -keyout "$W/unused.key" -subj /CN=tsa -out "$W/tsa.csr"
	plain x509 -req -in "$W/tsa.csr" -force_pubkey "$W/tsa.pub" -CA "$W/ca.pem" -CAkey "$W/ca.key" \
		-days 3 -set_serial 99 -extfile "$W/tsa.ext" -out "$W/tsa.pem"
	plain ts -query -data "$W/report.txt" -sha256 -cert -out "$W/query"
}

@test 'keys --pem-uri writes the URI of one key and nothing else' {
	run_as 0 hsmime keys --pem-uri "$(key 01)"
	[ "$(sed -n '1p;$p' <<<"$output")" = $'-----BEGIN PKCS#11 PROVIDER URI-----\n-----END PKCS#11 PROVIDER URI-----' ]
	[ -z "$stderr" ]
	[[ $(uri_in "$W/alice-key.pem") == pkcs11:*token=Demo*id=%01*type=private ]]
	[ "$(openssl asn1parse -in "$W/alice-key.pem" | grep -c .)" = 3 ]
	run_as 0 hsmime keys --login --pem-uri "$(uri_in "$W/alice-key.pem")"
	[ "$output" = "$(cat "$W/alice-key.pem")" ]
}

@test 'keys --pem-uri keeps where the PIN is, and refuses the PIN itself' {
	hsmime keys --pem-uri "$(key 01)?pin-source=file:$W/pin" >"$W/with-pin.pem"
	[[ $(uri_in "$W/with-pin.pem") == *"type=private?pin-source=file:$W/pin" ]]
	order "${orders[0]}"
	HSMIME_PIN_SOURCE='' ossl 0 dgst -sha256 -sign "$W/with-pin.pem" -out "$W/sig" "$W/report.txt"
	run_as 7 hsmime keys --pem-uri "$(key 01)?pin-value=123456"
	[ -z "$output" ]
	run_as 7 hsmime keys --pem-uri "$(key 01)?pin-source=|id"
	[ -z "$output" ]
}

@test 'keys --pem-uri names one key or none' {
	run_as 5 hsmime keys --pem-uri
	[ -z "$output" ]
	said 'several keys fit'
	run_as 5 hsmime keys --pem-uri "$(key 77)"
	[ -z "$output" ]
	said 'there is no such key'
	run_as 2 hsmime keys --pem-uri --json "$(key 01)"
	said 'pem-uri does not go with --json'
}

@test 'openssl takes the file where it takes a key' {
	for o in "${orders[@]}"; do
		order "$o"
		for name in alice bob; do
			ossl 0 dgst -sha256 -sign "$W/$name-key.pem" -out "$W/sig" "$W/report.txt"
			plain x509 -in "$W/$name.pem" -pubkey -noout -out "$W/pub"
			plain dgst -sha256 -verify "$W/pub" -signature "$W/sig" "$W/report.txt"
			ossl 0 req -new -key "$W/$name-key.pem" -subj /CN=x -out "$W/request"
			plain req -in "$W/request" -verify -noout
		done
		plain cms -encrypt -aes256 -in "$W/report.txt" -out "$W/encrypted" "$W/alice.pem"
		ossl 0 cms -decrypt -in "$W/encrypted" -recip "$W/alice.pem" -inkey "$W/alice-key.pem"
		[[ $output == *Agreed* ]]
	done
}

@test 'the file is no public key, no certificate, and no way to the private key' {
	local as_any=0
	# OpenSSL 3.6 takes the file of any private key for its public key, 3.0 of none.
	plain genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/any.pem"
	openssl pkey -pubin -in "$W/any.pem" -noout 2>errors || as_any=1
	order "${orders[0]}"
	ossl "$as_any" pkey -pubin -in "$W/alice-key.pem" -noout
	ossl 1 x509 -in "$W/alice-key.pem" -noout
	ossl 1 pkey -in "$W/alice-key.pem"
	[[ $output != *'PRIVATE KEY'* ]]
}

@test 'openssl ts signs a time-stamp' {
	for name in alice bob; do
		new_authority "$name"
		for o in "${orders[@]}"; do
			order "$o"
			time_stamp 0 "$W/$name-key.pem"
			plain ts -verify -in "$W/reply" -queryfile "$W/query" -CAfile "$W/ca.pem"
			reported 'Verification: OK'
		done
	done
}

@test 'openssl ts works with the sections that docs/PROVIDER.md shows for it' {
	new_authority alice
	sed -n '/^    \[tsa\]$/,/^[^ ]/s/^    //p' "$cli_root/docs/PROVIDER.md" >"$W/shown.cnf"
	order 'default hsmime'
	cd "$W"
	run_as 0 openssl ts "${providers[@]}" -reply -queryfile query -config shown.cnf -inkey alice-key.pem \
		-signer tsa.pem -out reply
	plain ts -verify -in reply -queryfile query -CAfile ca.pem
	reported 'Verification: OK'
}

@test 'other keys are read as ever' {
	plain genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$W/software.pem"
	plain rsa -in "$W/software.pem" -traditional -out "$W/older.pem"
	plain rsa -in "$W/software.pem" -traditional -aes256 -passout pass:secret -out "$W/closed.pem"
	plain ecparam -name prime256v1 -genkey -out "$W/curve.pem"
	for o in "${orders[@]}"; do
		order "$o"
		for file in software older curve; do
			HSMIME_MODULE=/nowhere ossl 0 pkey -in "$W/$file.pem" -noout
		done
		HSMIME_MODULE=/nowhere ossl 0 pkey -in "$W/closed.pem" -passin pass:secret -noout
		HSMIME_MODULE=/nowhere ossl 1 pkey -in "$W/closed.pem" -passin pass:wrong -noout
	done
}

@test 'a URI in a file may do no more than elsewhere' {
	new_authority alice
	order "${orders[1]}"
	pem_uri "$(key 01)?pin-value=123456" >"$W/hostile.pem"
	time_stamp 1 "$W/hostile.pem"
	mentions 'refused.*holds a PIN'
	for source in "|touch%20$W/ran" "command:touch%20$W/ran"; do
		pem_uri "$(key 01)?pin-source=$source" >"$W/hostile.pem"
		time_stamp 1 "$W/hostile.pem"
		mentions refused
	done
	[ ! -e "$W/ran" ]
	pem_uri "$(key 01)?module-path=/nowhere.so" >"$W/hostile.pem"
	time_stamp 1 "$W/hostile.pem"
	mentions 'refused.*not configured'
	pem_uri "$(key 77)" >"$W/hostile.pem"
	time_stamp 1 "$W/hostile.pem"
	mentions 'no such key.*id=%77'
}

@test 'a wrong PIN is tried once, and told' {
	new_authority alice
	for o in "${orders[@]}"; do
		order "$o"
		rm -f "$W/asked"
		rm -rf "$XDG_STATE_HOME"
		HSMIME_PIN_SOURCE="command:echo x >>'$W/asked'; echo 999999" \
			time_stamp 1 "$W/alice-key.pem"
		mentions 'no login.*refused the PIN'
		[ "$(wc -l <"$W/asked")" = 1 ]
	done
	time_stamp 0 "$W/alice-key.pem"
}

@test 'a file that is not sound is refused, and asks no token' {
	local big
	new_authority alice
	order "${orders[1]}"
	export HSMIME_MODULE=/nowhere
	big=$(printf '%03000d' 0)
	for uri in '' 'file:/etc/passwd' 'http://example.test' "pkcs11:token=$big" $'pkcs11:token=a\nb'; do
		pem_uri "$uri" >"$W/hostile.pem"
		time_stamp 1 "$W/hostile.pem"
		mentions 'no sound pkcs11: URI'
	done
	printf '%s\n' '-----BEGIN PKCS#11 PROVIDER URI-----' 'Proc-Type: 4,ENCRYPTED' '' AAAA \
		'-----END PKCS#11 PROVIDER URI-----' >"$W/hostile.pem"
	time_stamp 1 "$W/hostile.pem"
	head -n -1 "$W/alice-key.pem" >"$W/hostile.pem"
	time_stamp 1 "$W/hostile.pem"
	mentions 'no sound pkcs11: URI'
	pem_uri "$(key 01)" 'PKCS#11 Provider URI v9.0' >"$W/hostile.pem"
	time_stamp 1 "$W/hostile.pem"
}
