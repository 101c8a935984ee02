#include "mail/content_type.h"

#include <stdlib.h>
#include <string.h>

#include <hsmime/error.h>

#include "mail/parameters.h"
#include "mail/text.h"

/* A token in lower case; returns what is behind it, or NULL where there is none or it is too long. */
static const char *take_token(char *out, size_t room, const char *p)
{
	size_t len = strcspn(p, " \t\r\n()<>@,;:\\\"/[]?=");

	return text_lower(out, room, p, len) ? text_skip_space(p + len) : NULL;
}

int content_type_parse(struct content_type *ct, const char *body)
{
	const char *p = text_skip_space(body);
	int status;

	memset(ct, 0, sizeof(*ct));
	p = take_token(ct->type, sizeof(ct->type), p);
	if (p == NULL || *p != '/')
		return HSMIME_EFORMAT;
	p = take_token(ct->subtype, sizeof(ct->subtype), text_skip_space(p + 1));
	if (p == NULL)
		return HSMIME_EFORMAT;
	status = parameters_parse(ct, p);
	if (status != 0)
		content_type_free(ct);
	return status;
}

void content_type_free(struct content_type *ct)
{
	if (ct == NULL)
		return;
	for (size_t i = 0; i < ct->count; i++)
		free(ct->params[i].value);
	memset(ct, 0, sizeof(*ct));
}

const char *content_type_param(const struct content_type *ct, const char *name)
{
	for (size_t i = 0; i < ct->count; i++) {
		if (text_equal(ct->params[i].name, name))
			return ct->params[i].value;
	}
	return NULL;
}

bool content_type_is(const struct content_type *ct, const char *type, const char *subtype)
{
	return text_equal(ct->type, type) && (subtype == NULL || text_equal(ct->subtype, subtype));
}
