/*
 * keys: which key and certificate an operation takes.
 */
#ifndef API_KEYS_H
#define API_KEYS_H

#include <hsmime/operation.h>

#include "api/ctx.h"
#include "cms/enveloped_reader.h"
#include "mail/header.h"

/* Who signs. Zero before use. */
struct signer {
	EVP_PKEY *key;
	struct token_key *used; /* the same; its URI is that of the key that signed, once it has */
	X509 *certificate;
	STACK_OF(X509) *chain; /* from the tokens and the options' files, without the certificate */
};

/*
 * signer_find(s, ctx, options, header):
 * The key by URI, or with options->from by the From address in header (the
 * mail's; NULL for CMS), its certificate from the token or else from
 * options->certs (by public key), and its chain. Free with signer_free.
 * 0 or engine_find_key's errors; HSMIME_ENOKEY also where no certificate is found.
 */
int signer_find(struct signer *s, hsmime_ctx *ctx, const hsmime_sign_options *options,
    const struct header *header);
void signer_free(struct signer *s);

/*
 * keys_wait(told, ctx, e, found, status):
 * A key was looked for, with *status. Whether it is worth another look: none is there, ctx is to
 * wait, and a token may have come or gone since. *told, zero at first, is what the person knows:
 * that there is waiting, and that a token which came does not have the key. False, with another
 * *status, where the tokens can't be waited for.
 */
struct keys_told {
	unsigned times;
	bool token; /* one was there at first */
	char message[sizeof(((struct error *)NULL)->message)];
};
bool keys_wait(struct keys_told *told, hsmime_ctx *ctx, struct engine *e,
    const struct engine_found *found, int *status);

/*
 * keys_hidden(err, e, found, key, status): a key was looked for, with status. Where none was found
 * and key may be in a slot that is stuck, *err says that too, and of which status it then is for
 * whoever called the library (ctx_end); to a search it is still that no key is there.
 */
void keys_hidden(struct error *err, struct engine *e, const struct engine_found *found,
    const char *key, int status);

/* The argument of keys_find_recipient. */
struct recipient_search {
	hsmime_ctx *ctx;
	const char *key_uri;
	const hsmime_certs *certs;
	/* Set on success; the caller frees it. Its URI is that of the key that did it, once it is done. */
	struct token_key *used;
	/* Set where the key unwraps content keys only; release with keys_unwrapper_clear. */
	struct content_unwrapper unwrapper;
};

/*
 * keys_unwrapper(out, key): key, which unwraps (engine/token_key.h), for enveloped_reader.h; a
 * reference of its own. keys_unwrapper_clear(u): zeroed is allowed.
 */
void keys_unwrapper(struct content_unwrapper *out, struct token_key *key);
void keys_unwrapper_clear(struct content_unwrapper *u);

/* keys_recipient_is(r, cert): whether r names cert, by issuer and serial number or by key identifier. */
bool keys_recipient_is(const struct recipient *r, X509 *cert);

/*
 * keys_find_recipient: the recipient_find of enveloped_reader.h; arg is a
 * struct recipient_search. By certificates on the tokens, then by
 * search->certs and their public keys; with a key_uri that key alone.
 */
int keys_find_recipient(void *arg, EVP_PKEY **key, size_t *index,
    const struct recipient *recipients, size_t count, struct error *err);

#endif
