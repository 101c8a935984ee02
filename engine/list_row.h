/*
 * list_row: a row of the list of keys: a private key, with its public key and its certificate as far as
 * the token has them.
 */
#ifndef ENGINE_LIST_ROW_H
#define ENGINE_LIST_ROW_H

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>

#include <hsmime/token.h>

#include "engine/object.h"

struct token;

/* Zero before use. */
struct list_row {
	hsmime_key key;
	EVP_PKEY *public_key;  /* NULL until it is known */
	struct object private; /* or empty */
};

/* How sure it is that a row is an object's, which is no private key. */
enum list_match {
	LIST_OTHER,
	LIST_MAY_BE,   /* the same ID and type, no public key to compare */
	LIST_BY_LABEL, /* and the same label */
	LIST_BY_KEY,   /* the same public key; one of the two has no ID */
	LIST_PROVEN    /* the same ID and public key */
};

/* list_row_match(row, o, key): whether row is o's, whose public key is key (NULL: o does not show it). */
enum list_match list_row_match(
    const struct list_row *row, const struct object *o, const EVP_PKEY *key);

/*
 * list_row_start(row, t, o, all_seen): begin it with what o on t is called; all_seen: the token has shown
 * its private keys. list_row_key(row, o, object_class): what o, a private or public key, says.
 * list_row_certificate(row, cert): the same of a certificate; of several of one key the better is shown.
 * 0 or HSMIME_ENOMEM.
 */
int list_row_start(struct list_row *row, struct token *t, const struct object *o, bool all_seen);
int list_row_key(struct list_row *row, const struct object *o, CK_OBJECT_CLASS object_class);
int list_row_certificate(struct list_row *row, X509 *cert);

/* list_row_free(row): free what it holds. list_key_free(k): the same for what the caller gets. */
void list_row_free(struct list_row *row);
void list_key_free(hsmime_key *k);

#endif
