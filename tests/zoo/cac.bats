#!/usr/bin/env bats
# What is odd about cards, as OpenSC shows them: a CAC card.

load ../cli/helper
load zoo
load removal
load spy

setup() {
	cd "$BATS_TEST_TMPDIR"
	new_mail rsa rsa mail.eml
}

@test "a card that is taken out is gone, and works again once it is in" {
	card_goes_and_comes
}

@test "a card that was out and in again works" {
	card_is_changed_between_requests rsa
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

@test "doctor tells of the reader without a card, and of what a card of RSA keys can't do" {
	examined 0
	notable reader-empty mechanism-missing
	[ "$(findings "f['id'] == 'mechanism-missing'")" = 2 ]
}

@test "no call asks for a length" {
	find_spy
	spied hsmime sign --from -o signed.eml mail.eml
	[ "$(calls C_SignInit C_Sign)" = '1 1' ]
	no_size_query
	hsmime encrypt --no-encrypt-to-self -r "$ZOO_PKI/rsa.pem" -o encrypted.eml mail.eml
	spied hsmime decrypt -o clear.eml encrypted.eml
	[ "$(calls C_DecryptInit C_Decrypt)" = '1 1' ]
	no_size_query
}

@test "a wrong PIN, which OpenSC calls a general error, is sent once" {
	printf 654321 >wrong
	chmod 600 wrong
	find_spy
	run_as 4 spied hsmime sign --pin-source file:wrong --from -o signed.eml mail.eml
	said 'refused the login \(CKR_GENERAL_ERROR\)'
	[ "$(calls C_Login)" = 1 ]
	hsmime sign --from -o signed.eml mail.eml
}

# OpenSC 0.23 finds no way back then, newer ones do at times; what hsmime can do is to say so, and not to
# wait.
@test "under a process that works with the card pcscd is started again: it is told to start again" {
	begin_session
	ask 'sign rsa' 'signed'
	take_card_out
	restart_pcscd
	put_card_in
	ask 'sign rsa' 'exit 4: token "rsa" (failed \(.*CKR_GENERAL_ERROR\) \| .*start the program again|is gone \|).*|signed'
	# Of a decryption the code tells nothing: it could speak of padding.
	ask 'decrypt rsa' 'exit (1: the substitute|4: token "rsa" is gone) .*|decrypted'
	run_as 0 hsmime sign --from -o signed.eml mail.eml
	end_session
}
