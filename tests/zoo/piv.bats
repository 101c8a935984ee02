#!/usr/bin/env bats
# What is odd about cards, as OpenSC shows them: a PIV card. Its key in slot 9c, rsa2, wants a
# login for every use.

load ../cli/helper
load zoo
load removal
load spy

setup() {
	cd "$BATS_TEST_TMPDIR"
	new_mail rsa2 rsa2 mail.eml
}

@test "a card that is taken out is gone, and works again once it is in" {
	card_goes_and_comes
}

@test "a card that was out and in again works" {
	card_is_changed_between_requests rsa rsa2
}

@test "a card that was out and in again before the first login is told, and not called a wrong PIN" {
	card_is_changed_before_the_first_login
}

@test "a card that is not in yet is waited for" {
	card_is_waited_for 'pkcs11:token=rsa;id=%77'
}

@test "a process that has used a key forks: both sides sign, and exit with the key in hand" {
	forks_and_leaves rsa
}

@test "doctor tells of the reader without a card, and of the key that wants the PIN for every use" {
	find_spy
	spied examined 0
	notable reader-empty key-always-authenticate
	[ "$(findings "f['id'] == 'key-always-authenticate' and 'id=%02' in f['subject']")" = 1 ]
	[ "$(grep -c CKU_USER spy.log)" = 1 ]
	[ "$(grep -c CKU_CONTEXT_SPECIFIC spy.log)" = 2 ]
}

@test "every use of the key in 9c has a login of its own, and no call asks for a length" {
	find_spy
	spied hsmime sign --from -o signed.eml mail.eml
	[ "$(calls C_Login C_SignInit C_Sign)" = '2 1 1' ]
	[ "$(grep -c CKU_CONTEXT_SPECIFIC spy.log)" = 1 ]
	no_size_query
	hsmime encrypt --no-encrypt-to-self -r "$ZOO_PKI/rsa2.pem" -o encrypted.eml mail.eml
	spied hsmime decrypt -o clear.eml encrypted.eml
	[ "$(calls C_Login C_DecryptInit C_Decrypt)" = '2 1 1' ]
	no_size_query
}

# OpenSC logs the whole slot out then.
@test "after an operation that the card refused, hsmime logs in again and does it once more" {
	begin_spied_session
	for request in 'sign rsa2:signed' 'decrypt rsa2:decrypted' 'sign rsa:signed' 'decrypt rsa:decrypted'; do
		ask "${request%:*}" "${request#*:}"
		: >spy.log
		touch "$ZOO_REFUSAL"
		ask "${request%:*}" "${request#*:}"
		[ ! -e "$ZOO_REFUSAL" ]
		operation=C_Sign
		[[ $request = sign* ]] || operation=C_Decrypt
		[ "$(answers $operation)" = 'CKR_USER_NOT_LOGGED_IN CKR_OK ' ]
		[ "$(grep -c CKU_USER spy.log)" = 1 ]
	done
	end_session
}

@test "the point of an agreement is sent bare, as the card wants it" {
	new_mail somebody ec256 mail.eml
	hsmime encrypt --no-encrypt-to-self -r "$ZOO_PKI/ec256.pem" -o encrypted.eml mail.eml
	find_spy
	spied hsmime decrypt -o clear.eml encrypted.eml
	[ "$(answers C_DeriveKey)" = 'CKR_OK ' ]
	# In DER it is refused.
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out peer.key
	openssl pkey -in peer.key -pubout -outform DER -out peer.der
	derive=(pkcs11-tool --module "$HSMIME_MODULE" --login --pin "$(cat "$ZOO/pin")" --derive
		-m ECDH1-DERIVE --id 03 --input-file peer.der --output-file shared)
	"${derive[@]}"
	run ! "${derive[@]}" --derive-pass-der
}

# The last test: what follows would have one try left.
@test "a wrong PIN costs one try, also for the key in 9c, and the right one gives it back" {
	printf 654321 >wrong
	chmod 600 wrong
	find_spy
	run_as 4 spied hsmime sign --pin-source file:wrong --from -o signed.eml mail.eml
	explained
	[ "$(calls C_Login)" = 1 ]
	hsmime sign --from -o signed.eml mail.eml
	for i in 1 2; do
		# One that was refused is not sent again.
		run_as 4 hsmime sign --pin-source file:wrong --from -o signed.eml mail.eml
		printf 12345%s $i >wrong
		run_as 4 hsmime sign --pin-source file:wrong --from -o signed.eml mail.eml
	done
	# The last one is not for what nobody attends to.
	run_as 4 spied hsmime sign --from -o signed.eml mail.eml
	said 'one more wrong PIN locks token'
	[ "$(calls C_Login)" = 0 ]
}
