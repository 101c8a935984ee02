#!/usr/bin/env bats
# hsmime archive decrypt that is killed, at any moment, or asked to stop: every message comes to one right output.
# HSMIME_KILLS is how often it is killed over all (40); the order of moments is that of HSMIME_SEED.

load saboteur
load ../cli/archive
load ../cli/deep

readonly kills=${HSMIME_KILLS:-40}
readonly seed=${HSMIME_SEED:-$RANDOM}

setup_file() {
	new_archive_world
	mailboxes make "$W/many" 400 cbc gcm oaep plain both cbc signed
	mailboxes maildir "$W/many" "$W/box"
	mailboxes mbox "$W/many" "$W/in.mbox" rd
	mailboxes make "$W/few" 100 cbc gcm oaep plain
	mailboxes mbox "$W/few" "$W/few.mbox" rd
	# Some of them fail, in the middle of the others.
	openssl pkcs8 -topk8 -nocrypt -in "$W/eve.key" -out "$W/eve.p8"
	mailboxes make "$W/bad" 120 cbc gcm nokey both
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	sed "s|$W/tokens|$PWD/tokens|" "$W/softhsm2.conf" >softhsm2.conf
	cp -r "$W/tokens" tokens
	export SOFTHSM2_CONF=$PWD/softhsm2.conf
	# So long that it takes all the kills.
	sabotage "delay C_Decrypt $((kills * 700))"
	RANDOM=$seed
	echo "HSMIME_SEED=$seed"
}

# killed COUNT ARGUMENT...: hsmime archive is killed that many times, each at a random moment, and then comes to its
# end with status $ends (0)
killed() {
	python3 - "$HSMIME" "$seed" "${ends:-0}" "$@" <<-'PY'
		import os, random, shutil, subprocess, sys
		tool, seed, ends, kills, *arguments = sys.argv[1:]
		moments, hits, longest = random.Random(int(seed)), 0, 0.4
		for left in range(int(kills), -1, -1):
		    # SoftHSM writes to its token at a login, and is not made for being killed meanwhile.
		    shutil.rmtree("tokens", ignore_errors=True)
		    shutil.copytree(os.environ["W"] + "/tokens", "tokens")
		    job = subprocess.Popen([tool, "archive", *arguments, "--workers", "4"],
		                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
		    try:
		        words = job.communicate(timeout=moments.uniform(0, longest) if left else None)[0]
		        if job.returncode != int(ends):
		            sys.exit(f"status {job.returncode}: {words.decode()}")
		        longest = max(longest / 2, 0.05) # all is done: the next sooner
		    except subprocess.TimeoutExpired:
		        job.kill()
		        job.communicate()
		        hits += 1
		print(f"{kills} times, of which {hits} before its end")
		sys.exit(hits == 0)
	PY
}

# complete KIND OUT: all is there once and right, nothing is left over, and the manifest has each
complete() {
	mailboxes check "$1" "$2" "$W/many/want"
	no_drafts .
	outcomes "$2.hsmime" finished=true listed=true waiting=0 failed=0
	[ "$(wc -l <"$2.hsmime/manifest.jsonl")" = 401 ]
}

@test "kill -9 at any moment: a tree of files" {
	fingerprint "$W/many/in" >before
	killed "$((kills / 4))" decrypt --in "eml:$W/many/in" --out eml:clear
	complete eml clear
	mailboxes check-manifest clear.hsmime "$W/many/in" clear
	fingerprint "$W/many/in" | diff before -
}

@test "kill -9 at any moment: a Maildir" {
	killed "$((kills / 4))" decrypt --in "maildir:$W/box" --out maildir:clear
	complete maildir clear
	mailboxes check-manifest clear.hsmime "$W/box" clear
}

@test "kill -9 at any moment: an mbox" {
	killed "$((kills / 4))" decrypt --in "mbox:$W/in.mbox" --out mbox:clear
	complete mbox clear
}

@test "kill -9 at any moment: content that is encrypted anew" {
	new_peer carol
	killed "$((kills / 8))" rewrap --reencrypt -r "$W/carol.pem" --in "mbox:$W/few.mbox" --out mbox:new
	reencrypted mbox new "$W/few" aes-256-gcm +carol -alice
	outcomes new.hsmime finished=true listed=true waiting=0 rewrapped=75 copied=25 failed=0
	[ "$(wc -l <new.hsmime/manifest.jsonl)" = 101 ]
	no_drafts .
}

@test "kill -9 at any moment: messages that get other recipients" {
	new_peer carol
	killed "$((kills / 8))" rewrap -r "$W/carol.pem" --in "eml:$W/few/in" --out maildir:new
	rewrapped maildir new "$W/few" +carol -alice
	# No two runs write the same: it is what the manifest says.
	mailboxes check-manifest new.hsmime "$W/few/in" new
	outcomes new.hsmime finished=true listed=true waiting=0 rewrapped=75 copied=25 failed=0
	no_drafts .
}

@test "kill -9 at any moment: a report on signatures" {
	killed "$((kills / 8))" verify --no-chain --in "maildir:$W/box" --report report
	outcomes report.hsmime finished=true listed=true waiting=0 valid=57 skipped=343 failed=0
	cmp report report.hsmime/manifest.jsonl
	python3 - "$W/box" <<-'PY'
		import hashlib, json, os, sys
		lines = [json.loads(line) for line in open("report")][1:]
		names = {os.path.relpath(f"{place}/{name}", sys.argv[1]) for place, _, files in os.walk(sys.argv[1]) for name in files}
		assert len(lines) == 400 and {line["name"] for line in lines} == names
		for line in lines:
		    data = open(f"{sys.argv[1]}/{line['name']}", "rb").read()
		    assert line["input_sha256"] == hashlib.sha256(data).hexdigest(), line
		    assert (line["outcome"] == "valid") == (b"multipart/signed" in data), line
	PY
	no_drafts .
}

@test "kill -9 at any moment: messages with encrypted ones inside" {
	(
		new_deep_world
		mail_of '@cbc@' '@list@' '@nokey@' | sed '1,/^Subject/d' >template
		sed 's/@nokey@/@nokey.raw@/' template >template2
		sed -z 's/\n*$//' body/nokey >clear/nokey.raw
		filled body <template >body/parts
		filled clear <template2 >clear/parts
		mailboxes make "$W/deep" 120 cbc parts list plain
	)
	mailboxes mbox "$W/deep" in.mbox rd
	killed "$((kills / 8))" decrypt --deep --in mbox:in.mbox --out mbox:clear
	mailboxes check mbox clear "$W/deep/want"
	outcomes clear.hsmime finished=true waiting=0 decrypted=90 copied=30 failed=0
	no_drafts .
}

@test "kill -9 at any moment: what fails is kept once, and what is done again then too" {
	ends=1 killed "$((kills / 8))" decrypt --in "eml:$W/bad/in" --out mbox:clear
	outcomes clear.hsmime finished=true waiting=0 decrypted=90 failed=30 cause:no-key=30
	for file in "$W"/bad/in/*[37].eml "$W"/bad/in/*[159].eml; do
		n=$((10#$(basename "$file" .eml)))
		[ $((n % 4)) != 3 ] || cmp "$file" "clear.hsmime/failed/${file##*/}"
	done
	[ "$(find clear.hsmime/failed -type f | wc -l)" = 30 ]
	no_drafts .
	"$cli_root/scripts/softtoken" import "$W" 03 eve "$W/eve.p8" "$W/eve.pem"
	killed "$((kills / 8))" retry clear.hsmime
	outcomes clear.hsmime finished=true waiting=0 decrypted=120 failed=0
	[ "$(grep -c '^From MAILER' clear)" = 120 ]
	[ -z "$(find clear.hsmime/failed -type f)" ]
	[ "$(wc -l <clear.hsmime/manifest.jsonl)" = 121 ]
	run ! grep -q '"outcome":"failed"' clear.hsmime/manifest.jsonl
	no_drafts .
}

# stopped_by SIGNAL ARGUMENT...: a job that is well on its way is sent the signal, and ends by it; its words are in ./said
stopped_by() {
	local number pid signal=$1
	shift
	sabotage 'hang C_Decrypt 40'
	# The shell has its children in the background ignore SIGINT, and nohup SIGHUP.
	env --default-signal=INT,HUP "$HSMIME" archive decrypt --workers 1 "$@" >out 2>said &
	pid=$!
	await_event '^hang C_Decrypt'
	kill "-$signal" "$pid"
	# It has to finish what it began, which takes until the token goes on, and no more.
	kill -0 "$pid"
	tell 'delay C_Decrypt 300000' release
	ends_as "$((128 + $(kill -l "$signal")))" "$pid"
}

@test "SIGTERM and SIGINT: what is in flight is finished, and the same command goes on" {
	local pair signal place
	for pair in TERM,eml:clear INT,mbox:mbox HUP,maildir:box; do
		signal=${pair%,*} place=${pair#*,}
		stopped_by "$signal" --in "mbox:$W/few.mbox" --out "$place"
		grep -q 'the same command goes on' said
		grep -q 'not finished' out
		run_as 0 hsmime archive status --json "${place#*:}.hsmime"
		[ "$(field 'd["decrypted"] > 30 and d["waiting"] > 0 or d["waiting"] == 0 and not d["listed"]' <<<"$output")" = True ]
		[ "$(field 'd["finished"]' <<<"$output")" = False ]
		sabotage
		archive 0 decrypt --in "mbox:$W/few.mbox" --out "$place"
		mailboxes check "${place%:*}" "${place#*:}" "$W/few/want"
		outcomes "${place#*:}.hsmime" finished=true waiting=0 failed=0
	done
	no_drafts .
}

@test "status tells of a job that runs; another run of it is refused, and a second signal ends it at once" {
	sabotage 'hang C_Decrypt 150'
	"$HSMIME" archive decrypt --in "eml:$W/many/in" --out eml:clear >out 2>said &
	local pid=$!
	await_event '^hang C_Decrypt'
	run_as 0 hsmime archive status --json clear.hsmime
	[ "$(field '(d["finished"], d["task"], d["failed"])' <<<"$output")" = "(False, 'decrypt', 0)" ]
	run_as 0 hsmime archive status clear.hsmime
	reported 'not finished'
	archive 6 decrypt --in "eml:$W/many/in" --out eml:clear
	explained
	said "in use by process $pid"
	archive 6 retry clear.hsmime
	kill -TERM "$pid"
	# The first one was delivered once it is pending no more.
	while (((0x$(awk '/^ShdPnd/ { print $2 }' "/proc/$pid/status") >> 14) & 1)); do :; done
	kill -TERM "$pid"
	ends_as 143 "$pid"
	sabotage
	archive 0 decrypt --in "eml:$W/many/in" --out eml:clear
	mailboxes check eml clear "$W/many/want"
}
