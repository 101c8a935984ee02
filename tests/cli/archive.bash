# Tokens and messages for tests of hsmime archive: the token has alice's RSA key (01) and bob's EC key (02), and
# openssl has a software copy of both, made for the test, to say what has to come of each message. Nobody has
# eve's. See tests/cli/mailboxes.

mailboxes() {
	/usr/bin/python3 "$cli_root/tests/cli/mailboxes" "$@"
}

# new_archive_world: the token, the recipients, and the bodies of messages in $W/body with what they are in $W/clear
new_archive_world() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_peer alice
	new_ec_peer bob
	new_peer eve
	own_key 01 alice
	own_key 02 bob
	cd "$W" || return
	mkdir body clear
	printf '%s\n' 'Content-Type: text/plain; charset=utf-8' 'Content-Transfer-Encoding: 8bit' '' \
		'Agreed: 1000 units at 5 €.' '' 'From here on' '>From there on' 'Bye' >entity
	printf '%s\n' 'MIME-Version: 1.0' >body/plain
	cat entity >>body/plain
	new_body cbc alice "$W/entity" -aes-256-cbc alice.pem
	new_body gcm alice "$W/entity" -aes-128-gcm alice.pem
	new_body oaep alice "$W/entity" -aes-256-gcm -recip alice.pem -keyopt rsa_padding_mode:oaep
	new_body ecdh bob "$W/entity" -aes-256-cbc -recip bob.pem
	new_body ecdhgcm bob "$W/entity" -aes-256-gcm -recip bob.pem
	new_body both bob "$W/entity" -aes-128-cbc -recip eve.pem -recip bob.pem -recip alice.pem
	openssl cms -sign -in entity -signer eve.pem -inkey eve.key -out body/signed
	openssl cms -encrypt -aes-256-cbc -in entity -out body/nokey eve.pem
}

# new_ec_peer NAME: as new_peer, of secp256r1
new_ec_peer() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$W/$1.key" -out "$W/$1.pem" \
		-subj "/CN=$1" -days 3000 -addext 'keyUsage=critical,digitalSignature,keyAgreement' 2>/dev/null
}

# own_key ID NAME: NAME's software key, on the token too
own_key() {
	openssl pkcs8 -topk8 -nocrypt -in "$W/$2.key" -out "$W/$2.p8"
	"$cli_root/scripts/softtoken" import "$W" "$1" "$2" "$W/$2.p8" "$W/$2.pem"
}

# new_body NAME KEY ENTITY ARGUMENT...: encrypted by openssl, and decrypted by openssl
new_body() {
	local name=$1 key=$2 entity=$3
	openssl cms -encrypt -in "$entity" -out "body/$name" "${@:4}"
	openssl cms -decrypt -in "body/$name" -inkey "$key.key" -recip "$key.pem" -out "clear/$name"
}

# wrong_content_key FILE: CBC for alice whose content was encrypted under another key, with padding that is right
wrong_content_key() {
	openssl cms -encrypt -outform DER -aes-256-cbc -in "$W/entity" -out "$1" "$W/alice.pem"
	openssl rand 32 >key
	openssl pkeyutl -encrypt -certin -inkey "$W/alice.pem" -in key -out wrapped
	python3 - "$1" <<-'PY'
		import subprocess, sys
		der, key = bytearray(open(sys.argv[1], "rb").read()), open("key", "rb").read()
		at = der.index(b"\x04\x82\x01\x00") + 4
		der[at:at + 256] = open("wrapped", "rb").read()
		last = subprocess.run(["openssl", "enc", "-d", "-aes-256-cbc", "-nopad", "-K", key.hex(), "-iv", der[-32:-16].hex()],
		                      input=der[-16:], stdout=subprocess.PIPE, check=True).stdout
		der[-17] ^= last[-1] ^ 1
		open(sys.argv[1], "wb").write(der)
	PY
	rm key wrapped
	openssl cms -decrypt -inform DER -in "$1" -inkey "$W/alice.key" -out garbage # goes well
	run ! grep -qa Content-Type garbage
	rm garbage
}

# archive STATUS ARGUMENT...: hsmime archive ends so
archive() {
	run_as "$1" hsmime archive "${@:2}"
}

# fingerprint FOLDER|FILE: of names, octets, times and rights below it; reading leaves it as it is
fingerprint() {
	find "$1" -printf '%P %y %m %T@ %s\n' | sort
	find "$1" -type f -print0 | sort -z | xargs -0 -r sha256sum
}

# outcomes JOB FIELD=NUMBER...: what status --json tells
outcomes() {
	run_as 0 hsmime archive status --json "$1"
	python3 - "$output" "${@:2}" <<-'PY'
		import json, sys
		state = json.loads(sys.argv[1])
		got = {**state, **{"cause:" + row["cause"]: row["messages"] for row in state["causes"]}}
		for text in sys.argv[2:]:
		    name, _, number = text.rpartition("=")
		    if str(got.get(name)).lower() != number:
		        sys.exit(f"{name} is {got.get(name)} instead of {number}: {state}")
	PY
}

# no_drafts PATH...: no temporary file of a job is there or beside it
no_drafts() {
	local found
	found=$(find "$@" \( -path '*/.hsmime-*/*' -o -path '*/tmp/*' -o -name '*.part' -o -name '*.drafts' \
		-o -name '.*.tmp*' -o -name 'draft*' \) 2>/dev/null)
	[ -z "$found" ] || {
		echo "left over: $found"
		return 1
	}
}

# no_pin PATH...: the PIN is in none of these files
no_pin() {
	local found
	found=$(grep -rlaE '(^|[^0-9])123456([^0-9]|$)' "$@") || return 0
	echo "the PIN is in $found"
	return 1
}

# rewrapped: tests/cli/rewrapped says how
rewrapped() {
	/usr/bin/python3 "$cli_root/tests/cli/rewrapped" "$@"
}

# reencrypted: tests/cli/reencrypted says how
reencrypted() {
	/usr/bin/python3 "$cli_root/tests/cli/reencrypted" "$@"
}

# no_job PATH...: nothing was made but these
no_job() {
	local found
	found=$(find . -mindepth 1 -maxdepth 1 ! -name 'separate-stderr*' ! -name '*.pem' -printf '%f\n' |
		grep -vxF "$(printf '%s\n' "$@")" || true)
	[ -z "$found" ] || {
		echo "left behind: $found"
		return 1
	}
}

# eve_token [CERTIFICATE]: another token, with eve's key; with_eve COMMAND...: that token is in
eve_token() {
	"$cli_root/scripts/softtoken" new "$PWD/late" Late
	(
		# shellcheck source=/dev/null
		. late/env
		"$cli_root/scripts/softtoken" import "$PWD/late" 03 eve "$W/eve.p8" "$@"
	)
}

with_eve() {
	SOFTHSM2_CONF=$PWD/late/softhsm2.conf "$@"
}
