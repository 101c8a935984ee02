#!/usr/bin/env bats
# hsmime archive rewrap: whom it takes as recipients, before a job begins, while it goes on and when it is done again.

load helper
load ../token/saboteur
load rewrap

setup_file() {
	new_rewrap_world
	new_peer old -1
	mailboxes make "$W/few" 8 "${good[@]}"
}

# short_lived FILE SECONDS: dora's key, and a certificate of a few seconds
short_lived() {
	openssl req -new -key "$W/dora.key" -subj '/CN=short' -out short.csr
	: >index
	printf '[ca]\ndefault_ca=a\n[a]\ndatabase=index\nnew_certs_dir=.\npolicy=p\ndefault_md=sha256\nrand_serial=yes\n[p]\ncommonName=supplied\n' >ca.conf
	printf 'keyUsage=critical,keyAgreement\n' >short.ext
	openssl ca -batch -config ca.conf -in short.csr -cert "$W/ca.pem" -keyfile "$W/ca.key" -startdate 20200101000000Z \
		-enddate "$(date -ud "+$2 seconds" +%Y%m%d%H%M%SZ)" -notext -extfile short.ext -out "$1" 2>/dev/null
}

@test "recipients that contradict each other, or none, leave no job behind" {
	archive 2 rewrap --in "eml:$W/few/in" --out eml:new
	explained
	archive 2 rewrap --keep-recipients --in "eml:$W/few/in" --out eml:new
	explained
	archive 2 rewrap --drop "$W/eve.pem" --in "eml:$W/few/in" --out eml:new -r carol.pem
	explained
	archive 6 rewrap --in "eml:$W/few/in" --out eml:new -r nowhere.pem
	no_job
	: >empty.pem
	run hsmime archive rewrap --in "eml:$W/few/in" --out eml:new -r empty.pem
	[ "$status" != 0 ]
	no_job
}

@test "a recipient who is refused ends the command before anything is done, and leaves no job" {
	archive 7 rewrap --in "eml:$W/few/in" --out eml:new -r carol.pem -r "$W/old.pem"
	explained
	said 'old.*expired|expired.*old'
	no_job
	# bob's is signed by nobody of that authority
	archive 7 rewrap --in "eml:$W/few/in" --out mbox:new.mbox -r "$W/bob.pem" --ca "$W/ca.pem"
	explained
	no_job
	archive 0 rewrap --in "eml:$W/few/in" --out eml:new -r carol.pem -r "$W/old.pem" --force-recipient
	rewrapped eml new "$W/few" +carol +old -alice
}

@test "a recipient who expires while the job goes on ends it, and costs no message" {
	mkdir tree
	cp "$W/few/in/00001.eml" tree/good.eml
	openssl cms -encrypt -in "$W/entity" -out tree/late.eml "$W/eve.pem"
	short_lived short.pem 10
	archive 1 rewrap --in eml:tree --out eml:new -r short.pem
	outcomes new.hsmime rewrapped=1 failed=1 cause:no-key=1
	fingerprint new.hsmime/failed >before
	timeout 60 bash -c 'while openssl x509 -checkend 0 -in short.pem; do :; done' >/dev/null
	archive 7 retry new.hsmime
	explained
	outcomes new.hsmime finished=true rewrapped=1 failed=1 cause:no-key=1
	fingerprint new.hsmime/failed | diff before -
	eve_token "$W/eve.pem"
	with_eve archive 0 retry new.hsmime --force-recipient
	cp short.pem dora.pem
	rewrapped one new/late.eml tree/late.eml -eve
	openssl cms -decrypt -in new/late.eml -inkey "$W/dora.key" -recip short.pem | cmp - "$W/clear/cbc"
}

@test "a recipient who expires meanwhile ends the job there, which goes on if that is forced" {
	mailboxes make many 60 cbc gcm
	sabotage 'delay C_Decrypt 200000'
	short_lived short.pem 6
	archive 7 rewrap --workers 1 --in eml:many/in --out eml:new -r short.pem -r carol.pem
	said 'short.*expired|expired.*short'
	tell reset
	if [ -e new.hsmime ]; then # it began in time
		outcomes new.hsmime finished=false failed=0
		archive 7 rewrap --workers 1 --in eml:many/in --out eml:new -r short.pem -r carol.pem
	fi
	archive 0 rewrap --force-recipient --in eml:many/in --out eml:new -r short.pem -r carol.pem
	outcomes new.hsmime finished=true rewrapped=60 failed=0
	rewrapped eml new many +carol -alice
}

@test "other recipients are another job" {
	archive 0 rewrap --in "eml:$W/few/in" --out eml:new "${new[@]}"
	fingerprint new >before
	for other in '-r carol.pem' '-r dora.pem -r carol.pem --keep-recipients' "-r carol.pem -r dora.pem -r $W/eve.pem" \
		'-r carol.pem -r dora.pem --key-transport oaep' '-r carol.pem -r dora.pem --recipient-key-id' \
		"-r carol.pem -r dora.pem --skip-plain"; do
		local arguments
		read -ra arguments <<<"$other"
		archive 2 rewrap --in "eml:$W/few/in" --out eml:new "${arguments[@]}"
		explained
	done
	archive 2 decrypt --in "eml:$W/few/in" --out eml:new
	fingerprint new | diff before -
	# The same ones are the same job, whichever way they are told.
	archive 0 rewrap --in "eml:$W/few/in" --out eml:new -r dora.pem -r carol.pem -r dora.pem
	cat carol.pem dora.pem >both.pem
	archive 0 rewrap --in "eml:$W/few/in" --out eml:new -r both.pem
	fingerprint new | diff before -
}

@test "a job whose recipients were taken away or exchanged is not done again" {
	mkdir tree
	cp "$W/few/in/00001.eml" tree
	openssl cms -encrypt -in "$W/entity" -out tree/late.eml "$W/eve.pem"
	archive 1 rewrap --in eml:tree --out eml:new -r carol.pem
	cp -r new.hsmime kept
	for how in 'rm new.hsmime/recipients.pem' 'cp dora.pem new.hsmime/recipients.pem' \
		'cp both.pem new.hsmime/recipients.pem'; do
		cat carol.pem dora.pem >both.pem
		$how
		run hsmime archive retry new.hsmime
		echo "$how: $status $output"
		[ "$status" = 3 ]
		rm -r new.hsmime
		cp -r kept new.hsmime
	done
	archive 1 retry new.hsmime
	outcomes new.hsmime failed=1 cause:no-key=1
	# A job that goes on does not take others' recipients either, and what was taken away is put back.
	rm new.hsmime/manifest.jsonl
	cp dora.pem new.hsmime/recipients.pem
	archive 3 rewrap --in eml:tree --out eml:new -r carol.pem
	rm new.hsmime/recipients.pem
	archive 1 rewrap --in eml:tree --out eml:new -r carol.pem
	cmp new.hsmime/recipients.pem kept/recipients.pem
	rewrapped one new/00001.eml tree/00001.eml +carol -dora
}
