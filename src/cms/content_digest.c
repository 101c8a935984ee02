#include "cms/content_digest.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "util/sink.h"

void content_digests_init(struct content_digests *d, bool text, const hsmime_sink *next)
{
	memset(d, 0, sizeof(*d));
	d->text = text;
	d->next = *next;
}

void content_digests_free(struct content_digests *d)
{
	for (size_t i = 0; i < d->count; i++) {
		EVP_MD_free(d->list[i].md);
		EVP_MD_CTX_free(d->list[i].ctx);
		EVP_MD_CTX_free(d->list[i].crlf_ctx);
	}
	memset(d, 0, sizeof(*d));
}

const struct content_digest *content_digests_find(
    const struct content_digests *d, const struct digest_algorithm *algorithm)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->list[i].algorithm == algorithm)
			return &d->list[i];
	return NULL;
}

int content_digests_add(
    struct content_digests *d, const struct digest_algorithm *algorithm, struct cms_env *env)
{
	struct content_digest *entry = &d->list[d->count];

	if (d->count == CONTENT_DIGEST_MAX || content_digests_find(d, algorithm) != NULL)
		return 0;
	ERR_set_mark();
	entry->md = EVP_MD_fetch(env->libctx, algorithm->fetch, NULL);
	ERR_pop_to_mark();
	if (entry->md == NULL)
		return 0;
	entry->algorithm = algorithm;
	d->count++;
	entry->ctx = EVP_MD_CTX_new();
	if (entry->ctx == NULL || EVP_DigestInit_ex2(entry->ctx, entry->md, NULL) != 1)
		return error_nomem(env->err);
	return 0;
}

static void note(struct content_form *form, const void *data, size_t len)
{
	if (form->octets < CONTENT_HEAD) {
		size_t room = CONTENT_HEAD - (size_t)form->octets;

		memcpy(form->head + form->octets, data, len < room ? len : room);
	}
	form->octets += len;
}

static int update(struct content_digests *d, bool crlf, const void *data, size_t len)
{
	note(crlf ? &d->in_crlf : &d->as_came, data, len);
	for (size_t i = 0; i < d->count; i++) {
		EVP_MD_CTX *ctx = crlf ? d->list[i].crlf_ctx : d->list[i].ctx;

		if (EVP_DigestUpdate(ctx, data, len) != 1)
			return HSMIME_EINTERNAL;
	}
	return 0;
}

static int write_crlf(void *arg, const void *buf, size_t len)
{
	return update(arg, true, buf, len);
}

/* From here on the CRLF form has digests of its own, which start as copies. */
static int part(struct content_digests *d)
{
	hsmime_sink out = { write_crlf, d };

	for (size_t i = 0; i < d->count; i++) {
		EVP_MD_CTX *copy = EVP_MD_CTX_new();

		d->list[i].crlf_ctx = copy;
		if (copy == NULL || EVP_MD_CTX_copy_ex(copy, d->list[i].ctx) != 1)
			return HSMIME_ENOMEM;
	}
	crlf_sink_open(&d->crlf_in, &d->crlf, &out, true);
	d->in_crlf = d->as_came;
	d->parted = true;
	return 0;
}

/* The offset of the first LF without a CR before it, or len. */
static size_t find_bare_lf(struct content_digests *d, const unsigned char *p, size_t len)
{
	const unsigned char *start = p;
	const unsigned char *end = p + len;

	for (; p < end; p++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p == NULL)
			break;
		if (p == start ? !d->after_cr : p[-1] != '\r')
			return (size_t)(p - start);
	}
	if (len > 0)
		d->after_cr = end[-1] == '\r';
	return len;
}

static int hash_text(struct content_digests *d, const unsigned char *p, size_t len)
{
	size_t same = d->parted ? 0 : find_bare_lf(d, p, len);
	int status = 0;

	if (same > 0)
		status = update(d, false, p, same);
	if (status != 0 || same == len)
		return status;
	if (!d->parted)
		status = part(d);
	if (status == 0)
		status = update(d, false, p + same, len - same);
	if (status == 0)
		status = sink_write(&d->crlf_in, p + same, len - same);
	return status;
}

static int write_content(void *arg, const void *buf, size_t len)
{
	struct content_digests *d = arg;
	int status = 0;

	if (len == 0)
		return 0;
	status = d->text ? hash_text(d, buf, len) : update(d, false, buf, len);
	if (status == 0 && d->next.write != NULL)
		status = d->next.write(d->next.arg, buf, len);
	return status;
}

void content_digests_sink(hsmime_sink *out, struct content_digests *d)
{
	out->write = write_content;
	out->arg = d;
}

static int finish_one(struct content_digest *entry)
{
	if (EVP_DigestFinal_ex(entry->ctx, entry->value, NULL) != 1)
		return HSMIME_ENOMEM;
	if (entry->crlf_ctx == NULL)
		memcpy(entry->crlf_value, entry->value, sizeof(entry->value));
	else if (EVP_DigestFinal_ex(entry->crlf_ctx, entry->crlf_value, NULL) != 1)
		return HSMIME_ENOMEM;
	return 0;
}

int content_digests_finish(struct content_digests *d)
{
	int status = d->parted ? crlf_sink_finish(&d->crlf) : 0;

	for (size_t i = 0; status == 0 && i < d->count; i++)
		status = finish_one(&d->list[i]);
	return status;
}

/* A header's content length, where it is definite and of at most 4 octets; moves *p behind it. */
static bool read_length(uint64_t *length, const unsigned char **p, const unsigned char *end)
{
	unsigned octets = 0;

	*length = 0;
	if (*p == end)
		return false;
	octets = *(*p)++;
	if (octets < 0x80) {
		*length = octets;
		return true;
	}
	octets &= 0x7f;
	if (octets == 0 || octets > 4 || (size_t)(end - *p) < octets)
		return false;
	while (octets-- > 0)
		*length = *length << 8 | *(*p)++;
	return true;
}

static bool take_tag(const unsigned char **p, const unsigned char *end, unsigned char tag)
{
	return *p < end && *(*p)++ == tag;
}

static bool looks_like_attributes(const struct content_form *form)
{
	const unsigned char *p = form->head;
	const unsigned char *end = p + (form->octets < CONTENT_HEAD ? form->octets : CONTENT_HEAD);
	uint64_t length = 0;

	if (!take_tag(&p, end, 0x31) || !read_length(&length, &p, end) ||
	    length != form->octets - (uint64_t)(p - form->head))
		return false;
	return take_tag(&p, end, 0x30) && read_length(&length, &p, end) && take_tag(&p, end, 0x06);
}

bool content_digests_look_like_attributes(const struct content_digests *d)
{
	return looks_like_attributes(&d->as_came) ||
	       (d->parted && looks_like_attributes(&d->in_crlf));
}
