# OpenSC on an emulated CAC card (libcacard): RSA keys only.

namespace=own
keys=(rsa)

check() {
	check_reader
	need libcacard-dev "$(first_of "$HSMIME_BUILD/tests/zoo/zoo_cac_card")"
	need_program libnss3-tools pk12util
}

start() {
	nss_database "$ZOO/card"
	start_reader
	insert_card "$HSMIME_BUILD/tests/zoo/zoo_cac_card" "$card_port" "sql:$ZOO/card" rsa
}
