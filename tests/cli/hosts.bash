# Several hosts on one job, for tests of hsmime archive: processes, each with a copy of the token, and a PostgreSQL
# server of the test's own. Beside tests/cli/archive.bash.

# new_database, end_database: a server, in a folder that its user can reach; $database is the URI
new_database() {
	PG=$(mktemp -d "${TMPDIR:-/tmp}/hsmime-pg-XXXXXX")
	export PG database="postgresql:///postgres?host=$PG&user=hsmime"
	"$cli_root/tests/postgresql" make "$PG" 3>&-
}

end_database() {
	[ -n "${PG:-}" ] || return 0
	"$cli_root/tests/postgresql" stop "$PG"
	rm -rf "$PG"
}

# own_token NAME: a copy of the world's token in ./host-NAME, for as_host
own_token() {
	mkdir -p "host-$1"
	rm -rf "host-$1/tokens"
	cp -r "$W/tokens" "host-$1/tokens"
	sed "s|$W/tokens|$PWD/host-$1/tokens|" "$W/softhsm2.conf" >"host-$1/softhsm2.conf"
}

# as_host NAME COMMAND...: with that token
as_host() {
	SOFTHSM2_CONF=$PWD/host-$1/softhsm2.conf "${@:2}"
}

# hosts COUNT ARGUMENT...: that many processes of hsmime archive at once, which all have to end with status $ends (0)
hosts() {
	local count=$1 i pids=() status bad=0
	shift
	for ((i = 1; i <= count; i++)); do
		own_token "$i"
		as_host "$i" "$HSMIME" archive "$@" >"host-$i/out" 2>"host-$i/said" 3>&- &
		pids+=($!)
	done
	for ((i = 1; i <= count; i++)); do
		status=0
		wait "${pids[i - 1]}" || status=$?
		[ "$status" = "${ends:-0}" ] || {
			echo "host $i: status $status: $(cat "host-$i/said" "host-$i/out")"
			bad=1
		}
	done
	return $bad
}

# sql TEXT: what the database answers
sql() {
	psql -qAtX "$database" -c "$1" 3>&-
}
