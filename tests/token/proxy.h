/*
 * proxy: a PKCS#11 module that passes every call on to another one ($PROXY_INNER,
 * else SoftHSM), counts it by name, and sabotages what a test tells it to, by the
 * functions below, which a test reaches by softtoken_proxy, or by a control file
 * (proxy_control.h), by which a test steers it in another process.
 */
#ifndef TESTS_TOKEN_PROXY_H
#define TESTS_TOKEN_PROXY_H

#include <p11-kit/pkcs11.h>

typedef void (*proxy_hook)(void *arg);

/* Asked at each call, on the thread that calls: what is not CKR_OK is given and not passed on. */
typedef CK_RV (*proxy_judge)(const char *name, void *arg);

/* What C_WaitForSlotEvent does. */
enum proxy_events {
	PROXY_EVENTS_INNER,
	PROXY_EVENTS_WORK,
	PROXY_EVENTS_UNSUPPORTED,
	PROXY_EVENTS_ENDLESS /* there was one, whenever it is asked */
};

/* What a key may be used for. */
enum proxy_usage { PROXY_SIGN = 1, PROXY_DECRYPT = 2, PROXY_UNWRAP = 4, PROXY_DERIVE = 8 };

/* How a key asks for a login of its own at C_Sign, C_Decrypt and C_UnwrapKey. */
enum proxy_authenticate {
	PROXY_AUTHENTICATE_NO,
	/* As PKCS#11 says: CKR_USER_NOT_LOGGED_IN without it, and the operation is over. */
	PROXY_AUTHENTICATE_PLAIN,
	/*
	 * OpenSC: an operation without it logs the whole slot out, and the login then gives
	 * CKR_OPERATION_NOT_INITIALIZED; a question for the size is an operation.
	 */
	PROXY_AUTHENTICATE_OPENSC,
	/* The same, and CKA_ALWAYS_AUTHENTICATE does not tell: the user's login serves once. */
	PROXY_AUTHENTICATE_UNTOLD
};

/* What becomes of a ciphertext with bad padding. */
struct proxy_padding {
	CK_RV rv;   /* the answer; CKR_OK: random octets, for C_UnwrapKey a random key */
	long len;   /* with CKR_OK: so many of them; negative: 0 to modulus - 11, at random */
	int active; /* the operation stays active: the session takes no other any more */
};

/* Which form of the other side's point C_DeriveKey takes; it refuses the other one. */
enum proxy_point { PROXY_POINT_INNER, PROXY_POINT_BARE, PROXY_POINT_DER };

/* What C_Decrypt does with room for less than the modulus. */
enum proxy_room {
	PROXY_ROOM_INNER,
	PROXY_ROOM_REFUSE,      /* CKR_BUFFER_TOO_SMALL, with the length that is needed */
	PROXY_ROOM_REFUSE_ECHO, /* the same, with the caller's own length: OpenSC */
	PROXY_ROOM_TRUNCATE     /* CKR_OK, and what fits: NSS */
};

/* What C_UnwrapKey thinks of CKA_VALUE_LEN. */
enum proxy_length { PROXY_LENGTH_INNER, PROXY_LENGTH_READ_ONLY, PROXY_LENGTH_REQUIRED };

struct proxy {
	/* Calls of the function with that name ("C_Sign") since the last reset. */
	unsigned long (*count)(const char *name);
	/* Calls that a token behind a network would have to answer. */
	unsigned long (*round_trips)(void);
	/* Counts, limits, lies, hooks and failures back to none. */
	void (*reset)(void);
	/* C_OpenSession gives CKR_SESSION_COUNT beyond that many; 0: no limit. */
	void (*limit_sessions)(unsigned long sessions);
	/* C_GetTokenInfo gives that many as ulMaxSessionCount; 0: the token's own. */
	void (*report_sessions)(unsigned long sessions);
	/* The same for ulSessionCount: how many are open. */
	void (*report_open)(unsigned long sessions);
	/* After skip more calls of name, the next times calls give rv and are not passed on. */
	void (*refuse)(const char *name, CK_RV rv, unsigned long skip, unsigned long times);
	/* The next times calls of name that succeed say that this is the length of what they gave. */
	void (*lie)(const char *name, CK_ULONG len, unsigned long times);
	/* How many such lies were told since the last reset. */
	unsigned long (*lies)(void);
	/* After skip more calls of C_Decrypt that succeed the next times give random octets instead. */
	void (*garble)(unsigned long skip, unsigned long times);
	/* Each call of name calls hook(arg) before it is refused or passed on; NULL: none. */
	void (*hook)(const char *name, proxy_hook hook, void *arg);
	/* C_GetTokenInfo: these flags are set beside the token's own. */
	void (*set_flags)(CK_FLAGS flags);
	/* Where the PIN of the last C_Login was in memory. */
	const unsigned char *(*pin)(void);
	/* C_Initialize gives CKR_CANT_LOCK where locking is asked for; overlaps counts calls side by side. */
	void (*cant_lock)(int on);
	unsigned long (*overlaps)(void);
	/* A C_Decrypt that is refused leaves its operation active, as with tpm2-pkcs11, and does not end it. */
	void (*keep_failed)(int on);
	/*
	 * What C_Decrypt gives, octets and length, is nothing that a branch or an address may depend on:
	 * under valgrind's memcheck it counts as undefined. Without valgrind nothing changes.
	 */
	void (*poison)(int on);
	/* Octets of the longest ciphertext that C_Decrypt was given. */
	unsigned long (*longest)(void);
	/* C_GetSlotList shows no slot at all, as without a reader. */
	void (*hide_slots)(int on);

	/* Each call of name (NULL: of any) takes that much longer. */
	void (*delay)(const char *name, unsigned long microseconds);
	void (*judge)(proxy_judge judge, void *arg);
	/*
	 * What is planned by name (refuse, hook, delay, judge, hang, lose_at, bring_back_at) is not for
	 * calls with a session of any other token than the one with that label; NULL: it is for all.
	 */
	void (*only)(const char *label);

	/* After skip more calls of name the next one hangs until release, and is then passed on. */
	void (*hang)(const char *name, unsigned long skip);
	void (*release)(void);
	/* Returns once at least that many calls hang. */
	void (*await_hanging)(unsigned long calls);

	/*
	 * The token with that label (NULL: all) is pulled out, and put in again. Sessions and object
	 * handles of before are void for good, new ones have other numbers, nobody is logged in.
	 * Before C_Initialize it goes there; one that is nowhere aborts.
	 */
	void (*lose)(const char *label);
	void (*bring_back)(void);
	/* The same at a call of name, once skip more were made: all tokens. */
	void (*lose_at)(const char *name, unsigned long skip);
	void (*bring_back_at)(const char *name, unsigned long skip);
	/*
	 * All tokens were pulled out and are in again, which as with OpenSC does not show before
	 * C_GetSlotList: sessions live on and new ones are opened, but what needs the card is refused.
	 */
	void (*change_cards)(void);
	/* What the first call with a session of before gets, instead of CKR_DEVICE_REMOVED. */
	void (*removal)(CK_RV rv);
	/* C_GetTokenInfo succeeds once though the token is gone, with what it said before. */
	void (*stale_info)(int on);
	void (*slot_events)(enum proxy_events how);
	/*
	 * A token that is lost from here on goes with its reader: no list has its slot. Once it is back
	 * C_WaitForSlotEvent tells of it, and lists have it again after one call that asks for their length.
	 */
	void (*lose_readers)(int on);

	/* The token does not know the mechanism: not in the list, and every Init refuses. */
	void (*hide_mechanism)(CK_MECHANISM_TYPE type);
	/* Each token shows in a second slot too. */
	void (*twin_slots)(int on);
	/* Every token says that this is its label; NULL: its own. */
	void (*relabel)(const char *label);
	/* So many more private keys, found by searches that name no ID or label. */
	void (*extra_keys)(unsigned long keys);

	/* The private keys with that CKA_ID of one octet (0: all) may do only that (proxy_usage). */
	void (*limit_key)(unsigned char id, unsigned usage);
	void (*authenticate)(unsigned char id, enum proxy_authenticate how);

	void (*derive_point)(enum proxy_point point);

	/*
	 * A pin pad, and what the person at it does at the next calls: types a PIN, or NULL:
	 * cancels. C_SetPIN takes two, the old and the new one. The last one is repeated. A PIN that
	 * goes with a call is refused.
	 */
	void (*pad)(const char *const *answers, size_t count);
	/*
	 * So many wrong user PINs in a row lock, until C_InitPIN; 0: the token's own way. flags 0:
	 * no CKF_USER_PIN_* tells. $PROXY_TRIES names a file for the count, for all processes.
	 */
	void (*pin_tries)(unsigned long tries, int flags);
	/* What C_Login gives for a wrong PIN; CKR_OK: CKR_PIN_INCORRECT. */
	void (*wrong_pin)(CK_RV rv);
	/* CKF_USER_PIN_TO_BE_CHANGED, and operations get CKR_PIN_EXPIRED, until C_SetPIN. */
	void (*change_pin)(int on);
	/* Wrong PINs since the last reset, and how many of them had been refused before. */
	unsigned long (*wrong_pins)(void);
	unsigned long (*repeated_pins)(void);

	/* NULL: the token's own way. */
	void (*bad_padding)(const struct proxy_padding *padding);
	void (*room)(enum proxy_room room);
	void (*unwrap_length)(enum proxy_length length);
	/* What C_UnwrapKey makes can't be read, whatever its template says. */
	void (*unwrap_sensitive)(int on);

	/* Sessions that are open now. */
	unsigned long (*sessions)(void);
};

/* The symbol of the module that gives the struct. */
#define PROXY_SYMBOL "proxy_control"
typedef const struct proxy *(*proxy_control_function)(void);

#endif
