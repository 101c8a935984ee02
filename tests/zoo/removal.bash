# A card goes out and comes back under a process that works with it; of each emulated card.

card_goes_and_comes() {
	begin_session
	ask 'sign rsa' 'signed'
	take_card_out
	ask 'sign rsa' 'exit 4: token "rsa" is gone \| insert it again .*'
	ask 'decrypt rsa' 'exit 4: token "rsa" is gone \| insert it again .*'
	run_as 5 hsmime sign -k 'pkcs11:token=rsa' -o signed.eml mail.eml
	[ ! -e signed.eml ]
	put_card_in
	ask 'sign rsa' 'signed'
	ask 'decrypt rsa' 'decrypted'
	end_session
}

card_is_changed_between_requests() {
	begin_session
	ask 'sign rsa' 'signed'
	take_card_out
	put_card_in
	ask 'sign rsa' 'signed'
	ask 'decrypt rsa' 'decrypted'
	end_session
}
