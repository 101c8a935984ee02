#include "mail/entity.h"

#include <stdio.h>
#include <string.h>

#include "mail/parameters.h"
#include "mail/text.h"

/* RFC 2045 section 6.1, and how some senders misspell it. */
static const struct {
	const char *name;
	enum transfer_encoding encoding;
	bool says_8bit;
	bool says_binary;
} encodings[] = {
	{ "", CTE_IDENTITY, false, false },
	{ "7bit", CTE_IDENTITY, false, false },
	{ "7-bit", CTE_IDENTITY, false, false },
	{ "8bit", CTE_IDENTITY, true, false },
	{ "8-bit", CTE_IDENTITY, true, false },
	{ "binary", CTE_IDENTITY, false, true },
	{ "base64", CTE_BASE64, false, false },
	{ "quoted-printable", CTE_QUOTED_PRINTABLE, false, false },
};

static void set_encoding(struct entity *e, const char *body)
{
	const char *name = text_skip_space(body);
	size_t len = strcspn(name, " \t\r\n;(");

	e->encoding = CTE_UNKNOWN;
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		if (strlen(encodings[i].name) != len ||
		    !text_equal_len(encodings[i].name, name, len))
			continue;
		e->encoding = encodings[i].encoding;
		e->says_8bit = encodings[i].says_8bit;
		e->says_binary = encodings[i].says_binary;
	}
}

static bool ends_with(const char *name, const char *extension)
{
	size_t len = name == NULL ? 0 : strlen(name), most = strlen(extension);

	return len >= most && text_equal(name + len - most, extension);
}

/* RFC 8551 section 3.10: the extension tells S/MIME where a gateway left application/octet-stream. */
static enum entity_kind kind_by_name(struct entity *e, const char *name)
{
	static const char *const extensions[] = { ".p7m", ".p7s", ".p7c", ".p7z" };

	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		if (!ends_with(name, extensions[i]))
			continue;
		e->signature = strcmp(extensions[i], ".p7s") == 0;
		return ENTITY_CMS;
	}
	return ENTITY_OTHER;
}

static enum entity_kind multipart_kind(const struct content_type *type)
{
	const char *protocol = content_type_param(type, "protocol");
	const char *micalg = content_type_param(type, "micalg");

	if (!content_type_is(type, "multipart", "signed"))
		return ENTITY_MULTIPART;
	if (protocol == NULL)
		return micalg != NULL && text_equal_len(micalg, "pgp-", 4) ? ENTITY_MULTIPART
									   : ENTITY_SIGNED;
	if (text_equal(protocol, "application/pkcs7-signature") ||
	    text_equal(protocol, "application/x-pkcs7-signature"))
		return ENTITY_SIGNED;
	return ENTITY_MULTIPART;
}

static enum entity_kind application_kind(struct entity *e, const char *filename)
{
	const char *subtype = e->type.subtype;

	if (strncmp(subtype, "x-", 2) == 0)
		subtype += 2;
	if (strcmp(subtype, "pkcs7-mime") == 0)
		return ENTITY_CMS;
	if (strcmp(subtype, "pkcs7-signature") == 0) {
		e->signature = true;
		return ENTITY_CMS;
	}
	if (strcmp(e->type.subtype, "octet-stream") == 0) {
		enum entity_kind kind = kind_by_name(e, content_type_param(&e->type, "name"));

		return kind != ENTITY_OTHER ? kind : kind_by_name(e, filename);
	}
	return ENTITY_OTHER;
}

/* The body of the first field of that name, "" where there is none; NULL without memory. */
static const char *body_of(struct buffer *b, const struct header *h, const char *name)
{
	const struct header_field *field = header_find(h, name, 0);

	if (field == NULL)
		return "";
	return header_body(b, field) == 0 ? buffer_string(b) : NULL;
}

static int set_type(struct entity *e, const char *body)
{
	int status = content_type_parse(&e->type, body);

	if (status != HSMIME_EFORMAT)
		return status;
	snprintf(e->type.type, sizeof(e->type.type), "text");
	snprintf(e->type.subtype, sizeof(e->type.subtype), "plain");
	return 0;
}

static int set_kind(struct entity *e, const char *disposition)
{
	struct content_type d = { 0 };
	int status = parameters_parse(&d, disposition);

	if (content_type_is(&e->type, "multipart", NULL))
		e->kind = multipart_kind(&e->type);
	else if (content_type_is(&e->type, "application", NULL))
		e->kind = application_kind(e, content_type_param(&d, "filename"));
	e->named_mail = ends_with(content_type_param(&e->type, "name"), ".eml") ||
			ends_with(content_type_param(&d, "filename"), ".eml");
	content_type_free(&d);
	return status;
}

int entity_describe(struct entity *e, const struct header *h)
{
	struct buffer b;
	const char *body;
	int status = HSMIME_ENOMEM;

	memset(e, 0, sizeof(*e));
	buffer_init(&b, HEADER_MAX + 1);
	body = body_of(&b, h, "Content-Type");
	if (body == NULL || set_type(e, body) != 0)
		goto out;
	e->ambiguity = ambiguity_in(h, &e->type);
	body = body_of(&b, h, "Content-Transfer-Encoding");
	if (body == NULL)
		goto out;
	set_encoding(e, body);
	body = body_of(&b, h, "Content-Disposition");
	if (body != NULL)
		status = set_kind(e, body);
out:
	buffer_free(&b);
	if (status != 0)
		entity_free(e);
	return status;
}

void entity_free(struct entity *e)
{
	if (e == NULL)
		return;
	content_type_free(&e->type);
	memset(e, 0, sizeof(*e));
}
