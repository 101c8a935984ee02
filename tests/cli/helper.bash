# What the tests of the tool share: a token and a certificate authority of their
# own, recipients without a token, a mail, and checks that say what they saw.
# HSMIME names the tool under test, HSMIME_BUILD its build folder.

cli_root=${BASH_SOURCE[0]%/tests/cli/*}
bats_require_minimum_version 1.5.0
PATH=/usr/bin:$PATH # Debian's python3: one that a version manager stands before starts slowly
export LC_ALL=C.UTF-8 # for what the tests spell by code point, whatever the machine's locale
unset DISPLAY WAYLAND_DISPLAY PINENTRY # no window opens, whichever pinentry the machine has

# new_token FOLDER [LABEL]: a token, and the environment that hsmime reads set to it.
# The PIN, 123456, is in FOLDER/pin, the authority in FOLDER/ca.pem and FOLDER/ca.key.
new_token() {
	"$cli_root/scripts/softtoken" new "$1" "${2:-Demo}"
	set -a
	# shellcheck source=/dev/null
	. "$1/env"
	set +a
	export W=$1 XDG_STATE_HOME=$1/state XDG_CONFIG_HOME=$1/config HOME=$1
}

# new_key ID TYPE NAME: a key on the token, its certificate for NAME@example.test on
# the token and in $W/NAME.pem
new_key() {
	"$cli_root/scripts/softtoken" key "$W" "$1" "$2" "$3" "$3@example.test"
}

# new_peer NAME [DAYS [LINE...]]: NAME.key and NAME.pem in $W, without a token. LINEs are
# X.509 extensions instead of the usual ones.
new_peer() {
	local name=$1 days=${2:-3000}
	openssl req -newkey rsa:2048 -nodes -keyout "$W/$name.key" -subj "/CN=$name" \
		-out "$W/$name.csr" 2>/dev/null
	[ $# -gt 2 ] || set -- "$name" "$days" 'keyUsage=critical,digitalSignature,keyEncipherment' \
		'extendedKeyUsage=emailProtection' "subjectAltName=email:$name@example.test"
	printf '%s\n' 'subjectKeyIdentifier=hash' "${@:3}" >"$W/$name.ext"
	if [ "$days" -lt 0 ]; then
		certify_past "$name"
	else
		openssl x509 -req -in "$W/$name.csr" -CA "$W/ca.pem" -CAkey "$W/ca.key" -days "$days" \
			-set_serial "$((RANDOM * 32768 + RANDOM))" -extfile "$W/$name.ext" \
			-out "$W/$name.pem" 2>/dev/null
	fi
}

# certify_past NAME: a certificate that expired years ago; only openssl ca sets both dates
certify_past() {
	: >"$W/index"
	printf '[ca]\ndefault_ca=a\n[a]\ndatabase=%s\nnew_certs_dir=%s\npolicy=p\ndefault_md=sha256\nrand_serial=yes\n[p]\ncommonName=supplied\n' \
		"$W/index" "$W" >"$W/ca.conf"
	openssl ca -batch -config "$W/ca.conf" -in "$W/$1.csr" -cert "$W/ca.pem" -keyfile "$W/ca.key" \
		-startdate 20180101000000Z -enddate 20190101000000Z -notext \
		-extfile "$W/$1.ext" -out "$W/$1.pem" 2>/dev/null
}

# new_mail FROM TO [FILE]: a mail with an 8-bit body, default $W/mail.eml
new_mail() {
	printf '%s\n' "From: $1@example.test" "To: $2@example.test" 'Subject: contract' \
		'MIME-Version: 1.0' 'Content-Type: text/plain; charset=utf-8' \
		'Content-Transfer-Encoding: 8bit' '' 'Agreed: 1000 units at 5 €.' '' 'Bye' \
		>"${3:-$W/mail.eml}"
}

hsmime() {
	"$HSMIME" "$@"
}

# find_spy: OpenSC's spy, for spied, which every call to the token's module goes through then
find_spy() {
	SPY=$(find /usr/lib -name pkcs11-spy.so -print -quit)
	export SPY PKCS11SPY=$HSMIME_MODULE
	[ -n "$SPY" ] || {
		echo 'no pkcs11-spy.so here: it comes with OpenSC (opensc-pkcs11)'
		return 1
	}
}

# spied COMMAND...: with the spy in between, which writes each call into spy.log and leaks memory
spied() {
	rm -f spy.log
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 HSMIME_MODULE=$SPY \
		PKCS11SPY_OUTPUT=$PWD/spy.log "$@"
}

# run_as STATUS COMMAND...: sets $output and $stderr; the exit status has to be STATUS
run_as() {
	local expected=$1
	shift
	run --separate-stderr "$@"
	[ "$status" = "$expected" ] || {
		printf 'expected status %s, got %s: %s\n--- output\n%s\n--- errors\n%s\n' "$expected" \
			"$status" "$*" "$output" "$stderr"
		return 1
	}
}

# said PATTERN: a line on standard error has it; reported PATTERN: on standard output
said() {
	grep -qE -- "$1" <<<"$stderr" || {
		printf 'no "%s" on standard error:\n%s\n' "$1" "$stderr"
		return 1
	}
}

reported() {
	grep -qE -- "$1" <<<"$output" || {
		printf 'no "%s" on standard output:\n%s\n' "$1" "$output"
		return 1
	}
}

# explained: what happened and what to do, one line each, and nothing on standard output
explained() {
	if [ -n "$output" ] || [ "${#stderr_lines[@]}" != 2 ] ||
		[[ ${stderr_lines[0]} != 'hsmime: '* ]] || [[ ${stderr_lines[1]} != 'hsmime: '* ]]; then
		printf 'not two lines of explanation:\n%s\n--- output\n%s\n' "$stderr" "$output"
		return 1
	fi
}

# field EXPRESSION < JSON: a Python expression over the document, which is called d
field() {
	python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"
}

# flip FILE OFFSET-FROM-END: inverts one octet
flip() {
	local size octet
	size=$(stat -c %s "$1")
	octet=$(od -An -tu1 -j "$((size - $2))" -N 1 "$1")
	printf '%b' "\\x$(printf %02x $((octet ^ 255)))" |
		dd of="$1" bs=1 seek="$((size - $2))" conv=notrunc status=none
}

# no_leftovers FOLDER: no temporary file of an output is there
no_leftovers() {
	local found
	found=$(find "$1" -name '.*' -type f)
	[ -z "$found" ] || {
		echo "left over: $found"
		return 1
	}
}

# new_pinentry: ./pinentry, a stand-in that answers the PIN in ./answer (or cancels, times out, or dies), agrees
# unless ./no is there, and writes what it is told into ./told
new_pinentry() {
	cat >pinentry <<-'SCRIPT'
		#!/bin/bash
		# Answers as the files in its folder say, and writes down what it was told.
		cd "$(dirname "$0")" || exit 1
		umask 077
		echo 'OK Pleased to meet you'
		while read -r line; do
			printf '%s\n' "$line" >>told
			case $line in
			GETPIN)
				case $(cat answer) in
				cancel) echo 'ERR 83886179 Operation cancelled <Pinentry>' ;;
				timeout) echo 'ERR 83886142 Timeout <Pinentry>' ;;
				die) exit 3 ;;
				*) printf 'D %s\nOK\n' "$(sed 's/%/%25/g' answer)" ;;
				esac ;;
			CONFIRM) if [ -e no ]; then echo 'ERR 83886194 Not confirmed <Pinentry>'; else echo OK; fi ;;
			'OPTION ttytype='*) echo 'ERR 83886254 Unknown option <Pinentry>' ;;
			BYE) echo OK; exit 0 ;;
			*) echo OK ;;
			esac
		done
	SCRIPT
	chmod +x pinentry
	printf 123456 >answer
}

# looks_into_others: whether we may see what hsmime keeps from others of its user (CAP_SYS_PTRACE)
looks_into_others() {
	(((0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status) >> 19) & 1))
}

# memory_has TEXT...: one word for each: whether the memory of $pid has it
memory_has() {
	python3 - "$pid" "$@" <<-'PYTHON'
		import sys
		wanted = {text.encode(): 'no' for text in sys.argv[2:]}
		with open(f'/proc/{sys.argv[1]}/mem', 'rb', buffering=0) as memory:
		    for line in open(f'/proc/{sys.argv[1]}/maps'):
		        span, rights = line.split()[:2]
		        if rights[0] != 'r' or line.rstrip().endswith(('[vvar]', '[vsyscall]')):
		            continue
		        start, end = (int(x, 16) for x in span.split('-'))
		        try:
		            memory.seek(start)
		            octets = memory.read(end - start)
		        except OSError:
		            continue
		        for text in wanted:
		            if text in octets:
		                wanted[text] = 'yes'
		print(*wanted.values())
	PYTHON
}
