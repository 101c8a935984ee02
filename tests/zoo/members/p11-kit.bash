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
	softhsm_token "$ZOO/token"
	serve
	export HSMIME_MODULE=$client P11_KIT_SERVER_ADDRESS ZOO_SERVER=$P11_KIT_SERVER_PID
}

serve() {
	local said
	said=$(
		# shellcheck source=/dev/null
		. "$ZOO/token/env"
		p11-kit server -n "$ZOO/socket" --provider "$HSMIME_MODULE" 'pkcs11:token=zoo'
	)
	eval "$said"
}

stop() {
	[ -z "${ZOO_SERVER:-}" ] || kill "$ZOO_SERVER" 2>/dev/null || true
}
