#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "engine/crypto.h"
#include "engine/cryptoki.h"
#include "engine/key.h"
#include "engine/log.h"
#include "engine/mechanism.h"
#include "engine/padding.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/verify.h"

#define SCALAR_MAX 72 /* octets of a number below an order: B-571's; P-521's has 66 */

/* One signature on its way. */
struct job {
	struct token_key *key;
	const struct token_sign *request;
	enum ladder ladder;
	bool begun;                        /* the token took the mechanism */
	unsigned char input[KEY_SIZE_MAX]; /* what goes to the token */
	size_t input_len;
	unsigned char output[KEY_SIZE_MAX + 64];
	CK_ULONG output_len;
};

static int set_input(struct job *j, const unsigned char *data, size_t len)
{
	if (len > sizeof(j->input))
		return HSMIME_EUSAGE;
	memcpy(j->input, data, len);
	j->input_len = len;
	return 0;
}

static int input_pkcs1(struct job *j, bool software)
{
	const struct token_sign *q = j->request;
	unsigned char info[PADDING_DIGEST_INFO_MAX];
	size_t len = sizeof(info), k = j->key->modulus_size;
	const unsigned char *data = q->data;
	int r = 0;

	if (q->digest != NULL) {
		r = padding_digest_info(info, &len, q->digest, q->data, q->len);
		data = info;
	} else
		len = q->len;
	if (r < 0)
		return r;
	if (!software)
		return k >= 11 && len <= k - 11 ? set_input(j, data, len) : HSMIME_EUSAGE;
	j->input_len = k;
	return padding_encode_pkcs1(j->input, k, data, len);
}

static size_t digest_size(const char *name)
{
	EVP_MD *md = EVP_MD_fetch(crypto_context(), name, NULL);
	int size = md != NULL ? EVP_MD_get_size(md) : 0;

	EVP_MD_free(md);
	return size > 0 ? (size_t)size : 0;
}

static int input_pss(struct job *j, bool software)
{
	const struct token_sign *q = j->request;
	struct padding p = { q->digest, q->mgf1_digest, q->salt_len, NULL, 0 };
	size_t size = digest_size(q->digest);

	/* Tokens take other lengths, and sign what nobody verifies. */
	if (size == 0 || q->len != size)
		return size == 0 ? HSMIME_EUNSUPPORTED : HSMIME_EUSAGE;
	if (!software)
		return set_input(j, q->data, q->len);
	j->input_len = j->key->modulus_size;
	return padding_encode_pss(j->input, j->input_len,
	    (size_t)EVP_PKEY_get_bits(j->key->public_key), &p, q->data, q->len);
}

static int input_raw(struct job *j, bool software)
{
	(void)software;
	if (j->request->len != j->key->modulus_size)
		return HSMIME_EUSAGE;
	return set_input(j, j->request->data, j->request->len);
}

/* FIPS 186-4 section 6.4: the leftmost bits of a digest that is longer than the order. */
static int input_ecdsa(struct job *j, bool software)
{
	size_t len = j->request->len;

	(void)software;
	return set_input(j, j->request->data, len > j->key->field_size ? j->key->field_size : len);
}

static int prepare(struct job *j, struct mechanism *m, const struct rung *rung)
{
	static int (*const inputs[])(struct job *, bool) = {
		[LADDER_SIGN_PKCS1] = input_pkcs1,
		[LADDER_SIGN_PSS] = input_pss,
		[LADDER_SIGN_RAW] = input_raw,
		[LADDER_SIGN_ECDSA] = input_ecdsa,
	};
	const struct token_sign *q = j->request;
	int r = 0;

	mechanism_plain(m, rung->type);
	if (rung->type == CKM_RSA_PKCS_PSS)
		r = mechanism_pss(m, q->digest, q->mgf1_digest, q->salt_len);
	return r < 0 ? r : inputs[j->ladder](j, rung->padding_in_software != 0);
}

/* Up the ladder: 0 with the operation begun, or a status, or WORK_REFUSED. */
static int begin(struct job *j, struct work *w, CK_OBJECT_HANDLE handle)
{
	struct mechanism_memory *memory = &w->token->memory;
	size_t count = 0, first = mechanism_first(memory, j->ladder, j->request->digest);
	const struct rung *rungs = mechanism_rungs(j->ladder, &count);
	CK_RV refusal = CKR_OK;
	int r = 0;

	j->begun = false;
	for (size_t i = 0; i < count; i++) {
		size_t at = (first + i) % count;
		struct mechanism m;
		CK_RV rv;

		r = prepare(j, &m, &rungs[at]);
		if (r == HSMIME_EUNSUPPORTED)
			continue;
		if (r < 0)
			break;
		rv = cryptoki_sign_init(w->module, w->session.handle, &m.ck, handle);
		if (rv == CKR_OK) {
			mechanism_remember(memory, j->ladder, j->request->digest, at);
			j->begun = true;
			return 0;
		}
		if (rv == CKR_OPERATION_ACTIVE)
			atomic_store(&memory->keeps_failed, true);
		refusal = refusal == CKR_OK ? rv : refusal;
		if (!recovery_other_mechanism(rv))
			return work_refused(w, rv);
	}
	return refusal != CKR_OK ? work_refused(w, refusal) : r;
}

static int finish_rsa(struct job *j, unsigned char *sig, size_t *sig_len)
{
	size_t k = j->key->modulus_size;

	if (j->output_len > k || j->output_len == 0 || *sig_len < k)
		return HSMIME_ETOKEN;
	padding_align(j->output, j->output_len, k);
	memcpy(sig, j->output, k);
	*sig_len = k;
	return 0;
}

/* A DER INTEGER (X.690 section 8.3) of the unsigned number in len octets, at most SCALAR_MAX; returns its own. */
static size_t put_integer(unsigned char *out, const unsigned char *number, size_t len)
{
	size_t sign;

	for (; len > 1 && number[0] == 0; len--)
		number++;
	sign = number[0] >> 7;
	out[0] = 0x02;
	out[1] = (unsigned char)(sign + len);
	out[2] = 0;
	memcpy(out + 2 + sign, number, len);
	return 2 + sign + len;
}

/* PKCS#11 gives r and s as two halves of one string; CMS wants ECDSA-Sig-Value (RFC 5753). */
static int finish_ecdsa(struct job *j, unsigned char *sig, size_t *sig_len)
{
	size_t half = j->output_len / 2, room = *sig_len, header, len;
	unsigned char both[2 * (3 + SCALAR_MAX)];

	*sig_len = 0;
	if (half == 0 || j->output_len % 2 != 0 || half > j->key->field_size || half > SCALAR_MAX)
		return HSMIME_ETOKEN;
	len = put_integer(both, j->output, half);
	len += put_integer(both + len, j->output + half, half);
	header = len > 127 ? 3 : 2;
	if (room < header + len)
		return HSMIME_ETOKEN;
	sig[0] = 0x30;
	sig[1] = 0x81;
	sig[header - 1] = (unsigned char)len;
	memcpy(sig + header, both, len);
	*sig_len = header + len;
	return 0;
}

static int sign_with(void *job, struct work *w, CK_OBJECT_HANDLE handle)
{
	struct job *j = job;
	CK_RV rv;
	int r = begin(j, w, handle);

	if (r == 0)
		r = key_authenticate(j->key, w);
	if (r != 0)
		return r;
	j->output_len = sizeof(j->output);
	rv = cryptoki_sign(
	    w->module, w->session.handle, j->input, j->input_len, j->output, &j->output_len);
	w->dirty = rv != CKR_OK;
	return work_refused(w, rv);
}

static bool verifies(struct job *j)
{
	unsigned char sig[KEY_SIZE_MAX];
	size_t len = sizeof(sig);
	EVP_PKEY_CTX *c;
	bool good;

	ERR_set_mark();
	c = EVP_PKEY_CTX_new_from_pkey(crypto_context(), j->key->public_key, NULL);
	good = c != NULL && finish_ecdsa(j, sig, &len) == 0 && EVP_PKEY_verify_init(c) == 1 &&
	       EVP_PKEY_verify(c, sig, len, j->input, j->input_len) == 1;
	EVP_PKEY_CTX_free(c);
	ERR_pop_to_mark();
	return good;
}

static bool prove_signs(const void *job, struct work *w, CK_OBJECT_HANDLE copy)
{
	struct job proof = *(const struct job *)job;

	return sign_with(&proof, w, copy) == 0 && verifies(&proof);
}

static int sign(struct work *w, void *arg)
{
	struct job *j = arg;
	struct key_use use = { sign_with, j->ladder == LADDER_SIGN_ECDSA ? prove_signs : NULL };

	return key_use(j->key, w, &use, j);
}

static int check(
    const struct token_key *k, const struct token_sign *q, size_t room, struct error *err)
{
	bool ec = q->scheme == TOKEN_SIGN_ECDSA;

	if (ec != (k->type == TOKEN_KEY_EC))
		return error_set(
		    err, HSMIME_EUSAGE, "the key is not of the type that the signature asks for");
	if (room < token_key_size(k) || (q->data == NULL && q->len > 0))
		return error_set(err, HSMIME_EUSAGE, "no room for the signature");
	if (q->scheme == TOKEN_SIGN_RSA_PSS && q->digest == NULL)
		return error_set(err, HSMIME_EUSAGE, "RSA-PSS needs a digest");
	return 0;
}

static int describe(int r, struct error *err)
{
	switch (r) {
	case HSMIME_EUNSUPPORTED:
		return error_set(err, r, "the digest is not known");
	case HSMIME_EUSAGE:
		return error_set(err, r, "the digest does not fit the key");
	case HSMIME_ENOMEM:
		return error_nomem(err);
	case HSMIME_EINTERNAL:
		return error_openssl(err, r, "can't pad the signature");
	default:
		return recovery_answered_wrongly(err, "signature");
	}
}

static int sign_here(struct token_key *k, unsigned char *sig, size_t *sig_len,
    const struct token_sign *request, struct error *err)
{
	static const enum ladder ladders[] = {
		[TOKEN_SIGN_RSA_PKCS1] = LADDER_SIGN_PKCS1,
		[TOKEN_SIGN_RSA_PSS] = LADDER_SIGN_PSS,
		[TOKEN_SIGN_RSA_RAW] = LADDER_SIGN_RAW,
		[TOKEN_SIGN_ECDSA] = LADDER_SIGN_ECDSA,
	};
	struct job j = { .key = k, .request = request, .ladder = ladders[request->scheme] };
	struct error own = { 0 };
	struct work w;
	int r = check(k, request, *sig_len, &own);

	if (r == 0) {
		key_work(&w, k, "sign", &own);
		log_say(2, "token \"%s\": sign with %s", k->token->label, k->uri);
		r = work_run(&w, sign, &j);
		if (r < 0)
			recovery_lacks(&own, w.rv, j.begun, mechanism_ladder_name(j.ladder));
	}
	if (r == 0)
		r = k->type == TOKEN_KEY_RSA ? finish_rsa(&j, sig, sig_len)
					     : finish_ecdsa(&j, sig, sig_len);
	if (r < 0 && own.code == 0)
		describe(r, &own);
	if (r < 0 && err != NULL)
		*err = own;
	OPENSSL_cleanse(j.input, j.input_len);
	OPENSSL_cleanse(
	    j.output, sizeof(j.output) < j.output_len ? sizeof(j.output) : j.output_len);
	return r;
}

/* The arguments, for the thread that does it. */
struct call {
	struct token_key *key;
	unsigned char *sig;
	size_t *sig_len;
	const struct token_sign *request;
	struct error *err;
	bool one_of_several;
};

static int run(void *arg)
{
	struct call *c = arg;
	int r = sign_here(c->key, c->sig, c->sig_len, c->request, c->err);

	/* One of several tokens that answers wrongly is to make room for the others. */
	if (r == 0 && c->one_of_several &&
	    !verify_signature(c->key, c->request, c->sig, *c->sig_len))
		r = error_set(c->err, HSMIME_ETOKEN, "token \"%s\" gave a wrong signature",
		    c->key->token->label);
	return r;
}

int token_key_sign(struct token_key *k, unsigned char *sig, size_t *sig_len,
    const struct token_sign *request, struct error *err)
{
	struct error own = { 0 };
	struct call c = { k, sig, sig_len, request, &own, k->group != NULL };
	int r = key_run(&c.key, PROBE_SIGN, run, &c, &own);

	if (r < 0) {
		*sig_len = 0;
		if (err != NULL)
			*err = own;
	}
	return r;
}
