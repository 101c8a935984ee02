#include "cms/rewrap_head.h"

#include <stdlib.h>
#include <string.h>

#include "util/ber_writer.h"
#include "util/sink.h"

#define TYPE_MAX 512
#define ORIGINATOR_MAX ((size_t)4 * 1024 * 1024)
#define VERSION_SIZE 3 /* octets of the element */

/* First octets of RecipientInfo's alternatives (RFC 5652 section 6.2) */
#define TAG_KEY_TRANS 0x30
#define TAG_PASSWORD 0xa3
#define TAG_OTHER 0xa4

static int read_memory(
    struct ber_reader *r, hsmime_memory *memory, const struct buffer *octets, struct error *err)
{
	hsmime_source source;

	*memory = (hsmime_memory){ octets->data, octets->len, 0 };
	hsmime_source_memory(&source, memory);
	return ber_open(r, &source, err) == 0 ? 0 : error_nomem(err);
}

/* The frame was read once already, as what it is. */
static int read_frame(struct rewrap_head *h, const struct buffer *frame, struct cms_env *env)
{
	struct ber_reader r;
	hsmime_memory memory;
	int status = read_memory(&r, &memory, frame, env->err);

	if (status != 0)
		return status;
	status = ber_peek(&r, &h->content_info);
	if (status == 0)
		status = ber_enter(&r, BER_UNIVERSAL, BER_SEQUENCE, "CMS ContentInfo");
	if (status == 0)
		status = ber_collect(&r, &h->type);
	if (status == 0)
		status = ber_peek(&r, &h->content);
	ber_close(&r);
	return status;
}

static int read_originator(struct rewrap_head *h, struct enveloped_parts *p)
{
	hsmime_sink sink;
	int status;

	sink_buffer(&sink, &h->originator);
	p->r->copy = &sink;
	status = enveloped_parts_originator(p);
	p->r->copy = NULL;
	if (h->originator.status == HSMIME_EFORMAT)
		return error_set(
		    p->env->err, HSMIME_EFORMAT, "the message's originatorInfo is too large");
	return status == HSMIME_ENOMEM ? error_nomem(p->env->err) : status;
}

/* Whether all recipients have version 0, as key transport by issuer and serial number has alone. */
static bool all_plain(const struct recipient_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->encoded.data[list->places[i].offset] != TAG_KEY_TRANS ||
		    list->recipients[i].key_id != NULL)
			return false;
	}
	return true;
}

static bool any_of(const struct recipient_list *list, unsigned char tag)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->encoded.data[list->places[i].offset] == tag)
			return true;
	}
	return false;
}

/*
 * The version comes before the attributes that it depends on. Definite lengths tell whether
 * there are any; else the sender's version is believed where nothing but they would explain it.
 */
static bool has_unprotected(
    const struct rewrap_head *h, const struct enveloped_parts *p, const struct ber_header *info)
{
	if (!h->message.indefinite && !info->indefinite)
		return h->message.length - h->before > info->raw_len + info->length;
	return p->version >= 2 && h->originator.len == 0 && all_plain(&p->recipients);
}

int rewrap_head_read(struct rewrap_head *h, struct enveloped_parts *p, const struct buffer *frame)
{
	struct ber_header info;
	uint64_t start;
	int status;

	memset(h, 0, sizeof(*h));
	buffer_init(&h->type, TYPE_MAX);
	buffer_init(&h->originator, ORIGINATOR_MAX);
	status = read_frame(h, frame, p->env);
	if (status == 0)
		status = ber_peek(p->r, &h->message);
	start = ber_offset(p->r) + h->message.raw_len;
	if (status >= 0)
		status = enveloped_parts_enter(p);
	if (status == 0)
		status = read_originator(h, p);
	if (status == 0)
		status = ber_peek(p->r, &h->set);
	if (status >= 0)
		status = enveloped_parts_recipients(p);
	if (status == 0)
		status = ber_peek(p->r, &info);
	if (status == 0) {
		h->before = ber_offset(p->r) - start;
		h->unprotected = has_unprotected(h, p, &info);
	}
	/* Where it is missing the reader of that part says so. */
	return status == BER_END ? 0 : status;
}

/* X.690 11.6: ascending, a shorter one as if zeros followed. */
static int der_order(const void *left, const void *right)
{
	const struct rewrap_info *a = left;
	const struct rewrap_info *b = right;
	int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	return order != 0 ? order : a->len < b->len ? -1 : a->len > b->len;
}

static int write_set(const struct rewrap_head *h, const struct rewrap_info *infos, size_t count,
    const hsmime_sink *sink)
{
	uint64_t length = 0;
	int status;

	for (size_t i = 0; i < count; i++)
		length += infos[i].len;
	status = ber_put_header(
	    sink, BER_UNIVERSAL, BER_SET, true, h->set.indefinite ? HSMIME_SIZE_UNKNOWN : length);
	for (size_t i = 0; status == 0 && i < count; i++)
		status = sink_write(sink, infos[i].data, infos[i].len);
	return status == 0 && h->set.indefinite ? ber_put_end(sink) : status;
}

/* What is written is read as any reader does it, within the same bounds. */
int rewrap_head_recipients(
    struct rewrap_head *h, struct rewrap_info *infos, size_t count, struct cms_env *env)
{
	struct buffer set;
	struct ber_reader r;
	hsmime_memory memory;
	hsmime_sink sink;
	int status;

	buffer_init(&set, 2 * RECIPIENTS_SIZE_MAX);
	sink_buffer(&sink, &set);
	if (!h->set.indefinite && count > 1)
		qsort(infos, count, sizeof(*infos), der_order);
	status = write_set(h, infos, count, &sink);
	if (status == HSMIME_ENOMEM)
		status = error_nomem(env->err);
	else if (status != 0)
		error_set(env->err, status, "the message would have too many recipients");
	if (status == 0)
		status = read_memory(&r, &memory, &set, env->err);
	if (status == 0) {
		status = recipient_list_read(&h->recipients, &r, env);
		ber_close(&r);
	}
	buffer_free(&set);
	return status;
}

/* Whether one of the choices at r, up to the end around them, is [tag]. */
static bool any_choice(struct ber_reader *r, uint32_t tag)
{
	struct ber_header h;
	bool found = false;

	while (!found && ber_peek(r, &h) == 0) {
		found = ber_is(&h, BER_CONTEXT, tag);
		if (ber_skip(r) != 0)
			break;
	}
	return found;
}

/*
 * Whether originatorInfo's certificates (set 0) or CRLs (set 1) have [tag] among them. What
 * is malformed in it has none; nobody reads it here.
 */
static bool originator_has(const struct rewrap_head *h, uint32_t set, uint32_t tag)
{
	struct ber_reader r;
	struct ber_header at;
	hsmime_memory memory;
	bool found = false;

	if (h->originator.len == 0 || read_memory(&r, &memory, &h->originator, NULL) != 0)
		return false;
	if (ber_enter(&r, BER_CONTEXT, 0, "originatorInfo") == 0) {
		while (ber_peek(&r, &at) == 0 && !ber_is(&at, BER_CONTEXT, set)) {
			if (ber_skip(&r) != 0)
				break;
		}
		if (ber_enter(&r, BER_CONTEXT, set, "its certificates") == 0)
			found = any_choice(&r, tag);
	}
	ber_close(&r);
	return found;
}

int rewrap_head_version(const struct rewrap_head *h, const struct enveloped_parts *p)
{
	if (p->type == CMS_AUTH_ENVELOPED_DATA)
		return 0;
	/* CertificateChoices other, RevocationInfoChoice other, v2AttrCert (RFC 5652 section 10.2). */
	if (originator_has(h, 0, 3) || originator_has(h, 1, 1))
		return 4;
	if (originator_has(h, 0, 2) || any_of(&h->recipients, TAG_PASSWORD) ||
	    any_of(&h->recipients, TAG_OTHER))
		return 3;
	return h->originator.len == 0 && !h->unprotected && all_plain(&h->recipients) ? 0 : 2;
}

/* A level whose contents are that much longer; unsigned, so that shorter is longer by almost 2^64. */
static uint64_t lengthen(uint64_t *length, const struct ber_header *h, uint64_t by)
{
	size_t header = 2;

	*length = HSMIME_SIZE_UNKNOWN;
	if (!h->indefinite) {
		*length = h->length + by;
		header = ber_header_size(*length);
	}
	return by + header - h->raw_len;
}

struct levels {
	uint64_t content_info;
	uint64_t content;
	uint64_t message;
};

static struct levels levels_of(const struct rewrap_head *h, uint64_t set)
{
	struct levels l;
	uint64_t by = VERSION_SIZE + h->originator.len + set - h->before;

	by = lengthen(&l.message, &h->message, by);
	by = lengthen(&l.content, &h->content, by);
	lengthen(&l.content_info, &h->content_info, by);
	return l;
}

static uint64_t set_size(const struct rewrap_head *h)
{
	uint64_t length = h->recipients.encoded.len;

	return h->set.indefinite ? 2 + length + 2 : ber_element_size(length);
}

static int put_set(const struct rewrap_head *h, const hsmime_sink *sink)
{
	struct rewrap_info all = { h->recipients.encoded.data, h->recipients.encoded.len };

	return write_set(h, &all, 1, sink);
}

int rewrap_head_write(
    const struct rewrap_head *h, const struct enveloped_parts *p, const hsmime_sink *sink)
{
	struct levels l = levels_of(h, set_size(h));
	unsigned char version[VERSION_SIZE] = { BER_INTEGER, 1,
		(unsigned char)rewrap_head_version(h, p) };
	int status = ber_put_header(sink, BER_UNIVERSAL, BER_SEQUENCE, true, l.content_info);

	if (status == 0)
		status = sink_write(sink, h->type.data, h->type.len);
	if (status == 0)
		status = ber_put_header(sink, BER_CONTEXT, 0, true, l.content);
	if (status == 0)
		status = ber_put_header(sink, BER_UNIVERSAL, BER_SEQUENCE, true, l.message);
	if (status == 0)
		status = sink_write(sink, version, sizeof(version));
	if (status == 0)
		status = sink_write(sink, h->originator.data, h->originator.len);
	return status == 0 ? put_set(h, sink) : status;
}

void rewrap_head_free(struct rewrap_head *h)
{
	buffer_free(&h->type);
	buffer_free(&h->originator);
	recipient_list_free(&h->recipients);
}
