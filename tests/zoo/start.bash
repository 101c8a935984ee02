# How a member is started: its folder, its keys, and a namespace of its own for those that
# have servers or readers. For tests/zoo/zoo.

readonly pin=123456

skip() {
	if [ "${ZOO_MUST_RUN:-}" = 1 ]; then
		echo "zoo: $ZOO_MEMBER can't be skipped here: $1" >&2
		exit 1
	fi
	echo "zoo: $ZOO_MEMBER is skipped: $1" >&2
	exit "$skipped"
}

# first_of PATTERN...: the first file that one of them names
first_of() {
	local path
	for path; do
		[ ! -e "$path" ] || { echo "$path"; return; }
	done
}

# need PACKAGE FILE: skip where FILE, which comes with PACKAGE, is not there
need() {
	[ -e "$2" ] || skip "no $1 here; scripts/setup ${setup_group:-test} installs it"
}

need_program() { # package, program
	need "$1" "$(command -v "$2" || true)"
}

# load_member NAME: the member's file sets namespace (none, user, own) and keys, setup_group where its
# packages are not those of "test"; it defines check, which skips what can't be had, start, which
# sets the environment, and stop, where that is not enough.
load_member() {
	export ZOO_MEMBER=$1
	# shellcheck source=/dev/null
	. "$here/members/$1.bash"
	check
}

# in_namespace: it is in what enter_namespace makes, whoever set ZOO_NAMESPACE: where processes are its
# own it is the first of them; where nobody is root not all accounts are there
in_namespace() {
	if [ "$namespace" = own ]; then
		[ $$ = 1 ]
	else
		[ "$(tr -s ' ' </proc/self/uid_map)" != ' 0 0 4294967295' ]
	fi
}

# enter_namespace ARGUMENT...: this script again, where
#   own   nobody else listens, sees its readers or outlives it: network, mounts, processes, shared memory
#   user  nobody is root
enter_namespace() {
	local isolate=(unshare --net --mount --ipc --pid --fork --kill-child --mount-proc)
	[ "$(id -u)" = 0 ] || isolate+=(--user --map-root-user)
	[ "$namespace" = own ] || isolate=(unshare --user --map-user=1000 --map-group=1000)
	"${isolate[@]}" true 2>/dev/null || skip 'no namespaces for it (be root, or allow user namespaces)'
	exec env ZOO_NAMESPACE=1 "${isolate[@]}" "$here/zoo" "$@"
}

leave_folder() {
	if [ -n "$starting" ]; then
		cat "$ZOO/$starting.log" >&2
	fi
	if declare -F stop >/dev/null; then
		stop
	fi
	rm -rf "$ZOO"
}

in_folder() { # function: with the folder that ends with this script
	ZOO=$(mktemp -d "${TMPDIR:-/tmp}/zoo.XXXXXX")
	starting=
	trap leave_folder EXIT
	export ZOO ZOO_PKI=$HSMIME_BUILD/tests/zoo/pki ZOO_KEYS="${keys[*]}"
	export HOME=$ZOO/home XDG_STATE_HOME=$ZOO/state XDG_CONFIG_HOME=$ZOO/home/.config
	export LC_ALL=C.UTF-8
	mkdir -p "$HOME" "$XDG_CONFIG_HOME"
	unset HSMIME_MODULE SOFTHSM2_CONF
	"$1"
}

start_member() {
	printf '%s' "$pin" >"$ZOO/pin"
	export HSMIME_PIN_SOURCE=file:$ZOO/pin
	# Each command that fails ends it (behind || none would), and what it said is shown at the end.
	starting=pki
	flock --timeout 120 "$HSMIME_BUILD/tests/zoo" "$here/zoo" pki >"$ZOO/pki.log" 2>&1
	starting=start
	start >"$ZOO/start.log" 2>&1
	starting=
}

# serve COMMAND...: in the background, for as long as this script lives, however it ends
serve() {
	setpriv --pdeathsig KILL "$@" &
}

# Once for all members, in the build folder.
make_pki() {
	local key
	export ZOO_PKI=$HSMIME_BUILD/tests/zoo/pki
	[ ! -e "$ZOO_PKI/complete" ] || return 0
	rm -rf "$ZOO_PKI"
	mkdir "$ZOO_PKI"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$ZOO_PKI/ca.key" -out "$ZOO_PKI/ca.pem" \
		-days 3650 -subj '/O=hsmime zoo/CN=Zoo CA' -addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign,cRLSign
	# The matrix asks every member for the first four.
	for key in rsa ec256 ec384 ec521 rsa2; do
		make_key "$key"
	done
	touch "$ZOO_PKI/complete"
}

make_key() { # name: its key, and a certificate for NAME@example.test
	local kind=(RSA -pkeyopt rsa_keygen_bits:2048)
	[ "${1#ec}" = "$1" ] || kind=(EC -pkeyopt "ec_paramgen_curve:P-${1#ec}")
	openssl genpkey -algorithm "${kind[@]}" -out "$ZOO_PKI/$1.key"
	cat >"$ZOO_PKI/$1.ext" <<-EXT
		[ext]
		basicConstraints = critical,CA:FALSE
		keyUsage = critical,digitalSignature,keyEncipherment,keyAgreement
		extendedKeyUsage = emailProtection
		subjectAltName = email:$1@example.test
		subjectKeyIdentifier = hash
		authorityKeyIdentifier = keyid
	EXT
	openssl x509 -new -force_pubkey <(openssl pkey -in "$ZOO_PKI/$1.key" -pubout) \
		-subj "/O=hsmime zoo/CN=$1" -CA "$ZOO_PKI/ca.pem" -CAkey "$ZOO_PKI/ca.key" -days 3000 \
		-extfile "$ZOO_PKI/$1.ext" -extensions ext -out "$ZOO_PKI/$1.pem"
	openssl x509 -in "$ZOO_PKI/$1.pem" -outform DER -out "$ZOO_PKI/$1.der"
	openssl pkcs12 -export -inkey "$ZOO_PKI/$1.key" -in "$ZOO_PKI/$1.pem" -name "$1" \
		-passout pass:pw -out "$ZOO_PKI/$1.p12"
}

# softhsm_token FOLDER: a SoftHSM token "zoo" with the keys and their certificates
softhsm_token() {
	local key id=0
	"$root/scripts/softtoken" new "$1" zoo
	for key in "${keys[@]}"; do
		id=$((id + 1))
		"$root/scripts/softtoken" import "$1" "0$id" "$key" "$ZOO_PKI/$key.key" "$ZOO_PKI/$key.pem"
	done
}

# nss_database FOLDER: an NSS database with the keys and their certificates; its password is the PIN
nss_database() {
	local key
	mkdir -p "$1"
	certutil -N -d "sql:$1" -f "$ZOO/pin"
	certutil -A -d "sql:$1" -n ca -t CT,C,C -a -i "$ZOO_PKI/ca.pem" -f "$ZOO/pin"
	for key in "${keys[@]}"; do
		pk12util -i "$ZOO_PKI/$key.p12" -d "sql:$1" -k "$ZOO/pin" -W pw
	done
}

# wait_for COMMAND...: until it succeeds, for 10 s at most
wait_for() {
	local deadline=$((SECONDS + 10))
	until "$@"; do
		[ $SECONDS -lt $deadline ] || { echo "zoo: waited in vain for: $*"; return 1; }
		sleep 0.05
	done
}
