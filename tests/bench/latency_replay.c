#include "latency_replay.h"

#include <pthread.h>
#include <string.h>

/* An answer that was given before. */
struct answer {
	bool decrypt;
	unsigned char of[LATENCY_OF];
	CK_MECHANISM_TYPE mechanism;
	CK_OBJECT_HANDLE key;
	CK_ULONG len;
	unsigned char octets[1024];
};

static struct answer answers[8];
static size_t answer_count;

#define SECRET_HANDLE ((CK_OBJECT_HANDLE)1 << 62) /* no token counts its objects so far */

static struct latency_secret secrets[8];
static size_t secret_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* With the lock held: what was answered then, into room octets. */
static const struct answer *answer_to(const struct latency_started *s, CK_ULONG room)
{
	for (size_t i = 0; i < answer_count; i++) {
		const struct answer *a = &answers[i];

		if (a->decrypt == s->decrypt && a->mechanism == s->mechanism.mechanism &&
		    a->key == s->key && a->len <= room && memcmp(a->of, s->of, sizeof(a->of)) == 0)
			return a;
	}
	return NULL;
}

bool latency_replayed(const struct latency_started *s, CK_BYTE *out, CK_ULONG *out_len)
{
	const struct answer *a;

	pthread_mutex_lock(&lock);
	a = answer_to(s, *out_len);
	if (a != NULL) {
		memcpy(out, a->octets, a->len);
		*out_len = a->len;
	}
	pthread_mutex_unlock(&lock);
	return a != NULL;
}

/* Many threads may have asked for the first time at once: one answer is enough. */
void latency_remember(const struct latency_started *s, const CK_BYTE *out, CK_ULONG out_len)
{
	pthread_mutex_lock(&lock);
	if (answer_count < sizeof(answers) / sizeof(*answers) &&
	    out_len <= sizeof(answers->octets) && answer_to(s, out_len) == NULL) {
		struct answer *a = &answers[answer_count++];

		a->decrypt = s->decrypt;
		memcpy(a->of, s->of, sizeof(a->of));
		a->mechanism = s->mechanism.mechanism;
		a->key = s->key;
		a->len = out_len;
		memcpy(a->octets, out, out_len);
	}
	pthread_mutex_unlock(&lock);
}

/* With the lock held: which one was derived with base; secret_count where none was. */
static size_t secret_of(CK_OBJECT_HANDLE base)
{
	size_t i = 0;

	while (i < secret_count && secrets[i].base != base)
		i++;
	return i;
}

bool latency_replayed_secret(CK_OBJECT_HANDLE base, CK_OBJECT_HANDLE *object)
{
	size_t i;
	bool found;

	pthread_mutex_lock(&lock);
	i = secret_of(base);
	found = i < secret_count;
	if (found)
		*object = SECRET_HANDLE + i;
	pthread_mutex_unlock(&lock);
	return found;
}

/* What was remembered does not change any more. */
const struct latency_secret *latency_secret(CK_OBJECT_HANDLE object)
{
	return object >= SECRET_HANDLE ? &secrets[object - SECRET_HANDLE] : NULL;
}

void latency_remember_secret(const struct latency_secret *s)
{
	pthread_mutex_lock(&lock);
	if (secret_count < sizeof(secrets) / sizeof(*secrets) && secret_of(s->base) == secret_count)
		secrets[secret_count++] = *s;
	pthread_mutex_unlock(&lock);
}
