#!/usr/bin/env bats
# How fast a job of hsmime archive is, and how long it will take: on a terminal while it runs, and by status at any time.

load helper
load ../token/saboteur
load archive

setup_file() {
	new_archive_world
	mailboxes make "$W/many" 300 cbc gcm nokey
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# pace EXPRESSION: of what status --json tells of ./clear, d
pace() {
	run_as 0 hsmime archive status --json clear.hsmime
	field "$1" <<<"$output"
}

# begin: a job in the background ($job) that takes some seconds, of which one has passed
begin() {
	sabotage 'delay C_Decrypt 25000'
	"$HSMIME" archive decrypt --workers 1 --in "eml:$W/many/in" --out eml:clear >out 2>said 3>&- &
	job=$!
	timeout 60 bash -c 'until [ -s clear.hsmime/journal.sqlite ] && "$HSMIME" archive status --json clear.hsmime |
		grep -qE "\"worked\": [1-9]"; do :; done' 2>/dev/null
}

@test "status tells how fast a job is, and how long it will take, while it runs and when it was stopped" {
	begin
	[ "$(pace 'd["finished"], 5 < d["rate"] < 300, 0 < d["seconds_left"] < 60')" = '(False, True, True)' ]
	kill -TERM "$job"
	wait "$job" || true
	[ "$(pace '5 < d["rate"] < 300 and d["waiting"] > 0')" = True ]
	[ "$(pace 'abs((d["decrypted"] + d["failed"]) / d["worked"] - d["rate"]) < 0.1')" = True ]
	[ "$(pace 'abs(d["waiting"] / d["rate"] - d["seconds_left"]) < 1.5')" = True ]
	run_as 0 hsmime archive status clear.hsmime
	reported '^  rate +[0-9]+\.[0-9] messages/s$'
	reported '^  left +0:00:[0-9]{2} h at that rate$'
}

@test "a pause between two runs is no work" {
	begin
	kill -TERM "$job"
	wait "$job" || true
	local before
	before=$(pace 'd["worked"]')
	# That was a week ago.
	python3 -c 'import sqlite3
job = sqlite3.connect("clear.hsmime/journal.sqlite")
job.execute("UPDATE job SET started = started - 604800, changed = changed - 604800")
job.commit()'
	[ "$(pace 'd["worked"]')" = "$before" ]
	archive 1 decrypt --in "eml:$W/many/in" --out eml:clear
	[ "$(pace 'd["finished"], d["seconds_left"]')" = '(True, 0)' ]
	# Of it a minute counts, and what the second run took.
	[ "$(pace "60 <= d['worked'] - $before < 120 and d['rate'] > 2")" = True ]
	run_as 0 hsmime archive status clear.hsmime
	reported '^  rate '
	run ! grep -q '^  left ' <<<"$output"
}

@test "where nothing is known nothing is told" {
	mkdir tree
	archive 0 decrypt --in eml:tree --out eml:clear
	[ "$(pace 'd["worked"], d["rate"], d["seconds_left"]')" = '(0, None, 0)' ]
	run_as 0 hsmime archive status clear.hsmime
	run ! grep -qE '^  (rate|left) ' <<<"$output"
	archive 1 decrypt --dry-run --json --in "eml:$W/many/in" --out eml:other
	[ "$(field 'd["rate"], d["seconds_left"]' <<<"$output")" = '(None, None)' ]
}

# on_terminal ARGUMENT...: hsmime archive there; what it wrote is in ./typescript, with a line for each picture
on_terminal() {
	script -qec "$(printf '%q ' "$HSMIME" archive "$@")" raw >/dev/null || true
	tr '\r' '\n' <raw >typescript
}

@test "a terminal shows messages done and failed, messages and token operations a second, and the time left" {
	sabotage 'delay C_Decrypt 10000'
	on_terminal decrypt --workers 2 --in "eml:$W/many/in" --out eml:clear
	grep -qE '^ +[1-9][0-9]* done +[1-9][0-9]* failed +[0-9]+\.[0-9] messages/s +[1-9][0-9]*\.[0-9] token operations/s +[0-9]+:[0-9]{2} left' typescript
	# It goes before the end is told.
	grep -qaF $'\r\033[K'clear.hsmime raw
	# As many as there are, never more.
	python3 - <<-'PY'
		import re
		seen = [tuple(map(int, m)) for m in re.findall(r"^ +(\d+) done +(\d+) failed", open("typescript").read(), re.M)]
		assert seen == sorted(seen) and seen[-1][0] <= 300 and seen[-1][1] <= 100, seen
	PY
}

@test "no terminal, --quiet or --json: no picture" {
	sabotage 'delay C_Decrypt 5000'
	for more in --quiet --json; do
		on_terminal decrypt "$more" --workers 1 --in "eml:$W/many/in" --out "eml:clear$more"
		run ! grep -q 'messages/s' typescript
	done
	archive 1 decrypt --workers 1 --in "eml:$W/many/in" --out eml:clear
	run ! grep -q $'\r' <<<"$stderr"
}
