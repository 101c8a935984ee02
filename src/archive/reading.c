#include "archive/reading.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "archive/inspect.h"
#include "util/source.h"

int reading_init(struct reading *r, OSSL_LIB_CTX *libctx)
{
	memset(r, 0, sizeof(*r));
	r->md = EVP_MD_fetch(libctx, "SHA256", NULL);
	r->digest = EVP_MD_CTX_new();
	r->room = malloc(READING_WHOLE);
	return r->md != NULL && r->digest != NULL && r->room != NULL ? 0 : HSMIME_ENOMEM;
}

void reading_free(struct reading *r)
{
	EVP_MD_CTX_free(r->digest);
	EVP_MD_free(r->md);
	free(r->room);
	memset(r, 0, sizeof(*r));
}

static int hash_begin(struct reading *r)
{
	return EVP_DigestInit_ex2(r->digest, r->md, NULL) == 1 ? 0 : HSMIME_ENOMEM;
}

static int hash_end(unsigned char *sha, struct reading *r)
{
	return EVP_DigestFinal_ex(r->digest, sha, NULL) == 1 ? 0 : HSMIME_ENOMEM;
}

/* Octets of source until the room is full or it ends. */
static ptrdiff_t fill(struct reading *r, const hsmime_source *source)
{
	size_t have = 0;
	ptrdiff_t got = 1;

	while (got > 0 && have < READING_WHOLE) {
		got = source->read(source->arg, r->room + have, READING_WHOLE - have);
		have += got > 0 ? (size_t)got : 0;
	}
	return got < 0 ? got : (ptrdiff_t)have;
}

/* Octets that were read at r->at: what of them goes on where the digest is. */
static void digest_more(struct reading *r, const unsigned char *octets, size_t len)
{
	uint64_t known = r->digest_at - r->at;

	if (r->hashed || r->at > r->digest_at || known >= len)
		return;
	if (EVP_DigestUpdate(r->digest, octets + known, len - (size_t)known) != 1)
		r->status = HSMIME_ENOMEM;
	r->digest_at = r->at + len;
}

static ptrdiff_t read_large(void *arg, void *buf, size_t len)
{
	struct reading *r = arg;
	const hsmime_source *in = &r->octets.source;
	ptrdiff_t got = in->read(in->arg, buf, len);

	if (got > 0) {
		digest_more(r, buf, (size_t)got);
		r->at += (uint64_t)got;
	}
	r->unread = r->unread || got < 0 || (got == 0 && r->at < in->size);
	return got;
}

static int seek_large(void *arg, uint64_t offset)
{
	struct reading *r = arg;
	int status = source_seek(&r->octets.source, offset);

	r->at = offset;
	r->unread = r->unread || status != 0;
	return status;
}

/* What is large may have been read by its end already: it is not read once more for its digest. */
static int read_rest(struct reading *r)
{
	unsigned char some[16384];
	ptrdiff_t got = 1;
	int status = 0;

	if (r->at != r->digest_at)
		status = seek_large(r, r->digest_at);
	while (status == 0 && got > 0) {
		got = read_large(r, some, sizeof(some));
		status = got < 0 ? (int)got : r->status;
	}
	return status;
}

/* Whoever wants it done again means it as it is now. */
static int open_octets(struct reading *r, struct journal_entry *e, bool as_it_is, struct error *err)
{
	struct mail_item now = e->item;
	int status;

	if (!as_it_is || r->from->kind->packed)
		return mail_source_read(&r->octets, r->from, &e->item, err);
	now.size = HSMIME_SIZE_UNKNOWN;
	status = mail_source_read(&r->octets, r->from, &now, err);
	if (status == 0) {
		e->item.size = r->octets.source.size;
		e->item.modified = r->octets.file.modified;
	}
	return status;
}

/* A small one is read whole; of a large one the beginning, to see what it is. */
static int hold(struct reading *r, uint64_t size)
{
	ptrdiff_t got = fill(r, &r->source);

	if (got < 0)
		return (int)got;
	r->bare = got >= 2 && inspect_bare(r->room);
	r->held = size < READING_WHOLE;
	if (!r->held)
		return source_seek(&r->source, 0);
	r->memory = (hsmime_memory){ .data = r->room, .len = (size_t)size };
	hsmime_source_memory(&r->source, &r->memory);
	return r->status;
}

int reading_open(struct reading *r, struct mail_source *from, struct journal_entry *e,
    bool as_it_is, struct error *err)
{
	uint64_t size;
	int status;

	r->from = from;
	status = open_octets(r, e, as_it_is, err);
	r->unread = status == HSMIME_EIO;
	if (status != 0)
		return status;
	size = r->octets.source.size;
	r->at = r->digest_at = 0;
	r->source = (hsmime_source){ read_large, seek_large, r, size };
	status = hash_begin(r);
	return status == 0 ? hold(r, size) : status;
}

int reading_hash_rest(struct reading *r, struct journal_entry *e)
{
	int status = 0;

	if (r->hashed)
		return 0;
	if (!r->held)
		status = read_rest(r);
	if (status == 0)
		status = r->status;
	if (status == 0)
		status = hash_end(e->input_sha, r);
	e->has_sha = r->hashed = status == 0;
	return status;
}

int reading_digest_along(hsmime_output *o, const struct reading *r)
{
	return output_digest_along(o, r->md);
}

void reading_close(struct reading *r)
{
	mail_octets_close(&r->octets, r->from);
	memset(&r->octets, 0, sizeof(r->octets));
	r->bare = r->hashed = r->held = r->unread = false;
	r->status = 0;
}

int reading_hash(unsigned char *sha, struct reading *r, const hsmime_source *source)
{
	unsigned char some[16384];
	ptrdiff_t got = 1;
	int status = hash_begin(r);

	/* The room holds the message. */
	while (status == 0 && got > 0) {
		got = source->read(source->arg, some, sizeof(some));
		if (got < 0)
			return (int)got;
		if (EVP_DigestUpdate(r->digest, some, (size_t)got) != 1)
			status = HSMIME_ENOMEM;
	}
	return status == 0 ? hash_end(sha, r) : status;
}
