#include "archive/check_hash.h"

#include <string.h>

#include <openssl/evp.h>

#define TAIL 3 /* an end of line of two octets, and the one before */

/* The last octets, which are not hashed yet. */
struct tail {
	unsigned char data[TAIL];
	size_t len;
};

static int update(struct checking *c, const void *data, size_t len)
{
	return EVP_DigestUpdate(c->hash, data, len) == 1 ? 0 : HSMIME_ENOMEM;
}

static int take(struct checking *c, struct tail *t, const unsigned char *data, size_t len)
{
	unsigned char all[2 * TAIL];
	size_t have, kept;
	int status;

	if (len >= TAIL) {
		status = update(c, t->data, t->len);
		memcpy(t->data, data + len - TAIL, TAIL);
		t->len = TAIL;
		return status == 0 ? update(c, data, len - TAIL) : status;
	}
	memcpy(all, t->data, t->len);
	memcpy(all + t->len, data, len);
	have = t->len + len;
	kept = have < TAIL ? have : TAIL;
	memcpy(t->data, all + have - kept, kept);
	t->len = kept;
	return update(c, all, have - kept);
}

/* With so many of the tail's octets. */
static int with_tail(
    bool *same, struct checking *c, const struct tail *t, size_t len, const unsigned char *sha)
{
	unsigned char got[EVP_MAX_MD_SIZE];

	if (EVP_MD_CTX_copy_ex(c->other, c->hash) != 1 ||
	    EVP_DigestUpdate(c->other, t->data, len) != 1 ||
	    EVP_DigestFinal_ex(c->other, got, NULL) != 1)
		return HSMIME_ENOMEM;
	*same = memcmp(got, sha, MANIFEST_SHA) == 0;
	return 0;
}

/* An end of line was given only to what had none. */
static bool has_end(const struct tail *t, size_t len)
{
	return t->len > len && t->data[t->len - 1] == '\n' &&
	       (len == 1 || t->data[t->len - 2] == '\r') && t->data[t->len - len - 1] != '\n';
}

int check_hash(bool *same, struct checking *c, const hsmime_source *source,
    const unsigned char *sha, bool ended)
{
	struct tail t = { .len = 0 };
	ptrdiff_t got = 1;
	int status = EVP_DigestInit_ex2(c->hash, c->md, NULL) == 1 ? 0 : HSMIME_ENOMEM;

	*same = false;
	while (status == 0 && got > 0) {
		got = source->read(source->arg, c->room, CHECK_ROOM);
		if (got < 0)
			return (int)got;
		c->found->octets += (uint64_t)got;
		status = take(c, &t, c->room, (size_t)got);
	}
	if (status == 0)
		status = with_tail(same, c, &t, t.len, sha);
	for (size_t end = 1; end <= 2 && status == 0 && ended && !*same; end++)
		if (has_end(&t, end))
			status = with_tail(same, c, &t, t.len - end, sha);
	return status == 0 ? 0 : error_nomem(&c->ctx->err);
}
