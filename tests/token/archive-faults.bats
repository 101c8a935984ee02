#!/usr/bin/env bats
# hsmime archive decrypt and the disk, the files it reads, and their size: what the system does costs no message, and a
# message costs only itself. HSMIME_MESSAGES (2000) are what memory is measured with, HSMIME_GIANT (40) are MB.

load saboteur
load ../cli/archive

setup_file() {
	new_archive_world
	mailboxes make "$W/many" 300 cbc gcm plain oaep
	mailboxes mbox "$W/many" "$W/in.mbox" rd
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	sabotage
}

# in_small_disk SCRIPT: run by bash in namespaces of its own, where ./small is a file system of 300 KB; room makes it larger
in_small_disk() {
	local own=(unshare --mount)
	[ "$(id -u)" = 0 ] || own=(unshare --mount --user --map-root-user)
	mkdir -p small
	"${own[@]}" mount -t tmpfs none small 2>/dev/null || skip 'no namespace with a file system of its own'
	export -f run_as hsmime archive outcomes mailboxes no_drafts field said
	# shellcheck disable=SC2016
	run "${own[@]}" bash -euc 'cli_root=$1
		mount -t tmpfs -o size=300k none small
		room() { mount -o remount,size=100m small; }
		run() { shift; status=0; output=$("$@" 2>stderr) || status=$?; stderr=$(cat stderr); }
		'"$1" _ "$cli_root"
	echo "$output"
	[ "$status" = 0 ]
}

@test "a full disk stops the job; with room again it goes on" {
	# shellcheck disable=SC2016
	in_small_disk '
		for place in eml:small/clear mbox:small/clear.mbox maildir:small/box; do
			at=${place#*:}
			archive 6 decrypt --in "mbox:$W/in.mbox" --out "$place"
			said "No space left|full"
			said "the same command goes on"
			outcomes "$at.hsmime" failed=0 finished=false
			archive 6 decrypt --in "mbox:$W/in.mbox" --out "$place"
			room
			archive 0 decrypt --in "mbox:$W/in.mbox" --out "$place"
			mailboxes check "${place%%:*}" "$at" "$W/many/want"
			outcomes "$at.hsmime" failed=0 finished=true waiting=0
			no_drafts small
			rm -rf small/*
			mount -o remount,size=300k small
		done'
}

@test "a full disk below the job's folder alone, and its failures" {
	cp -r "$W/many/in" tree
	for file in tree/*[05].eml; do
		printf 'no mail at all, and long: %05000d\n' 1 >"$file"
	done
	# shellcheck disable=SC2016
	in_small_disk '
		for place in eml:clear mbox:clear.mbox; do
			archive 6 decrypt --job small/job --in eml:tree --out "$place"
			outcomes small/job finished=false
			run_as 0 hsmime archive status --json small/job
			[ "$(field "[c[\"cause\"] for c in d[\"causes\"] if c[\"cause\"] != \"malformed\"]" <<<"$output")" = "[]" ]
			room
			archive 1 decrypt --job small/job --in eml:tree --out "$place"
			outcomes small/job finished=true waiting=0 failed=60 cause:malformed=60
			for file in tree/*[05].eml; do
				cmp "$file" "small/job/failed/${file##*/}"
			done
			[ "$(find small/job/failed -type f | wc -l)" = 60 ]
			rm -rf small/*
			mount -o remount,size=300k small
		done
		for file in clear/*.eml; do
			cmp "$file" "$W/many/want/${file##*/}"
		done
		[ "$(find clear -name "*.eml" | wc -l)" = 240 ]
		[ "$(grep -c "^From MAILER" clear.mbox)" = 240 ]'
}

@test "a full disk below failed/ marks no message as unreadable" {
	cp -r "$W/many/in" tree
	for file in tree/*5.eml; do
		printf 'no mail at all, and long: %05000d\n' 1 >"$file"
	done
	# shellcheck disable=SC2016
	in_small_disk '
		mkdir -p clear.hsmime/failed
		mount -t tmpfs -o size=60k none clear.hsmime/failed
		archive 6 decrypt --in eml:tree --out eml:clear
		run_as 0 hsmime archive status --json clear.hsmime
		[ "$(field "[c[\"cause\"] for c in d[\"causes\"] if c[\"cause\"] != \"malformed\"]" <<<"$output")" = "[]" ]
		mount -o remount,size=10m clear.hsmime/failed
		archive 1 decrypt --in eml:tree --out eml:clear
		outcomes clear.hsmime finished=true waiting=0 failed=30 cause:malformed=30
		[ "$(find clear.hsmime/failed -type f | wc -l)" = 30 ]'
}

@test "a giant message that is cut while it is read fails alone" {
	mkdir tree
	cp "$W/many/in/0000"* tree
	head -c 3000000 /dev/urandom | base64 >entity
	openssl cms -encrypt -aes-256-cbc -in entity -out tree/giant.eml "$W/alice.pem"
	printf 'tree/giant.eml\n' >paths
	find tree -name '0*' >>paths
	sabotage 'hang C_Decrypt'
	"$HSMIME" archive decrypt --workers 1 --in list:paths --out eml:clear >out 2>said &
	job=$!
	await_event '^hang C_Decrypt'
	truncate -s 2000000 tree/giant.eml
	tell release
	ends_as 1 "$job"
	outcomes clear.hsmime finished=true failed=1 cause:unreadable=1
	[ "$(find clear -name '0*' | wc -l)" = 9 ]
}

# without_rights COMMAND...: root too is refused what the modes of files refuse
without_rights() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --bounding-set=-all --inh-caps=-all "$@"
	else
		"$@"
	fi
}

# held ARGUMENT...: hsmime archive decrypt in the background ($job), all listed, with an operation that hangs
held() {
	sabotage 'hang C_Decrypt 20'
	without_rights "$HSMIME" archive decrypt --workers 1 "$@" >out 2>said &
	job=$!
	await_event '^hang C_Decrypt'
	local until=$((SECONDS + 60))
	until [ "$("$HSMIME" archive status --json clear.hsmime | field 'd["listed"]')" = True ]; do
		[ "$SECONDS" -lt "$until" ]
	done
}

@test "where writing is not allowed any more the job stops; allowed again it goes on" {
	local out folder stopped=0
	for pair in 'eml:clear clear' 'eml:clear clear.hsmime' 'maildir:clear clear' 'maildir:clear clear.hsmime' \
		'mbox:place/clear place' 'mbox:place/clear clear.hsmime'; do
		out=${pair% *} folder=${pair#* }
		rm -rf clear clear.hsmime place
		mkdir place
		held --in "mbox:$W/in.mbox" --out "$out" --job clear.hsmime
		chmod -R a-w "$folder"
		tell release
		code=0
		wait "$job" || code=$?
		chmod -R u+w "$folder"
		[ "$code" = 6 ] || [ "$code" = 0 ]
		if [ "$code" = 6 ]; then
			grep -qi 'permission denied\|readonly' said
			stopped=$((stopped + 1))
		fi
		outcomes clear.hsmime failed=0
		sabotage
		archive 0 decrypt --in "mbox:$W/in.mbox" --out "$out" --job clear.hsmime
		mailboxes check "${out%:*}" "${out#*:}" "$W/many/want"
		outcomes clear.hsmime finished=true failed=0 waiting=0
		no_drafts .
	done
	[ "$stopped" -ge 4 ] # what was open before may be written on
}

@test "a source that changes, vanishes or becomes something else meanwhile fails alone" {
	cp -rp "$W/many/in" tree
	held --in eml:tree --out eml:clear
	mapfile -t names < <(find tree -name '*.eml' -printf '%f\n' | sort)
	touched=()
	for name in "${names[@]}"; do # of those that were not read yet
		[ -e "clear/$name" ] || touched+=("$name")
	done
	# The last of the folder's order are read last.
	mapfile -t last < <("$HSMIME" archive count --in eml:tree >/dev/null; ls -U tree | tail -5)
	echo 'more' >>"tree/${last[0]}"
	rm "tree/${last[1]}"
	rm "tree/${last[2]}" && mkfifo "tree/${last[2]}"
	rm "tree/${last[3]}" && mkdir "tree/${last[3]}"
	chmod 0 "tree/${last[4]}"
	tell release
	ends_as 1 "$job"
	outcomes clear.hsmime finished=true failed=5 cause:unreadable=5
	rm -r want 2>/dev/null || true
	cp -r "$W/many/want" want
	(cd want && rm "${last[@]}")
	mailboxes check eml clear want
	# As they are again.
	rmdir "tree/${last[3]}"
	rm "tree/${last[2]}"
	cp "$W/many/in/"* tree
	chmod 600 tree/*
	sabotage
	archive 0 retry clear.hsmime --cause unreadable
	mailboxes check eml clear "$W/many/want"
}

@test "mail that is read and moved meanwhile by a mail program is found" {
	mailboxes maildir "$W/many" box
	held --in maildir:box --out maildir:clear
	for file in box/cur/*:2,S; do
		mv "$file" "${file}T"
	done
	for file in box/new/*; do
		mv "$file" "box/cur/${file##*/}:2,S"
	done
	tell release
	ends_as 0 "$job"
	mailboxes check maildir clear "$W/many/want"
}

@test "an mbox that grows meanwhile, and one that is cut" {
	cp "$W/in.mbox" grows.mbox
	held --in mbox:grows.mbox --out eml:clear
	printf 'From a@example.test Thu Jan  1 00:00:00 2004\n\nmore\n\n' >>grows.mbox
	tell release
	ends_as 0 "$job" || { cat clear.hsmime/manifest.jsonl | grep '"failed"'; false; }
	[ "$(find clear -name '*.eml' | wc -l)" = 300 ]
	rm -rf clear clear.hsmime
	cp "$W/in.mbox" cut.mbox
	held --in mbox:cut.mbox --out mbox:clear
	truncate -s -3000 cut.mbox
	tell release
	ends_as 1 "$job"
	run_as 0 hsmime archive status --json clear.hsmime
	[ "$(field 'd["failed"] > 0 and d["failed"] == sum(c["messages"] for c in d["causes"] if c["cause"] == "unreadable")' <<<"$output")" = True ]
}

@test "an mbox that grows all the time" {
	cp "$W/in.mbox" grows.mbox
	python3 -c 'import os
fd = os.open("grows.mbox", os.O_WRONLY | os.O_APPEND)
while not os.path.exists("stop"):
    os.write(fd, b"From a@example.test Thu Jan  1 00:00:00 2004\n\nmore\n\n")' &
	growing=$!
	code=0
	"$HSMIME" archive decrypt --limit 300 --in mbox:grows.mbox --out eml:clear >out 2>said || code=$?
	touch stop
	wait "$growing"
	cat out said
	[ "$code" = 0 ]
	[ "$(find clear -name '*.eml' | wc -l)" = 300 ]
}

@test "few descriptors are enough" {
	for most in 64 128 400; do
		rm -rf clear*
		run_as 0 bash -c "ulimit -n $most; exec \"\$@\"" _ "$HSMIME" archive decrypt --in "eml:$W/many/in" --out eml:clear
		mailboxes check eml clear "$W/many/want"
		outcomes clear.hsmime failed=0
	done
}

@test "giant messages pass beside small ones, in little memory" {
	local size=${HSMIME_GIANT:-40}
	cp -r "$W/many/in" tree
	{ printf 'Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n'
		head -c "$((size * 700000))" /dev/urandom | base64; } >entity
	for body in cbc:-aes-256-cbc gcm:-aes-256-gcm; do
		{ printf 'From: a@example.test\nMessage-ID: <%s@giant>\n' "${body%:*}"
			openssl cms -encrypt -stream "${body#*:}" -in entity "$W/alice.pem"; } >"tree/${body%:*}.eml"
		{ printf 'From: a@example.test\nMessage-ID: <%s@giant>\n' "${body%:*}"
			openssl cms -decrypt -in "tree/${body%:*}.eml" -inkey "$W/alice.key" -recip "$W/alice.pem"; } >"${body%:*}.want"
	done
	# One that is damaged at its very end, and one that is cut off.
	openssl cms -encrypt -aes-256-gcm -outform DER -in entity -out tree/tampered.p7m "$W/alice.pem"
	flip tree/tampered.p7m 1
	head -c "$((size * 500000))" tree/cbc.eml >tree/cut.eml
	rm entity
	run_as 1 /usr/bin/time -f '%M KB' -o peak "$HSMIME" archive decrypt --in eml:tree --out eml:clear
	outcomes clear.hsmime finished=true failed=2
	cmp cbc.want clear/cbc.eml
	cmp gcm.want clear/gcm.eml
	cmp tree/tampered.p7m clear.hsmime/failed/tampered.p7m
	cmp tree/cut.eml clear.hsmime/failed/cut.eml
	[ "$(find clear -type f | wc -l)" = 302 ]
	cat peak
	[ "$(sed -n 's/ KB//p' peak)" -le 65536 ]
}

# median_peak ARGUMENT...: hsmime archive of ./heap with 32 workers, three times: the one in the middle takes at most 64 MiB.
# How much of its memory malloc can use again differs from run to run.
median_peak() {
	local n
	: >peaks
	for n in 1 2 3; do
		rm -rf clear* report*
		run_as 0 /usr/bin/time -f '%M' -o peak "$HSMIME" archive "$@" --workers 32 --in eml:heap/in
		cat peak >>peaks
	done
	sort -n peaks
	[ "$(sort -n peaks | sed -n 2p)" -le 65536 ]
}

@test "2,000 messages and 32 workers take at most 64 MiB" {
	mailboxes make heap "${HSMIME_MESSAGES:-2000}" cbc gcm ecdh plain oaep
	local place
	for place in mbox:clear.mbox maildir:clear eml:clear; do
		median_peak decrypt --out "$place"
		outcomes "${place#*:}.hsmime" finished=true failed=0
	done
	mailboxes check eml clear heap/want
}

@test "rewrap and verify of as many take no more" {
	new_peer carol
	mailboxes make heap "${HSMIME_MESSAGES:-2000}" cbc gcm ecdh plain oaep signed
	local more
	for more in '' --reencrypt; do
		median_peak rewrap ${more:+"$more"} -r "$W/carol.pem" --out eml:clear
		outcomes clear.hsmime finished=true failed=0
	done
	median_peak verify --no-chain --report report
	outcomes report.hsmime finished=true failed=0
}
