#!/usr/bin/env bats
# hsmime archive check: whether an archive is complete and unaltered. It needs no token, and believes nothing that it reads.

load helper
load archive

setup_file() {
	new_archive_world
	new_peer clerk
	openssl req -x509 -newkey rsa:2048 -nodes -keyout mallory.key -out mallory.pem -subj /CN=mallory -days 3000 2>/dev/null
	new_peer old -1
	# An authority of that time, which signs for itself.
	openssl req -new -key old.key -subj /CN=past -out past.csr
	printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,digitalSignature\n' >past.ext
	openssl ca -batch -config ca.conf -selfsign -in past.csr -keyfile old.key -startdate 20180101000000Z \
		-enddate 20190101000000Z -notext -extfile past.ext -out past.pem 2>/dev/null
	cp old.key past.key
	mailboxes make "$W/mixed" 12 cbc gcm nokey plain both signed
	mailboxes maildir "$W/mixed" "$W/box"
	mailboxes mbox "$W/mixed" "$W/in.mbox" rd
	mkdir "$BATS_FILE_TMPDIR/place"
	cd "$BATS_FILE_TMPDIR/place"
	cp -r "$W/mixed/in" tree
	hsmime archive decrypt --seal 'pkcs11:id=%01' --in eml:tree --out eml:clear || [ $? = 1 ]
	hsmime archive decrypt --seal 'pkcs11:id=%01' --in "maildir:$W/box" --out maildir:box || [ $? = 1 ]
	hsmime archive decrypt --seal 'pkcs11:id=%01' --in "mbox:$W/in.mbox" --out mbox:clear.mbox || [ $? = 1 ]
	cp -r . "$W/archive"
	cd "$W"
}

# Where it was made, whatever the test before did to it.
setup() {
	rm -rf "$BATS_FILE_TMPDIR/place"
	cp -r "$W/archive" "$BATS_FILE_TMPDIR/place"
	cd "$BATS_FILE_TMPDIR/place"
	export HSMIME_MODULE=/nowhere
	unset HSMIME_PIN_SOURCE
}

readonly manifest=clear.hsmime/manifest.jsonl

# check STATUS ARGUMENT...: with the authority
check() {
	archive "$1" check --ca "$W/ca.pem" "${@:2}"
}

# finds KIND... : check of ./clear without its seal comes to these findings, and no others
finds() {
	run_as 1 hsmime archive check --no-seal --json $manifest
	[ "$(field '" ".join(f["kind"] for f in d["findings"])' <<<"$output")" = "$*" ] || {
		echo "$output"
		return 1
	}
}

# seal_by NAME MANIFEST: with openssl
seal_by() {
	openssl cms -sign -binary -outform DER -in "$2" -signer "$W/$1.pem" -inkey "$W/$1.key" -out "$2.p7s"
}

# line_of NAME MANIFEST: where it stands
line_of() {
	grep -nF "\"name\":\"$1\"" "$2" | cut -d : -f 1
}

@test "an archive as it was made is proved, whatever its kind" {
	for place in clear box clear.mbox; do
		check 0 --sources "$place.hsmime/manifest.jsonl"
		reported 'complete and unaltered since it was sealed'
		reported '^ +outputs +12$'
		reported '^ +sources +12$'
		reported '^ +findings +0$'
		reported 'signer: .*CN=alice'
		check 0 "$place.hsmime"
	done
	fingerprint clear >before
	fingerprint clear.hsmime >>before
	check 0 $manifest
	{ fingerprint clear; fingerprint clear.hsmime; } | diff before -
}

@test "what is told is JSON as well" {
	check 0 --json --sources $manifest
	[ "$(field '(d["proved"], d["status"], d["exit_status"], d["findings"], d["finding_count"], d["lines"], d["outputs"],
		d["sources"], d["task"], d["out"].endswith("clear"), d["seal"]["valid"], d["seal"]["layers"][0]["signers"][0]["trusted"])' <<<"$output")" = \
		"(True, 'ok', 0, [], 0, 12, 12, 12, 'decrypt', True, True, True)" ]
	[ "$(field 'd["manifest_sha256"]' <<<"$output")" = "$(sha256sum <$manifest | cut -d ' ' -f 1)" ]
	flip clear/00001.eml 10
	check 1 --json $manifest
	[ "$(field '(d["proved"], d["findings"][0]["kind"], d["findings"][0]["name"], d["findings"][0]["line"])' <<<"$output")" = \
		"(False, 'altered', '00001.eml', $(line_of 00001.eml $manifest))" ]
	check 6 --json nowhere
	[ "$(field 'd["exit_status"]' <<<"$output")" = 6 ]
}

@test "each change of an output is found" {
	local name=00001.eml
	flip "clear/$name" 1
	finds altered
	check 1 $manifest
	reported "^altered: line $(line_of $name $manifest): $name: "
	flip "clear/$name" 1
	printf x >>"clear/$name"
	finds altered
	truncate -s -1 "clear/$name"
	check 0 $manifest
	mv "clear/$name" kept
	finds missing
	cp kept clear/other.eml
	finds missing not-in-manifest
	mv kept "clear/$name"
	finds not-in-manifest
	reported '"name": "other.eml"'
	rm clear/other.eml
	ln -s 00001.eml clear/link.eml
	finds no-file
	rm clear/link.eml
	mv clear/00001.eml there && ln -s ../there clear/00001.eml
	finds missing no-file
	rm clear/00001.eml && mkfifo clear/00001.eml
	finds missing no-file
}

@test "a job of nothing is proved too" {
	mkdir none
	for out in eml:e maildir:m mbox:b; do
		archive 0 decrypt --in eml:none --out "$out"
		archive 0 check --no-seal --sources "${out#*:}.hsmime"
	done
	echo x >b
	archive 1 check --no-seal b.hsmime
	reported '^no-mailbox: '
}

@test "what failed is held too" {
	flip clear.hsmime/failed/00003.eml 1
	finds altered
	cp clear.hsmime/failed/00003.eml clear.hsmime/failed/more.eml
	finds altered not-in-manifest
	rm -r clear.hsmime/failed
	finds no-mailbox
}

@test "each change of the manifest breaks the seal, and most are found without it" {
	cp $manifest kept
	flip $manifest 300
	check 1 $manifest
	reported '^seal-not-valid: '
	sed '3d' kept >$manifest
	check 1 $manifest
	reported '^seal-not-valid: '
	reported '^lines-missing: line 3: '
	finds lines-missing totals not-in-manifest
	sed '3p' kept >$manifest
	finds lines-in-disorder totals named-twice
	sed '3{h;d};4{G}' kept >$manifest
	finds lines-missing lines-in-disorder
	sed '$d' kept >$manifest
	finds lines-missing totals not-in-manifest
	sed '1d' kept >$manifest
	run_as 1 hsmime archive check --no-seal --json --out eml:clear $manifest
	[ "$(field '[f["kind"] for f in d["findings"]]' <<<"$output")" = "['no-facts']" ]
	sed '1p' kept >$manifest
	finds lines-in-disorder
	head -c -1 kept >$manifest
	finds cut
	head -c -20 kept >$manifest
	finds malformed cut lines-missing totals not-in-manifest
	: >$manifest
	run_as 1 hsmime archive check --no-seal $manifest
	reported '^no-facts: '
	sed '1s/"failed":2/"failed":1/' kept >$manifest
	finds totals
}

@test "a seal counts only where it holds and its signer is trusted" {
	run_as 1 hsmime archive check $manifest # the system's authorities
	reported '^seal-not-valid: '
	archive 0 check --no-chain $manifest
	rm $manifest.p7s
	check 1 $manifest
	reported '^no-seal: '
	archive 0 check --no-seal $manifest
	reported 'no seal was asked for'
	seal_by mallory $manifest
	check 1 $manifest
	reported '^seal-not-valid: '
	# Whoever has a certificate of the same authority can seal.
	seal_by clerk $manifest
	check 0 $manifest
	reported 'CN=clerk'
	check 1 --sealed-by "$W/alice.pem" $manifest
	reported '^seal-of-another: '
	check 0 --sealed-by "$W/alice.pem" --sealed-by "$W/clerk.pem" $manifest
	mv $manifest.p7s elsewhere
	check 0 --signature elsewhere $manifest
	check 6 --signature nowhere $manifest
	check 2 --signature elsewhere --no-seal $manifest
}

@test "what is damaged, or no signature, is no seal; and nothing asks for a key" {
	cp $manifest.p7s kept
	for size in 0 1 20 1000; do
		head -c $size kept >$manifest.p7s
		check 1 $manifest
		reported '^seal-not-valid: '
	done
	cp kept $manifest.p7s
	flip $manifest.p7s 10
	check 1 $manifest
	openssl cms -encrypt -binary -outform DER -in kept -out $manifest.p7s "$W/alice.pem"
	check 1 $manifest
	reported '^seal-not-valid: '
	# A signature over something else that it has inside.
	openssl cms -sign -binary -nodetach -outform DER -in kept -signer "$W/clerk.pem" -inkey "$W/clerk.key" -out $manifest.p7s
	check 1 $manifest
	openssl cms -sign -binary -outform PEM -in $manifest -signer "$W/clerk.pem" -inkey "$W/clerk.key" -out $manifest.p7s
	check 0 $manifest
	rm $manifest.p7s && mkdir $manifest.p7s
	check 2 $manifest
	rmdir $manifest.p7s && mkfifo $manifest.p7s
	check 2 $manifest
}

@test "a certificate that has expired since counts at its time" {
	seal_by past $manifest
	archive 1 check --ca "$W/past.pem" --any-purpose $manifest
	reported '^seal-not-valid: .*expired'
	archive 0 check --ca "$W/past.pem" --any-purpose --at 2018-06-01 $manifest
	archive 1 check --ca "$W/past.pem" --any-purpose --at 2017-06-01 $manifest
}

@test "a Maildir's flags and places are no alteration, its octets are" {
	for file in box/cur/* box/.Sent*/cur/*; do
		mv "$file" "${file%:2,*}:2,FRST"
	done
	for file in box/new/* box/.Sent/new/*; do
		mv "$file" "${file%/new/*}/cur/${file##*/}:2,S"
	done
	check 0 box.hsmime/manifest.jsonl
	# Letters of a program's own, which only the folder tells.
	for file in box/cur/* box/.Sent*/cur/*; do
		mv "$file" "${file%:2,*}:2,Sxyz"
	done
	check 0 box.hsmime/manifest.jsonl
	reported '^ +outputs +12$'
	local one
	one=$(find box/cur -type f | head -1)
	flip "$one" 3
	check 1 box.hsmime/manifest.jsonl
	reported '^altered: line [0-9]+: (cur|new)/.*: its SHA-256'
	flip "$one" 3
	mv "$one" kept
	check 1 box.hsmime/manifest.jsonl
	reported '^missing: line [0-9]+: '
	[ "$(grep -c ': line ' <<<"$output")" = 1 ]
	mv kept "$one"
	cp "$one" box/new/1.copy
	check 1 box.hsmime/manifest.jsonl
	reported '^not-in-manifest: 1.copy: '
	check 0 --shared box.hsmime/manifest.jsonl
	cp "$one" "box/new/$(basename "${one%:2,*}")"
	check 1 --shared box.hsmime/manifest.jsonl
	reported '^not-in-manifest: .* 2 times'
	rm box/new/*
	flip "$one" 3
	check 1 --shared box.hsmime/manifest.jsonl
	reported '^altered: '
	flip "$one" 3
	mv "$one" box/.Sent/cur/
	check 1 box.hsmime/manifest.jsonl
	reported '^missing: '
	reported '^not-in-manifest: .Sent/'
}

@test "an mbox is held message by message" {
	cp clear.mbox kept
	flip clear.mbox 30
	check 1 clear.mbox.hsmime/manifest.jsonl
	[ "$(grep -c '^altered: ' <<<"$output")" = 1 ]
	{ cat kept; printf 'From MAILER-DAEMON Thu Jan  1 00:00:00 1970\nSubject: more\n\nx\n\n'; } >clear.mbox
	check 1 clear.mbox.hsmime/manifest.jsonl
	reported '^not-in-manifest: '
	{ cat kept; printf '\n'; } >clear.mbox
	check 1 clear.mbox.hsmime/manifest.jsonl
	reported '^altered: '
	{ cat kept; printf 'x'; } >clear.mbox
	check 1 clear.mbox.hsmime/manifest.jsonl
	head -c -200 kept >clear.mbox
	check 1 clear.mbox.hsmime/manifest.jsonl
	{ printf 'From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n\nx\n\n'; cat kept; } >clear.mbox
	check 1 clear.mbox.hsmime/manifest.jsonl
	reported '^missing: '
	rm clear.mbox
	check 1 clear.mbox.hsmime/manifest.jsonl
	reported '^no-mailbox: '
}

@test "an mbox has messages without an end of line, and those of a retry at its end" {
	mkdir ends
	printf 'Subject: a\n\nno end' >ends/1.eml
	printf 'Subject: b\r\n\r\nno end' >ends/2.eml
	printf 'Subject: c\n\nFrom here\n>From there\n\n\n' >ends/3.eml
	printf 'Subject: x' >ends/4.eml
	printf 'no mail at all\n' >ends/5.eml
	printf 'Subject: d\n\nlast\n' >ends/6.eml
	archive 1 decrypt --in eml:ends --out mbox:ends.mbox
	archive 0 check --no-seal --sources ends.mbox.hsmime
	printf 'Subject: e\n\nmended' >ends/5.eml
	archive 0 retry ends.mbox.hsmime
	archive 0 check --no-seal --sources ends.mbox.hsmime
	sed -i 's/^no end$/no End/' ends.mbox
	archive 1 check --no-seal ends.mbox.hsmime
	[ "$(grep -c '^altered: ' <<<"$output")" = 1 ]
}

@test "the report of verify is held like a manifest" {
	(
		. "$W/env"
		hsmime archive verify --no-chain --seal 'pkcs11:id=%01' --in eml:tree --report verify.jsonl || [ $? = 1 ]
	)
	check 0 --sources verify.jsonl
	check 0 --sources verify.jsonl.hsmime
	flip tree/00001.eml 10
	check 0 verify.jsonl
	check 1 --sources verify.jsonl
	reported "^source-altered: line $(line_of 00001.eml verify.jsonl): 00001.eml: "
	rm tree/00001.eml
	check 1 --sources verify.jsonl
	reported "^source-missing: line $(line_of 00001.eml verify.jsonl): 00001.eml: "
	sed -i 's/no-key/policy/' verify.jsonl
	check 1 verify.jsonl
	reported '^seal-not-valid: '
}

@test "sources are found again in each kind of mailbox" {
	find "$PWD/tree" -name '*.eml' | sort >paths
	(
		. "$W/env"
		hsmime archive decrypt --in list:paths --out eml:listed || [ $? = 1 ]
		hsmime archive decrypt --limit 3 --since 2017-07-14T02:45:00Z --in "mbox:$W/in.mbox" --out eml:late || [ $? = 1 ]
	)
	archive 0 check --no-seal --sources listed.hsmime
	(
		. "$W/env"
		cd tree
		printf '%s\n' *.eml | hsmime archive decrypt --in - --out eml:../piped || [ $? = 1 ]
	)
	archive 0 check --no-seal --sources piped.hsmime
	reported '^ +sources +12$'
	archive 1 check --no-seal --sources --in - piped.hsmime
	archive 0 check --no-seal --sources late.hsmime
	reported '^ +sources +3$'
	flip tree/00001.eml 10
	archive 1 check --no-seal --sources listed.hsmime
	rm tree/00001.eml && mkfifo tree/00001.eml
	archive 1 check --no-seal --sources listed.hsmime
	reported '^source-missing: '
	cp -r "$W/box" moved
	for file in moved/new/*; do
		mv "$file" "moved/cur/${file##*/}:2,RS"
	done
	check 0 --sources --in maildir:moved box.hsmime/manifest.jsonl
	for file in moved/cur/*; do
		mv "$file" "$file"abc
	done
	check 0 --sources --in maildir:moved box.hsmime/manifest.jsonl
	reported '^ +sources +12$'
	flip "$(find moved/cur -type f | head -1)" 1
	check 1 --sources --in maildir:moved box.hsmime/manifest.jsonl
	reported '^source-altered: '
}

@test "an archive that was moved is found where it is said to be" {
	mkdir far
	mv clear far/there
	mv clear.hsmime far/job
	check 1 far/job
	reported '^no-mailbox: .*--out|^no-mailbox: '
	check 0 --out eml:far/there far/job
	cp far/job/manifest.jsonl far/job/manifest.jsonl.p7s .
	check 0 --out eml:far/there --job far/job manifest.jsonl
	check 6 --out eml:nowhere far/job
	check 2 --out list:far/job/manifest.jsonl far/job
	check 1 --out maildir:box far/job
}

# line MEMBERS: a manifest of one message with these, of ./clear
line() {
	printf '{"manifest":1,"task":"decrypt","in":"eml:tree","out":"eml:clear","messages":1,"copied":0,"skipped":0,"failed":0}\n{%s}\n' \
		"$1" >hostile.jsonl
}

@test "nothing is read outside of the mailbox, whatever a manifest names" {
	local sha
	sha=$(printf secret | sha256sum | cut -d ' ' -f 1)
	printf secret >secret.eml
	mkdir clear/deep
	ln -s "$PWD" clear/deep/out
	for name in ../secret.eml "$PWD/secret.eml" deep/out/secret.eml deep/../../secret.eml ./../secret.eml \
		clear/../../secret.eml /dev/zero '' . .. deep; do
		line "\"number\":1,\"outcome\":\"decrypted\",\"output\":\"$name\",\"output_sha256\":\"$sha\""
		archive 1 check --no-seal hostile.jsonl
		reported '^missing: line 2: '
		reported '^ +outputs +0$'
	done
	# As a message of its own it would be right.
	cp secret.eml clear/secret.eml
	line "\"number\":1,\"outcome\":\"decrypted\",\"output\":\"secret.eml\",\"output_sha256\":\"$sha\""
	archive 1 check --no-seal hostile.jsonl
	reported '^ +outputs +1$'
	# Hexadecimal is no way out either.
	line "\"number\":1,\"outcome\":\"decrypted\",\"output\":\"secret.eml\",\"output_hex\":\"$(printf ../secret.eml |
		od -An -tx1 -v | tr -d ' \n')\",\"output_sha256\":\"$sha\""
	archive 1 check --no-seal hostile.jsonl
	reported '^missing: line 2: '
}

@test "a line that is none is told, and costs no other" {
	local output_is='"output":"00001.eml"' sha
	sha=$(sed -n 's/.*"output_sha256":"\([0-9a-f]*\)".*"output":"00001.eml".*/\1/p' $manifest)
	local rest="\"outcome\":\"decrypted\",$output_is,\"output_sha256\":\"$sha\""
	line "\"number\":1,$rest"
	archive 1 check --no-seal hostile.jsonl # of the others in ./clear
	run ! grep -q '^malformed' <<<"$output"
	for bad in "\"number\":1,\"number\":1,$rest" "\"number\":0,$rest" "\"number\":-1,$rest" "\"number\":1.0,$rest" \
		"\"number\":99999999999999999999,$rest" "\"number\":\"1\",$rest" "$rest" "\"number\":1,$rest,$output_is" \
		"\"number\":1,$rest,\"out\\u0070ut\":\"x\"" "\"number\":1,${rest/$sha/${sha%?}}" "\"number\":1,${rest/$sha/${sha}00}" \
		"\"number\":1,${rest/$sha/${sha%?}g}" "\"number\":1,\"outcome\":\"eaten\"" "\"number\":1,\"outcome\":\"decrypted\"" \
		"\"number\":1,\"outcome\":\"valid\"" "\"number\":1,\"outcome\":7" "\"number\":1,\"outcome\":\"decrypted\",$output_is" \
		"\"number\":1,$rest,\"output_hex\":\"zz\"" "\"number\":1,$rest,\"output_hex\":\"6100\"" "\"number\":1,$rest}{" \
		"'number':1" "\"number\":1,$rest," '' "\"number\":1,\"outcome\":\"a\\u0000\""; do
		line "$bad"
		run_as 1 hsmime archive check --no-seal hostile.jsonl
		reported '^malformed: line 2: ' || { echo "$bad"; false; }
	done
	line "\"number\":1,$rest"
	sed -i '2s/.*/[1,2]/' hostile.jsonl
	archive 1 check --no-seal hostile.jsonl
	reported '^malformed: line 2: '
	line "\"number\":1,$rest"
	sed -i '1s/"manifest":1/"manifest":2/' hostile.jsonl
	archive 3 check --no-seal hostile.jsonl
	explained
}

@test "octets that are no text, deep brackets and endless lines end nothing" {
	cp $manifest kept
	{ head -1 kept; head -c 100000 /dev/urandom; printf '\n'; sed 1d kept; } >$manifest
	run_as 1 hsmime archive check --no-seal $manifest
	reported '^malformed: '
	reported '^ +outputs +12$'
	{ head -1 kept; printf '{"a":"\0"}\n'; sed 1d kept; } >$manifest
	run_as 1 hsmime archive check --no-seal $manifest
	reported '^malformed: line 2: '
	reported '^ +outputs +12$'
	{ head -1 kept; head -c 3000000 /dev/zero | tr '\0' '['; printf '\n'; sed 1d kept; } >$manifest
	run_as 1 hsmime archive check --no-seal $manifest
	reported '^malformed: line 2: '
	reported '^ +outputs +12$'
	{ head -1 kept; printf '{"number":1,"outcome":"'; head -c 40000000 /dev/zero | tr '\0' 'x'; printf '"}\n'; sed 1d kept; } >$manifest
	run_as 1 hsmime archive check --no-seal $manifest
	reported '^malformed: line 2: .*longer'
	reported '^ +outputs +12$'
	run_as 6 hsmime archive check --no-seal nowhere
	run_as 2 hsmime archive check --no-seal /dev/zero
	mkfifo fifo
	run_as 2 hsmime archive check --no-seal fifo
	run_as 6 hsmime archive check --no-seal tree
	explained
	said 'tree has no manifest'
	run_as 2 hsmime archive check --no-seal
	explained
}

@test "so many findings are told to people, all to programs" {
	for n in $(seq 250); do
		echo x >"clear/more$n.eml"
	done
	archive 1 check --no-seal $manifest
	[ "$(grep -c '^not-in-manifest: ' <<<"$output")" = 100 ]
	reported 'and 150 more findings'
	said '250 findings'
	run_as 1 hsmime archive check --no-seal --json $manifest
	[ "$(field '(len(d["findings"]), d["finding_count"])' <<<"$output")" = '(250, 250)' ]
	archive 1 check --no-seal --quiet $manifest
	[ -z "$output" ]
}

@test "names that are no UTF-8 lead back to their files" {
	mkdir odd
	for name in $'a\xff' 'b"\\c' $'d\ne' $'f\xef\xbf\xbd' $'g\xe2\x80\xae'; do
		cp tree/00001.eml "odd/$name.eml"
	done
	(
		. "$W/env"
		hsmime archive decrypt --in eml:odd --out eml:even
	)
	archive 0 check --no-seal --sources even.hsmime
	reported '^ +outputs +5$'
	reported '^ +sources +5$'
	flip $'even/a\xff.eml' 1
	archive 1 check --no-seal --sources even.hsmime
	[[ $output != *$'\033'* ]]
	[ "$(grep -c '^altered: ' <<<"$output")" = 1 ]
}

@test "memory does not grow with the number of messages" {
	[ -z "${ASAN_OPTIONS:-}" ] || skip "AddressSanitizer keeps what was freed"
	python3 - "$HSMIME" <<-'PY'
		import hashlib, os, resource, subprocess, sys
		def most(count):
		    os.makedirs(f"many{count}", exist_ok=True)
		    with open(f"{count}.jsonl", "w") as out:
		        out.write('{"manifest":1,"task":"decrypt","in":"eml:a","out":"eml:many%d","messages":%d,"copied":0,'
		                  '"skipped":0,"failed":0}\n' % (count, count))
		        for n in range(1, count + 1):
		            out.write('{"number":%d,"outcome":"decrypted","name":"%d.eml","output":"%d.eml","output_sha256":"%s"}\n'
		                      % (n, n, n, hashlib.sha256(b"x").hexdigest()))
		    for n in range(1, count + 1):
		        with open(f"many{count}/{n}.eml", "wb") as file:
		            file.write(b"x")
		    code = ("import resource, subprocess, sys\n"
		            "status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
		            "print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
		    words = subprocess.run([sys.executable, "-c", code, sys.argv[1], "archive", "check", "--no-seal", f"{count}.jsonl"],
		                           stdout=subprocess.PIPE, check=True).stdout.split()
		    assert words[0] == b"0", words
		    return int(words[1])
		few, many = most(100), most(30000)
		assert many < few + 12 * 1024, (few, many)
	PY
}
