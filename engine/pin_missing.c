#include "engine/pin_missing.h"

/* What needs a security officer's PIN or a PUK needs a new PIN too. */
int pin_missing_nobody(struct error *err, const hsmime_pin_request *request)
{
	static const struct {
		const char *what;
		const char *option;
	} rows[] = { [HSMIME_PIN_USER] = { "a PIN", "--pin-source" },
		[HSMIME_PIN_SO] = { "the security officer's PIN",
		    "--so-pin-source and --new-pin-source" },
		[HSMIME_PIN_PUK] = { "the PUK", "--so-pin-source and --new-pin-source" },
		[HSMIME_PIN_NEW] = { "a new PIN", "--new-pin-source" },
		[HSMIME_PIN_NEW_SO] = {
		    "a new security officer's PIN", "--so-pin-source and --new-pin-source" } };

	error_set(err, HSMIME_EPIN, "token \"%s\" asks for %s, and nobody is there",
	    request->token_label, rows[request->kind].what);
	return error_hint(
	    err, "give a PIN source (%s file:PATH, …) or a terminal", rows[request->kind].option);
}

/* By somebody who did not agree to it, or gave no PIN then. */
int pin_missing_last_try(struct error *err, const hsmime_pin_request *request)
{
	error_set(err, HSMIME_EPIN, "the last try on token \"%s\" was not taken; no PIN was sent",
	    request->token_label);
	return error_hint(err,
	    request->kind == HSMIME_PIN_USER
		? "make sure of the PIN and start again, as a right one resets the count; or set a "
		  "new one with hsmime pin unblock"
		: "make sure of it and start again; a right one resets the count");
}
