# The saboteur before the token, for tests of the tool, and what these tests share (tests/cli/helper.bash).
# tests/token/proxy_control.h says what the lines mean. HSMIME_BUILD names the build folder.

load "${BATS_TEST_DIRNAME%/*}/cli/helper"

export HSMIME=${HSMIME:-$HSMIME_BUILD/src/cli/hsmime}

# new_correspondents: a token with alice's RSA key 01 and bob's EC key 02, $W/mail.eml, and for each of
# them $W/for-NAME.eml
new_correspondents() {
	local name
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	new_mail alice bob
	for name in alice bob; do
		hsmime encrypt --no-encrypt-to-self -r "$W/$name.pem" -o "$W/for-$name.eml" "$W/mail.eml"
	done
}

# sabotage [LINE...]: from here on the tool's module is the saboteur, which does what the lines say
sabotage() {
	export HSMIME_MODULE=$HSMIME_BUILD/tests/token/proxy.so
	export PROXY_CONTROL=$PWD/proxy.control PROXY_COUNTS=$PWD/proxy.counts \
		PROXY_EVENTS=$PWD/proxy.events
	rm -f "$PROXY_CONTROL" "$PROXY_COUNTS" "$PROXY_EVENTS"
	: >"$PROXY_EVENTS"
	tell "$@"
}

# tell LINE...: commands for the process that runs, and for those that start later
tell() {
	printf '%s\n' "$@" >>"$PROXY_CONTROL"
}

# calls NAME: how often the last process called it, or the number of that name
calls() {
	awk -v name="$1" '$1 == name { n = $2 } END { print n + 0 }' "$PROXY_COUNTS"
}

# await_event PATTERN: until the saboteur has written such a line; fails after 60 s
await_event() {
	timeout 60 tail -n +1 -F "$PROXY_EVENTS" 2>/dev/null | grep -qm1 -- "$1"
}

# begin_waiting COMMAND...: with --wait, in the background ($waiting), its errors in ./said: returns once it waits for a token
begin_waiting() {
	rm -f said
	"$@" 2>said &
	waiting=$!
	timeout 60 tail -n +1 -F said 2>/dev/null | grep -qm1 'waiting for a token'
	kill -0 "$waiting"
}

# ends_as STATUS PID: a process in the background ends, with it (128 + N: by signal N). `run wait` knows no PID.
ends_as() {
	status=0
	wait "$2" || status=$?
	[ "$status" = "$1" ] || {
		echo "expected status $1, got $status: $(cat said)"
		return 1
	}
}

# behind_p11_kit: p11-kit's proxy has the saboteur alone for commands that begin with "${proxied[@]}".
# For root p11-kit reads no configuration below HOME.
behind_p11_kit() {
	mkdir -p home/.config/pkcs11/modules
	echo 'user-config: only' >home/.config/pkcs11/pkcs11.conf
	echo "module: $HSMIME_MODULE" >home/.config/pkcs11/modules/saboteur.module
	proxied=(env -u HSMIME_MODULE "HOME=$PWD/home" "XDG_CONFIG_HOME=$PWD/home/.config")
	[ "$(id -u)" != 0 ] || proxied+=(unshare --user --map-user=1000 --map-group=1000)
	"${proxied[@]}" true || skip 'no namespaces for it'
}
