# What the tests of hsmime.so in openssl share: a token, its keys, and both orders of the
# two providers. HSMIME_BUILD names the build folder.

load "${BATS_TEST_DIRNAME%/token}/cli/helper"

export OPENSSL_MODULES=$HSMIME_BUILD/ossl-modules
HSMIME=${HSMIME:-$HSMIME_BUILD/src/cli/hsmime}
providers=()
orders=('hsmime default' 'default hsmime')

# provider_token: Demo with 01 RSA alice, 02 P-256 bob, 03 P-384 carol, 04 P-521 dave, 05 RSA mallory
provider_token() {
	new_token "$BATS_FILE_TMPDIR/token"
	new_key 01 RSA:2048 alice
	new_key 02 EC:secp256r1 bob
	new_key 03 EC:secp384r1 carol
	new_key 04 EC:secp521r1 dave
	new_key 05 RSA:2048 mallory
	printf 'Agreed: 1000 units at 5.\n' >"$W/report.txt"
}

# order 'FIRST SECOND': what ossl loads from here on
order() {
	providers=(-provider "${1% *}" -provider "${1#* }")
}

# key NN: the URI of that key
key() {
	echo "pkcs11:token=Demo;id=%$1"
}

# ossl STATUS COMMAND...: openssl with the providers. The exit status has to be STATUS, which
# a crash at the end is not, and a command that succeeds leaves no error behind.
ossl() {
	local expected=$1 command=$2
	shift 2
	run_as "$expected" timeout -k 5 60 openssl "$command" "${providers[@]}" "$@"
	[ "$expected" != 0 ] || ! grep ':error:' <<<"$stderr"
}

# refuse_padding LINE COMMAND...: with the saboteur, told that line too, before the module: it refuses bad
# PKCS #1 v1.5 padding, of which SoftHSM over OpenSSL 3.2 and later makes something
refuse_padding() {
	printf '%s\n' 'bad_padding CKR_ENCRYPTED_DATA_INVALID' "$1" >"$W/refuse_padding"
	HSMIME_MODULE=$HSMIME_BUILD/tests/token/proxy.so PROXY_CONTROL=$W/refuse_padding "${@:2}"
}

# plain COMMAND...: openssl that knows nothing of the token
plain() {
	run_as 0 timeout 60 openssl "$@"
}

# mentions PATTERN: the error queue has it
mentions() {
	grep -qE -- ":error:.*:hsmime:.*($1)" <<<"$stderr" || {
		printf 'no error of hsmime with "%s":\n%s\n' "$1" "$stderr"
		return 1
	}
}

# certify NN NAME: a TLS certificate for that key and 127.0.0.1 in $W/NAME-tls.pem
certify() {
	ossl 0 req -new -key "$(key "$1")" -subj "/CN=$2" -out "$W/$2.csr"
	printf '%s\n' 'subjectAltName=IP:127.0.0.1' 'extendedKeyUsage=serverAuth,clientAuth' \
		'keyUsage=digitalSignature,keyEncipherment' >"$W/$2.ext"
	plain x509 -req -in "$W/$2.csr" -CA "$W/ca.pem" -CAkey "$W/ca.key" -days 30 \
		-set_serial "$((RANDOM * 32768 + RANDOM))" -extfile "$W/$2.ext" -out "$W/$2-tls.pem"
}

# serve PATTERN COMMAND...: it runs in the background, $server, until the test's end; comes back when
# a line of its output matches, whose end is then $line. stop_server: at the test's end.
serve() {
	local pattern=$1
	shift
	mkfifo "$BATS_TEST_TMPDIR/$((++servers))"
	# By exec, so that $! is the server; and that it ends with an error is for the test to judge.
	(trap - ERR EXIT DEBUG && exec "$@") >"$BATS_TEST_TMPDIR/$servers" 2>&1 3>&- &
	server=$!
	exec {said_by_server}<"$BATS_TEST_TMPDIR/$servers"
	while IFS= read -r -t 30 -u "$said_by_server" line; do
		echo "$line" >>"$W/server.log"
		[[ $line =~ $pattern ]] || continue
		(trap - ERR EXIT DEBUG && exec cat) <&"$said_by_server" >>"$W/server.log" 3>&- &
		reader=$!
		exec {said_by_server}<&-
		return
	done
	echo "the server did not start: $*"
	cat "$W/server.log"
	return 1
}

# The reader ends by itself with those that write to it; killed before it is cat it would end the test.
stop_server() {
	[ -z "${server-}" ] || kill "$server" 2>/dev/null || true
	[ -z "${server-}" ] || wait "$server" || true
	[ -z "${reader-}" ] || timeout 10 tail -s 0.05 --pid="$reader" -f /dev/null || kill "$reader" || true
	server='' reader=''
}

# configure FIRST SECOND LINE...: an openssl.cnf that activates both, with LINEs for hsmime
configure() {
	{
		printf '%s\n' 'openssl_conf = start' '[start]' 'providers = providers' '[providers]' \
			"$1 = $1_section" "$2 = $2_section" '[default_section]' 'activate = 1' \
			'[hsmime_section]' 'activate = 1'
		[ $# -lt 3 ] || printf '%s\n' "${@:3}"
	} >"$W/openssl.cnf"
}
