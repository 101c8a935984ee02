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
