#include "engine/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <hsmime/token.h>

#include "engine/engine_internal.h"
#include "engine/login.h"
#include "engine/pin.h"
#include "engine/public_key.h"
#include "engine/slot.h"
#include "engine/token_pins.h"
#include "engine/unwrap_way.h"
#include "engine/uri.h"
#include "util/hex.h"

struct token_key *token_key_up_ref(struct token_key *k)
{
	atomic_fetch_add(&k->references, 1);
	return k;
}

void token_key_free(struct token_key *k)
{
	if (k == NULL || atomic_fetch_sub(&k->references, 1) != 1)
		return;
	group_free(k->group);
	key_use_end(k);
	EVP_PKEY_free(k->public_key);
	EC_GROUP_free(k->curve);
	pin_source_free(k->pin);
	free(k->uri);
	free(k->id);
	free(k->label);
	gate_free(&k->gate);
	engine_free(k->engine);
	free(k);
}

enum token_key_type token_key_type(const struct token_key *k)
{
	return k->type;
}

bool token_key_unwraps(const struct token_key *k)
{
	return k->unwraps;
}

EVP_PKEY *token_key_public(const struct token_key *k)
{
	return k->public_key;
}

const char *token_key_uri(const struct token_key *k)
{
	return k->group != NULL ? group_last(k->group)->uri : k->uri;
}

/* SEQUENCE of two INTEGERs, each with a leading zero at worst. */
size_t token_key_size(const struct token_key *k)
{
	/* r and s are below the order, whose bits leave room for the sign or not: P-521. */
	size_t octets = (size_t)EVP_PKEY_get_bits(k->public_key) / 8 + 1;
	size_t integer = 1 + (octets > 127 ? 2 : 1) + octets;
	size_t header = 2 * integer > 127 ? 3 : 2;

	return k->type == TOKEN_KEY_RSA ? k->modulus_size : header + 2 * integer;
}

static int copy(unsigned char **out, size_t *len, const CK_ATTRIBUTE *a)
{
	*len = a != NULL ? a->ulValueLen : 0;
	*out = malloc(*len + 1);
	if (*out == NULL)
		return HSMIME_ENOMEM;
	if (a != NULL)
		memcpy(*out, a->pValue, *len);
	return 0;
}

/* Made once: it takes longer than all that hsmime does for an agreement. */
static void take_curve(struct token_key *k)
{
	k->field_size = public_key_field_size(k->public_key);
	k->curve = public_key_group(k->public_key);
}

static int take_public(struct token_key *k, EVP_PKEY *public_key, struct error *err)
{
	EVP_PKEY_up_ref(public_key);
	k->public_key = public_key;
	k->type = EVP_PKEY_is_a(public_key, "RSA") ? TOKEN_KEY_RSA : TOKEN_KEY_EC;
	if (k->type == TOKEN_KEY_RSA)
		k->modulus_size = ((size_t)EVP_PKEY_get_bits(public_key) + 7) / 8;
	else
		take_curve(k);
	if (k->modulus_size > KEY_SIZE_MAX || (k->modulus_size == 0 && k->field_size == 0))
		return error_set(
		    err, HSMIME_EUNSUPPORTED, "a key of this type or size is not supported");
	return 0;
}

static int describe(struct token_key *k, const struct object *o, struct error *err)
{
	const CK_ATTRIBUTE *id = object_get(o, CKA_ID), *label = object_get(o, CKA_LABEL);

	k->always_authenticate = object_bool(o, CKA_ALWAYS_AUTHENTICATE, false);
	k->unwraps = k->type == TOKEN_KEY_RSA && object_unwraps_only(o);
	k->tag = k->unwraps ? unwrap_way_tag(k->public_key) : 0;
	if (copy(&k->id, &k->id_len, id) < 0 || copy(&k->label, &k->label_len, label) < 0 ||
	    uri_format(&k->uri, k->token, id, label, CKO_PRIVATE_KEY) < 0)
		return error_nomem(err);
	return 0;
}

int key_new(struct token_key **out, struct engine *e, struct token *t,
    const struct object *private_key, unsigned generation, EVP_PKEY *public_key, struct error *err)
{
	struct token_key *k = calloc(1, sizeof(*k));
	int r;

	*out = NULL;
	if (k == NULL)
		return error_nomem(err);
	atomic_init(&k->references, 1);
	gate_init(&k->gate);
	k->engine = engine_up_ref(e);
	k->token = t;
	k->handle = private_key->handle;
	k->generation = generation;
	r = take_public(k, public_key, err);
	if (r == 0)
		r = describe(k, private_key, err);
	if (r < 0)
		token_key_free(k);
	else
		*out = k;
	return r;
}

int key_run(
    struct token_key **key, enum probe kind, int (*run)(void *arg), void *arg, struct error *err)
{
	struct token_key *k = *key;

	if (k->group != NULL)
		return group_run(k->group, kind, key, run, arg, err);
	return engine_run(k->engine, run, arg, err);
}

int token_key_group(struct token_key **out, struct token_key *const *keys, size_t count,
    unsigned turn, struct error *err)
{
	struct token_key *k = calloc(1, sizeof(*k));
	int r;

	*out = NULL;
	if (k == NULL)
		return error_nomem(err);
	atomic_init(&k->references, 1);
	gate_init(&k->gate);
	r = group_new(&k->group, keys, count, turn, err);
	if (r == 0) {
		k->engine = engine_up_ref(keys[0]->engine);
		k->token = keys[0]->token;
		r = take_public(k, keys[0]->public_key, err);
		k->uri = strdup(keys[0]->uri);
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		k->unwraps |= keys[i]->unwraps;
	if (r == 0 && k->uri == NULL)
		r = error_nomem(err);
	if (r < 0)
		token_key_free(k);
	else
		*out = k;
	return r;
}

static struct pin_source *pin_of(const struct token_key *k)
{
	return k->pin != NULL ? k->pin : token_pins_of(k->engine, k->token);
}

bool key_asks(const struct token_key *k)
{
	bool pad = (atomic_load(&k->token->flags) & HSMIME_TOKEN_PIN_PAD) != 0;

	return k->always_authenticate && (pad || pin_attended(pin_of(k)));
}

void key_work(struct work *w, struct token_key *k, const char *purpose, struct error *err)
{
	memset(w, 0, sizeof(*w));
	w->token = k->token;
	w->pin = pin_of(k);
	w->purpose = purpose;
	w->login = true;
	w->err = err;
}

/* A template can't ask for an attribute that is empty. */
static bool same_attribute(
    const struct object *o, CK_ATTRIBUTE_TYPE type, const unsigned char *value, size_t len)
{
	const CK_ATTRIBUTE *a = object_get(o, type);

	if (a == NULL)
		return len == 0;
	return a->ulValueLen == len && memcmp(a->pValue, value, len) == 0;
}

/* Whether an object is k: 1, 0, or -1 for one that does not show, as EC private keys mostly are. */
static int same_key(const struct token_key *k, const struct object *o)
{
	if (!same_attribute(o, CKA_ID, k->id, k->id_len) ||
	    !same_attribute(o, CKA_LABEL, k->label, k->label_len))
		return 0;
	return public_key_compare(o, k->public_key);
}

/*
 * The ID and label may have been given to another key meanwhile, or be those of several: *found
 * counts those that may be k, and is 1 for the one that is.
 */
static CK_RV pick(CK_OBJECT_HANDLE *handle, size_t *found, const CK_OBJECT_HANDLE *handles,
    size_t count, struct token_key *k, struct work *w)
{
	CK_RV rv = CKR_OK;
	int same = 0;

	*found = 0;
	for (size_t i = 0; rv == CKR_OK && same != 1 && i < count; i++) {
		struct object o = { 0 };

		rv = object_read_key(&o, w->module, w->session.handle, handles[i]);
		same = rv == CKR_OK ? same_key(k, &o) : 0;
		if (same != 0) {
			*handle = handles[i];
			*found = same == 1 ? 1 : *found + 1;
		}
		object_free(&o);
	}
	return rv;
}

static int key_gone(const struct token_key *k, struct work *w)
{
	return error_set(
	    w->err, HSMIME_ENOKEY, "the key is no longer on token \"%s\"", k->token->label);
}

/* Any of them might do what only one of them was asked for. */
static int key_ambiguous(struct token_key *k, struct work *w)
{
	error_set(w->err, HSMIME_ENOKEY,
	    "several keys on token \"%s\" have the ID and label of the key that was in use",
	    k->token->label);
	return error_hint(w->err, "give each key on the token an ID of its own");
}

static CK_RV look_again(
    CK_OBJECT_HANDLE *handle, size_t *found, struct token_key *k, struct work *w)
{
	CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = k->type == TOKEN_KEY_RSA ? CKK_RSA : CKK_EC;
	CK_ATTRIBUTE template[4] = { { CKA_CLASS, &object_class, sizeof(object_class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_OBJECT_HANDLE *handles = NULL;
	size_t n = 2, count = 0;
	CK_RV rv;

	*found = 0;
	if (k->id_len > 0)
		template[n++] = (CK_ATTRIBUTE){ CKA_ID, k->id, k->id_len };
	if (k->label_len > 0)
		template[n++] = (CK_ATTRIBUTE){ CKA_LABEL, k->label, k->label_len };
	copies_look(k->token);
	rv = object_find_all(&handles, &count, w->module, w->session.handle, template, n);
	if (rv == CKR_OK)
		rv = pick(handle, found, handles, count, k, w);
	copies_looked(k->token);
	free(handles);
	return rv;
}

/*
 * A log-out by another part of the program, and a login after it, may both come to pass between the look
 * and the question whether there was one. So it is looked for twice before it counts as gone.
 */
static int find_again(CK_OBJECT_HANDLE *handle, struct token_key *k, struct work *w)
{
	size_t found = 0;
	CK_RV rv = CKR_OK;

	for (int times = 0; times < 2 && rv == CKR_OK && found == 0; times++) {
		int r;

		rv = look_again(handle, &found, k, w);
		r = rv == CKR_OK && found == 0 ? work_nothing(w) : 0;
		if (r != 0)
			return r;
	}
	if (rv == CKR_OK && found == 0)
		return key_gone(k, w);
	if (rv == CKR_OK && found > 1)
		return key_ambiguous(k, w);
	return work_refused(w, rv);
}

int key_handle(CK_OBJECT_HANDLE *handle, struct token_key *k, struct work *w)
{
	bool known;
	int r;

	gate_enter(&k->gate);
	known = k->generation == w->session.generation && !w->again;
	*handle = k->handle;
	gate_leave(&k->gate);
	if (known)
		return 0;
	r = find_again(handle, k, w);
	if (r != 0)
		return r;
	gate_enter(&k->gate);
	k->handle = *handle;
	k->generation = w->session.generation;
	gate_leave(&k->gate);
	return 0;
}

/* What a person knows the key by: its label, else its ID. */
static void name_key(char *out, size_t size, const struct token_key *k)
{
	size_t len = k->label_len;

	if (len > 0)
		snprintf(
		    out, size, "%.*s", (int)(len < size ? len : size - 1), (const char *)k->label);
	if (len == 0)
		hex_lower(out, k->id, k->id_len < size / 2 ? k->id_len : size / 2 - 1);
	error_tidy(out);
}

int key_authenticate(struct token_key *k, struct work *w)
{
	char name[128] = "";
	const struct login_purpose purpose = { w->purpose, name, k->uri };
	CK_RV rv = CKR_OK;
	int r;

	if (!k->always_authenticate)
		return 0;
	name_key(name, sizeof(name), k);
	r = login_context(k->token, &w->session, w->pin, &purpose, &rv, w->err);
	if (r == 0)
		return 0;
	w->dirty = true;
	/* OpenSC logs the whole slot out after a refusal, and the operation is gone with it. */
	if (rv == CKR_OPERATION_NOT_INITIALIZED)
		rv = CKR_USER_NOT_LOGGED_IN;
	return rv != CKR_OK && !w->again && r != HSMIME_EPIN ? work_refused(w, rv) : r;
}
