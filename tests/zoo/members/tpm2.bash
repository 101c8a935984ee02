# A TPM in software (swtpm) by tpm2-pkcs11, with a resource manager (abrmd) on a D-Bus of its own:
# without one the TPM runs out of room for objects.

namespace=own
setup_group=zoo_more
keys=(rsa ec256 ec384)

check() {
	tpm2_module=$(first_of /usr/lib/*/pkcs11/libtpm2_pkcs11.so)
	need libtpm2-pkcs11-1 "$tpm2_module"
	need_program libtpm2-pkcs11-tools tpm2_ptool
	need_program swtpm swtpm
	need_program tpm2-abrmd tpm2-abrmd
	need_program dbus dbus-daemon
}

start() {
	ip link set lo up
	start_tpm
	export HSMIME_MODULE=$tpm2_module TPM2_PKCS11_STORE=$ZOO/store
	# They write to standard error what they return as well.
	export TPM2_PKCS11_LOG_LEVEL=0 TSS2_LOG=all+none
	make_store
}

start_tpm() {
	mkdir -p "$ZOO/tpm"
	swtpm socket --tpm2 --tpmstate "dir=$ZOO/tpm" --flags not-need-init,startup-clear --daemon \
		--server type=tcp,port=2321,bindaddr=127.0.0.1 --ctrl type=tcp,port=2322,bindaddr=127.0.0.1
	dbus-daemon --session --fork --address="unix:path=$ZOO/bus"
	export DBUS_SESSION_BUS_ADDRESS=unix:path=$ZOO/bus
	export TPM2TOOLS_TCTI=tabrmd:bus_type=session TPM2_PKCS11_TCTI=tabrmd:bus_type=session
	tpm2-abrmd --session --allow-root --tcti swtpm:host=127.0.0.1,port=2321 &
	wait_for on_the_bus
}

on_the_bus() {
	dbus-send --session --dest=org.freedesktop.DBus --print-reply /org/freedesktop/DBus \
		org.freedesktop.DBus.ListNames | grep -q Tabrmd
}

make_store() {
	local key kind id=31
	mkdir -p "$ZOO/store"
	tpm2_ptool init --path "$ZOO/store"
	tpm2_ptool addtoken --pid=1 --sopin=12345678 --userpin="$pin" --label=zoo --path "$ZOO/store"
	for key in "${keys[@]}"; do
		kind=rsa
		[ "${key#ec}" = "$key" ] || kind=ecc
		tpm2_ptool import --label=zoo --key-label="$key" --userpin="$pin" --id=$id \
			--privkey="$ZOO_PKI/$key.key" --algorithm=$kind --path "$ZOO/store"
		tpm2_ptool addcert --label=zoo --key-label="$key" --path "$ZOO/store" "$ZOO_PKI/$key.pem"
		id=$((id + 1))
	done
}
