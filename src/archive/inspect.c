#include "archive/inspect.h"

#include <string.h>

#include "api/input.h"
#include "mail/date.h"

const char *inspect_word(enum inspect_kind kind)
{
	static const char *const words[] = { "encrypted", "auth-encrypted", "signed",
		"signed-opaque", "plain", "other", "malformed" };

	return words[kind];
}

static int take_date(struct inspection *out, const struct header *h)
{
	const struct header_field *field = header_find(h, "Date", 0);
	struct buffer body;
	int status;

	if (field == NULL)
		return 0;
	buffer_init(&body, HEADER_MAX + 1);
	status = header_body(&body, field);
	if (status == 0)
		status = buffer_add(&body, "", 1);
	if (status == 0)
		out->has_date = date_parse(&out->date, (const char *)body.data);
	buffer_free(&body);
	return status;
}

/* At the CMS of c. */
static int look_at_cms(struct inspection *out, struct cms_input *c, struct cms_env *env)
{
	enum cms_type type = CMS_UNKNOWN;
	int status = cms_content_info_enter(&type, &c->ber, env);

	if (status != 0)
		return status;
	switch (type) {
	case CMS_ENVELOPED_DATA:
	case CMS_AUTH_ENVELOPED_DATA:
		out->kind = type == CMS_ENVELOPED_DATA ? INSPECT_ENCRYPTED : INSPECT_AUTH_ENCRYPTED;
		return enveloped_peek(&out->envelope, &c->ber, type, env);
	case CMS_SIGNED_DATA:
		out->kind = INSPECT_SIGNED_OPAQUE;
		return 0;
	default:
		out->kind = INSPECT_OTHER;
		return 0;
	}
}

static int look_at_mail(struct inspection *out, struct cms_input *c, struct cms_env *env)
{
	int status = take_date(out, &c->header);

	if (status != 0)
		return status;
	if (c->entity.kind == ENTITY_SIGNED)
		out->kind = INSPECT_SIGNED;
	else if (c->entity.kind != ENTITY_CMS)
		out->kind = INSPECT_PLAIN;
	else
		status = cms_input_body(c, env);
	return status == 0 && c->entity.kind == ENTITY_CMS ? look_at_cms(out, c, env) : status;
}

/* A SEQUENCE of more than 127 octets, or of indefinite length; a mail begins with two octets of ASCII. */
static int begins_as_cms(bool *cms, const hsmime_source *in)
{
	unsigned char first[2] = { 0 };
	size_t have = 0;
	ptrdiff_t got = 1;

	for (; got > 0 && have<sizeof(first); have += got> 0 ? (size_t)got : 0)
		got = in->read(in->arg, first + have, sizeof(first) - have);
	*cms = have == sizeof(first) && first[0] == 0x30 && first[1] >= 0x80;
	return got < 0 ? (int)got : in->seek(in->arg, 0);
}

int inspect(struct inspection *out, const hsmime_source *in, struct cms_env *env)
{
	struct cms_input c = { 0 };
	bool cms = false;
	int status = begins_as_cms(&cms, in);

	if (status == 0)
		status = cms ? cms_input_open(&c, in, HSMIME_FORMAT_DER, env)
			     : cms_input_mail(&c, in, env);
	if (status == 0)
		status = cms ? look_at_cms(out, &c, env) : look_at_mail(out, &c, env);
	cms_input_close(&c);
	out->bare = cms;
	if (status != HSMIME_EFORMAT && status != BER_END)
		return status;
	out->kind = INSPECT_MALFORMED;
	return 0;
}

void inspection_free(struct inspection *i)
{
	enveloped_result_free(&i->envelope);
}
