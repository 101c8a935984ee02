# SoftHSM, by its own module.

namespace=none
keys=(rsa ec256 ec384 ec521)

check() {
	need_program softhsm2 softhsm2-util
}

start() {
	softhsm_token "$ZOO/token"
	# shellcheck source=/dev/null
	. "$ZOO/token/env"
}
