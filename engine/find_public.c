/* A key by the certificate or public key that a URI names: the private key has its CKA_ID. */
#include <stdbool.h>

#include "engine/choice.h"
#include "engine/find.h"
#include "engine/public_key.h"

/* The IDs of what fits, and the certificate where one of that ID does, and no other. */
struct shown {
	CK_OBJECT_CLASS object_class;
	struct find_ids ids;
	X509 *certs[SEARCH_HITS];
	bool several[SEARCH_HITS];
};

static void note_certificate(struct shown *shown, size_t i, const struct object *o)
{
	X509 *cert = object_certificate(o);

	if (shown->certs[i] == NULL && cert != NULL) {
		shown->certs[i] = cert;
		return;
	}
	shown->several[i] |= cert == NULL || X509_cmp(cert, shown->certs[i]) != 0;
	X509_free(cert);
}

static int note(void *arg, struct token *t, const struct object *o)
{
	struct shown *shown = arg;
	const CK_ATTRIBUTE *id = object_get(o, CKA_ID);
	int r = find_note_id(&shown->ids, t, o);

	if (shown->object_class != CKO_CERTIFICATE || id == NULL)
		return r;
	for (size_t i = 0; i < shown->ids.count; i++)
		if (find_same_id(&shown->ids, i, id))
			note_certificate(shown, i, o);
	return r;
}

/* An EC private key shows no point, and its ID may be a stranger's too: its public key object knows. */
static int is_another(bool *another, struct search *s, const struct hit *hit)
{
	struct hit shown = *hit;
	int r;

	*another = false;
	if (public_key_compare(&hit->key, hit->public_key) == 1)
		return 0;
	shown.public_key = NULL;
	r = search_public_key(s, &shown);
	*another = shown.public_key != NULL && EVP_PKEY_eq(shown.public_key, hit->public_key) != 1;
	EVP_PKEY_free(shown.public_key);
	return r;
}

/* The certificate that was named is the key's, whichever else the key has. */
static int follow(struct search *s, struct token *t, const struct shown *shown, size_t i)
{
	CK_ATTRIBUTE id = { CKA_ID, (void *)shown->ids.items[i].octets, shown->ids.items[i].len };
	size_t before = s->count;
	bool another = false;
	int r;

	if (shown->certs[i] == NULL || shown->several[i])
		return search_private(s, t, &id, 1);
	r = choice_private(s, t, shown->certs[i], &id);
	for (size_t k = s->count; r == 0 && k-- > before;) {
		r = is_another(&another, s, &s->hits[k]);
		s->hits[k].named = true;
		if (another)
			search_drop(s, k);
	}
	return r;
}

int find_by_public(struct search *s, struct token *t, CK_OBJECT_CLASS object_class,
    const CK_ATTRIBUTE *template, size_t count)
{
	struct shown shown = { .object_class = object_class };
	int r = search_public(s, t, false, object_class, template, count, note, &shown, NULL);

	for (size_t i = 0; i < shown.ids.count; i++) {
		if (r == 0)
			r = follow(s, t, &shown, i);
		X509_free(shown.certs[i]);
	}
	return r;
}
