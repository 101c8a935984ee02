#include "proxy_output.h"
#include "proxy_padding.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_UNDEFINED(address, len) ((void)(address), (void)(len))
#endif

#define MODULUS_MAX 2048
#define TEMPLATE_MAX 32

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct proxy_padding padding; /* under the lock, with: */
static bool padding_set;
static atomic_int room;          /* enum proxy_room */
static atomic_int unwrap_length; /* enum proxy_length */
static atomic_int unwrap_sensitive;
static atomic_int poison;
static atomic_ulong longest;
static struct {
	unsigned long skip, times;
} garble; /* under the lock */

/* Whether somebody told what is to become of bad padding. */
static bool is_told(struct proxy_padding *p)
{
	bool told;

	pthread_mutex_lock(&lock);
	told = padding_set;
	*p = padding;
	pthread_mutex_unlock(&lock);
	return told;
}

static bool is_refusal(CK_RV rv)
{
	return rv == CKR_GENERAL_ERROR || rv == CKR_ENCRYPTED_DATA_INVALID ||
	       rv == CKR_FUNCTION_FAILED || rv == CKR_WRAPPED_KEY_INVALID;
}

/* The inner module does not like the padding of that ciphertext, whatever it said (rv). */
static bool is_bad_padding(
    struct call *c, CK_RV rv, const struct output_wrapped *w, struct proxy_padding *p)
{
	if (!is_told(p) ||
	    !(is_refusal(rv) || (w->mechanism->mechanism == CKM_RSA_PKCS &&
				    padding_is_bad(c->inner, w->key, w->data, w->len))))
		return false;
	if (p->active && c->session != NULL)
		c->session->stuck = true;
	return true;
}

static CK_ULONG random_below(CK_ULONG limit)
{
	CK_ULONG n = 0;

	while (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
		;
	return limit > 0 ? n % limit : 0;
}

static void random_octets(unsigned char *out, CK_ULONG len)
{
	while (len > 0) {
		ssize_t n = getrandom(out, len, 0);

		if (n > 0) {
			out += n;
			len -= (CK_ULONG)n;
		}
	}
}

static CK_ULONG random_length(const struct proxy_padding *p, CK_ULONG modulus)
{
	if (p->len >= 0)
		return (CK_ULONG)p->len < MODULUS_MAX ? (CK_ULONG)p->len : MODULUS_MAX;
	return random_below(modulus > 10 ? modulus - 10 : 1);
}

/* From all that was decrypted to where the caller wants it. */
static CK_RV hand_over(const struct output *o, const unsigned char *all, CK_ULONG len)
{
	CK_ULONG fits = *o->out_len;

	if (len > fits && atomic_load(&room) != PROXY_ROOM_TRUNCATE) {
		*o->out_len = len;
		return CKR_BUFFER_TOO_SMALL;
	}
	fits = len < fits ? len : fits;
	memcpy(o->out, all, fits);
	*o->out_len = fits;
	return CKR_OK;
}

void output_seen(CK_ULONG len)
{
	if (len > atomic_load(&longest))
		atomic_store(&longest, len);
}

static CK_RV decrypt(struct call *c, const struct output *o)
{
	unsigned char all[MODULUS_MAX];
	CK_ULONG len = sizeof(all);
	CK_MECHANISM mechanism = { .mechanism = c->session != NULL ? c->session->mechanism : 0 };
	const struct output_wrapped of = { .mechanism = &mechanism,
		.key = c->session != NULL ? c->session->key : 0,
		.data = o->data,
		.len = o->len };
	const CK_ULONG fits = o->out_len != NULL ? *o->out_len : 0;
	struct proxy_padding p;
	int how = atomic_load(&room);
	CK_RV rv;

	if (o->out == NULL || o->out_len == NULL || o->len > sizeof(all))
		return proxy_inner->C_Decrypt(c->inner, o->data, o->len, o->out, o->out_len);
	if (*o->out_len < o->len && (how == PROXY_ROOM_REFUSE || how == PROXY_ROOM_REFUSE_ECHO)) {
		*o->out_len = how == PROXY_ROOM_REFUSE ? o->len : *o->out_len;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (how == PROXY_ROOM_INNER)
		rv = proxy_inner->C_Decrypt(c->inner, o->data, o->len, o->out, o->out_len);
	else
		rv = proxy_inner->C_Decrypt(c->inner, o->data, o->len, all, &len);
	if (is_bad_padding(c, rv, &of, &p)) {
		if (p.rv != CKR_OK)
			return p.rv;
		len = random_length(&p, o->len);
		random_octets(all, len);
		*o->out_len =
		    fits; /* where the inner module gives random octets too, it has set that */
		return hand_over(o, all, len);
	}
	return rv == CKR_OK && how != PROXY_ROOM_INNER ? hand_over(o, all, len) : rv;
}

static bool is_garbled(void)
{
	bool now;

	pthread_mutex_lock(&lock);
	now = garble.skip == 0 && garble.times > 0;
	if (now)
		garble.times--;
	else if (garble.skip > 0)
		garble.skip--;
	pthread_mutex_unlock(&lock);
	return now;
}

CK_RV output_decrypt(struct call *c, const struct output *o)
{
	const CK_ULONG fits = o->out_len != NULL ? *o->out_len : 0;
	CK_RV rv = decrypt(c, o);

	if (rv == CKR_OK && o->out != NULL && is_garbled())
		random_octets(o->out, *o->out_len);
	if (atomic_load(&poison) && o->out != NULL) {
		VALGRIND_MAKE_MEM_UNDEFINED(o->out, fits);
		VALGRIND_MAKE_MEM_UNDEFINED(o->out_len, sizeof(*o->out_len));
	}
	return rv;
}

void output_end(struct call *c, const struct output *o, bool decrypts)
{
	unsigned char out[MODULUS_MAX];
	CK_ULONG len = sizeof(out);

	if (decrypts)
		proxy_inner->C_Decrypt(c->inner, o->data, o->len, out, &len);
	else
		proxy_inner->C_Sign(c->inner, o->data, o->len, out, &len);
}

/* A template of our own making. */
struct changed {
	CK_ATTRIBUTE items[TEMPLATE_MAX];
	CK_ULONG count;
	bool has_length;
	CK_ULONG length;
};

/* Without CKA_VALUE_LEN, which SoftHSM does not take, and what makes a key readable. */
static void change_template(struct changed *n, const struct output_wrapped *w)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	bool sensitive = atomic_load(&unwrap_sensitive) != 0;

	*n = (struct changed){ .count = 0 };
	for (CK_ULONG i = 0; i < w->count && n->count + 2 < TEMPLATE_MAX; i++) {
		const CK_ATTRIBUTE *a = &w->template[i];

		if (a->type == CKA_VALUE_LEN && a->ulValueLen == sizeof(n->length)) {
			n->has_length = true;
			memcpy(&n->length, a->pValue, sizeof(n->length));
		} else if (!sensitive || (a->type != CKA_SENSITIVE && a->type != CKA_EXTRACTABLE)) {
			n->items[n->count++] = *a;
		}
	}
	if (!sensitive)
		return;
	n->items[n->count++] = (CK_ATTRIBUTE){ CKA_SENSITIVE, &yes, sizeof(yes) };
	n->items[n->count++] = (CK_ATTRIBUTE){ CKA_EXTRACTABLE, &no, sizeof(no) };
}

/* SoftHSM of OpenSSL 3.2 and later unwraps garbage from garbage. */
static CK_RV make_random_key(
    struct call *c, struct changed *n, const struct proxy_padding *p, CK_OBJECT_HANDLE *made)
{
	unsigned char value[64];
	CK_ULONG len = p->len >= 0 ? (CK_ULONG)p->len : random_below(sizeof(value)) + 1;

	len = len < sizeof(value) ? len : sizeof(value);
	random_octets(value, len);
	if (n->count == TEMPLATE_MAX)
		return CKR_TEMPLATE_INCONSISTENT;
	n->items[n->count++] = (CK_ATTRIBUTE){ CKA_VALUE, value, len };
	return proxy_inner->C_CreateObject(c->inner, n->items, n->count, made);
}

CK_RV output_unwrap(struct call *c, const struct output_wrapped *w, CK_OBJECT_HANDLE *made)
{
	int how = atomic_load(&unwrap_length);
	struct changed n;
	struct proxy_padding p;
	CK_ATTRIBUTE *template = w->template;
	CK_ULONG count = w->count;
	CK_RV rv;

	change_template(&n, w);
	if (how == PROXY_LENGTH_READ_ONLY && n.has_length)
		return CKR_ATTRIBUTE_READ_ONLY;
	if (how == PROXY_LENGTH_REQUIRED && !n.has_length)
		return CKR_TEMPLATE_INCOMPLETE;
	if (how == PROXY_LENGTH_REQUIRED || atomic_load(&unwrap_sensitive) != 0) {
		template = n.items;
		count = n.count;
	}
	rv = proxy_inner->C_UnwrapKey(
	    c->inner, w->mechanism, w->key, w->data, w->len, template, count, made);
	if (!is_bad_padding(c, rv, w, &p))
		return rv;
	if (rv == CKR_OK)
		proxy_inner->C_DestroyObject(c->inner, *made);
	return p.rv == CKR_OK ? make_random_key(c, &n, &p, made) : p.rv;
}

void output_reset(void)
{
	output_garble(0, 0);
	output_bad_padding(NULL);
	output_poison(0);
	output_room(PROXY_ROOM_INNER);
	output_unwrap_length(PROXY_LENGTH_INNER);
	output_unwrap_sensitive(0);
	atomic_store(&longest, 0);
}

unsigned long output_longest(void)
{
	return atomic_load(&longest);
}

void output_garble(unsigned long skip, unsigned long times)
{
	pthread_mutex_lock(&lock);
	garble.skip = skip;
	garble.times = times;
	pthread_mutex_unlock(&lock);
}

void output_bad_padding(const struct proxy_padding *p)
{
	pthread_mutex_lock(&lock);
	padding_set = p != NULL;
	padding = p != NULL ? *p : (struct proxy_padding){ 0 };
	pthread_mutex_unlock(&lock);
}

void output_poison(int on)
{
	atomic_store(&poison, on);
}

void output_room(enum proxy_room how)
{
	atomic_store(&room, (int)how);
}

void output_unwrap_length(enum proxy_length how)
{
	atomic_store(&unwrap_length, (int)how);
}

void output_unwrap_sensitive(int on)
{
	atomic_store(&unwrap_sensitive, on);
}
