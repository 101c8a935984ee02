/* Of several keys that fit, the one whose certificate is valid now and for the purpose. */
#include <string.h>

#include "engine/certificate.h"
#include "engine/find.h"

static bool same_key(const struct hit *a, const struct hit *b)
{
	return a->token == b->token && a->generation == b->generation &&
	       a->key.handle == b->key.handle;
}

static void keep_better(struct hit *kept, struct hit *other)
{
	X509 *cert = kept->certificate;

	if (cert == NULL || other->certificate == NULL ||
	    !certificate_better(other->certificate, cert))
		return;
	kept->certificate = other->certificate;
	other->certificate = cert;
}

/* Several certificates may have led to one key. */
static void unite(struct search *s)
{
	for (size_t i = 0; i < s->count; i++)
		for (size_t j = s->count; j-- > i + 1;)
			if (same_key(&s->hits[i], &s->hits[j])) {
				keep_better(&s->hits[i], &s->hits[j]);
				search_drop(s, j);
			}
}

/* C_Decrypt costs one call, and needs no proof of what the token unwraps. */
static void prefer_decrypting(struct search *s)
{
	size_t decrypting = 0;

	for (size_t i = 0; i < s->count; i++)
		decrypting += !object_unwraps_only(&s->hits[i].key);
	if (s->purpose != ENGINE_DECRYPT || decrypting == 0)
		return;
	for (size_t i = s->count; i-- > 0;)
		if (object_unwraps_only(&s->hits[i].key))
			search_drop(s, i);
}

static bool same_elsewhere(const struct hit *a, const struct hit *b)
{
	return a->token != b->token && a->public_key != NULL && b->public_key != NULL &&
	       EVP_PKEY_eq(a->public_key, b->public_key) == 1;
}

static void swap(struct hit *a, struct hit *b)
{
	struct hit kept = *a;

	*a = *b;
	*b = kept;
}

/* The better certificate decides which of them is in front. */
static void set_twins_apart(struct search *s, int *ranks)
{
	for (size_t i = 0; i < s->count; i++)
		for (size_t j = s->count; j-- > i + 1;) {
			if (!same_elsewhere(&s->hits[i], &s->hits[j]))
				continue;
			if (ranks[j] > ranks[i]) {
				swap(&s->hits[i], &s->hits[j]);
				ranks[i] = ranks[j];
			}
			search_set_apart(s, j);
			memmove(&ranks[j], &ranks[j + 1], (s->count - j) * sizeof(ranks[0]));
		}
}

void find_prefer(struct search *s)
{
	int ranks[SEARCH_HITS + 1] = { 0 }, best = 0;

	unite(s);
	prefer_decrypting(s);
	if (s->count < 2 || s->count == SEARCH_HITS)
		return;
	for (size_t i = 0; i < s->count; i++) {
		search_peek(s, &s->hits[i]);
		ranks[i] = certificate_rank(s->hits[i].certificate, s->purpose);
	}
	set_twins_apart(s, ranks);
	for (size_t i = 0; i < s->count; i++)
		best = ranks[i] > best ? ranks[i] : best;
	for (size_t i = s->count; i-- > 0;)
		if (ranks[i] < best)
			search_drop(s, i);
}
