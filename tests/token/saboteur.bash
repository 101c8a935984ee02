# The saboteur before the token, for tests of the tool, and what these tests share (tests/cli/helper.bash).
# tests/token/proxy_control.h says what the lines mean. HSMIME_BUILD names the build folder.

load "${BATS_TEST_DIRNAME%/*}/cli/helper"

export HSMIME=${HSMIME:-$HSMIME_BUILD/src/cli/hsmime}

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
