/*
 * latency_replay: answers that a key gave before, which are given again, so that the token
 * computes nothing: it is the wait that is measured, and not the machine's processor.
 */
#ifndef BENCH_LATENCY_REPLAY_H
#define BENCH_LATENCY_REPLAY_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

/* What an Init call said. */
struct latency_started {
	bool decrypt;
	CK_MECHANISM mechanism;
	CK_OBJECT_HANDLE key;
};

/* latency_replayed(s, out, out_len): whether there is an answer that fits into *out_len octets; then it is given. */
bool latency_replayed(const struct latency_started *s, CK_BYTE *out, CK_ULONG *out_len);

/* latency_remember(s, out, out_len): an answer, for later; the first few and short ones are kept. */
void latency_remember(const struct latency_started *s, const CK_BYTE *out, CK_ULONG out_len);

#endif
