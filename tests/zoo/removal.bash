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

# card_is_changed_between_requests KEY...: before the first use of each, and then before each use
card_is_changed_between_requests() {
	local key
	begin_session
	ask 'sign rsa' 'signed'
	for key; do
		take_card_out
		put_card_in
		ask "sign $key" 'signed'
		take_card_out
		put_card_in
		ask "sign $key" 'signed'
		ask "sign $key" 'signed'
		take_card_out
		put_card_in
		ask "decrypt $key" 'decrypted'
	done
	end_session
}

# The PIN was never accepted, and what became of it is not known.
card_is_changed_before_the_first_login() {
	begin_session
	ask 'sign nobody' 'exit [0-9]+: no such certificate: nobody.*'
	take_card_out
	put_card_in
	ask 'sign rsa' 'exit 4: token "rsa" was removed \(log in: CKR_DEVICE_REMOVED\).*'
	ask 'sign rsa' 'exit 4: token "rsa" was sent this PIN before and did not say .*'
	end_session
}

# The module's own C_WaitForSlotEvent tells of it. Another card of that kind, without the key, is waited on.
card_is_waited_for() { # URI of a key that the card lacks
	local lacking
	take_card_out
	"$HSMIME" sign --wait -k "$1" -o lacking.eml mail.eml 2>lacking 3>&- &
	lacking=$!
	"$HSMIME" sign --wait --from -o signed.eml mail.eml 2>waited 3>&- &
	for file in lacking waited; do
		timeout 60 tail -n +1 -F $file 2>/dev/null | grep -qm1 'waiting for a token'
	done
	put_card_in
	wait $!
	hsmime verify -q --ca "$ZOO_PKI/ca.pem" -o /dev/null signed.eml
	timeout 60 tail -n +1 -F lacking 2>/dev/null | grep -qm1 'a token is there now, but .*; waiting on'
	kill -TERM "$lacking"
	wait "$lacking" || true
	[ ! -e lacking.eml ]
}
