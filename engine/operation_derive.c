#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "engine/cryptoki.h"
#include "engine/key.h"
#include "engine/mechanism.h"
#include "engine/padding.h"
#include "engine/public_key.h"
#include "engine/recovery.h"
#include "engine/slot.h"

/*
 * What modules want differs: the point bare or as a DER OCTET STRING (PKCS#11
 * v2.40 section 2.3.6 allows both), the secret's length named or not.
 */
static const struct {
	bool der;
	bool length;
} forms[] = { { false, true }, { false, false }, { true, true }, { true, false } };

#define FORMS (sizeof(forms) / sizeof(forms[0]))

struct job {
	struct token_key *key;
	unsigned char point[PUBLIC_POINT_MAX + 3]; /* as an OCTET STRING */
	size_t header;
	size_t point_len; /* with the header */
	unsigned char secret[KEY_SIZE_MAX];
	size_t secret_len;
};

static CK_RV derive(
    CK_OBJECT_HANDLE *derived, struct job *j, struct work *w, CK_OBJECT_HANDLE handle, size_t form)
{
	CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG length = j->key->field_size;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &object_class, sizeof(object_class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_TOKEN, &no, sizeof(no) },
		{ CKA_SENSITIVE, &no, sizeof(no) }, { CKA_EXTRACTABLE, &yes, sizeof(yes) },
		{ CKA_VALUE_LEN, &length, sizeof(length) } };
	size_t skip = forms[form].der ? 0 : j->header;
	struct mechanism m;

	mechanism_ecdh(&m, j->point + skip, j->point_len - skip);
	return cryptoki_derive(w->module, w->session.handle, &m.ck, handle, template,
	    forms[form].length ? 6 : 5, derived);
}

static CK_RV derive_some_way(
    CK_OBJECT_HANDLE *derived, struct job *j, struct work *w, CK_OBJECT_HANDLE handle)
{
	struct mechanism_memory *memory = &w->token->memory;
	size_t first = mechanism_first(memory, LADDER_DERIVE, NULL);
	CK_RV refusal = CKR_OK, rv = CKR_OK;

	for (size_t i = 0; i < FORMS; i++) {
		size_t form = (first + i) % FORMS;

		rv = derive(derived, j, w, handle, form);
		if (rv == CKR_OK) {
			mechanism_remember(memory, LADDER_DERIVE, NULL, form);
			return rv;
		}
		if (recovery_of(rv) != RECOVERY_NONE && recovery_of(rv) != RECOVERY_MECHANISM)
			return rv;
		refusal = refusal == CKR_OK ? rv : refusal;
	}
	return refusal;
}

static int read_secret(struct job *j, struct work *w, CK_OBJECT_HANDLE derived)
{
	CK_ATTRIBUTE value = { CKA_VALUE, j->secret, sizeof(j->secret) };
	CK_RV rv = cryptoki_attributes(w->module, w->session.handle, derived, &value, 1);

	cryptoki_destroy(w->module, w->session.handle, derived);
	if (rv != CKR_OK)
		return work_refused(w, rv);
	if (value.ulValueLen == 0 || value.ulValueLen > j->key->field_size)
		return recovery_answered_wrongly(w->err, "shared secret");
	j->secret_len = value.ulValueLen;
	return 0;
}

static int derive_with(void *job, struct work *w, CK_OBJECT_HANDLE handle)
{
	CK_OBJECT_HANDLE derived = 0;
	CK_RV rv = derive_some_way(&derived, job, w, handle);

	return rv == CKR_OK ? read_secret(job, w, derived) : work_refused(w, rv);
}

static bool prove_derives(const void *job, struct work *w, CK_OBJECT_HANDLE copy)
{
	const struct job *j = job;
	struct job proof = *j;
	bool same = derive_with(&proof, w, copy) == 0 && proof.secret_len == j->secret_len &&
		    CRYPTO_memcmp(proof.secret, j->secret, j->secret_len) == 0;

	OPENSSL_cleanse(&proof, sizeof(proof));
	return same;
}

static int agree(struct work *w, void *arg)
{
	static const struct key_use use = { derive_with, prove_derives };
	struct job *j = arg;

	return key_use(j->key, w, &use, j);
}

static void set_point(struct job *j, const unsigned char *point, size_t len)
{
	size_t at = 0;

	j->point[at++] = 0x04;
	if (len > 127)
		j->point[at++] = 0x81;
	j->point[at++] = (unsigned char)len;
	memcpy(j->point + at, point, len);
	j->header = at;
	j->point_len = at + len;
}

static int check(const struct token_key *k, const unsigned char *peer, size_t len, size_t room,
    struct error *err)
{
	if (k->type != TOKEN_KEY_EC)
		return error_set(err, HSMIME_EUSAGE, "only an EC key agrees on a secret");
	if (room < k->field_size)
		return error_set(err, HSMIME_EUSAGE, "no room for the shared secret");
	if (k->curve == NULL || len != 1 + 2 * k->field_size || len >= PUBLIC_POINT_MAX ||
	    !public_key_on(k->curve, peer, len))
		return error_set(
		    err, HSMIME_EINVALID, "the peer's public key is no point of the key's curve");
	return 0;
}

static int derive_here(struct token_key *k, unsigned char *out, size_t *out_len,
    const unsigned char *peer, size_t peer_len, struct error *err)
{
	struct job j = { .key = k };
	struct error own = { 0 };
	struct work w;
	int r = check(k, peer, peer_len, *out_len, &own);

	if (r == 0) {
		set_point(&j, peer, peer_len);
		key_work(&w, k, "decrypt", &own);
		r = work_run(&w, agree, &j);
		if (r < 0)
			recovery_lacks(&own, w.rv, true, mechanism_ladder_name(LADDER_DERIVE));
	}
	if (r == 0) {
		padding_align(j.secret, j.secret_len, k->field_size);
		memcpy(out, j.secret, k->field_size);
		*out_len = k->field_size;
	} else if (err != NULL)
		*err = own;
	OPENSSL_cleanse(&j, sizeof(j));
	return r;
}

/* The arguments, for the thread that does it. */
struct call {
	struct token_key *key;
	unsigned char *out;
	size_t *out_len;
	const unsigned char *peer;
	size_t peer_len;
	struct error *err;
};

static int run(void *arg)
{
	struct call *c = arg;

	return derive_here(c->key, c->out, c->out_len, c->peer, c->peer_len, c->err);
}

int token_key_derive(struct token_key *k, unsigned char *out, size_t *out_len,
    const unsigned char *peer, size_t peer_len, struct error *err)
{
	struct error own = { 0 };
	struct call c = { k, out, out_len, peer, peer_len, &own };
	int r = key_run(&c.key, PROBE_DERIVE, run, &c, &own);

	if (r < 0) {
		*out_len = 0;
		if (err != NULL)
			*err = own;
	}
	return r;
}
