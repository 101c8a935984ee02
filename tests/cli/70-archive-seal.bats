#!/usr/bin/env bats
# hsmime archive … --seal: the finished manifest is signed by a key on a token, once, and never another one than that.

load helper
load archive

setup_file() {
	new_archive_world
	new_peer old -1
	own_key 04 old
	new_peer closing 3000 'keyUsage=critical,keyEncipherment' 'extendedKeyUsage=emailProtection'
	own_key 05 closing
	new_peer clerk
	own_key 06 clerk
	openssl pkcs8 -topk8 -nocrypt -in eve.key -out eve.p8
	"$cli_root/scripts/softtoken" import "$W" 07 bare "$W/eve.p8" # without a certificate
	mailboxes make "$W/few" 8 cbc gcm plain both
	mailboxes make "$W/some" 8 cbc nokey plain signed
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

readonly seal=(--seal 'pkcs11:id=%01')

# sealed MANIFEST NAME: openssl takes the seal for NAME's over the manifest
sealed() {
	openssl cms -verify -binary -inform DER -in "$1.p7s" -content "$1" -CAfile "$W/ca.pem" -purpose any \
		-signer by.pem -out /dev/null
	openssl x509 -in by.pem -noout -subject | grep -q "CN *= *$2\$"
}

# mark FILE...: which files they are
mark() {
	stat -c '%n %i %Y %s' "$@"
}

@test "each kind of job is sealed by the key that is named, and another program says so" {
	archive 0 decrypt "${seal[@]}" --in "eml:$W/few/in" --out eml:clear
	sealed clear.hsmime/manifest.jsonl alice
	outcomes clear.hsmime finished=true sealed=true decrypted=6
	archive 0 status clear.hsmime
	reported 'finished, and sealed'
	archive 0 report clear.hsmime --html page.html
	grep -q 'finished, and sealed' page.html
	archive 0 rewrap --seal subject=clerk -r "$W/eve.pem" --force-recipient --in "eml:$W/few/in" --out maildir:new
	sealed new.hsmime/manifest.jsonl clerk
	archive 0 verify "${seal[@]}" --ca "$W/ca.pem" --in "eml:$W/few/in" --report verify.jsonl
	sealed verify.jsonl alice
	sealed verify.jsonl.hsmime/manifest.jsonl alice
	cmp verify.jsonl.p7s verify.jsonl.hsmime/manifest.jsonl.p7s
	no_pin .
	no_drafts .
}

@test "the first line tells of the job as a whole, and the others are numbered" {
	archive 1 decrypt --skip-plain --in "eml:$W/some/in" --out eml:clear
	run_as 0 hsmime archive status --json clear.hsmime
	python3 - "$output" "$W" <<-'PY'
		import json, sys
		facts, *rows = map(json.loads, open("clear.hsmime/manifest.jsonl"))
		state = json.loads(sys.argv[1])
		assert facts["manifest"] == 1 and facts["task"] == "decrypt", facts
		assert facts["in"] == f"eml:{sys.argv[2]}/some/in" and facts["out"].endswith("clear"), facts
		assert [row["number"] for row in rows] == list(range(1, facts["messages"] + 1))
		for word in "decrypted", "copied", "skipped", "failed":
		    assert facts[word] == [row["outcome"] for row in rows].count(word) == state[word], word
		assert facts["octets"] == sum(row["size"] for row in rows) == state["octets"]
		assert facts["started"] == state["started"] and facts["finished"] == state["changed"]
	PY
}

@test "a key that can't sign is told before the job begins, and leaves none" {
	for pair in "4 id=%04" "5 id=%07" "7 id=%05" "5 id=%44" "5 object=nobody"; do
		run hsmime archive decrypt --seal "pkcs11:${pair#* }" --in "eml:$W/few/in" --out eml:clear
		echo "$pair: $status $output"
		[[ $status == [57] ]]
		[[ $output == *'the key for the seal'* ]]
		no_job
	done
	archive 7 decrypt --seal 'pkcs11:id=%05' --in "eml:$W/few/in" --out eml:clear
	explained
	said '--seal'
	# With its certificate from elsewhere one can.
	archive 0 decrypt --seal 'pkcs11:id=%07' --cert "$W/eve.pem" --in "eml:$W/few/in" --out eml:clear
	sealed clear.hsmime/manifest.jsonl eve
}

@test "a name with a PIN in it is refused, and kept nowhere" {
	archive 7 decrypt --seal 'pkcs11:id=%01?pin-value=123456' --in "eml:$W/few/in" --out eml:clear
	explained
	archive 2 decrypt --seal '' --in "eml:$W/few/in" --out eml:clear
	no_job
	archive 0 decrypt --seal "pkcs11:id=%01?pin-source=file:$W/pin" --in "eml:$W/few/in" --out eml:clear
	no_pin .
}

@test "a job that is finished is sealed later, and left alone when it is" {
	archive 0 decrypt --in "eml:$W/few/in" --out eml:clear
	[ ! -e clear.hsmime/manifest.jsonl.p7s ]
	outcomes clear.hsmime finished=true sealed=false
	mark clear/* clear.hsmime/manifest.jsonl >before
	archive 0 decrypt "${seal[@]}" --in "eml:$W/few/in" --out eml:clear
	sealed clear.hsmime/manifest.jsonl alice
	mark clear/* clear.hsmime/manifest.jsonl | diff before -
	mark clear.hsmime/*.p7s >before
	archive 0 decrypt "${seal[@]}" --in "eml:$W/few/in" --out eml:clear
	HSMIME_MODULE=/nowhere archive 0 decrypt --in "eml:$W/few/in" --out eml:clear
	mark clear.hsmime/*.p7s | diff before -
}

@test "another key's seal replaces it; one that can't sign leaves it" {
	archive 0 decrypt "${seal[@]}" --in "eml:$W/few/in" --out eml:clear
	mark clear.hsmime/*.p7s >before
	archive 7 decrypt --seal 'pkcs11:id=%05' --in "eml:$W/few/in" --out eml:clear
	mark clear.hsmime/*.p7s | diff before -
	archive 0 decrypt --in "eml:$W/few/in" --out eml:clear
	mark clear.hsmime/*.p7s | diff before -
	archive 0 decrypt --seal 'pkcs11:id=%06' --in "eml:$W/few/in" --out eml:clear
	sealed clear.hsmime/manifest.jsonl clerk
	mark clear.hsmime/*.p7s >before
	archive 0 decrypt --in "eml:$W/few/in" --out eml:clear
	mark clear.hsmime/*.p7s | diff before -
}

@test "what was sealed is sealed again behind a retry, by the same key" {
	archive 1 decrypt "${seal[@]}" --in "eml:$W/some/in" --out eml:clear
	sealed clear.hsmime/manifest.jsonl alice
	cp clear.hsmime/manifest.jsonl old
	# Two of them come to something now.
	cp -r "$W/some/in" tree
	archive 1 retry clear.hsmime
	sealed clear.hsmime/manifest.jsonl alice
	archive 1 retry --seal 'pkcs11:id=%06' clear.hsmime
	sealed clear.hsmime/manifest.jsonl clerk
	# A seal that can't be made is told before anything is taken away.
	mark clear.hsmime/manifest* >before
	archive 7 retry --seal 'pkcs11:id=%05' clear.hsmime
	mark clear.hsmime/manifest* | diff before -
}

@test "of a report the seal is beside it too, and comes back with it" {
	cp -r "$W/few/in" tree
	archive 0 verify --no-chain --in eml:tree --report verify.jsonl
	cp verify.jsonl first
	archive 0 verify --no-chain "${seal[@]}" --in eml:tree --report verify.jsonl
	sealed verify.jsonl alice
	rm verify.jsonl verify.jsonl.p7s
	HSMIME_MODULE=/nowhere archive 0 verify --no-chain --in eml:tree --report verify.jsonl
	cmp verify.jsonl first
	sealed verify.jsonl alice
	# What is somebody else's is not replaced by a new job.
	echo mine >other.jsonl.p7s
	archive 2 verify --no-chain "${seal[@]}" --in eml:tree --report other.jsonl
	explained
	[ "$(cat other.jsonl.p7s)" = mine ]
	[ ! -e other.jsonl.hsmime ]
	archive 0 verify --no-chain --in eml:tree --report other.jsonl
	[ "$(cat other.jsonl.p7s)" = mine ]
}

@test "only what begins a job, or does it again, takes --seal" {
	archive 2 status "${seal[@]}" nowhere
	explained
	archive 2 count "${seal[@]}" --in "eml:$W/few/in"
	explained
}
