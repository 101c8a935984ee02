#include "engine/unwrap_way.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "engine/ciphertext.h"
#include "engine/crypto.h"
#include "engine/cryptoki.h"
#include "engine/key.h"
#include "engine/log.h"
#include "engine/public_key.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/unwrap.h"

#define KEY_MAX 32
#define IV_GCM 12

/* In unwrap_memory; the template is in the low bits. */
#define PROVED 0x80
#define READABLE 0x40
#define CREATES 0x20

/* A content key, and how OpenSSL names its cipher. */
struct kind {
	enum token_content content;
	size_t key_len;
	const char *cipher;
};

static const struct kind kinds[UNWRAP_KINDS] = {
	{ TOKEN_CONTENT_AES_CBC, 16, "AES-128-CBC" },
	{ TOKEN_CONTENT_AES_CBC, 24, "AES-192-CBC" },
	{ TOKEN_CONTENT_AES_CBC, 32, "AES-256-CBC" },
	{ TOKEN_CONTENT_AES_GCM, 16, "AES-128-GCM" },
	{ TOKEN_CONTENT_AES_GCM, 24, "AES-192-GCM" },
	{ TOKEN_CONTENT_AES_GCM, 32, "AES-256-GCM" },
	{ TOKEN_CONTENT_DES3_CBC, 24, "DES-EDE3-CBC" },
	/* The last one stands for every length. */
	{ TOKEN_CONTENT_OCTETS, 0, NULL },
};

static size_t kind_of(enum token_content content, size_t key_len)
{
	for (size_t i = 0; i < UNWRAP_KINDS - 1; i++)
		if (kinds[i].content == content && kinds[i].key_len == key_len)
			return i;
	return UNWRAP_KINDS - 1;
}

bool unwrap_way_known(enum token_content content, size_t key_len)
{
	return kinds[kind_of(content, key_len)].content == content;
}

uint64_t unwrap_way_tag(EVP_PKEY *public_key)
{
	unsigned char modulus[KEY_SIZE_MAX], digest[EVP_MAX_MD_SIZE];
	size_t len = sizeof(modulus), digest_len = 0;
	uint64_t tag = 1;

	if (public_key_modulus(modulus, &len, public_key) &&
	    EVP_Q_digest(crypto_context(), "SHA256", NULL, modulus, len, digest, &digest_len) == 1)
		memcpy(&tag, digest, sizeof(tag));
	return tag != 0 ? tag : 1;
}

/* What the token did with u's key; NULL where too many keys came before. */
static struct unwrap_memory *memory_of(const struct unwrap *u)
{
	struct unwrap_memory *all = u->w->token->memory.unwraps;

	for (size_t i = 0; i < UNWRAP_KEYS; i++) {
		uint64_t owner = 0;

		/* Taken now, or whose it was already. */
		if (atomic_compare_exchange_strong(&all[i].key, &owner, u->key->tag) ||
		    owner == u->key->tag)
			return &all[i];
	}
	return NULL;
}

/* Where the way is remembered; NULL with a label, of which there is no end. */
static _Atomic unsigned char *place(const struct unwrap *u)
{
	const struct token_decrypt *q = u->request;
	struct unwrap_memory *memory = memory_of(u);
	size_t transport = UNWRAP_TRANSPORTS - 1;
	bool oaep = q->scheme == TOKEN_DECRYPT_RSA_OAEP;

	if (memory == NULL || (oaep && q->label_len > 0))
		return NULL;
	if (oaep)
		transport = mechanism_digest(q->digest) * MECHANISM_DIGESTS +
			    mechanism_digest(q->mgf1_digest != NULL ? q->mgf1_digest : q->digest);
	return &memory->way[transport][kind_of(u->content, u->key_len)];
}

static bool recall(struct unwrap *u)
{
	const _Atomic unsigned char *at = place(u);
	unsigned way = at != NULL ? atomic_load(at) : 0;

	u->way =
	    (struct unwrap_way){ way & (CREATES - 1), (way & READABLE) != 0, (way & CREATES) != 0 };
	return (way & PROVED) != 0;
}

static void remember(const struct unwrap *u)
{
	_Atomic unsigned char *at = place(u);

	if (at != NULL)
		atomic_store(at, (unsigned char)(PROVED | (u->way.readable ? READABLE : 0) |
						 (u->way.creates ? CREATES : 0) | u->way.template));
}

/* A content key of our own, and sixteen zeros encrypted with it. */
struct proof {
	unsigned char key[KEY_MAX];
	size_t key_len;
	unsigned char encrypted_key[KEY_SIZE_MAX];
	size_t encrypted_key_len;
	unsigned char encrypted[2 * CRYPTO_BLOCK];
	size_t encrypted_len;
	bool passing; /* the token failed on the way in what it may do the next time */
	CK_RV lost;   /* ... for session or login are over: nothing is seen of it any more */
};

/*
 * What the token answered to a use of the key. Only a definite refusal says how the token unwraps,
 * and is remembered; a session for reading only is one.
 */
static bool succeeded(struct proof *p, CK_RV rv)
{
	bool vague = rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED ||
		     rv == CKR_DEVICE_ERROR || rv == CKR_FUNCTION_CANCELED;

	if (vague || (recovery_decrypt_failed(rv) && rv != CKR_SESSION_READ_ONLY))
		p->passing = true;
	if (recovery_of(rv) == RECOVERY_SESSION || recovery_of(rv) == RECOVERY_LOGIN)
		p->lost = rv;
	return rv == CKR_OK;
}

static const unsigned char zeros[CRYPTO_BLOCK];

static int prepare(struct proof *p, const struct unwrap *u)
{
	const char *cipher = kinds[kind_of(u->content, u->key_len)].cipher;
	bool made;

	memset(p, 0, sizeof(*p));
	p->key_len = u->key_len != 0 ? u->key_len : KEY_MAX;
	p->encrypted_key_len = sizeof(p->encrypted_key);
	ERR_set_mark();
	made = RAND_priv_bytes_ex(crypto_context(), p->key, p->key_len, 0) == 1;
	if (u->content == TOKEN_CONTENT_DES3_CBC)
		unwrap_odd_parity(p->key, p->key_len);
	made = made &&
	       ciphertext_make(p->encrypted_key, &p->encrypted_key_len, u->key->public_key,
		   u->request, p->key, p->key_len) &&
	       (cipher == NULL ||
		   crypto_encrypt_zeros(p->encrypted, &p->encrypted_len, cipher, p->key));
	ERR_pop_to_mark();
	return made ? 0
		    : error_set(u->w->err, HSMIME_EINTERNAL,
			  "no content key can be encrypted with the public key of %s", u->key->uri);
}

static bool reads(struct proof *p, struct unwrap *u, CK_OBJECT_HANDLE key)
{
	unsigned char value[KEY_SIZE_MAX];
	size_t len = sizeof(value);
	CK_RV rv = unwrap_read(value, &len, u, key);
	bool same =
	    succeeded(p, rv) && len == p->key_len && CRYPTO_memcmp(value, p->key, p->key_len) == 0;

	OPENSSL_cleanse(value, sizeof(value));
	return same;
}

/* The calls that a message will need. */
static bool decrypts(struct proof *p, struct unwrap *u, CK_OBJECT_HANDLE key)
{
	struct mechanism_cipher c = {
		.iv = zeros, .iv_len = CRYPTO_BLOCK, .tag_len = CRYPTO_BLOCK
	};
	unsigned char out[3 * CRYPTO_BLOCK];
	CK_ULONG len = sizeof(out);
	struct mechanism m;
	size_t fits = 0;

	if (p->encrypted_len == 0 || !succeeded(p, unwrap_fits(&fits, u, key)) || fits == 0)
		return false;
	if (u->content != TOKEN_CONTENT_AES_CBC)
		c.iv_len = u->content == TOKEN_CONTENT_AES_GCM ? IV_GCM : 8;
	mechanism_content(&m, u->content, &c);
	return succeeded(
		   p, cryptoki_decrypt_init(u->w->module, u->w->session.handle, &m.ck, key)) &&
	       succeeded(p, cryptoki_decrypt(u->w->module, u->w->session.handle, p->encrypted,
				p->encrypted_len, out, &len)) &&
	       len == CRYPTO_BLOCK && memcmp(out, zeros, CRYPTO_BLOCK) == 0;
}

static bool does_all(struct proof *p, struct unwrap *u, CK_OBJECT_HANDLE key)
{
	return u->way.readable ? reads(p, u, key) : decrypts(p, u, key);
}

static void try_to_create(struct proof *p, struct unwrap *u)
{
	CK_OBJECT_HANDLE key = 0;

	u->way.creates = true;
	if (!succeeded(p, unwrap_known(&key, u, p->key, p->key_len))) {
		u->way.creates = false;
		return;
	}
	u->way.creates = does_all(p, u, key);
	unwrap_destroy(u, key);
}

/* Whether the template is the one; *rv is C_UnwrapKey's answer, or why there is nothing more to be seen. */
static bool try_template(CK_RV *rv, struct proof *p, struct unwrap *u, size_t template)
{
	CK_OBJECT_HANDLE key = 0;
	bool of_use;

	u->way = (struct unwrap_way){ .template = template };
	*rv = unwrap_key(&key, u, p->encrypted_key, p->encrypted_key_len);
	if (*rv != CKR_OK) {
		/* A vague code may be about the template. */
		if (!recovery_other_mechanism(*rv))
			(void)succeeded(p, *rv);
		return false;
	}
	u->way.readable = reads(p, u, key);
	of_use = u->way.readable || decrypts(p, u, key);
	unwrap_destroy(u, key);
	if (of_use)
		try_to_create(p, u);
	*rv = p->lost;
	return of_use && p->lost == CKR_OK;
}

int unwrap_of_no_use(const struct unwrap *u)
{
	error_set(u->w->err, HSMIME_ETOKEN,
	    u->content == TOKEN_CONTENT_OCTETS
		? "the key %s unwraps only, and the token does not show what it unwraps"
		: "the key %s unwraps only, and the token neither shows the content keys that it "
		  "unwraps nor decrypts with them",
	    u->key->uri);
	u->w->err->incapable = true;
	return error_hint(u->w->err,
	    "use a key that may decrypt (CKA_DECRYPT), or let the token's policy allow it for "
	    "this one");
}

/* What has nothing to do with the template is no better with another one. */
static bool final(CK_RV rv)
{
	return recovery_of(rv) != RECOVERY_NONE || recovery_decrypt_failed(rv);
}

static int find_template(struct proof *p, struct unwrap *u)
{
	struct mechanism_memory *memory = &u->w->token->memory;
	enum ladder ladder =
	    u->request->scheme == TOKEN_DECRYPT_RSA_OAEP ? LADDER_UNWRAP_OAEP : LADDER_UNWRAP_PKCS1;
	size_t first = mechanism_first(memory, ladder, u->request->digest);
	CK_RV refusal = CKR_OK, rv = CKR_OK;
	bool unwrapped = false;

	for (size_t i = 0; i < UNWRAP_TEMPLATES && !final(rv); i++) {
		size_t template = (first + i) % UNWRAP_TEMPLATES;

		if (try_template(&rv, p, u, template)) {
			if (!p->passing)
				mechanism_remember(memory, ladder, u->request->digest, template);
			return 0;
		}
		unwrapped |= rv == CKR_OK;
		/* What is refused to every template is told, not what some lacked. */
		if (rv != CKR_OK && (refusal == CKR_OK || final(rv) ||
					(recovery_template(refusal) && !recovery_template(rv))))
			refusal = rv;
	}
	/* An operation may still be active where a key decrypted nothing. */
	u->w->dirty = true;
	return unwrapped && !final(refusal) ? unwrap_of_no_use(u) : work_refused(u->w, refusal);
}

int unwrap_way(struct unwrap *u)
{
	struct proof p;
	int r = 0;

	if (recall(u))
		return 0;
	r = prepare(&p, u);
	if (r == 0)
		r = find_template(&p, u);
	if (r == 0 && !p.passing)
		remember(u);
	OPENSSL_cleanse(&p, sizeof(p));
	if (r != 0)
		return r;
	log_say(2, "token \"%s\": unwraps with template %zu; content keys %s%s", u->w->token->label,
	    u->way.template, u->way.readable ? "can be read" : "stay there",
	    u->way.creates ? "" : ", and none can be put there");
	return 0;
}
