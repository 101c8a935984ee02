# What goes to the module, by OpenSC's spy.

# calls FUNCTION...: how often each was called, in spy.log
calls() {
	local function said=
	for function; do
		said+="$(grep -c "^[0-9]*: $function$" spy.log || true) "
	done
	echo "${said% }"
}

# answers FUNCTION: what each call of it returned, in turn
answers() {
	sed -n "/^[0-9]*: $1\$/,/^Returned/s/^Returned: *[0-9]* //p" spy.log | tr '\n' ' '
}

# mechanisms FUNCTION: the mechanism of each call of it, in turn, a line each
mechanisms() {
	sed -n "/^[0-9]*: $1\$/,/^Returned/s/.*pMechanism->type = \(CKM_[A-Z0-9_]*\).*/\1/p" spy.log
}

# no_size_query: nobody asked for a length without room for the answer
no_size_query() {
	! grep -E '\[\*?pul[A-Za-z]*Len\] NULL' spy.log
}
