/*
 * choice: certificates on tokens that were chosen by what they say, to be
 * followed to their private keys.
 */
#ifndef ENGINE_CHOICE_H
#define ENGINE_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#include "engine/search.h"

struct candidates;
struct selector;

#define CHOSEN_MAX 16384 /* certificates; of more nobody wants to wait for the keys */

/* A certificate, its CKA_ID there (none: 0), and which of the candidates it is. */
struct chosen {
	struct token *token;
	X509 *cert;
	unsigned char id[256];
	size_t id_len;
	size_t candidate;
	bool followed;
};

/* What is sought, in the members that the search_each at work looks at, and what was chosen. */
struct choice {
	const struct selector *selector;
	const struct uri *uri;
	enum engine_purpose purpose;
	X509 *cert;
	struct candidates *candidates;
	struct chosen *items;
	size_t count, room;
	int grade;     /* enum selector_grade of what was chosen */
	size_t unfit;  /* named, but not valid or not for the purpose */
	X509 *example; /* the newest of these */
};

/* choice_free(c): free what was chosen and noted; c can be used again. */
void choice_free(struct choice *c);

/*
 * choice_add(c, t, o, cert, candidate): choose cert, which is object o on t, for that
 * candidate. Of several certificates of one key the best is kept. 0, SEARCH_STOP where there are
 * CHOSEN_MAX already, or HSMIME_ENOMEM.
 */
int choice_add(
    struct choice *c, struct token *t, const struct object *o, X509 *cert, size_t candidate);

/*
 * choice_over(s, c, each): call each with c for the certificates of every token; then, where
 * nothing was chosen, with a login, for those of tokens that hide all. Returns as search_public.
 */
int choice_over(struct search *s, struct choice *c, search_each each);

/* choice_by_names(s, t, n, each, c): the same for t's certificates that bear n's names. */
int choice_by_names(struct search *s, struct token *t, const struct engine_candidate *n,
    search_each each, struct choice *c);

/* choice_one_key(c): all that was chosen is of one key, by its public key. */
bool choice_one_key(const struct choice *c);

/* choice_follow(s, item): add the private key of a chosen certificate to s's hits. */
int choice_follow(struct search *s, const struct chosen *item);

/*
 * choice_private(s, t, cert, id): the same for a certificate whose CKA_ID on t is id, or, for RSA
 * without one (NULL), by its modulus. Several EC keys of that ID of which none shows, itself or by
 * its public key object, that it is the certificate's, are all added: a tie.
 */
int choice_private(struct search *s, struct token *t, X509 *cert, const CK_ATTRIBUTE *id);

#endif
