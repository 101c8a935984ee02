#!/usr/bin/env bats
# What hsmime does for a person, over each member of the zoo (tests/zoo/zoo test MEMBER).

load ../cli/helper
load zoo
load spy

setup() {
	read -r -a keys <<<"$ZOO_KEYS"
	cd "$BATS_TEST_TMPDIR"
}

# outcome LINE: what the matrix of this member has there
outcome() {
	sed -n "s/^$1\t//p" "$ZOO/matrix"
}

# not_decrypted KEY: as its member can't; a key that it does not show for that is no key
not_decrypted() {
	rm -f clear.eml
	case $(outcome "ECDH P-${1#ec}") in
	fails*)
		run_as 4 hsmime decrypt -o clear.eml encrypted.eml
		said 'CKM_ECDH1_DERIVE'
		;;
	'no key' | 'the key is there, but '*) run_as 5 hsmime decrypt -o clear.eml encrypted.eml ;;
	*) return 1 ;;
	esac
	[ ! -e clear.eml ]
}

@test "keys --login lists every key, with its certificate" {
	run_as 0 hsmime keys --login
	for key in "${keys[@]}"; do
		reported "^  subject: +CN=$key"
		reported "^  e-mail: +$key@example.test$"
	done
}

@test "doctor finds each key and certificate well, but for what the matrix lacks too" {
	local fails=0 limited=0 status=0
	for key in "${keys[@]}"; do
		[[ $key = ec* ]] || continue
		case $(outcome "ECDH P-${key#ec}") in
		fails*) fails=$((fails + 1)) status=4 ;;
		'the key is there, but '*) limited=$((limited + 1)) ;;
		esac
	done
	examined $status
	[ "$(findings "f['id'] == 'key-signs'")" = ${#keys[@]} ]
	[ "$(findings "f['id'] == 'key-decrypts'")" = $((${#keys[@]} - fails - limited)) ]
	[ "$(findings "f['id'] == 'certificate-valid'")" = ${#keys[@]} ]
	[ "$(findings "f['id'] == 'key-decrypt-failed'")" = $fails ]
	[ "$(findings "f['id'] == 'certificate-key-limited'")" = $limited ]
	[ "$(findings "f['level'] == 'error'")" = $fails ]
	[ "$(findings "f['level'] == 'warning' and f['area'] in ('key', 'certificate', 'use')")" = $limited ]
	[ "$(findings "f['id'] == 'use-sign' and f['what'].endswith(': ${#keys[@]}')")" = 1 ]
	[ "$(findings "f['id'] == 'use-decrypt' and f['what'].endswith(': $((${#keys[@]} - fails - limited))')")" = 1 ]
}

@test "a mail is signed by each key, and verifies" {
	for key in "${keys[@]}"; do
		new_mail "$key" somebody mail.eml
		run_as 0 hsmime sign --from -o signed.eml mail.eml
		run_as 0 hsmime verify --ca "$ZOO_PKI/ca.pem" signed.eml
		reported "^  signer: +CN=$key"
		sed 's/1000 units/9000 units/' signed.eml >changed.eml
		run_as 1 hsmime verify --ca "$ZOO_PKI/ca.pem" changed.eml
	done
}

@test "a mail is signed with RSASSA-PSS" {
	new_mail rsa somebody mail.eml
	run_as 0 hsmime sign --pss --from -o signed.eml mail.eml
	run_as 0 hsmime verify --ca "$ZOO_PKI/ca.pem" signed.eml
	reported 'RSA-PSS with SHA-256'
}

@test "a mail for each key is decrypted" {
	for key in "${keys[@]}"; do
		new_mail somebody "$key" mail.eml
		for cipher in aes-256-cbc aes-256-gcm; do
			hsmime encrypt --cipher $cipher --no-encrypt-to-self -r "$ZOO_PKI/$key.pem" \
				-o encrypted.eml mail.eml
			[[ $key != ec* || $(outcome "ECDH P-${key#ec}") = mechanism ]] || {
				not_decrypted "$key"
				continue
			}
			run_as 0 hsmime decrypt -o clear.eml encrypted.eml
			grep -q '1000 units' clear.eml
		done
	done
}

@test "both key transports of RSA are decrypted" {
	new_mail somebody rsa mail.eml
	for transport in oaep pkcs1; do
		hsmime encrypt --key-transport $transport --no-encrypt-to-self -r "$ZOO_PKI/rsa.pem" \
			-o encrypted.eml mail.eml
		run_as 0 hsmime decrypt -o clear.eml encrypted.eml
		grep -q '1000 units' clear.eml
	done
}

# The matrix takes the engine's word for it.
@test "what the matrix calls a mechanism goes to the module as such, and raw RSA does not" {
	declare -A expected=([mechanism]=CKM_RSA_PKCS_OAEP [padding in software]=CKM_RSA_X_509)
	result=$(outcome 'decrypt OAEP SHA-256')
	new_mail somebody rsa mail.eml
	hsmime encrypt --key-transport oaep --no-encrypt-to-self -r "$ZOO_PKI/rsa.pem" \
		-o encrypted.eml mail.eml
	find_spy
	export PKCS11SPY=${HSMIME_MODULE:-$(find /usr/lib -name p11-kit-proxy.so -print -quit)}
	spied hsmime decrypt -o clear.eml encrypted.eml
	grep -q '1000 units' clear.eml
	[ "$(mechanisms C_DecryptInit | tail -1)" = "${expected[$result]}" ]
}

# uri_of KEY: as a person takes it from the list
uri_of() {
	hsmime keys --login "subject=CN=$1" | sed -n 's/^ *\(pkcs11:[^ ]*\).*/\1/p'
}

@test "each URI that keys prints without --login signs" {
	echo 'Agreed: 1000 units at 5.' >report.txt
	for key in "${keys[@]}"; do
		uri=$(hsmime keys "subject=CN=$key" | sed -n 's/^ *\(pkcs11:[^ ]*\).*/\1/p')
		[[ $uri == pkcs11:* ]]
		run_as 0 hsmime sign --cms --opaque -k "$uri" -o signed report.txt
		run_as 0 hsmime verify --cms --ca "$ZOO_PKI/ca.pem" signed
		reported "CN=$key"
	done
}

# ossl COMMAND...: openssl, with whose end hsmime.so and the module end too
ossl() {
	run_as 0 env OPENSSL_MODULES="$HSMIME_BUILD/ossl-modules" timeout -k 5 60 openssl "$@"
	[ -z "$(grep ':error:' <<<"$stderr")" ]
}

@test "openssl signs and decrypts through hsmime.so, in either order of providers" {
	echo 'Agreed: 1000 units at 5.' >report.txt
	for key in "${keys[@]}"; do
		uri=$(uri_of "$key")
		[[ $uri == pkcs11:* ]]
		for order in 'default hsmime' 'hsmime default'; do
			providers=(-provider "${order% *}" -provider "${order#* }")
			ossl req -new "${providers[@]}" -key "$uri" -subj "/CN=$key" -out request.pem
			openssl req -in request.pem -verify -noout
			[[ $key != ec* || $(outcome "ECDH P-${key#ec}") = mechanism ]] || continue
			openssl cms -encrypt -aes256 -in report.txt -out encrypted "$ZOO_PKI/$key.pem"
			ossl cms -decrypt "${providers[@]}" -in encrypted -recip "$ZOO_PKI/$key.pem" \
				-inkey "$uri" -out clear
			grep -q '1000 units' clear
		done
	done
}

@test "a mail for somebody else ends with 5, and leaves nothing" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 30 \
		-subj /CN=other -addext subjectAltName=email:other@example.test \
		-addext keyUsage=critical,keyEncipherment 2>other.log
	new_mail somebody other mail.eml
	hsmime encrypt --no-encrypt-to-self -r other.pem -o encrypted.eml mail.eml
	run_as 5 hsmime decrypt -o clear.eml encrypted.eml
	[ ! -e clear.eml ]
}

@test "a wrong PIN ends with 4, is sent once, and the right one works after it" {
	new_mail rsa somebody mail.eml
	printf 654321 >wrong
	chmod 600 wrong
	find_spy
	export PKCS11SPY=${HSMIME_MODULE:-$(find /usr/lib -name p11-kit-proxy.so -print -quit)}
	run_as 4 spied hsmime sign --pin-source file:wrong --from -o signed.eml mail.eml
	# Two lines of explanation; some modules add their own.
	[ "$(grep -c '^hsmime: ' <<<"$stderr")" = 2 ] || { echo "$stderr"; false; }
	[ "$(calls C_Login)" = 1 ]
	[ ! -e signed.eml ]
	run_as 0 hsmime sign --from -o signed.eml mail.eml
}
