# NSS softokn, through p11-kit's proxy: the database is named by an argument of C_Initialize, which
# p11-kit's configuration gives. For root p11-kit reads no configuration below HOME.

namespace=none
[ "$(id -u)" != 0 ] || namespace=user
keys=(rsa ec256 ec384 ec521)

check() {
	softokn=$(first_of /usr/lib/*/libsoftokn3.so /usr/lib/*/nss/libsoftokn3.so /usr/lib64/libsoftokn3.so)
	need libnss3 "$softokn"
	need_program libnss3-tools pk12util
}

start() {
	nss_database "$ZOO/nss"
	mkdir -p "$HOME/.config/pkcs11/modules"
	echo 'user-config: only' >"$HOME/.config/pkcs11/pkcs11.conf"
	cat >"$HOME/.config/pkcs11/modules/nss.module" <<-MODULE
		module: $softokn
		x-init-reserved: configDir='sql:$ZOO/nss' certPrefix='' keyPrefix='' secmod='secmod.db' flags=
	MODULE
}
