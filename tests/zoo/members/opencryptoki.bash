# openCryptoki's token in software. Its daemon, its locks and its shared memory are the whole
# system's, and belong to the group pkcs11: in a namespace of their own, and by root.

namespace=own
setup_group=zoo_more
keys=(rsa)

check() {
	opencryptoki=$(first_of /usr/lib/*/pkcs11/libopencryptoki.so /usr/lib/*/opencryptoki/libopencryptoki.so)
	need opencryptoki "$opencryptoki"
	need_program opencryptoki pkcsslotd
	[ "$(id -u)" = 0 ] || skip 'it needs root'
}

start() {
	local state=/var/lib/opencryptoki
	mount -t tmpfs tmpfs /run
	mount -t tmpfs tmpfs /dev/shm
	mount -t tmpfs tmpfs "$state"
	mkdir -p "$state/swtok/TOK_OBJ" /run/lock/opencryptoki/swtok /run/opencryptoki
	chgrp -R pkcs11 "$state" /run/lock/opencryptoki
	chmod -R 770 "$state" /run/lock/opencryptoki
	cat >"$ZOO/opencryptoki.conf" <<-CONF
		version opencryptoki-3.1
		slot 3
		{
		stdll = libpkcs11_sw.so
		}
	CONF
	mount --bind "$ZOO/opencryptoki.conf" /etc/opencryptoki/opencryptoki.conf
	pkcsslotd
	export HSMIME_MODULE=$opencryptoki
	wait_for initialised
	set_pins
	import_keys
}

initialised() {
	printf 'zoo\n' | pkcsconf -I -c 3 -S 87654321 # the security officer's PIN at the start
}

set_pins() {
	pkcsconf -P -c 3 -S 87654321 -n 12345678
	pkcsconf -u -c 3 -S 12345678 -n 111111
	pkcsconf -p -c 3 -U 111111 -n "$pin"
}

import_keys() {
	local key id=1 write=(pkcs11-tool --module "$opencryptoki" --token-label zoo --login --pin "$pin")
	for key in "${keys[@]}"; do
		openssl pkey -in "$ZOO_PKI/$key.key" -outform DER -out "$ZOO/private"
		openssl pkey -in "$ZOO_PKI/$key.key" -pubout -outform DER -out "$ZOO/public"
		"${write[@]}" --write-object "$ZOO/private" --type privkey --id 0$id --label "$key" \
			--usage-sign --usage-decrypt
		"${write[@]}" --write-object "$ZOO/public" --type pubkey --id 0$id --label "$key"
		"${write[@]}" --write-object "$ZOO_PKI/$key.der" --type cert --id 0$id --label "$key"
		id=$((id + 1))
	done
}
