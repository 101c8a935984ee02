#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "engine/ciphertext.h"
#include "engine/constant_time.h"
#include "engine/content_key_on_token.h"
#include "engine/key.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/unwrap.h"
#include "engine/unwrap_way.h"
#include "util/secret.h"

/* One unwrapping on its way. */
struct job {
	struct unwrap unwrap;
	struct ciphertext input;
	bool proving;                           /* C_UnwrapKey has not seen the message yet */
	struct token_content_key *on_token;     /* where the octets can't be read; or NULL */
	unsigned char substitute[KEY_SIZE_MAX]; /* a DES key with its parity */
	unsigned char value[KEY_SIZE_MAX];
	size_t value_len;
	size_t good; /* a truth */
};

static size_t substitute_len(const struct job *j)
{
	return j->unwrap.request->substitute != NULL ? j->unwrap.request->substitute_len : 0;
}

static int begin(struct job *j, struct work *w)
{
	struct unwrap *u = &j->unwrap;
	int r = key_handle(&u->handle, u->key, w);

	u->w = w;
	j->proving = true;
	if (r == 0)
		r = unwrap_way(u);
	if (r == 0 && !u->way.readable && j->on_token == NULL)
		return unwrap_of_no_use(u);
	return r;
}

/* The octets of the chosen key; both keys are gone afterwards. */
static int read_value(struct job *j, CK_OBJECT_HANDLE candidate, CK_OBJECT_HANDLE substitute,
    CK_OBJECT_HANDLE unwrapped)
{
	struct unwrap *u = &j->unwrap;
	CK_RV rv;

	j->value_len = sizeof(j->value);
	rv = unwrap_read(j->value, &j->value_len, u, candidate);
	j->good &= ct_is_zero(rv) & (1 - ct_less(sizeof(j->value), j->value_len));
	unwrap_destroy(u, substitute);
	unwrap_destroy(u, unwrapped);
	return recovery_decrypt_failed(rv) && candidate != 0 ? work_refused(u->w, rv) : 0;
}

/*
 * The key stays, and its session with it. What says nothing of the key, the token's own failure or
 * an operation that an earlier message left active, is no reason to take the substitute.
 */
static int keep(struct job *j, CK_OBJECT_HANDLE candidate, CK_OBJECT_HANDLE substitute,
    CK_OBJECT_HANDLE unwrapped)
{
	struct token_content_key *c = j->on_token;
	struct work *w = j->unwrap.w;
	size_t fits = 0;
	CK_RV rv = unwrap_fits(&fits, &j->unwrap, candidate);

	if (recovery_decrypt_failed(rv) || recovery_of(rv) == RECOVERY_ACTIVE) {
		unwrap_destroy(&j->unwrap, substitute);
		unwrap_destroy(&j->unwrap, unwrapped);
		w->dirty = recovery_decrypt_failed(rv);
		return work_refused(w, rv);
	}
	j->good &= fits;
	c->chosen = ct_select(j->good, unwrapped, substitute);
	c->substitute = substitute;
	c->unwrapped = unwrapped;
	c->session = w->session;
	w->keep = true;
	return 0;
}

/*
 * The substitute is made first. What follows is the same whether the message's key was unwrapped
 * or not: then the substitute takes its place, and the handle 0 is destroyed for it.
 */
static int unwrap(struct work *w, void *arg)
{
	struct job *j = arg;
	struct unwrap *u = &j->unwrap;
	CK_OBJECT_HANDLE substitute = 0, unwrapped = 0, candidate;
	CK_RV rv = CKR_OK;
	int r = begin(j, w);

	if (r != 0)
		return r;
	if (substitute_len(j) > 0)
		rv = unwrap_known(&substitute, u, j->substitute, substitute_len(j));
	if (rv != CKR_OK)
		return work_refused(w, rv);
	j->proving = false;
	rv = unwrap_key(&unwrapped, u, j->input.octets, j->input.len);
	if (recovery_decrypt_failed(rv)) {
		unwrap_destroy(u, substitute);
		w->dirty = true;
		return work_refused(w, rv);
	}
	j->good = ct_is_zero(rv) & (1 - ct_is_zero(unwrapped)) & (j->input.too_long ? 0 : 1);
	candidate = ct_select(j->good, unwrapped, substitute);
	return u->way.readable ? read_value(j, candidate, substitute, unwrapped)
			       : keep(j, candidate, substitute, unwrapped);
}

static int deliver(unsigned char *out, size_t *out_len, struct job *j, struct error *err)
{
	const struct token_decrypt *q = j->unwrap.request;

	if (q->substitute != NULL) {
		j->good &= ct_equal(j->value_len, q->substitute_len);
		secret_select(out, j->value, q->substitute, q->substitute_len, (unsigned)j->good);
		*out_len = q->substitute_len;
		return 0;
	}
	if (j->good == 0 || j->value_len > *out_len)
		return error_set(err, HSMIME_EINVALID, "decryption failed");
	memcpy(out, j->value, j->value_len);
	*out_len = j->value_len;
	return 0;
}

static int check(const struct job *j, size_t room, struct error *err)
{
	const struct unwrap *u = &j->unwrap;
	const struct token_decrypt *q = u->request;

	if (!u->key->unwraps || room < token_key_size(u->key) || q->data == NULL)
		return error_set(err, HSMIME_EUSAGE, "this key does not unwrap into that room");
	if (u->content != TOKEN_CONTENT_OCTETS &&
	    (q->substitute == NULL || !unwrap_way_known(u->content, q->substitute_len)))
		return error_set(err, HSMIME_EUSAGE, "a content key of unknown length");
	if (substitute_len(j) > u->key->modulus_size)
		return error_set(err, HSMIME_EUSAGE, "no room for the result");
	if (q->scheme == TOKEN_DECRYPT_RSA_RAW) {
		error_set(err, HSMIME_EUNSUPPORTED,
		    "the key %s unwraps only, and raw RSA does not unwrap", u->key->uri);
		err->incapable = true;
		return error_hint(err, "use a key that may decrypt (CKA_DECRYPT)");
	}
	if (q->scheme == TOKEN_DECRYPT_RSA_OAEP && q->digest == NULL)
		return error_set(err, HSMIME_EUSAGE, "RSA-OAEP needs a digest");
	return 0;
}

static int set_mechanism(struct job *j, struct error *err)
{
	const struct token_decrypt *q = j->unwrap.request;
	struct mechanism *m = &j->unwrap.mechanism;

	mechanism_plain(m, CKM_RSA_PKCS);
	if (q->scheme != TOKEN_DECRYPT_RSA_OAEP)
		return 0;
	if (ciphertext_oaep(m, &j->input, q) == 0)
		return 0;
	if (q->label_len > CIPHERTEXT_LABEL_MAX)
		return error_set(err, HSMIME_EUNSUPPORTED, "the OAEP label is too long to unwrap");
	return error_set(err, HSMIME_EUNSUPPORTED, "the digest is not known");
}

static void set_input(struct job *j)
{
	const struct token_decrypt *q = j->unwrap.request;

	ciphertext_set(&j->input, q, j->unwrap.key->modulus_size);
	if (substitute_len(j) > 0)
		memcpy(j->substitute, q->substitute, substitute_len(j));
	if (j->unwrap.content == TOKEN_CONTENT_DES3_CBC)
		unwrap_odd_parity(j->substitute, substitute_len(j));
}

static int prepare(struct job *j, bool may_stay, struct error *err)
{
	struct unwrap *u = &j->unwrap;
	int r;

	set_input(j);
	r = set_mechanism(j, err);
	if (r != 0 || !may_stay)
		return r;
	j->on_token = calloc(1, sizeof(*j->on_token));
	if (j->on_token == NULL)
		return error_nomem(err);
	j->on_token->key = token_key_up_ref(u->key);
	j->on_token->content = u->content;
	return 0;
}

/* C_UnwrapKey has no Init call, behind which such a key's PIN is given. */
static bool pin_at_each_use(const struct job *j, CK_RV rv, struct error *err)
{
	const struct token_key *k = j->unwrap.key;

	if (rv != CKR_USER_NOT_LOGGED_IN || !k->always_authenticate)
		return false;
	error_set(err, HSMIME_ETOKEN,
	    "the key %s unwraps only and asks for its PIN at each use, which PKCS#11 has no way to "
	    "give it",
	    k->uri);
	error_hint(err, "use a key that may decrypt (CKA_DECRYPT), or one without "
			"CKA_ALWAYS_AUTHENTICATE");
	err->incapable = true;
	return true;
}

/* The message is not to blame for what the token refused to a key of our own. */
static void tell_lack(const struct job *j, CK_RV rv, struct error *err)
{
	enum ladder ladder = j->unwrap.request->scheme == TOKEN_DECRYPT_RSA_OAEP
				 ? LADDER_UNWRAP_OAEP
				 : LADDER_UNWRAP_PKCS1;

	if (pin_at_each_use(j, rv, err))
		return;
	if (j->proving && recovery_template(rv))
		error_hint(err, "the key unwraps only, and the token takes no content key of this "
				"kind from it; use a key that may decrypt (CKA_DECRYPT)");
	if (!j->proving || !recovery_other_mechanism(rv))
		return;
	error_hint(err,
	    "the token lacks %s for this key, which unwraps only; use another key, token or "
	    "algorithm",
	    mechanism_ladder_name(ladder));
	/* Other failures have these two codes as well. */
	err->incapable = rv != CKR_GENERAL_ERROR && rv != CKR_FUNCTION_FAILED;
}

/* The arguments, for the thread that does it. */
struct call {
	struct token_key *key;
	struct token_content_key **on_token; /* or NULL */
	unsigned char *out;
	size_t *out_len;
	size_t room; /* at out, whatever became of an earlier try */
	const struct token_decrypt *request;
	enum token_content content;
	struct error *err;
};

static int unwrap_here(struct call *c)
{
	struct job j = { .unwrap = {
			     .key = c->key, .request = c->request, .content = c->content } };
	struct error own = { 0 };
	struct work w;
	int r = check(&j, *c->out_len, &own);

	j.unwrap.key_len = substitute_len(&j);
	if (r == 0)
		r = prepare(&j, c->on_token != NULL && c->content != TOKEN_CONTENT_OCTETS, &own);
	if (r == 0) {
		key_work(&w, c->key, "decrypt", &own);
		r = work_run(&w, unwrap, &j);
		if (r < 0)
			tell_lack(&j, w.rv, &own);
	}
	if (r == 0 && c->on_token != NULL && !j.unwrap.way.readable) {
		*c->on_token = j.on_token;
		j.on_token = NULL;
		*c->out_len = 0;
	} else if (r == 0) {
		r = deliver(c->out, c->out_len, &j, &own);
	}
	token_content_free(j.on_token);
	if (r < 0)
		*c->err = own;
	OPENSSL_cleanse(&j, sizeof(j));
	return r;
}

/* Of several tokens that hold a key one may let it decrypt. */
static int run(void *arg)
{
	struct call *c = arg;

	*c->out_len = c->room;
	if (!c->key->unwraps)
		return token_key_decrypt(c->key, c->out, c->out_len, c->request, c->err);
	return unwrap_here(c);
}

int token_key_unwrap(struct token_content_key **on_token, unsigned char *out, size_t *out_len,
    struct token_key *k, const struct token_decrypt *request, enum token_content content,
    struct error *err)
{
	struct error own = { 0 };
	struct call c = { k, on_token, out, out_len, *out_len, request, content, &own };
	int r;

	if (on_token != NULL)
		*on_token = NULL;
	r = key_run(&c.key, PROBE_DECRYPT, run, &c, &own);
	if (r == 0 && on_token != NULL && *on_token != NULL)
		(*on_token)->one_of_several = k->group != NULL;
	if (r < 0) {
		*out_len = 0;
		if (err != NULL)
			*err = own;
	}
	return r;
}
