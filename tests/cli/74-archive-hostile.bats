#!/usr/bin/env bats
# hsmime archive and messages that somebody made to do harm: each comes to its own outcome and costs no other, in the memory
# that small ones take.

load helper
load archive

setup_file() {
	new_archive_world
	new_peer carol
	mailboxes make "$W/few" 24 cbc gcm plain ecdh
	cp -r "$W/few/in" "$W/tree"
	cd "$W/tree"
	hostile
	cd "$W"
	find tree -type f ! -name '0*' -printf '%f\n' >evil
}

# hostile: messages in this folder, of which those are named copied-… that are mail, and not encrypted
hostile() {
	local body=$W/body/cbc
	{ printf 'Subject: ' && head -c 3000000 /dev/zero | tr '\0' a && echo && cat "$body"; } >line.eml
	{ yes 'X-Line: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' | head -n 50000 && cat "$body"; } >lines.eml
	{ echo 'Subject: x' && yes ' folded' | head -n 200000 && cat "$body"; } >folded.eml
	head -c 5000000 /dev/zero >zeros.eml
	head -c 5000000 /dev/urandom >random.p7m
	head -c 5000000 /dev/zero | tr '\0' '\n' >copied-newlines.eml
	: >empty.eml
	: >empty.p7m
	# The text of base64 has characters that are none; headers contradict each other.
	{ sed '/^$/q' "$body" && sed '1,/^$/d' "$body" | sed 's/./&!/30'; } >strange.eml
	{ printf 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\nContent-Type: text/plain\n' && cat "$body"; } >twice.eml
	python3 - "$W/body/cbc" <<-'PY'
		import base64, re, sys
		def out(name, data):
		    open(name, "wb").write(data)
		mail = b"MIME-Version: 1.0\n"
		for i in range(3000):
		    mail += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i)
		out("copied-deep.eml", mail + b"Content-Type: text/plain\n\nhi\n")
		out("copied-wide.eml", b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 200000 + b"--b--\n")
		out("copied-many.eml", b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: message/rfc822\n\n" * 20000)
		out("nested.p7m", b"\x30\x80" * 500000)
		head = bytes.fromhex("308006092a864886f70d010703a080")
		out("nested-content.p7m", head + b"\x24\x80" * 500000)
		out("long.p7m", bytes.fromhex("308006092a864886f70d010703a0843fffffff30"))
		out("longer.p7m", bytes.fromhex("3089ffffffffffffffffff06092a864886f70d010703"))
		der = base64.b64decode(open(sys.argv[1], "rb").read().split(b"\n\n", 1)[1])
		# A recipient 20,000 times, with lengths that are right.
		def tlv(der, at):
		    first, begin = der[at + 1], at + 2
		    if first > 0x80:
		        begin += first & 0x7F
		        first = int.from_bytes(der[at + 2:begin], "big")
		    return begin, begin + first
		def wrap(tag, data):
		    size = len(data).to_bytes(4, "big")
		    return bytes([tag, 0x84]) + size + data
		begin, _ = tlv(der, 0)
		oid_end = tlv(der, begin)[1]
		enveloped = der[tlv(der, tlv(der, oid_end)[0])[0]:]
		at = 3  # behind the version
		first, last = tlv(enveloped, at)
		data = enveloped[:at] + wrap(0x31, enveloped[first:last] * 20000) + enveloped[last:]
		out("recipients.p7m", wrap(0x30, der[begin:oid_end] + wrap(0xA0, wrap(0x30, data))))
	PY
}

# survived OUT: what is no harm is right, each of the others has its outcome, and what failed is kept as it was
survived() {
	local name
	for name in "$W"/few/want/*; do
		cmp "$name" "$1/${name##*/}"
	done
	while read -r name; do
		case $name in
		copied-*) cmp "$W/tree/$name" "$1/$name" ;;
		*) cmp "$W/tree/$name" "$1.hsmime/failed/$name" ;;
		esac
	done <"$W/evil"
	[ "$(wc -l <"$1.hsmime/manifest.jsonl")" = $((1 + $(find "$W/tree" -type f | wc -l))) ]
	outcomes "$1.hsmime" finished=true waiting=0
	no_drafts .
}

# measured STATUS ARGUMENT...: hsmime archive of them, in less than 64 MiB and in a minute
measured() {
	run_as "$1" timeout 60 /usr/bin/time -f '%M' -o peak "$HSMIME" archive "${@:2}" --in "eml:$W/tree"
	[ -n "${ASAN_OPTIONS:-}" ] || [ "$(tail -1 peak)" -le 65536 ]
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "decrypt: each costs only itself, and little memory" {
	fingerprint "$W/tree" >before
	measured 1 decrypt --out eml:clear
	survived clear
	measured 1 decrypt --deep --provenance mx.example.test --out eml:deep
	[ "$(grep -c '"outcome":"failed"' deep.hsmime/manifest.jsonl)" = "$(grep -c '"outcome":"failed"' clear.hsmime/manifest.jsonl)" ]
	fingerprint "$W/tree" | diff before -
}

@test "rewrap and verify, and count" {
	measured 1 rewrap -r "$W/carol.pem" --out eml:new
	outcomes new.hsmime finished=true waiting=0
	local name
	while read -r name; do
		[[ $name == copied-* ]] || cmp "$W/tree/$name" "new.hsmime/failed/$name"
	done <"$W/evil"
	[ "$(find new -name '0*.eml' | wc -l)" = 24 ]
	measured 1 verify --no-chain --report report
	outcomes report.hsmime finished=true waiting=0
	[ "$(wc -l <report)" = $((1 + $(find "$W/tree" -type f | wc -l))) ]
	measured 0 count
}

@test "in one mbox they stay apart" {
	python3 - "$W/tree" in.mbox <<-'PY'
		import os, re, sys
		with open(sys.argv[2], "wb") as out:
		    for name in sorted(os.listdir(sys.argv[1])):
		        if name.endswith(".eml") and "random" not in name and "empty" not in name:
		            data = open(f"{sys.argv[1]}/{name}", "rb").read()
		            out.write(b"From a@example.test Thu Jan  1 00:00:01 2004\n" + re.sub(rb"^(>*From )", rb">\1", data, flags=re.M))
		            out.write(b"" if data.endswith(b"\n") else b"\n")
		            out.write(b"\n")
	PY
	run_as 1 timeout 60 "$HSMIME" archive decrypt --in mbox:in.mbox --out eml:clear
	python3 - "$W/few/want" clear <<-'PY'
		import os, sys
		want = sorted(open(f"{sys.argv[1]}/{name}", "rb").read() for name in os.listdir(sys.argv[1]))
		got = [open(f"{sys.argv[2]}/{name}", "rb").read() for name in os.listdir(sys.argv[2]) if name.endswith(".eml")]
		assert all(got.count(one) == 1 for one in want), len(got)
	PY
}
