#!/usr/bin/env bats
# hsmime archive by several hosts, whose journal is in PostgreSQL: together they do each message once.

load helper
load archive
load hosts

setup_file() {
	new_archive_world
	mailboxes make "$W/mixed" 200 cbc gcm oaep plain both cbc signed ecdh
	mailboxes maildir "$W/mixed" "$W/box"
	mailboxes make "$W/few" 12 cbc nokey gcm plain
	new_database
}

teardown_file() {
	end_database
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# complete KIND OUT: all is there once and right, nothing is left over, and the manifest has each
complete() {
	mailboxes check "$1" "$2" "$W/mixed/want"
	no_drafts "$2" "$2.hsmime"
	outcomes "$2.hsmime" finished=true listed=true waiting=0 decrypted=150 copied=50 failed=0
	[ "$(wc -l <"$2.hsmime/manifest.jsonl")" = 201 ] # and one on the job
	[ "$(field 'sum(h["done"] for h in d["hosts"])' <<<"$output")" = 200 ]
	[ "$(field 'sum(h["has"] for h in d["hosts"])' <<<"$output")" = 0 ]
}

@test "two hosts decrypt a Maildir into a Maildir" {
	fingerprint "$W/box" >before
	hosts 2 decrypt --in "maildir:$W/box" --out maildir:clear --journal "$database" --workers 2
	complete maildir clear
	[ "$(field 'len(d["hosts"])' <<<"$output")" = 2 ]
	mailboxes check-manifest clear.hsmime "$W/box" clear
	fingerprint "$W/box" | diff before -
	no_pin clear.hsmime
}

@test "four hosts decrypt a tree of files; one secret, one manifest, and the folder knows the journal" {
	hosts 4 decrypt --in "eml:$W/mixed/in" --out eml:clear --journal "$database" --workers 1
	complete eml clear
	mailboxes check-manifest clear.hsmime "$W/mixed/in" clear
	[ "$(stat -c '%a %s' clear.hsmime/substitute-secret)" = '600 32' ]
	[ ! -e clear.hsmime/journal.sqlite ]
	[ "$(head -n 1 clear.hsmime/journal.postgresql)" = "$database" ]
	# Without --journal the same command finds it finished.
	fingerprint clear >before
	archive 0 decrypt --in "eml:$W/mixed/in" --out eml:clear
	fingerprint clear | diff before -
	run_as 0 hsmime archive status clear.hsmime
	reported "host $(uname -n), process [0-9]+: left, seen .*, has 0, done [0-9]+"
	run_as 0 hsmime archive report clear.hsmime --html page.html
}

@test "verify and rewrap by two hosts" {
	hosts 2 verify --in "eml:$W/mixed/in" --report verify.jsonl --no-chain --journal "$database"
	outcomes verify.jsonl.hsmime finished=true valid=25 skipped=175
	[ "$(wc -l <verify.jsonl)" = 201 ]
	hosts 2 rewrap --in "eml:$W/mixed/in" --out eml:new -r "$W/eve.pem" --journal "$database"
	outcomes new.hsmime finished=true rewrapped=150 copied=50 failed=0
	python3 - new new.hsmime/manifest.jsonl <<-'PY'
		import hashlib, json, sys
		for line in list(open(sys.argv[2]))[1:]:
		    m = json.loads(line)
		    if hashlib.sha256(open(f"{sys.argv[1]}/{m['output']}", "rb").read()).hexdigest() != m["output_sha256"]:
		        sys.exit(f"{m['output']} is not what the manifest says")
	PY
}

@test "two jobs in one database do not mix" {
	hosts 1 decrypt --in "eml:$W/mixed/in" --out eml:one --journal "$database"
	hosts 1 decrypt --in "eml:$W/mixed/in" --out eml:two --limit 10 --journal "$database"
	outcomes one.hsmime finished=true decrypted=150 copied=50
	outcomes two.hsmime finished=true waiting=0
	[ "$(wc -l <two.hsmime/manifest.jsonl)" = 11 ]
	[ "$(tail -n 1 one.hsmime/journal.postgresql)" != "$(tail -n 1 two.hsmime/journal.postgresql)" ]
	# The same words in another folder are another job, too.
	mkdir else && cd else
	archive 0 decrypt --in "eml:$W/mixed/in" --out eml:two --limit 10 --journal "$database"
	outcomes two.hsmime finished=true waiting=0
	[ "$(find two -name '*.eml' | wc -l)" = 10 ]
}

@test "--limit holds for all hosts together" {
	hosts 3 decrypt --in "eml:$W/mixed/in" --out eml:clear --limit 77 --journal "$database" --workers 1
	outcomes clear.hsmime finished=true waiting=0 failed=0
	[ "$(find clear -name '*.eml' | wc -l)" = 77 ]
}

@test "what stays closed under --deep is counted for all hosts together" {
	mkdir tree
	local n
	for n in 1 2 3 4 5 6; do
		printf '%s\n' "Subject: $n" 'MIME-Version: 1.0' 'Content-Type: multipart/mixed; boundary=b' '' '--b' >"tree/$n.eml"
		cat "$W/body/nokey" >>"tree/$n.eml"
		printf '\n--b--\n' >>"tree/$n.eml"
	done
	hosts 2 decrypt --deep --in eml:tree --out eml:clear --journal "$database" --workers 1
	outcomes clear.hsmime finished=true copied=6 closed=6
	hosts 1 decrypt --in eml:tree --out eml:other --journal "$database"
	outcomes other.hsmime finished=true copied=6 closed=0
}

@test "what failed is tried again by one host, and kept once" {
	openssl pkcs8 -topk8 -nocrypt -in "$W/eve.key" -out "$W/eve.p8"
	ends=1 hosts 2 decrypt --in "eml:$W/few/in" --out eml:clear --journal "$database"
	outcomes clear.hsmime finished=true decrypted=6 copied=3 failed=3 cause:no-key=3
	[ "$(find clear.hsmime/failed -name '*.eml' | wc -l)" = 3 ]
	eve_token "$W/eve.pem"
	with_eve run_as 0 hsmime archive retry clear.hsmime
	outcomes clear.hsmime finished=true decrypted=9 copied=3 failed=0
	[ -z "$(find clear.hsmime/failed -name '*.eml')" ]
	no_drafts clear clear.hsmime
}

@test "a pause between two runs is no work" {
	ends=1 hosts 1 decrypt --in "eml:$W/few/in" --out eml:clear --journal "$database"
	run_as 0 hsmime archive status --json clear.hsmime
	[ "$(field 'd["worked"] < 60' <<<"$output")" = True ]
	sql "UPDATE $(tail -n 1 clear.hsmime/journal.postgresql).job SET started = started - 604800, changed = changed - 604800"
	archive 1 retry clear.hsmime
	run_as 0 hsmime archive status --json clear.hsmime
	[ "$(field '60 <= d["worked"] < 120 and d["rate"] > 0' <<<"$output")" = True ]
}

@test "an mbox has one writer: refused before there is a job" {
	archive 2 decrypt --in "eml:$W/few/in" --out mbox:clear --journal "$database"
	explained
	said 'one process alone writes an mbox'
	no_job
}

@test "a password in the URI is refused, and not repeated" {
	local uri
	for uri in postgresql://hsmime:Zq7@localhost/x 'postgresql:///x?password=Zq7'; do
		archive 2 decrypt --in "eml:$W/few/in" --out eml:clear --journal "$uri"
		explained
		said pgpass
		run ! grep -q Zq7 <<<"$stderr$output"
		no_job
	done
	archive 2 decrypt --in "eml:$W/few/in" --out eml:clear --journal mysql://x
	explained
	archive 2 decrypt --in "eml:$W/few/in" --out eml:clear --journal "$database" --lease 1
	explained
	archive 2 status clear.hsmime --journal "$database"
	explained
	no_job
}

@test "a server that can't be reached leaves no job; a password that is wrong neither, and is not told" {
	archive 6 decrypt --in "eml:$W/few/in" --out eml:clear --journal 'postgresql:///x?host=/nowhere'
	explained
	no_job
	archive 6 decrypt --in "eml:$W/few/in" --out eml:clear --journal "$(sed s,/postgres?,/none?, <<<"$database")"
	explained
	said 'database "none" does not exist'
	no_job
	sql "CREATE ROLE locked LOGIN PASSWORD 'right7'; GRANT CREATE ON DATABASE postgres TO locked"
	sed -i '1i local all locked scram-sha-256' "$PG/data/pg_hba.conf"
	sql 'SELECT pg_reload_conf()' >/dev/null
	local uri=${database/user=hsmime/user=locked}
	PGPASSWORD=wrong7 archive 6 decrypt --in "eml:$W/few/in" --out eml:clear --journal "$uri"
	explained
	said 'password authentication failed'
	said pgpass
	run ! grep -q wrong7 <<<"$stderr"
	no_job
	printf '*:*:*:locked:right7\n' >pgpass
	chmod 600 pgpass
	PGPASSFILE=$PWD/pgpass archive 1 decrypt --in "eml:$W/few/in" --out eml:clear --journal "$uri"
	PGPASSFILE=$PWD/pgpass outcomes clear.hsmime finished=true failed=3
	run ! grep -rq right7 clear.hsmime
}

@test "a role that may make no schema is told what it needs" {
	sql 'CREATE ROLE weak LOGIN'
	archive 6 decrypt --in "eml:$W/few/in" --out eml:clear --journal "${database/user=hsmime/user=weak}"
	explained
	said 'GRANT CREATE ON DATABASE'
	sql 'GRANT CREATE ON DATABASE postgres TO weak'
	archive 1 decrypt --in "eml:$W/few/in" --out eml:clear --journal "${database/user=hsmime/user=weak}"
}

@test "another journal than the job's is refused, both ways" {
	archive 1 decrypt --in "eml:$W/few/in" --out eml:one
	archive 2 decrypt --in "eml:$W/few/in" --out eml:one --journal "$database"
	explained
	said 'another journal'
	archive 1 decrypt --in "eml:$W/few/in" --out eml:two --journal "$database"
	archive 2 decrypt --in "eml:$W/few/in" --out eml:two --journal "$database&connect_timeout=5"
	explained
	said 'another journal'
	archive 2 decrypt --in "eml:$W/few/in" --out eml:two --skip-plain --journal "$database"
	explained
	said 'another setting'
	sql "DROP SCHEMA $(tail -n 1 two.hsmime/journal.postgresql) CASCADE"
	run_as 6 hsmime archive status two.hsmime
	explained
	: >two.hsmime/journal.postgresql
	run_as 3 hsmime archive status two.hsmime
	explained
}

@test "an hsmime without the module says what is missing" {
	mkdir -p bare/bin bare/lib/hsmime
	cp "$HSMIME" bare/bin/
	cp -P "${HSMIME%/*}"/../*/libhsmime.so* bare/lib/ 2>/dev/null || true
	local lib
	lib=$(ldd "$HSMIME" | sed -n 's/.*libhsmime[^ ]* => \([^ ]*\) .*/\1/p')
	mkdir -p "bare/bin/$(realpath --relative-to="${HSMIME%/*}" "${lib%/*}")/hsmime"
	cp "${lib%/*}"/libhsmime.so* "bare/bin/$(realpath --relative-to="${HSMIME%/*}" "${lib%/*}")/"
	run_as 3 "$PWD/bare/bin/hsmime" archive decrypt --in "eml:$W/few/in" --out eml:clear --journal "$database"
	explained
	said hsmime-journal-postgresql.so
}

@test "--dry-run tells what would come of it, and of a job of several hosts what is left, and changes nothing" {
	archive 1 decrypt --dry-run --in "eml:$W/few/in" --out eml:clear --journal "$database" --json
	[ "$(field '(d["decrypted"], d["copied"], d["failed"], d["left"])' <<<"$output")" = '(6, 3, 3, 12)' ]
	no_job
	archive 2 decrypt --dry-run --in "eml:$W/few/in" --out mbox:clear --journal "$database"
	explained
	archive 1 decrypt --in "eml:$W/few/in" --out eml:clear --journal "$database"
	fingerprint clear.hsmime >before
	local rows
	rows=$(sql "SELECT count(*) FROM $(tail -n 1 clear.hsmime/journal.postgresql).host")
	archive 1 decrypt --dry-run --in "eml:$W/few/in" --out eml:clear --json
	[ "$(field '(d["decrypted"], d["copied"], d["failed"], d["left"])' <<<"$output")" = '(6, 3, 3, 0)' ]
	fingerprint clear.hsmime | diff before -
	[ "$(sql "SELECT count(*) FROM $(tail -n 1 clear.hsmime/journal.postgresql).host")" = "$rows" ]
}

# before_its_end JOB: as a job is whose last host was killed before it finished
before_its_end() {
	rm "$1/manifest.jsonl"
	sql "UPDATE $(tail -n 1 "$1/journal.postgresql").job SET finished = 0"
}

@test "what a killed host left of another attempt goes when the job is finished, and nothing else does" {
	cp -r "$W/few/in" tree
	archive 1 decrypt --in eml:tree --out eml:clear --journal "$database"
	outcomes clear.hsmime finished=true decrypted=6 copied=3 failed=3
	# 1 is decrypted, 4 copied, 2 failed.
	fingerprint clear | grep -v '^\.hsmime-' >before
	fingerprint clear.hsmime/failed | grep -v '^\.hsmime-' >>before
	cp tree/00001.eml tree/00004.eml clear.hsmime/failed/
	cp tree/00002.eml clear/
	before_its_end clear.hsmime
	archive 1 decrypt --in eml:tree --out eml:clear --journal "$database"
	archive 0 check --no-seal clear.hsmime
	{ fingerprint clear; fingerprint clear.hsmime/failed; } | grep -v '^\.hsmime-' >after
	diff <(sed -E '/^ d /d; s/ d .*//' before) <(sed -E '/^ d /d; s/ d .*//' after)
	# What others put there stays, and what failed.
	mkdir clear.hsmime/failed/more
	echo mine | tee clear/mine.eml clear.hsmime/failed/mine.eml clear.hsmime/failed/more/00001.eml >clear.hsmime/failed/notes
	cp tree/00001.eml clear.hsmime/failed/
	before_its_end clear.hsmime
	archive 1 decrypt --in eml:tree --out eml:clear --journal "$database"
	[ "$(cat clear/mine.eml clear.hsmime/failed/{mine.eml,more/00001.eml,notes})" = $'mine\nmine\nmine\nmine' ]
	[ ! -e clear.hsmime/failed/00001.eml ]
	for n in 02 06 10; do
		cmp "tree/000$n.eml" "clear.hsmime/failed/000$n.eml"
	done
}

@test "of a Maildir what is left of a message that failed goes, and its other mail stays" {
	cp -r "$W/few/in" tree
	archive 1 decrypt --in eml:tree --out maildir:clear --journal "$database"
	echo mine >clear/cur/1.2.host:2,S
	local left
	left=$(python3 - "$(tail -n 1 clear.hsmime/journal.postgresql)" <<-'PY'
		import hashlib, os, sys
		job = sys.argv[1].split("_")[1]
		name = hashlib.sha256(f"{job}\0".encode() + b"00002.eml").hexdigest()[:32]
		print(f"clear/cur/{int(os.stat('tree/00002.eml').st_mtime)}.{name}.hsmime:2,")
	PY
	)
	cp tree/00002.eml "$left"
	[ "$(find clear/cur -type f | wc -l)" = 11 ]
	before_its_end clear.hsmime
	archive 1 decrypt --in eml:tree --out maildir:clear --journal "$database"
	[ ! -e "$left" ]
	[ "$(find clear/cur -type f | wc -l)" = 10 ]
	[ "$(cat clear/cur/1.2.host:2,S)" = mine ]
}

@test "--seal: one host seals, and what several wrote is what the manifest says" {
	hosts 2 decrypt --in "maildir:$W/box" --out maildir:clear --journal "$database" --seal alice@example.test
	outcomes clear.hsmime finished=true sealed=true
	archive 0 check clear.hsmime --ca "$W/ca.pem" --sources
}
