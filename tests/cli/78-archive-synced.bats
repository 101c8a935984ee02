#!/usr/bin/env bats
# hsmime archive and a power failure: what comes to the disk in which order, as strace sees it. Each message is synced before it
# gets its name, and its folder before the journal tells of it or what it replaces goes.

load helper
load archive

setup_file() {
	strace -o /dev/null true 2>/dev/null || skip 'strace is not allowed here'
	new_archive_world
	openssl pkcs8 -topk8 -nocrypt -in "$W/eve.key" -out "$W/eve.p8"
	mailboxes make "$W/many" 60 cbc gcm plain nokey
	mailboxes make "$W/few" 3 cbc plain nokey
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# traced STATUS ARGUMENT...: hsmime archive, whose calls are in ./trace then
traced() {
	# The leak checker can't be traced.
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 run_as "$1" strace -f -y -qq -e signal=none -s 16 -o trace \
		-e trace=write,writev,pwrite64,pwritev,sendfile,copy_file_range,ftruncate,fsync,fdatasync,syncfs,rename,renameat,renameat2,unlink,unlinkat \
		"$HSMIME" archive "${@:2}" --workers 4
}

# kept OUT COUNT [SED]: the order was kept, by the trace as SED leaves it
kept() {
	sed -E "${3-}" trace >seen
	"$cli_root/tests/cli/synced" seen "$PWD/$1" "$PWD/$1.hsmime" "$2" "${gone:-0}"
}

# broken OUT COUNT SED WORDS: a trace that is changed so does not pass
broken() {
	run kept "${@:1:3}"
	[ "$status" != 0 ]
	[[ $output == *"$4"* ]] || {
		echo "$3: $output"
		return 1
	}
}

@test "a tree of files and a Maildir: synced, named, the folder synced, told to the journal" {
	local out
	for out in eml:clear maildir:box; do
		traced 1 decrypt --in "eml:$W/many/in" --out "${out%:*}:$PWD/${out#*:}"
		kept "${out#*:}" 60
		# As many syncs of the file system, or fewer, as there are batches.
		[ "$(grep -c syncfs trace)" -le 20 ]
	done
	broken box 60 's/syncfs\(|fsync(.*draft-)/none(\1/' 'a message gets its name'
	broken box 60 's/fsync(\(.*\/box\/(cur|new)>)/none\1/' 'the journal is written before'
	broken box 60 's/fdatasync(\(.*sqlite-wal>)/none\1/' 'not in the journal'
	broken box 61 '' '60 and 0 instead of 61'
}

@test "few messages are synced one by one" {
	traced 1 decrypt --in "eml:$W/few/in" --out "eml:$PWD/clear"
	kept clear 3
	broken clear 3 's/fsync(\(.*draft-)/none\1/' 'a message gets its name'
	broken clear 3 's/fsync(\(.*\/clear>)/none\1/' 'the journal is written before'
	broken clear 3 's/fsync(\(.*\/failed>)/none\1/' 'the journal is written before'
}

@test "an mbox: appended and synced, told to the journal, and named at its end" {
	traced 1 decrypt --in "eml:$W/many/in" --out "mbox:$PWD/clear"
	# And what failed.
	kept clear $((15 + $(stat -c %s clear)))
	broken clear $((15 + $(stat -c %s clear))) 's/fdatasync(\(.*\.part>)/none\1/' 'is not synced'
}

@test "rewrap writes in that order too" {
	new_peer carol
	traced 1 rewrap --in "eml:$W/many/in" --out "maildir:$PWD/new" -r "$W/carol.pem"
	kept new 60
	traced 1 rewrap --reencrypt --in "eml:$W/many/in" --out "eml:$PWD/anew" -r "$W/carol.pem"
	kept anew 60
}

@test "a copy in failed/ goes once what became of its message is safe" {
	local gone=15 before
	eve_token "$W/eve.pem"
	archive 1 decrypt --in "eml:$W/many/in" --out "eml:$PWD/clear"
	with_eve traced 0 retry "$PWD/clear.hsmime"
	[ -z "$(find clear.hsmime/failed -type f)" ]
	kept clear 15
	broken clear 15 's/fsync(\(.*\/clear>)/none\1/' 'is removed before'
	broken clear 15 's/fsync(\(.*\/failed>)/none\1/' 'where copies went'
	# Not one for each.
	[ "$(grep -c 'fsync(.*/failed>' trace)" -le 6 ]
	archive 1 decrypt --in "eml:$W/many/in" --out "mbox:$PWD/box"
	before=$(stat -c %s box)
	with_eve traced 0 retry "$PWD/box.hsmime"
	kept box $(($(stat -c %s box) - before))
	broken box $(($(stat -c %s box) - before)) 's/fdatasync(\(.*\.part>)/none\1/' 'is removed'
}
