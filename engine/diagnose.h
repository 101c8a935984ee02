/*
 * diagnose: what module, readers, tokens and objects say of themselves, for
 * somebody who looks for a fault. Plain facts; what they mean is the caller's to say. Where a call
 * does not return within the engine's limit it is HSMIME_ETOKEN.
 */
#ifndef ENGINE_DIAGNOSE_H
#define ENGINE_DIAGNOSE_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "engine/engine.h"

/* A module, by C_GetInfo. */
struct diagnosis_module {
	const char *file; /* as the loader found it; valid while e is */
	bool all;         /* p11-kit's proxy for all that the system is configured with */
	char maker[33];
	char name[33];
	unsigned version[2];  /* of the module: major, minor */
	unsigned cryptoki[2]; /* of PKCS#11 */
	char refusal
	    [48]; /* CKR_… of a module that does not say, all but file and all is empty then */
};
int diagnose_module(struct diagnosis_module *d, struct engine *e, struct error *err);

/* diagnose_p11kit(): p11-kit's version, of when hsmime was built. */
const char *diagnose_p11kit(void);

/* A module that p11-kit is configured with. */
struct diagnosis_configured {
	char *text; /* "NAME (FILE)"; of one that can't be loaded the file that configures it */
	char refusal
	    [48]; /* CKR_… of one that does not start, which p11-kit does without; else empty */
	struct error
	    stuck; /* of one that hangs; those behind it were not started; code 0: it does not */
	bool unloaded;
};

/*
 * diagnose_configured(list, count, err): all of them, started one by one. Free with
 * diagnose_configured_free. 0, HSMIME_ETOKEN (a call for that hangs since earlier) or HSMIME_ENOMEM.
 */
int diagnose_configured(struct diagnosis_configured **list, size_t *count, struct error *err);
void diagnose_configured_free(struct diagnosis_configured *list, size_t count);

/* A slot; with a token in it, or why that can't be said. */
struct diagnosis_reader {
	char name[65];
	bool removable; /* a token can be taken out */
	bool token;
	char refusal[48];   /* CKR_… of a token that does not answer; empty: none */
	struct error stuck; /* of one that hangs; code 0: it does not */
};

/*
 * diagnose_readers(list, count, e, err): all slots; free *list with free. 0, HSMIME_ETOKEN (they can't be
 * listed; or, with a list, the module hung at the last one of it, and those behind were not asked) or
 * HSMIME_ENOMEM.
 */
int diagnose_readers(
    struct diagnosis_reader **list, size_t *count, struct engine *e, struct error *err);

/* diagnose_stuck(e): a call of the module that was for no token was given up, and has not returned. */
bool diagnose_stuck(const struct engine *e);

enum diagnosis_way {
	DIAGNOSIS_DIRECT,
	DIAGNOSIS_BY_SOFTWARE,
	DIAGNOSIS_MISSING,
	DIAGNOSIS_UNKNOWN /* the token failed where it was asked */
};
#define DIAGNOSIS_OPERATIONS 6

/* A token's limits and what it can do. */
struct diagnosis_token {
	unsigned hardware[2]; /* versions: major, minor */
	unsigned firmware[2];
	unsigned long sessions, sessions_max; /* max 0: no limit, or not told */
	struct {
		const char *name; /* in words */
		enum diagnosis_way way;
	} operations[DIAGNOSIS_OPERATIONS];
	char refusal[48]; /* CKR_… of the last one that is unknown */
};
/* diagnose_token(d, e, uri): of the first token that uri names. 0, HSMIME_ENOKEY,
 * HSMIME_ETOKEN, or as uri_parse. */
int diagnose_token(struct diagnosis_token *d, struct engine *e, const char *uri, struct error *err);

/* The keys that are asked about: names as engine_find_key has them; none: all. */
struct diagnosis_keys {
	const char *const *names;
	size_t count;
	size_t *found; /* to each of them the number of objects that it names is added; or NULL */
};

/*
 * diagnose_keys(keys, e, err): whether each of them can be read, and its PIN source be one; e NULL: there
 * is none, and which module a URI names is not looked at. 0, HSMIME_EUSAGE (malformed), HSMIME_EPOLICY (a
 * URI that is refused) or HSMIME_ENOMEM; with e also HSMIME_ETOKEN.
 */
int diagnose_keys(const struct diagnosis_keys *keys, struct engine *e, struct error *err);

/*
 * diagnose_pin(e, token, keys, err): whether the user's PIN of the token with that URI may be sent, as far
 * as is remembered of its source: HSMIME_EPIN where not. Nothing is read or sent. Else as diagnose_keys.
 */
int diagnose_pin(
    struct engine *e, const char *token, const struct diagnosis_keys *keys, struct error *err);

/* diagnose_pin_file(key): the file that a URI's pin-source names, to be freed; NULL where there is none. */
char *diagnose_pin_file(const char *key);

/* Whether a token may have one of the keys, by what their names say of tokens. */
enum diagnosis_reach {
	DIAGNOSIS_EXCLUDED,       /* it has none */
	DIAGNOSIS_BY_CERTIFICATE, /* where a certificate of it is named */
	DIAGNOSIS_ALLOWED
};

/*
 * diagnose_reach(out, query, e, token, keys, err): that of the token with this URI; *query becomes what is
 * behind the path ("?pin-source=…") of the first URI in keys that is for it and has a PIN source, within
 * its name, or NULL. 0, or as diagnose_keys.
 */
int diagnose_reach(enum diagnosis_reach *out, const char **query, struct engine *e,
    const char *token, const struct diagnosis_keys *keys, struct error *err);

enum diagnosis_kind { DIAGNOSIS_PRIVATE, DIAGNOSIS_PUBLIC, DIAGNOSIS_CERTIFICATE };

/* An object on a token. */
struct diagnosis_object {
	enum diagnosis_kind kind;
	bool named; /* by one of the keys that were asked about */
	bool rsa;
	bool supported; /* a key: RSA or EC */
	bool always_authenticate;
	bool may[ENGINE_PURPOSES]; /* what neither kind nor flags of a private key exclude */
	unsigned char *id;
	size_t id_len;
	char *label;
	char *uri;
	EVP_PKEY *public_key; /* NULL: it does not show it */
	X509 *certificate;
};

/*
 * diagnose_objects(list, count, e, token, keys, login, err): the keys and certificates on the token with
 * that URI; with login all, else what shows without. The PIN comes from the PIN source of the first URI
 * in keys that is for the token and has one, else from e's. Free with diagnose_objects_free. Errors as
 * engine_keys.
 */
int diagnose_objects(struct diagnosis_object **list, size_t *count, struct engine *e,
    const char *token, const struct diagnosis_keys *keys, bool login, struct error *err);
void diagnose_objects_free(struct diagnosis_object *list, size_t count);

/*
 * diagnose_public(list, count, e, uri, err): the public keys, each once, that shows what has the ID and
 * label of uri, on all the tokens that it fits; whatever its type is, and without the certificates of
 * authorities. None where they are more than 16. Nobody is logged in, but who was before sees more. Free
 * with diagnose_public_free. Errors as engine_keys; also where one of several tokens fails.
 */
int diagnose_public(
    EVP_PKEY ***list, size_t *count, struct engine *e, const char *uri, struct error *err);
void diagnose_public_free(EVP_PKEY **list, size_t count);

#endif
