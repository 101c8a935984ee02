#include "archive/choice.h"

#include <string.h>
#include <strings.h>

#include <hsmime/result.h>

#include "api/result.h"

bool choice_all(const struct choice *c)
{
	return c->since == HSMIME_NO_TIME && c->until == HSMIME_NO_TIME && c->recipient == NULL;
}

int64_t choice_date(const struct mail_item *item, const struct inspection *found)
{
	if (found->has_date)
		return found->date;
	return item->modified != 0 ? item->modified / 1000000000 : HSMIME_NO_TIME;
}

bool choice_is_id(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

int choice_no_id(const char *text, struct error *err)
{
	error_set(err, HSMIME_EUSAGE, "\"%.60s\" is no serial number or key identifier", text);
	return error_hint(
	    err, "give it in hexadecimal, as hsmime archive count shows it for recipients");
}

static bool in_time(const struct choice *c, int64_t date)
{
	if (c->since == HSMIME_NO_TIME && c->until == HSMIME_NO_TIME)
		return true;
	return date != HSMIME_NO_TIME && (c->since == HSMIME_NO_TIME || date >= c->since) &&
	       (c->until == HSMIME_NO_TIME || date < c->until);
}

static const char *without_zeros(const char *hex)
{
	return hex + strspn(hex, "0");
}

static bool is_id(const char *hex, const char *wanted)
{
	return hex != NULL && strcasecmp(without_zeros(hex), without_zeros(wanted)) == 0;
}

static int is_for(bool *is, const char *wanted, const struct enveloped_result *envelope)
{
	int status = 0;

	*is = false;
	for (size_t i = 0; i < envelope->count && status == 0 && !*is; i++) {
		hsmime_recipient r = { 0 };

		status = result_recipient(&r, &envelope->recipients[i]);
		*is = status == 0 && (is_id(r.serial_number, wanted) || is_id(r.key_id, wanted));
		result_recipient_clear(&r);
	}
	return status;
}

int choice_takes(bool *takes, const struct choice *c, const struct mail_item *item,
    const struct inspection *found)
{
	*takes = in_time(c, choice_date(item, found));
	if (!*takes || c->recipient == NULL)
		return 0;
	return is_for(takes, c->recipient, &found->envelope);
}
