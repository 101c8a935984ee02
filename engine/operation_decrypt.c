#include <string.h>

#include <openssl/crypto.h>

#include "engine/ciphertext.h"
#include "engine/constant_time.h"
#include "engine/cryptoki.h"
#include "engine/key.h"
#include "engine/mechanism.h"
#include "engine/padding.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "util/secret.h"

/* One decryption on its way. */
struct job {
	struct token_key *key;
	const struct token_decrypt *request;
	enum ladder ladder;
	struct ciphertext input;
	bool begun;    /* the token took the mechanism */
	bool software; /* the token did raw RSA, the padding is still on */
	unsigned char output[2 * KEY_SIZE_MAX];
	CK_ULONG output_len;
	CK_RV rv; /* of C_Decrypt: a verdict on the ciphertext */
};

static int prepare(struct mechanism *m, const struct job *j, const struct rung *rung)
{
	if (rung->type == CKM_RSA_PKCS_OAEP)
		return ciphertext_oaep(m, &j->input, j->request);
	mechanism_plain(m, rung->type);
	return 0;
}

/* The mechanism is settled here, before the token has seen the ciphertext. */
static int begin(struct job *j, struct work *w, CK_OBJECT_HANDLE handle)
{
	struct mechanism_memory *memory = &w->token->memory;
	size_t count = 0, first = mechanism_first(memory, j->ladder, j->request->digest);
	const struct rung *rungs = mechanism_rungs(j->ladder, &count);
	CK_RV refusal = CKR_OK;

	j->begun = false;
	for (size_t i = 0; i < count; i++) {
		size_t at = (first + i) % count;
		struct mechanism m;
		CK_RV rv;

		if (prepare(&m, j, &rungs[at]) < 0)
			continue;
		rv = cryptoki_decrypt_init(w->module, w->session.handle, &m.ck, handle);
		if (rv == CKR_OK) {
			mechanism_remember(memory, j->ladder, j->request->digest, at);
			j->begun = true;
			j->software = rungs[at].padding_in_software != 0;
			return 0;
		}
		if (rv == CKR_OPERATION_ACTIVE)
			atomic_store(&memory->keeps_failed, true);
		refusal = refusal == CKR_OK ? rv : refusal;
		if (!recovery_other_mechanism(rv))
			return work_refused(w, rv);
	}
	return work_refused(w, refusal != CKR_OK ? refusal : CKR_MECHANISM_PARAM_INVALID);
}

/*
 * A session in which C_Decrypt failed goes back like any other: whether it
 * did is not to be seen from the calls that follow. Where a token leaves the
 * operation active, the next Init call says so, once: from then on the session is
 * closed after every decryption, good or bad, so that the calls are the same again.
 */
static int decrypt(struct work *w, void *arg)
{
	struct job *j = arg;
	CK_OBJECT_HANDLE handle = 0;
	int r = key_handle(&handle, j->key, w);

	if (r == 0)
		r = begin(j, w, handle);
	if (r == 0)
		r = key_authenticate(j->key, w);
	if (r != 0)
		return r;
	memset(j->output, 0, sizeof(j->output));
	j->output_len = sizeof(j->output);
	j->rv = cryptoki_decrypt(
	    w->module, w->session.handle, j->input.octets, j->input.len, j->output, &j->output_len);
	w->dirty = atomic_load(&w->token->memory.keeps_failed);
	if (!recovery_decrypt_failed(j->rv))
		return 0;
	w->dirty = true;
	return work_refused(w, j->rv);
}

/* What came out: the message is output[start..end) where good is 1. */
struct outcome {
	size_t good;
	size_t start;
	size_t end;
};

static int decode(struct outcome *o, struct job *j)
{
	const struct token_decrypt *q = j->request;
	struct padding p = { q->digest, q->mgf1_digest, 0, q->label, q->label_len };
	size_t k = j->key->modulus_size, len = j->output_len, good = 1;
	size_t fits = (1 - ct_less(k, len)) & (j->input.too_long ? 0 : 1);
	int r = 0;

	o->good = ct_is_zero(j->rv) & fits;
	len = ct_select(o->good, len, 0);
	if (q->scheme != TOKEN_DECRYPT_RSA_RAW && !j->software) {
		o->start = 0;
		o->end = len;
		return 0;
	}
	padding_align(j->output, len, k);
	o->start = 0;
	o->end = k;
	if (q->scheme == TOKEN_DECRYPT_RSA_PKCS1)
		good = padding_decode_pkcs1(&o->start, j->output, k);
	else if (q->scheme == TOKEN_DECRYPT_RSA_OAEP)
		r = padding_decode_oaep(&o->start, &good, j->output, k, &p);
	o->good &= good;
	return r;
}

/* The message or the substitute; the place is the same for both, since the length is known. */
static void choose(unsigned char *out, size_t *out_len, const struct outcome *o, struct job *j)
{
	const struct token_decrypt *q = j->request;
	size_t place = j->software ? j->key->modulus_size - q->substitute_len : 0;
	size_t good = o->good & ct_equal(o->end - o->start, q->substitute_len);

	secret_select(out, j->output + place, q->substitute, q->substitute_len, (unsigned)good);
	*out_len = q->substitute_len;
}

static int deliver(unsigned char *out, size_t *out_len, struct job *j, struct error *err)
{
	const struct token_decrypt *q = j->request;
	struct outcome o = { 0 };
	int r = decode(&o, j);

	if (r < 0)
		return error_set(err, r, "the key or a digest does not fit the encryption scheme");
	if (q->substitute != NULL) {
		choose(out, out_len, &o, j);
		return 0;
	}
	if (o.good == 0 || o.end - o.start > *out_len)
		return error_set(err, HSMIME_EINVALID, "decryption failed");
	memcpy(out, j->output + o.start, o.end - o.start);
	*out_len = o.end - o.start;
	return 0;
}

static int check(
    const struct token_key *k, const struct token_decrypt *q, size_t room, struct error *err)
{
	if (k->type != TOKEN_KEY_RSA)
		return error_set(err, HSMIME_EUSAGE, "only an RSA key decrypts");
	if (room < token_key_size(k) || q->data == NULL ||
	    (q->substitute != NULL && q->substitute_len > k->modulus_size))
		return error_set(err, HSMIME_EUSAGE, "no room for the result");
	if (q->scheme == TOKEN_DECRYPT_RSA_OAEP && q->digest == NULL)
		return error_set(err, HSMIME_EUSAGE, "RSA-OAEP needs a digest");
	return 0;
}

static enum ladder choose_ladder(const struct token_decrypt *q)
{
	if (q->scheme == TOKEN_DECRYPT_RSA_PKCS1)
		return LADDER_DECRYPT_PKCS1;
	if (q->scheme == TOKEN_DECRYPT_RSA_RAW)
		return LADDER_DECRYPT_RAW;
	if (q->label_len > 0 ||
	    (q->mgf1_digest != NULL && !mechanism_same_digest(q->digest, q->mgf1_digest)))
		return LADDER_DECRYPT_OAEP_ODD;
	return LADDER_DECRYPT_OAEP;
}

static int decrypt_here(struct token_key *k, unsigned char *out, size_t *out_len,
    const struct token_decrypt *request, struct error *err)
{
	struct job j = { .key = k, .request = request, .ladder = choose_ladder(request) };
	struct error own = { 0 };
	struct work w;
	int r = check(k, request, *out_len, &own);

	if (r == 0 && k->unwraps)
		return token_key_unwrap(NULL, out, out_len, k, request, TOKEN_CONTENT_OCTETS, err);
	if (r == 0) {
		ciphertext_set(&j.input, request, k->modulus_size);
		key_work(&w, k, "decrypt", &own);
		r = work_run(&w, decrypt, &j);
		if (r < 0)
			recovery_lacks(&own, w.rv, j.begun, mechanism_ladder_name(j.ladder));
	}
	if (r == 0)
		r = deliver(out, out_len, &j, &own);
	if (r < 0 && err != NULL)
		*err = own;
	OPENSSL_cleanse(&j, sizeof(j));
	return r;
}

/* The arguments, for the thread that does it. */
struct call {
	struct token_key *key;
	unsigned char *out;
	size_t *out_len;
	size_t room; /* at out, whatever became of an earlier try */
	const struct token_decrypt *request;
	struct error *err;
};

static int run(void *arg)
{
	struct call *c = arg;

	*c->out_len = c->room;
	return decrypt_here(c->key, c->out, c->out_len, c->request, c->err);
}

int token_key_decrypt(struct token_key *k, unsigned char *out, size_t *out_len,
    const struct token_decrypt *request, struct error *err)
{
	struct error own = { 0 };
	struct call c = { k, out, out_len, *out_len, request, &own };
	int r = key_run(&c.key, PROBE_DECRYPT, run, &c, &own);

	if (r < 0) {
		*out_len = 0;
		if (err != NULL)
			*err = own;
	}
	return r;
}
