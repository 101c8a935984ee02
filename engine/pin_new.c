#include "engine/pin_new.h"

#include <openssl/crypto.h>

#include <hsmime/token.h>

#include "engine/cryptoki.h"
#include "engine/log.h"
#include "engine/pin.h"
#include "engine/slot.h"

/* What a token can't tell is no limit. */
static void learn_limits(hsmime_pin_request *request, struct token *t)
{
	CK_TOKEN_INFO info = { 0 };

	if (cryptoki_token_info(t->module, atomic_load(&t->slot), &info) != CKR_OK)
		return;
	if (info.ulMinPinLen <= PIN_MAX)
		request->min_len = info.ulMinPinLen;
	if (info.ulMaxPinLen <= PIN_MAX)
		request->max_len = info.ulMaxPinLen;
}

static bool same(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && CRYPTO_memcmp(a->data, b->data, a->len) == 0;
}

/* Who knows the user's PIN is not to have the security officer's rights by it, nor the PUK. */
static int check_other(
    const struct secret *pin, const struct pin_present *present, struct error *err)
{
	static const char *const whose[] = { [HSMIME_PIN_USER] = "the old one",
		[HSMIME_PIN_SO] = "the security officer's",
		[HSMIME_PIN_PUK] = "the PUK" };

	if (present == NULL || present->pin == NULL || present->pin->data == NULL ||
	    !same(pin, present->pin))
		return 0;
	error_set(err, HSMIME_EPIN, "the new PIN is %s; nothing was changed", whose[present->kind]);
	return error_hint(err, "choose another one");
}

static int check(const struct secret *pin, const hsmime_pin_request *request,
    const struct pin_present *present, struct error *err)
{
	if (pin->len < request->min_len || (request->max_len > 0 && pin->len > request->max_len)) {
		error_set(err, HSMIME_EPIN, "the new PIN is too %s for token \"%s\"",
		    pin->len < request->min_len ? "short" : "long", request->token_label);
		return error_hint(err, "it takes %zu to %zu octets", request->min_len,
		    request->max_len > 0 ? request->max_len : (size_t)PIN_MAX);
	}
	return check_other(pin, present, err);
}

static int confirm(const struct secret *pin, struct pin_source *source, hsmime_pin_request *request,
    struct error *err)
{
	struct secret second = { 0 };
	int r;

	request->again = 1;
	r = pin_read(&second, source, request, err);
	if (r == 0 && !same(pin, &second)) {
		r = error_set(err, HSMIME_EPIN, "the two new PINs differ; nothing was changed");
		error_hint(err, "start again, and type the same twice");
	}
	secret_free(&second);
	return r;
}

static int tell_pad(struct pin_source *source, const hsmime_pin_request *request, struct error *err)
{
	struct secret consent = { 0 };
	int r = 0;

	if (pin_person(source))
		r = pin_read(&consent, source, request, err);
	else
		log_say_now(
		    "token \"%s\" asks for the new PIN on its own pad", request->token_label);
	secret_free(&consent);
	return r;
}

int pin_new(struct secret *out, struct pin_source *source, struct token *t,
    enum hsmime_pin_kind kind, const struct pin_present *present, struct error *err)
{
	const char *label = t->label[0] != '\0' ? t->label : "(not initialised)";
	hsmime_pin_request request = { .token_label = label,
		.token_serial = t->serial,
		.purpose = "set a new PIN",
		.kind = kind,
		.pin_pad = (atomic_load(&t->flags) & HSMIME_TOKEN_PIN_PAD) != 0 };
	int r;

	*out = (struct secret){ 0 };
	if (request.pin_pad)
		return tell_pad(source, &request, err);
	learn_limits(&request, t);
	r = pin_read(out, source, &request, err);
	if (r == 0)
		r = check(out, &request, present, err);
	if (r == 0 && pin_attended(source))
		r = confirm(out, source, &request, err);
	if (r < 0)
		secret_free(out);
	return r;
}
