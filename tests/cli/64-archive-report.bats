#!/usr/bin/env bats
# hsmime archive report: a page with right numbers, of jobs in any state, and what messages say is text in it and no more.

load helper
load ../token/saboteur
load archive

readonly good=(cbc gcm oaep ecdh plain ecdhgcm both signed)

setup_file() {
	new_archive_world
	mailboxes make "$W/few" 8 "${good[@]}"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# page JOB [TEXT...]: its page is right
page() {
	hsmime archive status --json "$1" >state.json
	archive 0 report "$1" --html page.html
	[ -z "$output$stderr" ]
	/usr/bin/python3 "$cli_root/tests/cli/page" page.html state.json "$1/manifest.jsonl" "${@:2}"
}

# bad_mail CONTENT-TYPE SUBJECT [DATE]: of a message that fails
bad_mail() {
	printf 'Subject: %s\nDate: %s\nContent-Type: %s\n\nMIIx\n' "$2" "${3:-Mon, 01 Jan 2018 00:00:00 +0000}" "$1"
}

readonly script='<script>alert("1")</script>&amp;'

@test "the numbers are those of the job, for each task" {
	cp -r "$W/few/in" tree
	cp "$W/body/nokey" tree/nokey.eml
	printf 'no mail\n' >tree/bad.eml
	archive 1 decrypt --in eml:tree --out eml:clear
	page clear.hsmime decrypt nokey.eml no-key malformed "eml:$PWD/tree" "eml:$PWD/clear" 'pkcs11:'
	archive 1 rewrap --skip-plain --in eml:tree --out eml:new -r "$W/eve.pem"
	page new.hsmime nokey.eml 2017
	archive 1 verify --in eml:tree --report verify.jsonl
	page verify.jsonl.hsmime not-valid bad.eml
}

@test "charts by year, key and cause, and each failure, are the manifest's; a page that is changed is not" {
	cp -r "$W/few/in" tree
	local year
	for year in 1995 1995 2001 2013 2024; do
		{ printf 'Date: Mon, 1 Jan %s 10:00:00 +0000\n' "$year"; cat "$W/body/cbc"; } >"tree/$year$RANDOM.eml"
		{ printf 'Date: Mon, 1 Jan %s 10:00:00 +0000\n' "$year"; cat "$W/body/nokey"; } >"tree/$year-nokey.eml"
	done
	printf 'no mail\n' >tree/bad.eml
	archive 1 decrypt --in eml:tree --out eml:clear
	page clear.hsmime 1995 2001 2013 2017 2024 id=%01 id=%02 no-key malformed 'no key on the tokens'
	cp page.html whole.html
	local change
	for change in 's,<td class="n">3</td>,<td class="n">4</td>,' 's,width:25.00%,width:26.00%,' 's,id=%02,id=%03,' \
		's,>no key on the tokens,>none of the tokens,' '/bad.eml/d' 's,>1995<,>1996<,' 's,<i class="f",<i class="d",'; do
		sed "$change" whole.html >page.html
		run ! cmp -s whole.html page.html
		run ! /usr/bin/python3 "$cli_root/tests/cli/page" page.html state.json clear.hsmime/manifest.jsonl
	done
}

@test "very many keys and years are rows of a chart, and the last of them one" {
	mkdir tree
	local year
	for year in $(seq 1930 1999); do
		printf 'Date: Mon, 1 Jan %s 10:00:00 +0000\n\nplain\n' "$year" >"tree/$year.eml"
	done
	archive 0 decrypt --in eml:tree --out eml:clear
	hsmime archive status --json clear.hsmime >state.json
	archive 0 report clear.hsmime --html page.html
	# Sums are right, none is there twice.
	/usr/bin/python3 "$cli_root/tests/cli/page" page.html state.json none 1930 1988 'all others'
	grep -qF '>all others</td><td class="n">11</td>' page.html
}

@test "a job of no messages has a page" {
	mkdir tree
	archive 0 decrypt --in eml:tree --out eml:clear
	page clear.hsmime
	grep -q 'None\.' page.html
}

@test "a stopped job has a page, and so has one that is running" {
	mailboxes make many 40 cbc gcm
	sabotage 'delay C_Decrypt 100000'
	"$HSMIME" archive decrypt --workers 1 --in eml:many/in --out eml:clear >out 2>said 3>&- &
	local pid=$!
	timeout 60 bash -c 'until [ -s clear.hsmime/journal.sqlite ] && "$HSMIME" archive status --json clear.hsmime |
		grep -q "\"decrypted\": [1-9]"; do :; done' 2>/dev/null
	archive 0 report clear.hsmime --html running.html # counts change while it is written
	grep -q 'not finished' running.html
	kill -TERM "$pid"
	wait "$pid" || true
	outcomes clear.hsmime finished=false failed=0
	page clear.hsmime
	tell reset
	archive 0 decrypt --workers 1 --in eml:many/in --out eml:clear
	page clear.hsmime
}

@test "hostile names, subjects and types are text, and nothing is unseen" {
	mkdir tree
	bad_mail 'application/pkcs7-mime; smime-type=enveloped-data' "$script" >"tree/$(printf 'a<script>alert(1)<\\script>&lt;"\047.eml')"
	bad_mail 'application/pkcs7-mime' "$script" >"tree/$(printf 'bidi\u202e\u200b\e[31m\xff.eml')"
	bad_mail 'application/pkcs7-mime; smime-type="</td><img src=x onerror=alert(1)>"' x >'tree/--><img src=x onerror=alert(1)>.eml'
	bad_mail 'application/pkcs7-mime' "$script" >"tree/$(printf 'new\nline.eml')"
	archive 1 decrypt --in eml:tree --out "eml:out<b>"
	page 'out<b>.hsmime' 'a<script>alert(1)<\script>&lt;"'\''.eml' '--><img src=x onerror=alert(1)>.eml' "eml:$PWD/out<b>"
	run ! grep -qi '<script\|<img\|<b>' page.html
	archive 1 verify --in eml:tree --report 'r"><script>.jsonl'
	page 'r"><script>.jsonl.hsmime'
}

@test "what a signer's certificate says is text" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout m.key -out m.pem -days 3000 -utf8 \
		-subj "/CN=<script>alert(1)<\/script>$(printf '\u202e')/O=<\/td><\/table>" 2>/dev/null
	mkdir tree
	openssl cms -sign -in "$W/entity" -signer m.pem -inkey m.key -out tree/a.eml
	sed 's/1000/1001/' tree/a.eml >tree/b.eml
	archive 1 verify --in eml:tree --report verify.jsonl
	page verify.jsonl.hsmime
	python3 -c 'import json; [json.loads(line) for line in open("verify.jsonl", encoding="utf-8")]'
	grep -q 'script' verify.jsonl
}

@test "dates that nobody wrote in earnest are years, or none" {
	mkdir tree
	local n=0
	for date in 'Mon, 1 Jan 99999 00:00:00 +0000' 'Mon, 1 Jan 0001 00:00:00 +0000' 'Fri, 31 Dec 9999 23:59:59 -0100' \
		'Mon, 1 Jan 69 00:00:00 +0000' 'Thu, 32 Foo <b>' '-1' 'Sat, 31 Dec 2016 23:59:60 +0000'; do
		n=$((n + 1))
		bad_mail application/pkcs7-mime x "$date" >"tree/$n.eml"
	done
	touch -d 1950-01-01 tree/5.eml
	archive 1 decrypt --in eml:tree --out eml:clear
	page clear.hsmime 0001 1950 1969 2017 'none, or not known'
	run ! grep -q '<td class="w">9999' page.html
	python3 -c 'import json; print([json.loads(line).get("date") for line in open("clear.hsmime/manifest.jsonl")])' |
		grep -qF "'0001-01-01T00:00:00Z'"
}

@test "a page that can't be written, of no job, or without a name is told" {
	archive 0 decrypt --in "eml:$W/few/in" --out eml:clear
	archive 2 report clear.hsmime
	explained
	archive 2 report --html page.html
	explained
	archive 6 report nowhere --html page.html
	explained
	[ ! -e page.html ]
	archive 6 report clear.hsmime --html nowhere/page.html
	explained
	fingerprint clear.hsmime >before
	mkdir folder
	archive 6 report clear.hsmime --html folder
	explained
}
