#include "archive/inspect.h"

#include "api/input.h"
#include "mail/date.h"

const char *inspect_word(enum inspect_kind kind)
{
	static const char *const words[] = { "encrypted", "auth-encrypted", "signed",
		"signed-opaque", "plain", "other", "malformed" };

	return words[kind];
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
	int status = date_of(&out->has_date, &out->date, &c->header);

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

/* Most messages are known by these; who reads on takes as much at a time, as only the end of a header is wanted. */
#define SIP 4096

/* A source whose first octets were looked at, and that gives little at a time. */
struct sips {
	const hsmime_source *in;
	size_t have, given; /* of first */
	unsigned char first[SIP];
};

static ptrdiff_t sip(void *arg, void *buf, size_t len)
{
	struct sips *s = arg;

	if (s->given == s->have)
		return s->in->read(s->in->arg, buf, len < SIP ? len : SIP);
	if (len > s->have - s->given)
		len = s->have - s->given;
	memcpy(buf, s->first + s->given, len);
	s->given += len;
	return (ptrdiff_t)len;
}

/* A SEQUENCE of more than 127 octets, or of indefinite length; a mail begins with two octets of ASCII. */
bool inspect_bare(const unsigned char first[2])
{
	return first[0] == 0x30 && first[1] >= 0x80;
}

static int sips_open(hsmime_source *out, bool *cms, struct sips *s, const hsmime_source *in)
{
	ptrdiff_t got = 1;

	s->in = in;
	s->have = s->given = 0;
	while (got > 0 && s->have < 2) {
		got = in->read(in->arg, s->first + s->have, SIP - s->have);
		s->have += got > 0 ? (size_t)got : 0;
	}
	*cms = s->have >= 2 && inspect_bare(s->first);
	*out = (hsmime_source){ .read = sip, .arg = s, .size = in->size };
	return got < 0 ? (int)got : 0;
}

int inspect(struct inspection *out, const hsmime_source *in, struct cms_env *env)
{
	struct cms_input c = { 0 };
	struct sips sips;
	hsmime_source from;
	bool cms = false;
	int status = sips_open(&from, &cms, &sips, in);

	if (status == 0)
		status = cms ? cms_input_open(&c, &from, HSMIME_FORMAT_DER, env)
			     : cms_input_mail(&c, &from, env);
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
