#!/usr/bin/env bats
# hsmime archive retry and status: what failed is done again once its cause is mended, and nothing else is touched.

load helper
load archive

setup_file() {
	new_archive_world
	mailboxes make "$W/mixed" 12 cbc nokey gcm plain
	openssl pkcs8 -topk8 -nocrypt -in "$W/eve.key" -out "$W/eve.p8"
	# Once somebody has eve's key.
	openssl cms -decrypt -in "$W/body/nokey" -inkey "$W/eve.key" -out "$W/clear/nokey"
	mailboxes make "$W/all" 12 cbc nokey gcm plain
}

setup() {
	cp -r "$W" "$BATS_TEST_TMPDIR/world" # a token of its own
	cd "$BATS_TEST_TMPDIR"
	sed -i "s|$W|$PWD/world|" world/softhsm2.conf
	export SOFTHSM2_CONF=$PWD/world/softhsm2.conf
	sed -i "s|$W|$PWD/world|" world/env
	cp -r "$W/mixed/in" tree
	printf 'no mail at all\n' >tree/malformed.eml
}

# give_eves_key [CERTIFICATE]
give_eves_key() {
	"$cli_root/scripts/softtoken" import "$PWD/world" 03 eve "$W/eve.p8" "$@"
}

@test "a key that comes later opens what had none" {
	archive 1 decrypt --in eml:tree --out eml:clear
	outcomes clear.hsmime decrypted=6 copied=3 failed=4 cause:no-key=3 cause:malformed=1
	find clear -type f -printf '%P %i %C@\n' | sort >before
	give_eves_key "$W/eve.pem"
	archive 1 retry clear.hsmime
	outcomes clear.hsmime decrypted=9 copied=3 failed=1 cause:malformed=1 finished=true waiting=0
	mailboxes check eml clear "$W/all/want"
	[ "$(find clear.hsmime/failed -type f -printf '%P')" = malformed.eml ]
	mailboxes check-manifest clear.hsmime tree clear
	# What was there already was not written again.
	[ -z "$(comm -23 before <(find clear -type f -printf '%P %i %C@\n' | sort))" ]
}

@test "a certificate that comes later is kept for the next time too" {
	archive 1 decrypt --in eml:tree --out mbox:clear
	give_eves_key
	archive 1 retry clear.hsmime --cause no-key
	outcomes clear.hsmime failed=4 cause:no-key=3
	archive 1 retry clear.hsmime --cause no-key --cert "$W/eve.pem"
	outcomes clear.hsmime failed=1 cause:malformed=1 decrypted=9 finished=true
	[ "$(grep -c '^From MAILER' clear)" = 12 ]
	[ "$(grep -c '^Message-ID: <2@' clear)" = 1 ]
	archive 1 retry clear.hsmime
	outcomes clear.hsmime failed=1 decrypted=9
	[ "$(grep -c '^From MAILER' clear)" = 12 ]
	no_drafts .
}

@test "--cause chooses, and one that nothing failed of does nothing" {
	archive 1 decrypt --in eml:tree --out eml:clear
	give_eves_key "$W/eve.pem"
	archive 1 retry clear.hsmime --cause malformed
	outcomes clear.hsmime failed=4 cause:no-key=3 cause:malformed=1
	archive 1 retry clear.hsmime --cause policy
	outcomes clear.hsmime failed=4 finished=true
	archive 1 retry clear.hsmime --cause no-key
	outcomes clear.hsmime failed=1
}

@test "a cause that there is none of is refused" {
	archive 1 decrypt --in eml:tree --out eml:clear
	archive 2 retry clear.hsmime --cause nokey
	explained
	said 'no-key'
}

@test "a message that was mended meanwhile is read as it is now" {
	archive 1 decrypt --in eml:tree --out eml:clear
	cp "$W/mixed/in/00001.eml" tree/malformed.eml
	archive 1 retry clear.hsmime --cause malformed
	cmp "$W/mixed/want/00001.eml" clear/malformed.eml
	outcomes clear.hsmime decrypted=7 failed=3
	mailboxes check-manifest clear.hsmime tree clear
}

@test "what a killed run named and nobody committed is gone once its message fails" {
	archive 1 decrypt --in eml:tree --out eml:clear
	fingerprint clear >before
	cp "$W/all/want/00002.eml" clear/00002.eml
	touch clear/00099.eml # no message of the job
	archive 1 retry clear.hsmime --cause no-key
	[ ! -e clear/00002.eml ]
	[ -e clear/00099.eml ]
	rm clear/00099.eml
	fingerprint clear | grep -v ' d 7' | diff <(grep -v ' d 7' before) -
	cmp tree/00002.eml clear.hsmime/failed/00002.eml
}

@test "a token that is not there stops the retry, and what failed waits" {
	archive 1 decrypt --in eml:tree --out eml:clear
	mv world/tokens away && mkdir world/tokens
	archive 4 retry clear.hsmime
	outcomes clear.hsmime finished=false decrypted=6
	rmdir world/tokens && mv away world/tokens
	give_eves_key "$W/eve.pem"
	archive 1 decrypt --in eml:tree --out eml:clear
	outcomes clear.hsmime finished=true failed=1 cause:malformed=1 decrypted=9
	mailboxes check eml clear "$W/all/want"
}

@test "from another folder a job goes on where its mailboxes are, and writes nothing elsewhere" {
	archive 1 decrypt --in eml:tree --out eml:clear
	mkdir -p other/tree
	printf 'another one\n' >other/tree/00002.eml # of the same name as one that failed
	give_eves_key "$W/eve.pem"
	cd other
	# The same words are another job here.
	archive 2 decrypt --job ../clear.hsmime --in eml:tree --out eml:clear
	explained
	said 'another setting: (in|out)'
	archive 0 status ../clear.hsmime
	reported "in +eml:$BATS_TEST_TMPDIR/tree\$"
	reported "out +eml:$BATS_TEST_TMPDIR/clear\$"
	archive 1 retry ../clear.hsmime
	[ "$(find . -mindepth 1 ! -name 'separate*' | sort | tr '\n' ' ')" = './tree ./tree/00002.eml ' ]
	# With paths from the root it is the same job from anywhere.
	archive 1 decrypt --job ../clear.hsmime --in "eml:$BATS_TEST_TMPDIR/tree" --out "eml:$BATS_TEST_TMPDIR/clear"
	cd ..
	outcomes clear.hsmime finished=true decrypted=9 failed=1 cause:malformed=1
	mailboxes check eml clear "$W/all/want"
	mailboxes check-manifest clear.hsmime tree clear
}

@test "from another folder the paths of a list are what they were, and a report is where it was" {
	find tree -name '0*' | sort >paths
	archive 1 decrypt --in list:paths --out mbox:clear
	mkdir other
	give_eves_key "$W/eve.pem"
	cd other
	archive 0 retry ../clear.hsmime
	cd ..
	outcomes clear.hsmime finished=true decrypted=9 failed=0
	[ "$(grep -c '^From MAILER' clear)" = 12 ]
	archive 1 verify --no-chain --in - --report verify.jsonl <<<"$(cat paths tree/malformed.eml)"
	rm verify.jsonl
	printf 'no mail\n' >other/verify.jsonl
	cd other
	archive 1 retry ../verify.jsonl.hsmime
	cd ..
	[ -s verify.jsonl ]
	grep -qx 'no mail' other/verify.jsonl
}

@test "a mailbox that was taken away is not made again elsewhere" {
	archive 1 decrypt --in eml:tree --out eml:clear
	give_eves_key "$W/eve.pem"
	mv clear away
	archive 2 retry clear.hsmime
	explained
	said "$PWD/clear is not there"
	[ ! -e clear ]
	mv away clear
	archive 1 retry clear.hsmime
	mailboxes check eml clear "$W/all/want"
}

@test "several keys are named again" {
	local keys=(-k 'pkcs11:id=%01' -k 'pkcs11:id=%01;token=Demo')
	archive 1 decrypt "${keys[@]}" --in eml:tree --out eml:clear
	archive 2 retry clear.hsmime
	explained
	said 'several keys'
	outcomes clear.hsmime finished=true failed=4
	archive 1 retry clear.hsmime "${keys[@]}"
	outcomes clear.hsmime finished=true failed=4
}

@test "status and retry say what is wrong with a job's name" {
	archive 6 status nowhere
	explained
	said "name the job's folder, as MAILBOX.hsmime"
	archive 1 decrypt --in eml:tree --out eml:clear
	for action in status retry; do
		archive 6 $action clear/
		explained
		said 'the folder of that mailbox.s job is clear.hsmime$'
	done
	archive 6 retry nowhere
	explained
	archive 2 status
	explained
	archive 2 retry
	explained
	archive 2 status one two
	explained
	[ ! -e nowhere ]
	mkdir empty
	archive 6 status empty
	[ -z "$(ls empty)" ]
	mkdir damaged
	head -c 5000 /dev/urandom >damaged/journal.sqlite
	run hsmime archive status damaged
	[ "$status" != 0 ]
	[[ $output == *damaged* ]]
}

@test "what can't be listed keeps the job from being finished, and is done once it can" {
	{ find tree -name '0*' | sort
		head -c 10000 /dev/zero | tr '\0' a; } >paths
	give_eves_key "$W/eve.pem"
	archive 6 decrypt --in list:paths --out eml:clear
	said 'not all was listed'
	outcomes clear.hsmime finished=false listed=false decrypted=9 waiting=0
	archive 2 retry clear.hsmime
	explained
	find tree -name '0*' | sort >paths
	archive 0 decrypt --in list:paths --out eml:clear
	outcomes clear.hsmime finished=true listed=true decrypted=9
}

@test "status and retry go on behind a kill in the middle of the journal's own work" {
	archive 1 decrypt --in eml:tree --out eml:clear
	for action in status retry; do
		run python3 - <<-'PY'
			import os, sqlite3
			journal = sqlite3.connect("clear.hsmime/journal.sqlite", isolation_level=None)
			journal.execute("PRAGMA cache_size = 1")
			journal.execute("BEGIN IMMEDIATE")
			journal.execute("CREATE TABLE half AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
			                "LIMIT 5000) SELECT i, randomblob(200) FROM n")
			os.kill(os.getpid(), 9)
		PY
		[ -s clear.hsmime/journal.sqlite-journal ]
		[ "$action" = retry ] || archive 0 status clear.hsmime
		[ "$action" = status ] || archive 1 retry clear.hsmime
	done
	outcomes clear.hsmime finished=true decrypted=6 failed=4
}

@test "status needs no token, and changes nothing" {
	archive 1 decrypt --in eml:tree --out eml:clear
	fingerprint clear.hsmime >before
	HSMIME_MODULE=/nowhere archive 0 status clear.hsmime
	reported '^clear.hsmime: finished'
	reported 'failed of no-key: 3'
	HSMIME_MODULE=/nowhere archive 0 status clear.hsmime/
	fingerprint clear.hsmime | diff before -
}
