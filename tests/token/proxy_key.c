#include "proxy_key.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define RULES 16
#define HIDDEN 32
#define MECHANISMS 256

/* For the private keys with that ID; 0: all. */
struct rule {
	unsigned char id;
	bool limited;
	unsigned usage;
	enum proxy_authenticate how;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[RULES];
static size_t rule_count;
static CK_MECHANISM_TYPE hidden[HIDDEN];
static size_t hidden_count;
static atomic_int point_form;    /* enum proxy_point */
static atomic_bool login_unused; /* by a key of PROXY_AUTHENTICATE_UNTOLD */

static const struct {
	CK_ATTRIBUTE_TYPE type;
	unsigned usage;
} flags[] = { { CKA_SIGN, PROXY_SIGN }, { CKA_DECRYPT, PROXY_DECRYPT },
	{ CKA_UNWRAP, PROXY_UNWRAP }, { CKA_DERIVE, PROXY_DERIVE } };

/* With the lock held. */
static struct rule *own_rule(unsigned char id)
{
	for (size_t i = 0; i < rule_count; i++)
		if (rules[i].id == id)
			return &rules[i];
	if (rule_count == RULES)
		abort();
	rules[rule_count] = (struct rule){ .id = id };
	return &rules[rule_count++];
}

static bool any_rule(void)
{
	bool any;

	pthread_mutex_lock(&lock);
	any = rule_count > 0;
	pthread_mutex_unlock(&lock);
	return any;
}

/* What holds for that object; nothing where it is no private key. */
static struct rule rule_of(const struct call *c, CK_OBJECT_HANDLE object)
{
	CK_OBJECT_CLASS class = 0;
	unsigned char id[256] = { 0 };
	CK_ATTRIBUTE a[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, id, sizeof(id) } };
	struct rule found = { .how = PROXY_AUTHENTICATE_NO };

	if (!any_rule() || proxy_inner->C_GetAttributeValue(c->inner, object, a, 2) != CKR_OK ||
	    class != CKO_PRIVATE_KEY)
		return found;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < rule_count; i++)
		if (rules[i].id == 0 || rules[i].id == id[0])
			found = rules[i];
	pthread_mutex_unlock(&lock);
	return found;
}

/* Of P-256, P-384 and P-521; a DER OCTET STRING of one is two or three octets longer. */
static bool is_bare(CK_ULONG len)
{
	return len == 65 || len == 97 || len == 133;
}

CK_RV key_point(const CK_MECHANISM *mechanism)
{
	const CK_ECDH1_DERIVE_PARAMS *p = mechanism->pParameter;
	int form = atomic_load(&point_form);

	if (form == PROXY_POINT_INNER || mechanism->mechanism != CKM_ECDH1_DERIVE)
		return CKR_OK;
	return is_bare(p->ulPublicDataLen) == (form == PROXY_POINT_BARE)
		   ? CKR_OK
		   : CKR_MECHANISM_PARAM_INVALID;
}

CK_RV key_mechanism(CK_MECHANISM_TYPE type)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < hidden_count; i++)
		if (hidden[i] == type)
			rv = CKR_MECHANISM_INVALID;
	pthread_mutex_unlock(&lock);
	return rv;
}

CK_RV key_mechanisms(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	CK_MECHANISM_TYPE all[MECHANISMS];
	CK_ULONG n = MECHANISMS, kept = 0;
	CK_RV rv = proxy_inner->C_GetMechanismList(slot, all, &n);

	if (rv != CKR_OK)
		return rv;
	for (CK_ULONG i = 0; i < n; i++)
		if (key_mechanism(all[i]) == CKR_OK)
			all[kept++] = all[i];
	if (list != NULL && *count < kept)
		rv = CKR_BUFFER_TOO_SMALL;
	else if (list != NULL)
		memcpy(list, all, kept * sizeof(*list));
	*count = kept;
	return rv;
}

static bool asks(const struct rule *r)
{
	if (r->how == PROXY_AUTHENTICATE_UNTOLD)
		return !atomic_load(&login_unused);
	return r->how != PROXY_AUTHENTICATE_NO;
}

void key_logged_in(void)
{
	atomic_store(&login_unused, true);
}

CK_RV key_begin(
    struct call *c, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, enum proxy_usage usage)
{
	struct session *s = c->session;
	CK_RV rv = mechanism != NULL ? key_mechanism(mechanism->mechanism) : CKR_OK;
	struct rule r;

	if (rv != CKR_OK || s == NULL)
		return rv;
	if (s->stuck)
		return CKR_OPERATION_ACTIVE;
	r = rule_of(c, key);
	if (r.limited && (r.usage & usage) == 0)
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	s->mechanism = mechanism != NULL ? mechanism->mechanism : 0;
	s->key = key;
	s->must_authenticate = asks(&r);
	s->authenticated = false;
	s->logs_out = r.how == PROXY_AUTHENTICATE_OPENSC || r.how == PROXY_AUTHENTICATE_UNTOLD;
	s->uses_up = r.how == PROXY_AUTHENTICATE_UNTOLD;
	return CKR_OK;
}

CK_RV key_operate(struct call *c)
{
	struct session *s = c->session;

	if (s == NULL || !s->must_authenticate || s->authenticated)
		return CKR_OK;
	if (s->logs_out) {
		proxy_inner->C_Logout(c->inner);
		s->logged_out = true;
	}
	return CKR_USER_NOT_LOGGED_IN;
}

void key_operated(struct call *c, bool size)
{
	struct session *s = c->session;

	if (s == NULL)
		return;
	if (size && !s->logs_out)
		return;
	if (s->uses_up)
		atomic_store(&login_unused, false);
	s->authenticated = false;
	s->must_authenticate = size;
}

/* One attribute as the rule wants it. */
static void change(CK_ATTRIBUTE *a, const struct rule *r)
{
	bool told = r->how == PROXY_AUTHENTICATE_PLAIN || r->how == PROXY_AUTHENTICATE_OPENSC;

	if (a->pValue == NULL || a->ulValueLen != sizeof(CK_BBOOL))
		return;
	if (a->type == CKA_ALWAYS_AUTHENTICATE && r->how != PROXY_AUTHENTICATE_NO)
		*(CK_BBOOL *)a->pValue = told ? CK_TRUE : CK_FALSE;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && r->limited; i++)
		if (a->type == flags[i].type)
			*(CK_BBOOL *)a->pValue = (r->usage & flags[i].usage) != 0;
}

CK_RV key_attributes(
    const struct call *c, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count, CK_RV rv)
{
	struct rule r = rule_of(c, object);

	if (rv != CKR_OK && rv != CKR_ATTRIBUTE_TYPE_INVALID && rv != CKR_ATTRIBUTE_SENSITIVE)
		return rv;
	for (CK_ULONG i = 0; i < count; i++)
		change(&template[i], &r);
	return rv;
}

void key_reset(void)
{
	pthread_mutex_lock(&lock);
	rule_count = hidden_count = 0;
	pthread_mutex_unlock(&lock);
	key_derive_point(PROXY_POINT_INNER);
}

void key_derive_point(enum proxy_point point)
{
	atomic_store(&point_form, (int)point);
}

void key_hide_mechanism(CK_MECHANISM_TYPE type)
{
	pthread_mutex_lock(&lock);
	if (hidden_count == HIDDEN)
		abort();
	hidden[hidden_count++] = type;
	pthread_mutex_unlock(&lock);
}

void key_limit(unsigned char id, unsigned usage)
{
	struct rule *r;

	pthread_mutex_lock(&lock);
	r = own_rule(id);
	r->limited = true;
	r->usage = usage;
	pthread_mutex_unlock(&lock);
}

void key_authenticate(unsigned char id, enum proxy_authenticate how)
{
	pthread_mutex_lock(&lock);
	own_rule(id)->how = how;
	pthread_mutex_unlock(&lock);
}
