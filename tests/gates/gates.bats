#!/usr/bin/env bats
# The gates of scripts/test close: each is shown a tree with one fault.

setup() {
	local root=$BATS_TEST_DIRNAME/../..
	cd "$BATS_TEST_TMPDIR"
	mkdir -p scripts src/util src/cms src/cli engine include/hsmime tests docs
	cp "$root"/scripts/check-* scripts/
	cp "$root/.clang-format" .
	printf '#include "util/buffer.h"\n\nint cms_one(int a)\n{\n\treturn a;\n}\n' >src/cms/cms.c
	printf 'int buffer_one(void);\n' >src/util/buffer.h
}

refuses() { # script, words of its complaint
	local said
	said=$(bash "scripts/$1" 2>&1) && return 1
	grep -q "$2" <<<"$said"
}

@test "a tree without a fault passes every gate" {
	for gate in check-format check-layers check-banned check-functions check-listeners; do
		bash "scripts/$gate"
	done
}

@test "check-layers: a layer that includes one above it" {
	echo '#include "cms/cms.h"' >src/util/buffer.c
	refuses check-layers 'not below src/util'
}

@test "check-layers: the tool that includes the inside" {
	echo '#include "util/buffer.h"' >src/cli/main.c
	refuses check-layers 'not below src/cli'
}

@test "check-layers: PKCS#11 outside engine, by header and by type" {
	echo '#include <p11-kit/pkcs11.h>' >src/cms/key.c
	refuses check-layers 'PKCS#11 outside'
	echo 'int f(CK_ULONG n);' >src/cms/key.c
	refuses check-layers 'PKCS#11 outside'
}

@test "check-layers: GLib outside its module" {
	echo '#include <glib.h>' >src/util/buffer.c
	refuses check-layers 'GLib outside'
	rm src/util/buffer.c
	echo '#include <glib.h>' >src/cli/main.c
	refuses check-layers 'GLib outside'
}

@test "check-layers: a kind of mailbox that others ask for" {
	mkdir -p src/archive
	echo 'int f(void) { return strcmp(s->kind->scheme, name); }' >src/archive/job.c
	refuses check-layers 'a kind of mailbox is named outside'
	echo 'int f(void) { return strncmp(name, "mbox:", 5); }' >src/archive/job.c
	refuses check-layers 'a kind of mailbox is named outside'
	echo 'int f(void) { return open(&mail_source_maildir); }' >src/archive/job.c
	refuses check-layers 'a kind of mailbox is named outside'
	mv src/archive/job.c src/archive/source_maildir.c
	bash scripts/check-layers
}

@test "check-layers: a folder that nobody described" {
	mkdir src/other
	echo 'int f(void);' >src/other/other.h
	refuses check-layers 'no rule for src/other'
}

@test "check-banned: an unbounded copy, and work left in a comment" {
	printf 'void f(char *a, const char *b)\n{\n\tstr%s(a, b);\n}\n' cpy >src/util/bad.c
	refuses check-banned bad.c
	printf '/* TO%s: later */\n' DO >src/util/bad.c
	refuses check-banned bad.c
}

@test "check-functions: a function of more than 80 lines" {
	{ printf 'int f(int a)\n{\n'; for _ in $(seq 79); do printf '\ta++;\n'; done; printf '}\n'; } >src/util/long.c
	refuses check-functions 'over 80 lines'
}

@test "check-format: spaces where tabs belong" {
	printf 'int f(int a)\n{\n    return a;\n}\n' >src/util/bad.c
	refuses check-format bad.c
}

@test "check-listeners: a server that other machines reach" {
	local line
	while IFS= read -r line; do
		printf '%s\n' "$line" | tr -d '~' >tests/server.bats
		refuses check-listeners server.bats
	done <<-'LINES'
		openssl s_server -acc~ept 0 -key k.pem
		openssl s_server -acc~ept 8443 -key k.pem
		openssl s_server -acc~ept 0.0.0.0:0 -key k.pem
		openssl ocsp -po~rt 8080 -index index
		printf '%s\n' 'server {' 'lis~ten 8443 ssl;' '}'
		python3 -m http.ser~ver 8000
		s.bi~nd(("", 0))
		address.sin_addr.s_addr = htonl(INADDR_AN~Y);
		Xv~fb -displayfd 1
	LINES
}

@test "check-listeners: servers at loopback and at sockets of the file system" {
	printf '%s\n' 'openssl s_server -accept 127.0.0.1:0' 'openssl s_server -accept localhost:0' \
		'listen unix:/tmp/socket ssl;' 'listen 127.0.0.1:8443;' 'python3 -m http.server --bind 127.0.0.1' \
		's.bind(("127.0.0.1", 0))' 's.bind("/run/socket")' >tests/server.bats
	bash scripts/check-listeners
}
