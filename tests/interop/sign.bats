#!/usr/bin/env bats
# What hsmime signs with a token key, openssl cms verifies.

load interop

setup_file() {
	make_world
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

openssl_verify() { # form, file, more...
	openssl cms -verify -inform "$1" -in "$2" -binary -CAfile "$W/ca.pem" -purpose smimesign "${@:3}"
}

@test "openssl verifies detached CMS by every key and digest, DER and PEM" {
	for kind in "${kinds[@]}"; do
		for digest in sha256 sha384 sha512; do
			for format in der pem; do
				case_is "$kind" $digest $format
				hsmime sign --cms --format $format --digest $digest -k "$(key_uri "$kind")" -o sig "$W/data"
				openssl_verify $format sig -content "$W/data" -out got
				cmp got "$W/data"
			done
		done
	done
}

@test "openssl verifies attached CMS by every key and digest, DER, PEM and S/MIME" {
	for kind in "${kinds[@]}"; do
		for digest in sha256 sha384 sha512; do
			for format in der pem smime; do
				case_is "$kind" $digest $format
				hsmime sign --cms --opaque --format $format --digest $digest -k "$(key_uri "$kind")" \
					-o sig "$W/data"
				openssl_verify $format sig -out got
				cmp got "$W/data"
			done
		done
	done
}

@test "openssl verifies RSASSA-PSS with every digest" {
	for digest in sha256 sha384 sha512; do
		for opaque in '' --opaque; do
			case_is $digest $opaque
			hsmime sign --cms --pss $opaque --format der --digest $digest -k "$(key_uri rsa)" -o sig "$W/data"
			openssl_verify DER sig -content "$W/data" -out got
			cmp got "$W/data"
			openssl cms -cmsout -print -noout -inform DER -in sig >printed
			grep -q 'algorithm: rsassaPss' printed
		done
	done
}

@test "openssl verifies a file that came through a pipe, in BER" {
	hsmime sign --cms --opaque --format der -k "$(key_uri rsa)" <"$W/data" | cat >sig
	openssl_verify DER sig -out got
	cmp got "$W/data"
}

@test "openssl verifies a signed mail, clear and opaque, by every key" {
	for kind in "${kinds[@]}"; do
		for opaque in '' --opaque; do
			case_is "$kind" $opaque
			hsmime sign $opaque -k "$(key_uri "$kind")" -o signed.eml "$W/mail.eml"
			openssl cms -verify -in signed.eml -CAfile "$W/ca.pem" -purpose smimesign -out got
			tr -d '\r' <got >content
			sed 1,4d "$W/mail.eml" >expected
			cmp content expected
		done
	done
}

@test "openssl finds the attributes that hsmime promises" {
	hsmime sign --cms --format der -k "$(key_uri rsa)" -o sig "$W/data"
	openssl cms -cmsout -print -noout -inform DER -in sig >printed
	for attribute in contentType signingTime messageDigest id-smime-aa-signingCertificateV2 \
		S/MIME\ Capabilities; do
		case_is "$attribute"
		grep -q "object: $attribute" printed
	done
}

@test "openssl refuses a changed content and a changed signature" {
	hsmime sign --cms --format der -k "$(key_uri p256)" -o sig "$W/data"
	cp "$W/data" changed
	flip changed 1
	fails_with 4 openssl_verify DER sig -content changed -out got
	flip sig 1
	fails_with 4 openssl_verify DER sig -content "$W/data" -out got
}
