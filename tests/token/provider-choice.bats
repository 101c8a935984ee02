#!/usr/bin/env bats
# A URI that fits several private keys, for hsmime.so in openssl: nothing is guessed.

load provider

setup() {
	new_token "$BATS_TEST_TMPDIR/token" Card
	echo report >"$W/report.txt"
	cd "$BATS_TEST_TMPDIR"
}

# import_peer ID NAME LABEL [certificate]: NAME's key (new_peer) on the token, with its certificate or without
import_peer() {
	local certificate=()
	openssl pkcs8 -topk8 -nocrypt -in "$W/$2.key" -out "$W/$2.p8"
	[ $# -lt 4 ] || certificate=("$W/$2.pem")
	"$cli_root/scripts/softtoken" import "$W" "$1" "$3" "$W/$2.p8" "${certificate[@]}"
}

# refuses STATUS PATTERN COMMAND...: several keys fit, and the error lists what matches
refuses() {
	ossl "$1" "${@:3}"
	mentions "several keys fit.*give the URI of one of them.*$2"
}

@test 'what a certificate is for chooses no key, as openssl does not say what it wants one for' {
	new_peer signer 30 keyUsage=critical,digitalSignature extendedKeyUsage=emailProtection
	new_peer reader 30 keyUsage=critical,keyEncipherment extendedKeyUsage=emailProtection
	import_peer 01 signer signer certificate
	import_peer 02 reader reader certificate
	plain cms -encrypt -aes256 -in "$W/report.txt" -out encrypted "$W/reader.pem"
	for o in "${orders[@]}"; do
		order "$o"
		refuses 2 '(id=%0[12] .*){2}' cms -decrypt -in encrypted -recip "$W/reader.pem" \
			-inkey pkcs11:token=Card
		ossl 0 cms -decrypt -in encrypted -recip "$W/reader.pem" -inkey 'pkcs11:object=reader' \
			-out clear
		grep -q report clear
		refuses 1 '(id=%0[12] .*){2}' dgst -sha256 -sign pkcs11:token=Card -out sig "$W/report.txt"
	done
}

@test 'a key with a certificate that is valid is not preferred to one of its name without' {
	new_peer old
	new_peer new
	import_peer 01 old bob certificate
	import_peer 02 new bob
	for o in "${orders[@]}"; do
		order "$o"
		rm -f request
		refuses 1 '(id=%0[12] .*){2}' req -new -key pkcs11:object=bob -subj /CN=bob -out request
		[ ! -s request ]
		run_as 5 hsmime keys --login --pem-uri pkcs11:object=bob
		ossl 0 req -new -key 'pkcs11:object=bob;id=%02' -subj /CN=bob -out request
		[ "$(openssl req -in request -noout -pubkey)" = "$(openssl pkey -in "$W/new.key" -pubout)" ]
	done
}

@test 'of what one key may do and the other may not nothing is made either' {
	new_key 01 RSA:2048 alice
	pkcs11-tool --module "$HSMIME_MODULE" --token-label Card --login --pin 123456 --keypairgen \
		--key-type RSA:2048 --id 02 --label reads --usage-decrypt
	for o in "${orders[@]}"; do
		order "$o"
		refuses 1 '(id=%0[12] .*){2}' dgst -sha256 -sign pkcs11:token=Card -out sig "$W/report.txt"
		ossl 0 pkey -noout -in 'pkcs11:object=reads'
	done
}

@test 'two tokens of one label with another key each at one ID are told apart' {
	local slot
	new_peer here
	new_peer there
	import_peer 01 here here certificate
	openssl pkcs8 -topk8 -nocrypt -in "$W/there.key" -out "$W/there.p8"
	slot=$(softhsm2-util --init-token --free --label Card --so-pin 12345678 --pin 123456 |
		grep -o '[0-9]*$')
	softhsm2-util --import "$W/there.p8" --slot "$slot" --label there --id 01 --pin 123456
	for o in "${orders[@]}"; do
		order "$o"
		refuses 1 'serial=.*serial=' dgst -sha256 -sign 'pkcs11:token=Card;id=%01' -out sig \
			"$W/report.txt"
		ossl 0 dgst -sha256 -sign 'pkcs11:object=there' -out sig "$W/report.txt"
	done
}

@test 'the dates of a certificate do not matter to the only key' {
	new_peer old -1
	import_peer 01 old old certificate
	for o in "${orders[@]}"; do
		order "$o"
		ossl 0 req -new -key pkcs11:token=Card -subj /CN=old -out request
		plain req -in request -verify -noout
	done
}
