# Emulated cards in pcscd's virtual reader, read by OpenSC. The reader listens on all addresses, and
# pcscd has its socket under /run: both in a namespace of their own.

readonly card_port=35963 # vpcd's first one: 0x8C7B

check_reader() {
	opensc=$(first_of /usr/lib/*/opensc-pkcs11.so /usr/lib64/opensc-pkcs11.so)
	vpcd=$(first_of /usr/lib/pcsc/drivers/serial/libifdvpcd.so)
	need opensc-pkcs11 "$opensc"
	need vsmartcard-vpcd "$vpcd"
	need pcscd "$(first_of /usr/sbin/pcscd)"
}

# start_pcscd: it begins with $ZOO/pcscd, and so it does again for a test that ended it (zoo.bash)
start_pcscd() {
	local no_polkit=
	# From 2.0 on it asks polkit, which is not there.
	if /usr/sbin/pcscd --help | grep -q -- --disable-polkit; then
		no_polkit=--disable-polkit
	fi
	# The machine's own readers stay out of it: no drivers for them.
	cat >"$ZOO/pcscd" <<-SCRIPT
		#!/bin/sh
		echo \$\$ >"$ZOO/pcscd.pid"
		export PCSCLITE_HP_DROPDIR="$ZOO/drivers"
		exec /usr/sbin/pcscd --foreground --info --config "$ZOO/reader.conf" $no_polkit >>"$ZOO/pcscd.log" 2>&1
	SCRIPT
	chmod +x "$ZOO/pcscd"
	"$ZOO/pcscd" &
	wait_for ss_listens "$card_port"
}

start_reader() {
	export HSMIME_MODULE=$opensc
	ip link set lo up
	mount -t tmpfs tmpfs /run
	mkdir -p /run/pcscd "$ZOO/drivers"
	printf '%s\n' 'FRIENDLYNAME "zoo"' "DEVICENAME /dev/null:0x8C7B" "LIBPATH $vpcd" \
		'CHANNELID 0x8C7B' >"$ZOO/reader.conf"
	start_pcscd
}

ss_listens() { # port: somebody does (/proc/net/tcp: hexadecimal address and port, state 0A)
	grep -qE "$(printf ':%04X 00000000:0000 0A' "$1")" /proc/net/tcp /proc/net/tcp6
}

# insert_card COMMAND...: that emulator; ZOO_CARD is its process
insert_card() {
	"$@" &
	export ZOO_CARD=$!
	wait_for card_seen
}

card_seen() {
	grep -q 'Card inserted' "$ZOO/pcscd.log"
}
