/*
 * latency_replay: answers that a key gave before, which are given again, so that the token
 * computes nothing: it is the wait that is measured, and not the machine's processor.
 */
#ifndef BENCH_LATENCY_REPLAY_H
#define BENCH_LATENCY_REPLAY_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#define LATENCY_OF 32

/* What an Init call said. */
struct latency_started {
	bool decrypt;
	unsigned char of[LATENCY_OF]; /* of a decryption: how what is decrypted begins */
	CK_MECHANISM mechanism;
	CK_OBJECT_HANDLE key;
};

/* latency_replayed(s, out, out_len): whether there is an answer that fits into *out_len octets; then it is given. */
bool latency_replayed(const struct latency_started *s, CK_BYTE *out, CK_ULONG *out_len);

/* latency_remember(s, out, out_len): an answer, for later; the first few and short ones are kept. */
void latency_remember(const struct latency_started *s, const CK_BYTE *out, CK_ULONG out_len);

/*
 * A secret that was derived with a key, as an object that there is not: latency_replayed_secret(base, object)
 * says whether there is one, and latency_secret(object) which octets it has, NULL for any other object.
 */
struct latency_secret {
	CK_OBJECT_HANDLE base;
	CK_ULONG len;
	unsigned char octets[128];
};

bool latency_replayed_secret(CK_OBJECT_HANDLE base, CK_OBJECT_HANDLE *object);
const struct latency_secret *latency_secret(CK_OBJECT_HANDLE object);

/* latency_remember_secret(s): for later; the first few are kept. */
void latency_remember_secret(const struct latency_secret *s);

#endif
