#!/usr/bin/env bats
# hsmime archive --dry-run: nothing changes, anywhere, and what it tells is what the run after it comes to.

load helper
load ../token/saboteur
load archive

readonly good=(cbc gcm oaep ecdh plain ecdhgcm both signed)

setup_file() {
	new_archive_world
	new_peer carol
	new_peer old -1
	mailboxes make "$W/mixed" 40 "${good[@]}"
	mailboxes make "$W/few" 8 "${good[@]}"
	bad_tree "$W/bad"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export TMPDIR=$PWD/temporary
	mkdir "$TMPDIR" box
	cd box
	cp "$W/carol.pem" .
}

# bad_tree FOLDER: what fails of each cause that shows without decrypting, what is copied, and what goes well
bad_tree() {
	cp -r "$W/few/in" "$1"
	printf 'no mail at all\n' >"$1/malformed.eml"
	head -c 900 "$W/few/in/00001.eml" >"$1/cut.eml"
	openssl cms -encrypt -outform DER -aes-128-gcm -in "$W/entity" -out "$1/whole.p7m" "$W/alice.pem"
	head -c -5 "$1/whole.p7m" >"$1/end.p7m"
	openssl cms -encrypt -outform DER -camellia128 -in "$W/entity" -out "$1/odd.p7m" "$W/alice.pem"
	openssl cms -encrypt -in "$W/entity" -out "$1/nokey.eml" "$W/eve.pem"
	{ printf 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\nContent-Transfer-Encoding: base64\n\n'
		base64 "$1/whole.p7m"; } >"$W/inner"
	openssl cms -sign -in "$W/inner" -signer "$W/eve.pem" -inkey "$W/eve.key" -out "$1/inside.eml"
}

# snapshot: of all that a run could have touched, the state folder too, but for what a login keeps of its PIN
snapshot() {
	fingerprint .
	find "$TMPDIR" -mindepth 1
	find "$XDG_STATE_HOME" -type f ! -path '*/pins/*' -print0 2>/dev/null | xargs -0 -r sha256sum
}

# tried STATUS ARGUMENT...: the dry run ends so, and nothing changes; it is left in $tried
tried() {
	local wanted=$1
	shift
	snapshot >"$BATS_TEST_TMPDIR/before"
	sabotage_apart
	archive "$wanted" "$@" --dry-run --json
	tried=$output
	no_key_was_used
	snapshot | diff "$BATS_TEST_TMPDIR/before" -
}

# sabotage_apart: the token's calls are counted, beside what is looked at
sabotage_apart() {
	(cd "$BATS_TEST_TMPDIR" && sabotage)
	export HSMIME_MODULE=$HSMIME_BUILD/tests/token/proxy.so PROXY_CONTROL=$BATS_TEST_TMPDIR/proxy.control \
		PROXY_COUNTS=$BATS_TEST_TMPDIR/proxy.counts PROXY_EVENTS=$BATS_TEST_TMPDIR/proxy.events
}

no_key_was_used() {
	local name
	[ -e "$PROXY_COUNTS" ] || return 0 # no module was needed
	for name in C_Decrypt C_DecryptInit C_DeriveKey C_UnwrapKey C_Sign C_SignInit; do
		[ "$(calls $name)" = 0 ] || {
			echo "$name was called"
			return 1
		}
	done
}

# comes_true ARGUMENT...: the run comes to what the dry run before it told
comes_true() {
	run --separate-stderr hsmime archive "$@" --json
	python3 - "$tried" "$output" <<-'PY'
		import json, sys
		trial, run = map(json.loads, sys.argv[1:])
		assert trial["dry_run"] is True and trial["finished"] is False, trial
		assert "dry_run" not in run and run["finished"] is True, run
		assert trial["exit_status"] == run["exit_status"], (trial, run)
		for key in ("task", "in", "out", "job", "waiting", "decrypted", "rewrapped", "valid", "copied", "skipped", "failed",
		            "octets", "causes", "listed", "unlisted", "passed_over"):
		    assert trial.get(key) == run.get(key), (key, trial, run)
	PY
}

# tells EXPRESSION: of the last dry run, as d
tells() {
	field "$1" <<<"$tried"
}

@test "decrypt: each kind of mailbox" {
	mailboxes maildir "$W/mixed" maildir
	mailboxes mbox "$W/mixed" in.mbox rd
	find "$W/mixed/in" -name '*.eml' >paths
	cat paths >>paths.twice
	cat paths >>paths.twice # each is one message
	for mailbox in "eml:$W/mixed/in" maildir:maildir mbox:in.mbox list:paths list:paths.twice; do
		tried 0 decrypt --in "$mailbox" --out maildir:clear
		[ "$(tells 'd["decrypted"], d["copied"], d["left"], d["operations"]')" = '(30, 10, 40, 30)' ]
		comes_true decrypt --in "$mailbox" --out maildir:clear
		rm -r clear clear.hsmime
	done
	for out in eml:new/tree mbox:new/box maildir:new/mail; do
		tried 0 decrypt --in "eml:$W/mixed/in" --out "$out"
		comes_true decrypt --in "eml:$W/mixed/in" --out "$out"
	done
}

@test "decrypt: what would fail is told by cause, as the run has it" {
	cp -r "$W/bad" tree
	tried 1 decrypt --in eml:tree --out eml:clear
	[ "$(tells '{c["cause"]: c["messages"] for c in d["causes"]}')" = "{'malformed': 3, 'no-key': 1, 'unsupported': 1}" ]
	comes_true decrypt --in eml:tree --out eml:clear
}

@test "decrypt: options of the run are those of the dry run" {
	for more in '--skip-plain' '--require-authenticated' '--limit 5' '--since @1500000180 --until @1500000300' \
		'-k pkcs11:id=%01' '-k pkcs11:token=Demo' '--job elsewhere' '--workers 1'; do
		local arguments
		read -ra arguments <<<"$more"
		run hsmime archive decrypt "${arguments[@]}" --in "eml:$W/mixed/in" --out eml:clear --dry-run
		tried "$status" decrypt "${arguments[@]}" --in "eml:$W/mixed/in" --out eml:clear
		comes_true decrypt "${arguments[@]}" --in "eml:$W/mixed/in" --out eml:clear
		rm -rf clear clear.hsmime elsewhere
	done
}

@test "rewrap: with the policy of its recipients and ciphers" {
	cp -r "$W/bad" tree
	for more in '' '--reencrypt' '--reencrypt --cipher aes-256-cbc' '--reencrypt --require-authenticated' \
		'--keep-recipients' "--keep-recipients --drop $W/alice.pem"; do
		local arguments
		read -ra arguments <<<"$more"
		[[ $more == *--drop* ]] || arguments+=(-r carol.pem)
		tried 1 rewrap "${arguments[@]}" --in eml:tree --out eml:new
		comes_true rewrap "${arguments[@]}" --in eml:tree --out eml:new
		rm -r new new.hsmime
	done
}

@test "verify: what is signed is judged, and what is encrypted told apart" {
	cp -r "$W/bad" tree
	openssl cms -sign -in "$W/entity" -signer "$W/carol.pem" -inkey "$W/carol.key" -out tree/good.eml
	openssl cms -sign -in "$W/entity" -signer "$W/carol.pem" -inkey "$W/carol.key" -out tree/broken.eml
	sed -i 's/1000 units/1001 units/' tree/broken.eml
	tried 1 verify --no-chain --in eml:tree --report report.jsonl
	run --separate-stderr hsmime archive verify --no-chain --in eml:tree --report report.jsonl --json
	python3 - "$tried" "$output" <<-'PY'
		import json, sys
		trial, run = map(json.loads, sys.argv[1:])
		# One of those is encrypted inside a signature that holds; the others are not signed: they are left out.
		assert trial["to_be_opened"] == 8, trial
		assert trial["skipped"] + 7 == run["skipped"] and trial["valid"] + 1 == run["valid"], (trial, run)
		for key in ("failed", "causes", "octets"):
		    assert trial[key] == run[key], (key, trial, run)
	PY
}

@test "a job that was begun: what is left of it" {
	cp -r "$W/bad" tree
	archive 0 decrypt --limit 3 --in "eml:$W/few/in" --out eml:three
	tried 0 decrypt --limit 3 --in "eml:$W/few/in" --out eml:three
	[ "$(tells 'd["finished"], d["left"], d["decrypted"] + d["copied"]')" = '(True, 0, 3)' ]
	# One that is stopped on its way, whose mailbox was not even listed to its end.
	sabotage_apart
	tell 'hang C_Decrypt 8'
	"$HSMIME" archive decrypt --workers 1 --in "eml:$W/mixed/in" --out eml:clear >out 2>said &
	job=$!
	await_event '^hang C_Decrypt'
	kill -TERM $job
	tell 'delay C_Decrypt 300000' release
	ends_as 143 $job
	run_as 0 hsmime archive status --json clear.hsmime
	done_before=$(field 'd["decrypted"] + d["copied"]' <<<"$output")
	[ "$done_before" -gt 5 ]
	[ "$done_before" -lt 40 ]
	tried 0 decrypt --workers 1 --in "eml:$W/mixed/in" --out eml:clear
	[ "$(tells 'd["left"], d["decrypted"], d["copied"]')" = "($((40 - done_before)), 30, 10)" ]
	archive 2 decrypt --skip-plain --in "eml:$W/mixed/in" --out eml:clear --dry-run
	explained
	said 'clear.hsmime was begun with another setting: .*skip_plain'
	comes_true decrypt --in "eml:$W/mixed/in" --out eml:clear
	mailboxes check eml clear "$W/mixed/want"
}

@test "a job that was killed: what is left of it, and it goes on as if nobody had looked" {
	sabotage_apart
	tell 'hang C_Decrypt 12'
	"$HSMIME" archive decrypt --workers 1 --in "eml:$W/mixed/in" --out eml:clear >out 2>said &
	job=$!
	await_event '^hang C_Decrypt'
	kill -9 $job
	wait $job || true
	# All but the index of SQLite's log, which whoever reads it makes.
	fingerprint . | grep -v journal.sqlite-shm >../killed
	sabotage_apart
	archive 0 decrypt --in "eml:$W/mixed/in" --out eml:clear --dry-run --json
	[ "$(field 'd["decrypted"], d["copied"], d["left"] > 0' <<<"$output")" = '(30, 10, True)' ]
	no_key_was_used
	fingerprint . | grep -v journal.sqlite-shm | diff ../killed -
	archive 0 decrypt --in "eml:$W/mixed/in" --out eml:clear
	mailboxes check eml clear "$W/mixed/want"
}

@test "mistakes are told as they would be, and leave nothing" {
	cp -r "$W/few/in" tree
	mkdir full && touch full/file
	echo other >there
	for wrong in '2 decrypt --in eml:tree --out imap:clear' '6 decrypt --in eml:nowhere --out eml:clear' \
		'2 decrypt --in eml:tree --out eml:full' '2 decrypt --in eml:tree --out mbox:there' \
		'2 decrypt --in eml:tree --out eml:tree/clear' '2 decrypt --in eml:tree' \
		'2 rewrap --in eml:tree --out eml:clear' "7 rewrap --in eml:tree --out eml:clear -r $W/old.pem" \
		'2 rewrap --in eml:tree --out eml:clear -r carol.pem --reencrypt --keep-recipients' \
		'2 verify --in eml:tree --report there' '2 decrypt --in eml:tree --out eml:clear --job tree/job'; do
		local arguments
		read -ra arguments <<<"$wrong"
		snapshot >"$BATS_TEST_TMPDIR/before"
		archive "${arguments[@]}" --dry-run
		explained
		snapshot | diff "$BATS_TEST_TMPDIR/before" -
	done
	for action in 'retry clear.hsmime' 'status clear.hsmime' 'count --in eml:tree'; do
		read -ra arguments <<<"$action"
		archive 2 "${arguments[@]}" --dry-run
		explained
	done
}

@test "without a token it is told so, as where it decrypts" {
	mkdir empty
	sed "s|^directories.tokendir.*|directories.tokendir = $PWD/empty|" "$W/softhsm2.conf" >../softhsm2.conf
	SOFTHSM2_CONF=$PWD/../softhsm2.conf archive 4 decrypt --in "eml:$W/few/in" --out eml:clear --dry-run
	SOFTHSM2_CONF=$PWD/../softhsm2.conf archive 4 decrypt --in "eml:$W/few/in" --out eml:clear
}

@test "people are told in words" {
	cp -r "$W/bad" tree
	archive 1 decrypt --in eml:tree --out eml:clear --dry-run
	said 'messages would fail'
	reported '^clear.hsmime: a dry run: nothing was written$'
	reported '^ *to decrypt +7$'
	reported '^ *would fail +5$'
	reported '^  of no-key: 1$'
	reported '^ *token operations +8$' # one has a key, and is cut at its end
	[ -z "$(find "$TMPDIR" -mindepth 1)" ]
	archive 1 decrypt --in eml:tree --out eml:clear --dry-run --quiet
	[ -z "$output" ]
}

@test "a large message takes no more memory, and no disk" {
	mkdir tree
	{ printf 'Content-Type: text/plain\n\n'; head -c 100M /dev/zero; } |
		hsmime encrypt --cms --cipher aes-256-gcm -r "$W/alice.pem" -o tree/a.p7m
	for action in decrypt 'rewrap -r carol.pem' 'rewrap --reencrypt -r carol.pem'; do
		local arguments
		read -ra arguments <<<"$action"
		bash -c 'ulimit -f 4000; exec "$@"' - "$HSMIME" archive "${arguments[@]}" --dry-run --in eml:tree --out eml:clear
	done
}
