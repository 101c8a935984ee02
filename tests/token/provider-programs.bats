#!/usr/bin/env bats
# nginx, curl and openssl cmp with their keys on a token.

load provider

setup_file() {
	provider_token
	order "${orders[1]}"
	certify 01 alice
	certify 02 bob
	for pair in 01:alice 02:bob; do
		hsmime keys --pem-uri "$(key "${pair%:*}")" >"$W/${pair#*:}-key.pem"
	done
	cat "$W/alice-tls.pem" "$W/alice-key.pem" >"$W/alice-both.pem"
	configure default hsmime "pkcs11-module = $HSMIME_MODULE" "pin-source = $HSMIME_PIN_SOURCE"
	cp "$W/openssl.cnf" "$W/programs.cnf"
}

teardown() {
	stop_server
}

# openssl.cnf says all there is to say
by_configuration=(env -u HSMIME_MODULE -u HSMIME_PIN_SOURCE)

# nginx_with CERTIFICATE KEY [LINE...]: it serves at the socket $W/nginx.sock. The keys are loaded
# before the workers are forked, which use them. SoftHSM finds its tokens by the environment.
nginx_with() {
	local nginx
	nginx=$(PATH=$PATH:/usr/sbin command -v nginx)
	rm -f "$W/nginx.sock"
	printf '%s\n' 'daemon off;' "pid $W/nginx.pid;" 'error_log stderr notice;' 'env SOFTHSM2_CONF;' \
		'worker_processes 2;' 'events { worker_connections 64; }' 'http {' 'access_log off;' \
		"client_body_temp_path $W/body;" "proxy_temp_path $W/proxy;" "fastcgi_temp_path $W/fastcgi;" \
		"uwsgi_temp_path $W/uwsgi;" "scgi_temp_path $W/scgi;" 'server {' \
		"listen unix:$W/nginx.sock ssl;" "ssl_certificate $1;" "ssl_certificate_key $2;" "${@:3}" \
		'ssl_protocols TLSv1.2 TLSv1.3;' "location / { return 200 \"\$ssl_protocol \$ssl_cipher \$ssl_client_s_dn\"; }" '}' '}' \
		>"$W/nginx.conf"
	# The workers of a master that is root would be somebody who may not read the token.
	[ "$(id -u)" != 0 ] || sed -i '1i user root;' "$W/nginx.conf"
	serve "${started-start worker process }" "${by_configuration[@]}" \
		OPENSSL_CONF="$W/programs.cnf" "$nginx" -p "$W" -e stderr -c "$W/nginx.conf"
}

# fetch STATUS [OPTION...]: curl gets that page
fetch() {
	local expected=$1
	shift
	run_as "$expected" "${by_configuration[@]}" OPENSSL_CONF="$W/programs.cnf" timeout 60 \
		curl -sS --unix-socket "$W/nginx.sock" \
		--cacert "$W/ca.pem" "$@" https://127.0.0.1/
}

@test 'nginx serves with RSA and EC keys on the token, after its fork' {
	nginx_with "$W/alice-tls.pem" "$W/alice-key.pem" "ssl_certificate $W/bob-tls.pem;" \
		"ssl_certificate_key $W/bob-key.pem;" 'ssl_ciphers ALL;'
	for _ in 1 2 3 4; do
		fetch 0
		reported '^TLSv1.3 '
	done
	for cipher in ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-GCM-SHA256 AES128-SHA; do
		fetch 0 --tls-max 1.2 --ciphers "$cipher"
		reported "^TLSv1.2 $cipher"
	done
}

# workers: their processes, in one line
workers() {
	pgrep -P "$server" | sort | paste -sd ' '
}

@test 'nginx goes on with new workers after a reload, and in place of those that died' {
	nginx_with "$W/alice-tls.pem" "$W/alice-key.pem" "ssl_certificate $W/bob-tls.pem;" \
		"ssl_certificate_key $W/bob-key.pem;" 'ssl_ciphers ALL;'
	for signal in HUP KILL; do
		before=$(workers)
		case $signal in
		HUP) kill -HUP "$server" ;;
		KILL) kill -KILL $before ;; # each by its number
		esac
		# Two others, and no other process, serve.
		timeout 30 bash -c 'until now=$(pgrep -P "$1" | sort | paste -sd " ") &&
			[ $(wc -w <<<"$now") = 2 ] && [[ " $now " != *" ${2% *} "* && " $now " != *" ${2#* } "* ]]
			do sleep 0.05; done' - "$server" "$before"
		for cipher in ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-GCM-SHA256; do
			fetch 0 --tls-max 1.2 --ciphers "$cipher"
			reported "^TLSv1.2 $cipher"
		done
	done
}

@test 'nginx and curl: both sides have their keys on the token' {
	nginx_with "$W/bob-tls.pem" "$W/bob-key.pem" 'ssl_verify_client on;' \
		"ssl_client_certificate $W/ca.pem;"
	for version in 1.2 1.3; do
		fetch 0 --tls-max "$version" --cert "$W/alice-tls.pem" --key "$W/alice-key.pem"
		reported "^TLSv$version .* CN=alice"
		fetch 0 --tls-max "$version" --cert "$W/bob-tls.pem" --key "$W/bob-key.pem"
		reported "^TLSv$version .* CN=bob"
		fetch 0 --tls-max "$version" --cert "$W/alice-both.pem"
		reported "^TLSv$version .* CN=alice"
	done
	fetch 0
	reported '400 No required SSL certificate was sent'
	fetch 58 --cert "$W/alice-tls.pem" --key "$W/bob-key.pem"
	said 'key'
}

@test 'nginx says why a key can not be used, and does not start' {
	hsmime keys --pem-uri "$(key 01)?pin-source=file:/nowhere/pin" >"$W/no-pin.pem"
	started='\[emerg\].*cannot load certificate key.*no login.*/nowhere/pin' \
		nginx_with "$W/alice-tls.pem" "$W/no-pin.pem"
	run wait "$server"
	[ "$status" != 0 ]
	hsmime keys --pem-uri "$(key 05)" >"$W/mallory-key.pem"
	started='\[emerg\].*key values mismatch' nginx_with "$W/alice-tls.pem" "$W/mallory-key.pem"
}

@test 'openssl cmp: a certificate is asked for and issued with keys on the token' {
	local common=(-use_mock_srv -srv_cert "$W/alice.pem" -srv_trusted "$W/ca.pem"
		-rsp_cert "$W/carol.pem" -subject /CN=carol -trusted "$W/ca.pem" -certout "$W/issued.pem"
		-ignore_keyusage)
	for o in "${orders[@]}"; do
		order "$o"
		for cmd in ir cr; do
			rm -f "$W/issued.pem"
			ossl 0 cmp "${common[@]}" -cmd "$cmd" -srv_key "$(key 01)" -cert "$W/bob.pem" \
				-key "$(key 02)" -newkey "$(key 03)"
			cmp <(openssl x509 -in "$W/issued.pem") <(openssl x509 -in "$W/carol.pem")
		done
		# Who signs with another key than the certificate's is refused.
		rm -f "$W/issued.pem"
		ossl 1 cmp "${common[@]}" -cmd ir -srv_key "$(key 01)" -cert "$W/bob.pem" \
			-key "$(key 03)" -newkey "$(key 03)"
		[ ! -e "$W/issued.pem" ]
	done
}
