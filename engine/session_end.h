/*
 * session_end: how sessions end, dropped one by one or with their whole generation; session.h
 * has the functions for who used them. Here is what the pool needs of it.
 */
#ifndef ENGINE_SESSION_END_H
#define ENGINE_SESSION_END_H

#include <p11-kit/pkcs11.h>

struct session_pool;
struct token;

/* session_stale_closed(pool): with its lock held: a session of a generation that is over was closed. */
void session_stale_closed(struct session_pool *pool);

/* session_close_stale(t, session): close a session of a generation that is over. Without the lock. */
void session_close_stale(struct token *t, CK_SESSION_HANDLE session);

#endif
