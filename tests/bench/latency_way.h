/*
 * latency_way: how far away the token is. Every call that goes there is counted, and waits.
 * The variables are those that latency.c names.
 */
#ifndef BENCH_LATENCY_WAY_H
#define BENCH_LATENCY_WAY_H

enum latency_call {
	CALL_SLOT_LIST,
	CALL_SLOT_INFO,
	CALL_TOKEN_INFO,
	CALL_MECHANISM_LIST,
	CALL_MECHANISM_INFO,
	CALL_OPEN_SESSION,
	CALL_CLOSE_SESSION,
	CALL_CLOSE_ALL,
	CALL_SESSION_INFO,
	CALL_LOGIN,
	CALL_LOGOUT,
	CALL_CREATE,
	CALL_COPY,
	CALL_DESTROY,
	CALL_GET_ATTRIBUTES,
	CALL_FIND_INIT,
	CALL_FIND,
	CALL_SIGN_INIT,
	CALL_SIGN,
	CALL_DECRYPT_INIT,
	CALL_DECRYPT,
	CALL_DERIVE,
	CALL_UNWRAP,
	CALL_RANDOM,
	CALLS
};

/* latency_start(): reads the variables, and opens the file of counts. Before any other call. */
void latency_start(void);

/* latency_trip(call): there and back. latency_crypto_trip(call): the same for what the token computes. */
void latency_trip(enum latency_call call);
void latency_crypto_trip(enum latency_call call);

/* latency_number(name): a variable's number, 0 where it is not set. */
long latency_number(const char *name);

#endif
