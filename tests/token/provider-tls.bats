#!/usr/bin/env bats
# TLS with keys on a token: openssl s_server and s_client.

load provider

setup_file() {
	provider_token
	order "${orders[0]}"
	certify 01 alice
	certify 02 bob
	certify 03 carol
	certify 05 mallory
}

teardown() {
	stop_server
}

# tls_order 'FIRST SECOND': libssl takes its groups of elliptic curves from the provider that makes
# keys, so that where hsmime comes first it has to be told of default (docs/PROVIDER.md)
tls_order() {
	order "$1"
	[ "$1" = 'default hsmime' ] || providers+=(-propquery '?provider=default')
}

# tls_server NN NAME [OPTION...]: s_server with that key, for one connection; $port is where
tls_server() {
	local id=$1 name=$2
	shift 2
	stop_server
	: >"$W/server.log"
	serve '^ACCEPT 127.0.0.1:[0-9]+$' timeout 60 openssl s_server "${providers[@]}" \
		-accept 127.0.0.1:0 -naccept 1 -www -key "$(key "$id")" -cert "$W/$name-tls.pem" "$@"
	port=${line##*:}
}

# connect STATUS [OPTION...]: s_client, which gets the server's page
connect() {
	local expected=$1
	shift
	run_as "$expected" timeout 60 openssl s_client -connect "127.0.0.1:$port" -CAfile "$W/ca.pem" \
		-verify_return_error -verify_ip 127.0.0.1 -brief -ign_eof "$@" \
		<<<$'GET / HTTP/1.0\r\n\r'
}

# connected VERSION [CIPHER]: that was a handshake, the other side's key was proved, and data flowed
connected() {
	said "^Protocol version: $1\$"
	said "^Ciphersuite: ${2-.*}\$"
	said '^Verification: OK$'
	[[ $output == *'HTTP/1.0 200 ok'* ]]
	wait "$server"
}

@test 's_server: TLS 1.3 and 1.2 with RSA and EC keys' {
	for o in "${orders[@]}"; do
		tls_order "$o"
		for pair in 01:alice 02:bob; do
			tls_server "${pair%:*}" "${pair#*:}"
			connect 0 -tls1_3
			connected TLSv1.3
			tls_server "${pair%:*}" "${pair#*:}"
			connect 0 -tls1_2
			connected TLSv1.2 '(ECDHE-.*|DHE-.*)'
		done
	done
}

@test 's_server: TLS 1.2 with RSA key exchange' {
	for o in "${orders[@]}"; do
		order "$o"
		tls_server 01 alice
		connect 0 -tls1_2 -cipher AES128-SHA
		connected TLSv1.2 AES128-SHA
	done
}

@test 's_server: a certificate of another key is refused before anyone connects' {
	for o in "${orders[@]}"; do
		order "$o"
		ossl 1 s_server -accept 127.0.0.1:0 -naccept 1 -key "$(key 05)" -cert "$W/alice-tls.pem"
		[[ $output$stderr == *'key values mismatch'* ]]
	done
}

@test 's_client: the key of a client on the token, TLS 1.3 and 1.2' {
	for o in "${orders[@]}"; do
		tls_order "$o"
		for version in 1_3 1_2; do
			for pair in 01:alice 02:bob; do
				tls_server 03 carol -Verify 1 -verify_return_error -CAfile "$W/ca.pem"
				connect 0 "-tls$version" "${providers[@]}" -key "$(key "${pair%:*}")" \
					-cert "$W/${pair#*:}-tls.pem"
				connected "TLSv${version/_/.}"
				[[ $output =~ Subject:\ *CN\ *=\ *${pair#*:} ]]
			done
		done
	done
}

@test 's_client: without a key, or with another certificate, there is no connection' {
	order "${orders[0]}"
	tls_server 03 carol -Verify 1 -verify_return_error -CAfile "$W/ca.pem"
	connect 1 -tls1_2
	[[ $output != *'200 ok'* ]]
	ossl 1 s_client -connect 127.0.0.1:1 -key "$(key 05)" -cert "$W/alice-tls.pem"
	[[ $output$stderr == *'key values mismatch'* ]]
}
