/*
 * search: private keys and certificates on one token after the other, by
 * template, and what belongs to a private key that was found.
 */
#ifndef ENGINE_SEARCH_H
#define ENGINE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "engine/engine.h"
#include "engine/object.h"
#include "engine/passed.h"
#include "engine/uri.h"
#include "engine/work.h"

#define SEARCH_HITS 32 /* private keys that are kept; of more the best is not known */

/* A private key that fits. */
struct hit {
	struct token *token;
	struct object key;
	unsigned generation;
	EVP_PKEY *public_key; /* NULL until known */
	X509 *certificate;    /* or NULL */
	bool named;           /* a URI named this certificate, and not the key alone */
};

/* What is sought, and what was found; zero before use. */
struct search {
	struct engine *e;
	const char *text; /* that uri was parsed from, the caller's; or NULL */
	struct uri uri;
	struct pin_source *uri_pin; /* of the URI's pin-source, or NULL */
	enum engine_purpose purpose;
	bool listing; /* no key is wanted, all are to be seen */
	const EVP_PKEY
	    *only;    /* private keys that show that they are not this one's don't fit; or NULL */
	bool several; /* tokens are to be looked at, each on its own */
	bool
	    passes_pin; /* a token whose PIN fails is passed over too: another may have the same key */
	struct error *err;
	struct passed passed; /* the tokens that were passed over; the log is told at the end */
	const struct token *reported; /* of them the one that is the search's error */
	struct hit hits[SEARCH_HITS];
	size_t count;
	struct hit twins
	    [SEARCH_HITS]; /* hits that turned out to be the key of another one, on another token */
	size_t twin_count;
	size_t unfit;       /* private keys that matched, but may not be used for the purpose */
	size_t unsupported; /* those of them that are neither RSA nor EC */
};

/* search_begin(s, e, uri, purpose, err): parse uri (may be NULL). As uri_parse and pin_source_from_uri. */
int search_begin(struct search *s, struct engine *e, const char *uri, enum engine_purpose purpose,
    struct error *err);

/*
 * search_end(s): free all it holds. search_drop(s, index): the same for one hit; those behind it move up.
 * search_set_apart(s, index): such a one becomes a twin.
 */
void search_end(struct search *s);
void search_drop(struct search *s, size_t index);
void search_set_apart(struct search *s, size_t index);

/*
 * search_fits(o, purpose): whether the private key is of a kind and has flags for that. Flags that a
 * token does not tell stand in nobody's way; the operation will show.
 */
bool search_fits(const struct object *o, enum engine_purpose purpose);

/*
 * search_private(s, t, template, count):
 * Log in to t and add its private keys that fit the template (without
 * CKA_CLASS, which is added) and the purpose to s->hits. Returns 0 or a status;
 * a token that fails or can't do it is passed over (engine/query.h).
 */
int search_private(struct search *s, struct token *t, const CK_ATTRIBUTE *template, size_t count);

/*
 * search_public(s, t, login, object_class, template, count, each, arg, shown):
 * Call each for every object of t of that class (certificates or public keys)
 * that fits the template, logged in only where login says so. each gets the
 * object, and returns 0 to go on, SEARCH_STOP, or a status. Returns as search_private;
 * *shown, where not NULL, counts the objects.
 */
#define SEARCH_STOP 2
typedef int (*search_each)(void *arg, struct token *t, const struct object *o);
int search_public(struct search *s, struct token *t, bool login, CK_OBJECT_CLASS object_class,
    const CK_ATTRIBUTE *template, size_t count, search_each each, void *arg, size_t *shown);

/*
 * search_public_key(s, hit):
 * hit->public_key by the public key objects with the private key's ID, label and type; NULL where
 * there is none, or where several differ. Returns as search_private.
 */
int search_public_key(struct search *s, struct hit *hit);

/*
 * search_complete(s, hit):
 * Find what belongs to the key: its certificate by CKA_ID, its public key. Where other keys
 * may have its ID, a public key object with its label too goes before the certificate.
 * HSMIME_ENOKEY where the token shows no public key for it.
 */
int search_complete(struct search *s, struct hit *hit);

/* search_peek(s, hit): the same as far as it goes; nobody is told why not. */
void search_peek(struct search *s, struct hit *hit);

/*
 * search_deliver(found, s, hit): move the hit, completed, and its twins to found. Returns 0 or a status.
 */
int search_deliver(struct engine_found *found, struct search *s, struct hit *hit);

/*
 * search_failed(s, t): report what t was passed over for, and return that; 0: it was not. t NULL: the
 * first token that was.
 */
int search_failed(struct search *s, const struct token *t);

/* search_tie(s): HSMIME_ENOKEY, more than one key fits; the hint lists them: URI, type, label, subject, validity. */
int search_tie(struct search *s);

#endif
