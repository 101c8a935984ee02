/*
 * chaos: random faults in the calls of the threads that ask for them, and what an
 * operation that met them may end with.
 */
#ifndef TESTS_TOKEN_CHAOS_H
#define TESTS_TOKEN_CHAOS_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy.h"

/* One operation of one thread. */
struct chaos_operation {
	bool decrypts;
	unsigned faults;   /* that its calls were refused with */
	bool in_decrypt;   /* one of them in C_Decrypt */
	unsigned statuses; /* that they may become, bits 1 << -status */
	CK_RV last;        /* for the report */
	const char *last_name;
	unsigned long befallen, lies; /* private: what there was before it */
	bool away;
};

/*
 * chaos_begin(proxy, f, slot): faults from now on, for that token. chaos_end(): no more, the proxy is as
 * new; only PINs are still looked after, until its next reset.
 */
void chaos_begin(const struct proxy *proxy, CK_FUNCTION_LIST *f, CK_SLOT_ID slot);
void chaos_end(void);

/* chaos_thread(seed, number): this thread draws its own lot from the seed. */
void chaos_thread(uint64_t seed, unsigned number);

/* chaos_random(n): 0 to n - 1, of this thread. */
unsigned chaos_random(unsigned n);

/*
 * chaos_enter(o), chaos_leave(): what this thread calls in between is o, in whatever thread the library
 * makes its calls (zone_caller of engine/zone.h says for whom).
 */
void chaos_enter(struct chaos_operation *o);
void chaos_leave(void);

/* chaos_may_end(o, status): whether o may end so. */
bool chaos_may_end(const struct chaos_operation *o, int status);

/*
 * chaos_disturbed(o): something befell all threads since o began: the token went, or came back, its user
 * was logged out, its sessions became fewer, a length was wrong.
 */
bool chaos_disturbed(const struct chaos_operation *o);

/* chaos_pin_refused(): a login got a code that may mean that the PIN was wrong. */
bool chaos_pin_refused(void);

/* chaos_sent_twice(): logins with the PIN after it was refused. */
unsigned long chaos_sent_twice(void);

/* chaos_report(out): how much of what there was. */
void chaos_report(void);

#endif
