#include "engine/candidates.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/x509v3.h>

#include "engine/certificate.h"

/* What a certificate has to show to be a candidate: a serial number, or a key identifier. */
struct mark {
	bool by_serial;
	const unsigned char *octets;
	size_t len;
	size_t index; /* in the message */
};

struct candidates {
	const struct engine_candidate *all;
	size_t count;
	struct mark marks[];
};

static struct mark mark_of(const struct engine_candidate *c, size_t index)
{
	if (c->issuer != NULL && c->serial != NULL)
		return (struct mark){ true, c->serial, c->serial_len, index };
	return (struct mark){ false, c->key_id, c->key_id != NULL ? c->key_id_len : 0, index };
}

static int compare_marks(const struct mark *a, const struct mark *b)
{
	if (a->by_serial != b->by_serial)
		return a->by_serial ? 1 : -1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return a->len > 0 ? memcmp(a->octets, b->octets, a->len) : 0;
}

static int compare(const void *x, const void *y)
{
	const struct mark *a = x, *b = y;
	int order = compare_marks(a, b);

	return order != 0 ? order : a->index < b->index ? -1 : a->index > b->index;
}

struct candidates *candidates_new(const struct engine_candidate *all, size_t count)
{
	struct candidates *c = malloc(sizeof(*c) + count * sizeof(c->marks[0]));

	if (c == NULL)
		return NULL;
	c->all = all;
	c->count = count;
	for (size_t i = 0; i < count; i++)
		c->marks[i] = mark_of(&all[i], i);
	qsort(c->marks, count, sizeof(c->marks[0]), compare);
	return c;
}

void candidates_free(struct candidates *c)
{
	free(c);
}

/* The first of the marks that are not before m. */
static size_t lower_bound(const struct candidates *c, const struct mark *m)
{
	size_t from = 0, to = c->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare_marks(&c->marks[middle], m) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool find(size_t *index, const struct candidates *c, const struct mark *m, X509 *cert)
{
	for (size_t i = lower_bound(c, m); i < c->count && compare_marks(&c->marks[i], m) == 0; i++)
		if (certificate_is(cert, &c->all[c->marks[i].index])) {
			*index = c->marks[i].index;
			return true;
		}
	return false;
}

bool candidates_find(size_t *index, const struct candidates *c, X509 *cert)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(cert);
	unsigned char *der = NULL;
	int len = i2d_ASN1_INTEGER(X509_get_serialNumber(cert), &der);
	struct mark serial = { true, der, len > 0 ? (size_t)len : 0, 0 };
	size_t by_serial = 0, by_id = 0;
	bool serial_fits = find(&by_serial, c, &serial, cert), id_fits = false;

	if (id != NULL) {
		struct mark key_id = { false, ASN1_STRING_get0_data(id),
			(size_t)ASN1_STRING_length(id), 0 };

		id_fits = find(&by_id, c, &key_id, cert);
	}
	OPENSSL_free(der);
	*index = serial_fits && (!id_fits || by_serial < by_id) ? by_serial : by_id;
	return serial_fits || id_fits;
}
