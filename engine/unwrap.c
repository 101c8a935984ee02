#include "engine/unwrap.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "engine/ciphertext.h"
#include "engine/constant_time.h"
#include "engine/cryptoki.h"
#include "engine/key.h"
#include "engine/work.h"

#define BLOCK_MAX 16

/* What a template says beside class and type. */
enum says {
	SAYS_READABLE = 1, /* not sensitive, extractable */
	SAYS_SECRET = 2,   /* sensitive, not extractable */
	SAYS_USE = 4,      /* what it is for */
	SAYS_LENGTH = 8    /* CKA_VALUE_LEN: some refuse it, some ask for it */
};

/* What says nothing of the value leaves it to the token, which may let it be read all the same. */
static const unsigned char templates[UNWRAP_TEMPLATES] = {
	SAYS_READABLE | SAYS_USE,
	SAYS_READABLE | SAYS_USE | SAYS_LENGTH,
	SAYS_USE,
	SAYS_USE | SAYS_LENGTH,
	SAYS_SECRET | SAYS_USE,
	SAYS_SECRET | SAYS_USE | SAYS_LENGTH,
	SAYS_READABLE,
	SAYS_READABLE | SAYS_LENGTH,
	0,
	SAYS_LENGTH,
};

/* A template that is put together. */
struct template
{
	CK_OBJECT_CLASS object_class;
	CK_KEY_TYPE type;
	CK_ULONG len;
	CK_BBOOL yes;
	CK_BBOOL no;
	CK_ATTRIBUTE items[8];
	CK_ULONG count;
};

static void add(struct template *t, CK_ATTRIBUTE_TYPE type, void *value, size_t len)
{
	t->items[t->count++] = (CK_ATTRIBUTE){ type, value, len };
}

static void begin_template(struct template *t, const struct unwrap *u)
{
	static const CK_KEY_TYPE types[] = {
		[TOKEN_CONTENT_OCTETS] = CKK_GENERIC_SECRET,
		[TOKEN_CONTENT_AES_CBC] = CKK_AES,
		[TOKEN_CONTENT_AES_GCM] = CKK_AES,
		[TOKEN_CONTENT_DES3_CBC] = CKK_DES3,
	};
	unsigned says = templates[u->way.template];

	memset(t, 0, sizeof(*t));
	t->object_class = CKO_SECRET_KEY;
	t->type = types[u->content];
	t->yes = CK_TRUE;
	t->no = CK_FALSE;
	add(t, CKA_CLASS, &t->object_class, sizeof(t->object_class));
	add(t, CKA_KEY_TYPE, &t->type, sizeof(t->type));
	add(t, CKA_TOKEN, &t->no, sizeof(t->no));
	if ((says & (SAYS_READABLE | SAYS_SECRET)) != 0) {
		bool readable = (says & SAYS_READABLE) != 0;

		add(t, CKA_SENSITIVE, readable ? &t->no : &t->yes, sizeof(t->no));
		add(t, CKA_EXTRACTABLE, readable ? &t->yes : &t->no, sizeof(t->no));
	}
	if ((says & SAYS_USE) != 0 && u->content != TOKEN_CONTENT_OCTETS)
		add(t, CKA_DECRYPT, &t->yes, sizeof(t->yes));
}

CK_RV unwrap_key(CK_OBJECT_HANDLE *out, struct unwrap *u, const unsigned char *data, size_t len)
{
	struct template t;
	CK_RV rv;

	begin_template(&t, u);
	t.len = u->key_len;
	if ((templates[u->way.template] & SAYS_LENGTH) != 0 && u->content != TOKEN_CONTENT_OCTETS)
		add(&t, CKA_VALUE_LEN, &t.len, sizeof(t.len));
	*out = 0;
	rv = cryptoki_unwrap(u->w->module, u->w->session.handle, &u->mechanism.ck, u->handle, data,
	    len, t.items, t.count, out);
	if (rv != CKR_OK)
		*out = 0;
	return rv;
}

void unwrap_odd_parity(unsigned char *key, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned odd = key[i] >> 1;

		odd ^= odd >> 4;
		odd ^= odd >> 2;
		odd ^= odd >> 1;
		key[i] = (unsigned char)((key[i] & 0xfe) | (~odd & 1));
	}
}

static CK_RV create(CK_OBJECT_HANDLE *out, struct unwrap *u, const unsigned char *value, size_t len)
{
	struct template t;
	CK_RV rv;

	begin_template(&t, u);
	add(&t, CKA_VALUE, (unsigned char *)value, len);
	rv = cryptoki_create(u->w->module, u->w->session.handle, t.items, t.count, out);
	if (rv != CKR_OK)
		*out = 0;
	return rv;
}

CK_RV unwrap_known(CK_OBJECT_HANDLE *out, struct unwrap *u, const unsigned char *value, size_t len)
{
	unsigned char encrypted[KEY_SIZE_MAX];
	size_t encrypted_len = sizeof(encrypted);
	bool made;

	*out = 0;
	if (u->way.creates)
		return create(out, u, value, len);
	ERR_set_mark();
	made =
	    ciphertext_make(encrypted, &encrypted_len, u->key->public_key, u->request, value, len);
	ERR_pop_to_mark();
	return made ? unwrap_key(out, u, encrypted, encrypted_len) : CKR_KEY_SIZE_RANGE;
}

CK_RV unwrap_read(unsigned char *value, size_t *len, struct unwrap *u, CK_OBJECT_HANDLE key)
{
	CK_ATTRIBUTE a = { CKA_VALUE, value, *len };
	CK_RV rv;

	rv = cryptoki_attributes(u->w->module, u->w->session.handle, key, &a, 1);
	*len = a.ulValueLen;
	return rv;
}

/* DES3 has one length and no such attribute. */
static size_t length_fits(struct unwrap *u, CK_OBJECT_HANDLE key)
{
	CK_ULONG len = 0;
	CK_ATTRIBUTE a = { CKA_VALUE_LEN, &len, sizeof(len) };
	CK_RV rv;

	if (u->content == TOKEN_CONTENT_DES3_CBC)
		return 1;
	rv = cryptoki_attributes(u->w->module, u->w->session.handle, key, &a, 1);
	return ct_equal(len, u->key_len) | ct_is_zero(len) | (1 - ct_is_zero(rv));
}

CK_RV unwrap_fits(size_t *fits, struct unwrap *u, CK_OBJECT_HANDLE key)
{
	static const unsigned char zeros[BLOCK_MAX];
	size_t block = u->content == TOKEN_CONTENT_DES3_CBC ? 8 : BLOCK_MAX;
	struct mechanism_cipher c = { .iv = zeros, .iv_len = block, .tag_len = BLOCK_MAX };
	unsigned char out[2 * BLOCK_MAX];
	CK_ULONG out_len = sizeof(out);
	struct mechanism m;
	CK_RV rv;

	*fits = length_fits(u, key);
	c.iv_len = u->content == TOKEN_CONTENT_AES_GCM ? 12 : block;
	mechanism_content(&m, u->content, &c);
	rv = cryptoki_decrypt_init(u->w->module, u->w->session.handle, &m.ck, key);
	/* What comes out is of no interest; the operation has to end. */
	cryptoki_decrypt(u->w->module, u->w->session.handle, zeros, block, out, &out_len);
	OPENSSL_cleanse(out, sizeof(out));
	*fits &= ct_is_zero(rv);
	return rv;
}

void unwrap_destroy(struct unwrap *u, CK_OBJECT_HANDLE key)
{
	cryptoki_destroy(u->w->module, u->w->session.handle, key);
}
