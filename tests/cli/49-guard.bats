#!/usr/bin/env bats
# What must not happen to files: reports in the wrong one, leftovers of a signal, a secret that
# others know, folders deleted by the scripts.

load helper

setup_file() {
	new_token "$BATS_FILE_TMPDIR/world" Demo
	new_key 01 RSA:2048 alice
	new_mail alice alice
	hsmime sign --from -o "$W/signed.eml" "$W/mail.eml"
	hsmime encrypt -r "$W/alice.pem" -o "$W/enc.eml" "$W/mail.eml"
	hsmime decrypt -q -o "$W/plain.eml" "$W/enc.eml"
	head -c 3000000 /dev/urandom >"$W/data"
	hsmime encrypt --cms -r "$W/alice.pem" -o "$W/data.p7m" "$W/data"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	key='pkcs11:id=%01'
}

@test "with a standard descriptor closed no report gets into the output file" {
	run_as 0 bash -c '"$HSMIME" decrypt -o out "$W/enc.eml" 2>&-'
	cmp out "$W/plain.eml"
	run_as 0 bash -c '"$HSMIME" decrypt -o out 0<&- "$W/enc.eml" 2>&-'
	cmp out "$W/plain.eml"
	bash -c '"$HSMIME" decrypt -j -o out "$W/enc.eml" >&-' || true
	cmp out "$W/plain.eml"
	hsmime verify -q --ca "$W/ca.pem" -o content "$W/signed.eml"
	bash -c '"$HSMIME" verify --ca "$W/ca.pem" -o out "$W/signed.eml" >&-' || true
	cmp out content
	bash -c '"$HSMIME" verify --ca "$W/ca.pem" -o out "$W/signed.eml" 0<&- >&- 2>&-' || true
	cmp out content
}

@test "reading from a closed standard input and writing to a closed standard output fail" {
	run_as 6 bash -c '"$HSMIME" sign --cms -k "$1" -o out <&-' - "$key"
	explained
	[ ! -e out ]
	run_as 6 bash -c '"$HSMIME" sign --cms -k "$1" "$W/data" >&-' - "$key"
	explained
	run_as 6 bash -c '"$HSMIME" decrypt "$W/enc.eml" >&- 2>&-'
}

@test "an output over the limit of a file's size is 6, and nothing is left of it" {
	run_as 6 bash -c 'ulimit -f 1000; "$HSMIME" encrypt --cms -r "$W/alice.pem" -o out "$W/data"'
	explained
	said 'File too large'
	no_leftovers .
	run_as 6 bash -c 'ulimit -f 1000; "$HSMIME" decrypt --cms -o out "$W/data.p7m"'
	explained
	no_leftovers .
	[ ! -e out ]
}

@test "whichever signal ends a decryption, no plaintext is left" {
	local signal pid status
	for signal in XCPU ALRM VTALRM PROF USR1 USR2 IO PWR STKFLT; do
		mkfifo input
		env --default-signal "$HSMIME" decrypt --cms -o out input &
		pid=$!
		exec 7>input
		head -c 2000000 "$W/data.p7m" >&7
		# The pipe holds 64 KiB: when the rest was taken the output has begun.
		[ -n "$(find . -name '.out*')" ]
		kill -s "$signal" $pid
		status=0
		wait $pid || status=$?
		exec 7>&-
		rm input
		[ "$status" = $((128 + $(kill -l "$signal"))) ]
		no_leftovers .
		[ ! -e out ]
	done
}

@test "the time that the processor may take ends hsmime without leftovers" {
	run bash -c 'ulimit -S -t 1; "$HSMIME" encrypt --cms -r "$W/alice.pem" -o out </dev/zero'
	[ "$status" = $((128 + $(kill -l XCPU))) ]
	no_leftovers .
}

# exposed MODE: a secret with these permissions is neither used nor changed, and its file is named
exposed() {
	chmod "$1" "$secret"
	run_as 0 hsmime decrypt --cms -o out "$W/small.p7m"
	said "^hsmime: warning: $secret is not yours alone: .*for this run only; chmod 600"
	cmp out "$W/mail.eml"
	[ "$(stat -c %a "$secret")" = "$1" ]
	[ "$(sha256sum <"$secret")" = "$sum" ]
}

@test "a substitute secret that others can read or write, or that is somebody else's, is warned of" {
	hsmime encrypt --cms -r "$W/alice.pem" -o "$W/small.p7m" "$W/mail.eml"
	export XDG_STATE_HOME=$PWD/state
	secret=$XDG_STATE_HOME/hsmime/substitute-secret
	run_as 0 hsmime decrypt --cms -o out "$W/small.p7m"
	if grep warning: <<<"$stderr"; then return 1; fi
	sum=$(sha256sum <"$secret")
	exposed 644
	exposed 620
	exposed 606
	chmod 600 "$secret"
	run_as 0 hsmime decrypt --cms -o out "$W/small.p7m"
	if grep warning: <<<"$stderr"; then return 1; fi
	[ "$(sha256sum <"$secret")" = "$sum" ]
	[ "$(id -u)" = 0 ] || skip 'only root can give a file away'
	chown 65534 "$secret"
	exposed 600
}

@test "a named pipe in the secret's place is not waited for" {
	export XDG_STATE_HOME=$PWD/state
	mkdir -p state/hsmime
	mkfifo -m 600 state/hsmime/substitute-secret
	run_as 0 timeout 20 "$HSMIME" decrypt -o out "$W/enc.eml"
	said '^hsmime: warning: .*/substitute-secret is damaged'
}

@test "a damaged secret is named, by decrypt and by doctor, until it is removed" {
	export XDG_STATE_HOME=$PWD/state
	secret=$XDG_STATE_HOME/hsmime/substitute-secret
	run_as 0 hsmime decrypt -o out "$W/enc.eml"
	run --separate-stderr hsmime doctor --json
	if grep state-secret <<<"$output"; then return 1; fi
	chmod 644 "$secret"
	run --separate-stderr hsmime doctor --json
	grep state-secret <<<"$output"
	chmod 600 "$secret"
	echo short >"$secret"
	run_as 0 hsmime decrypt -o out "$W/enc.eml"
	said "^hsmime: warning: $secret is damaged: .*remove it"
	run --separate-stderr hsmime doctor --json
	grep state-secret <<<"$output"
	rm "$secret"
	run_as 0 hsmime decrypt -o out "$W/enc.eml"
	if grep warning: <<<"$stderr"; then return 1; fi
}

@test "the demo deletes nothing that no demo has made" {
	mkdir -p home/mail
	echo precious >home/mail/inbox
	run_as 1 "$cli_root/scripts/demo" "$PWD/home"
	said 'home/mail is there already'
	[ "$(cat home/mail/inbox)" = precious ]
	[ "$(ls -A home)" = mail ]
	mv home/mail home/token
	run_as 1 "$cli_root/scripts/demo" "$PWD/home/"
	[ "$(cat home/token/inbox)" = precious ]
}

@test "what softtoken makes is its user's alone" {
	run find "$W" -maxdepth 1 -type f \( -name pin -o -name 'ca.*' -o -name env \) -perm /077
	[ -e "$W/pin" ]
	[ -z "$output" ]
}
