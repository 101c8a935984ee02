/*
 * engine: PKCS#11 tokens as OpenSSL keys. What leaves this layer: keys
 * (EVP_PKEY by provider/provider.h), X509, the plain structs of
 * include/hsmime/token.h, and statuses.
 *
 * An engine is one PKCS#11 module with its tokens, sessions and logins. Many
 * threads may use one engine; each passes an error of its own, and says by engine/log.h where
 * its messages go.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>
#include <openssl/x509.h>

#include <hsmime/context.h>
#include <hsmime/token.h>

#include "util/error.h"

struct engine;
struct token_key;

/*
 * How to reach the tokens. Strings are copied; NULL is the default, which the
 * environment may give where secure_getenv(3) shows it.
 */
struct engine_options {
	const char *module;      /* file; NULL: HSMIME_MODULE, p11-kit's proxy module */
	const char *token_label; /* consider only tokens with this label */
	const char *pin_source;  /* file:, fd:, command:, cred: or env:; NULL: HSMIME_PIN_SOURCE,
	                            the callback */
	hsmime_pin_callback pin_callback; /* a person; NULL: nobody is there */
	void *pin_arg;                    /* valid while the engine is */
	unsigned
	    call_limit;    /* milliseconds that a module's call may take (engine/zone.h); 0: whoever
	                        calls the engine sees to that */
	bool pin_doubtful; /* whom pin_callback asks may be no person: not for a token's last try */
	bool one_token;    /* found->others is not used: no further token is logged in to for it */
	unsigned pin_idle; /* seconds that a person's PIN is kept without use; 0: not at all */
	bool
	    pin_for_uses; /* pin_callback is there for a login only: its PIN is kept for the operations
	                      of keys that ask each time, and for no other login */
	const char *state_dir; /* where refused PIN sources are remembered; NULL: nowhere */
};

/*
 * engine_new(out, options, err):
 * Load and initialise the module. Returns 0, HSMIME_ETOKEN (can't be loaded or
 * initialised), HSMIME_EUSAGE (malformed pin source) or HSMIME_ENOMEM.
 */
int engine_new(struct engine **out, const struct engine_options *options, struct error *err);

/*
 * engine_announce(e): tell the log which module it is. Apart from engine_new, around which its
 * callers keep others waiting: a log callback may want an engine too.
 */
void engine_announce(const struct engine *e);

/* engine_up_ref(e): one more owner; returns e. */
struct engine *engine_up_ref(struct engine *e);

/* engine_set_call_limit(e, milliseconds): engine_options.call_limit, for the calls to come. */
void engine_set_call_limit(struct engine *e, unsigned milliseconds);

/* engine_check_uri(e, uri, err): what is wrong with the URI and its pin-source, whatever the module; no token is asked. */
int engine_check_uri(struct engine *e, const char *uri, struct error *err);

/*
 * engine_add_pin_source(e, uri, err):
 * Whenever e logs in to a token that uri names by label or serial number the PIN comes from uri's
 * pin-source, unless the URI of the key has one; of several such URIs the first that was added counts.
 * A URI that names no token or no file, or is refused, gives no source: whoever uses it is told. To be
 * called before e is used. Returns 0 or HSMIME_ENOMEM.
 */
int engine_add_pin_source(struct engine *e, const char *uri, struct error *err);

/*
 * engine_free(e):
 * The last owner's call closes sessions and finalises the module. Every
 * token_key keeps it alive. NULL is allowed.
 */
void engine_free(struct engine *e);

/*
 * engine_wait(e, err): wait until a token comes or goes (C_WaitForSlotEvent; a module that can't wait
 * is asked every half second, and every one for 4 seconds after an event), and list the tokens
 * anew. May return without a change, but then not within half a second. 0, HSMIME_ETOKEN or HSMIME_ENOMEM.
 */
int engine_wait(struct engine *e, struct error *err);

/* engine_has_token(e): one is there that the options allow; what was found when the tokens were listed. */
bool engine_has_token(const struct engine *e);

/*
 * engine_hidden(e, key, stuck): whether key (or, NULL, any), which no token showed, may be in a slot
 * that is stuck and never said whose token it has; *stuck is what there is to say of that slot.
 */
bool engine_hidden(struct engine *e, const char *key, struct error *stuck);

/* engine_tokens(list, count, e, err): as hsmime_tokens. */
int engine_tokens(hsmime_token **list, size_t *count, struct engine *e, struct error *err);

/* engine_keys(list, count, e, key, login, err): as hsmime_keys. */
int engine_keys(hsmime_key **list, size_t *count, struct engine *e, const char *key, bool login,
    struct error *err);

/* What a list lacks: an error for each token that was passed over. Zero before use. */
struct engine_missing {
	struct error *list;
	size_t count;
};

/*
 * engine_list(list, count, missing, e, key, login, err): engine_keys that tells too what is missing; free
 * that with engine_missing_free, which leaves it zero.
 */
int engine_list(hsmime_key **list, size_t *count, struct engine_missing *missing, struct engine *e,
    const char *key, bool login, struct error *err);
void engine_missing_free(struct engine_missing *missing);

/* engine_tokens_free, engine_keys_free: free what the two gave. */
void engine_tokens_free(hsmime_token *list, size_t count);
void engine_keys_free(hsmime_key *list, size_t count);

/*
 * What a key is wanted for. ENGINE_ANY: whoever asks does not say, so that every key that can do either
 * fits, and nothing but its URI decides between two.
 */
enum engine_purpose { ENGINE_SIGN, ENGINE_DECRYPT, ENGINE_ANY };
#define ENGINE_PURPOSES 2 /* that can be said */

/* A private key that was found. Zero before use; free with engine_found_free. */
struct engine_found {
	struct token_key *key; /* engine/token_key.h; provider_wrap_key makes an EVP_PKEY of it */
	X509 *certificate;     /* of that key on the token; NULL where there is none */
	bool named;            /* the URI named this certificate: no other is to stand for it */
	char *uri;             /* RFC 7512, without secrets */
	char *token_label;
	struct token_key **others; /* the same key on other tokens, where it was found there too */
	size_t other_count;
	bool tie;     /* with HSMIME_ENOKEY: not for want of a key, but of a choice */
	bool unfit;   /* with HSMIME_ENOKEY: it is there, but may not be used for that */
	size_t match; /* engine_find_recipient: which of the candidates */
};

/*
 * engine_find_key(found, e, key, purpose, err):
 * The private key that key names: an RFC 7512 URI (NULL: any), or what its certificate
 * says (engine/selector.h), logging in where needed. Of several that fit the purpose by their
 * attributes the only one whose certificate is valid now and fits it too. A certificate
 * that was named has to fit, and to sign it has to be valid now; of one that a URI
 * names (found->named) its caller says why it can't be used. pin-source in the URI is honoured (files only); pin-value, a
 * pin-source with '|', and a module-path or module-name that is not configured
 * are refused (HSMIME_EPOLICY). One key on several tokens is found once: on the first that can be
 * logged in to, tokens last whose PIN was wrong since the last login. found->others has it on those of
 * the further ones that need no login, or whose PIN is neither a person's nor of the URI's
 * pin-source, can be remembered should it be wrong (engine_options.state_dir), and was not wrong
 * already. Two keys that fit: HSMIME_ENOKEY, the hint lists
 * them. A NULL key takes the context's token label into account.
 * Returns 0, HSMIME_EUSAGE (malformed), HSMIME_EPOLICY, HSMIME_ENOKEY,
 * HSMIME_EPIN, HSMIME_ETOKEN or HSMIME_ENOMEM.
 */
int engine_find_key(struct engine_found *found, struct engine *e, const char *key,
    enum engine_purpose purpose, struct error *err);

/*
 * engine_find_by_email(found, e, email, purpose, err):
 * As engine_find_key for the address email (in subjectAltName or subject).
 */
int engine_find_by_email(struct engine_found *found, struct engine *e, const char *email,
    enum engine_purpose purpose, struct error *err);

/*
 * engine_find_by_certificate(found, e, cert, purpose, err):
 * The private key that belongs to cert, which need not be on the token: by
 * CKA_ID where the token holds cert, else by the public key (CKA_MODULUS,
 * CKA_EC_POINT, or CKA_ID equal to the SubjectKeyIdentifier). Errors as
 * engine_find_key.
 */
int engine_find_by_certificate(struct engine_found *found, struct engine *e, X509 *cert,
    enum engine_purpose purpose, struct error *err);

/* A recipient as a message names it: issuer and serial number, or key identifier. */
struct engine_candidate {
	const unsigned char *issuer; /* DER Name, or NULL */
	size_t issuer_len;
	const unsigned char *serial; /* DER INTEGER, header included, or NULL */
	size_t serial_len;
	const unsigned char *key_id; /* SubjectKeyIdentifier octets, or NULL */
	size_t key_id_len;
};

/*
 * engine_find_recipient(found, e, key, candidates, count, err):
 * The private key of the first candidate whose certificate is on a token
 * (look-up by CKA_ISSUER and CKA_SERIAL_NUMBER, or by key identifier: CKA_ID,
 * then the extension of the tokens' certificates) and whose key is there too.
 * key, where not NULL, is what else they have to be: on the token, with the ID and label of a URI, or
 * named as engine/selector.h says. Certificates are public objects:
 * no token that has none of them is logged in to, unless it hides everything
 * before the login. A token whose PIN fails is passed over for another one of a recipient; no token's
 * is asked for twice. found->others is as with engine_find_key. found->match is the candidate. Errors as engine_find_key.
 */
int engine_find_recipient(struct engine_found *found, struct engine *e, const char *key,
    const struct engine_candidate *candidates, size_t count, struct error *err);

/* engine_uri_names(e, uri, k): uri, a pkcs11: URI, is one of k: of its token, ID and label. No call. */
bool engine_uri_names(struct engine *e, const char *uri, const struct token_key *k);

/* engine_names_token_only(e, key): key is a URI that names neither ID nor label: all keys of its tokens. No call. */
bool engine_names_token_only(struct engine *e, const char *key);

/* engine_found_free(found): free its members; NULL is allowed. */
void engine_found_free(struct engine_found *found);

/*
 * engine_certificates(out, e, subject, err):
 * The certificates on the tokens whose CKA_SUBJECT is subject (NULL: all) in a
 * new stack; free it with sk_X509_pop_free(…, X509_free). For chains and for
 * recipients. No login.
 */
int engine_certificates(
    STACK_OF(X509) **out, struct engine *e, const X509_NAME *subject, struct error *err);

/*
 * engine_take_error(err):
 * Between an operation on an EVP_PKEY and its caller stands OpenSSL, which
 * carries no words. If the last private-key operation of this thread failed
 * for the token's sake, move what happened to err and return its status
 * (HSMIME_ETOKEN, HSMIME_EPIN, …), else return 0. A failed decryption by
 * itself is never reported here.
 */
int engine_take_error(struct error *err);

#endif
