# p11-kit's client: a SoftHSM token of another process, over a socket. ZOO_SERVER is that process.

namespace=none
keys=(rsa ec256 ec384 ec521)

check() {
	client=$(first_of /usr/lib/*/pkcs11/p11-kit-client.so /usr/lib64/pkcs11/p11-kit-client.so)
	need p11-kit-modules "$client"
	need_program p11-kit p11-kit
	need_program softhsm2 softhsm2-util
}

start() {
	local softhsm
	softhsm_token "$ZOO/token"
	# shellcheck source=/dev/null
	softhsm=$(. "$ZOO/token/env" && echo "$HSMIME_MODULE")
	serve env SOFTHSM2_CONF="$ZOO/token/softhsm2.conf" \
		p11-kit server --foreground -n "$ZOO/socket" --provider "$softhsm" 'pkcs11:token=zoo'
	export HSMIME_MODULE=$client P11_KIT_SERVER_ADDRESS=unix:path=$ZOO/socket ZOO_SERVER=$!
	wait_for test -S "$ZOO/socket"
}

stop() {
	[ -z "${ZOO_SERVER:-}" ] || kill "$ZOO_SERVER" 2>/dev/null || true
}
