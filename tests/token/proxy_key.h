/* proxy_key: what keys may do, which of them ask for a login each time, and mechanisms that are not there. */
#ifndef TESTS_TOKEN_PROXY_KEY_H
#define TESTS_TOKEN_PROXY_KEY_H

#include "proxy_session.h"

/* key_begin(c, mechanism, key, usage): an operation begins with that key of the inner module: CKR_OK or why not. */
CK_RV key_begin(
    struct call *c, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, enum proxy_usage usage);

/* key_mechanism(type): CKR_MECHANISM_INVALID where it is hidden. */
CK_RV key_mechanism(CK_MECHANISM_TYPE type);

/* key_mechanisms(slot, list, count): C_GetMechanismList without what is hidden. */
CK_RV key_mechanisms(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count);

/*
 * key_operate(c): C_Sign, C_Decrypt or C_UnwrapKey is called: CKR_OK, or CKR_USER_NOT_LOGGED_IN where the
 * key asks for a login first; then the inner module's operation has to be ended.
 */
CK_RV key_operate(struct call *c);

/* key_operated(c, size): it was done; size: it was a question for the size. */
void key_operated(struct call *c, bool size);

/* key_point(mechanism): C_DeriveKey's: CKR_MECHANISM_PARAM_INVALID where its point has the wrong form. */
CK_RV key_point(const CK_MECHANISM *mechanism);

/* key_attributes(c, object, template, count, rv): what is read of an object of the inner module; what rv becomes. */
CK_RV key_attributes(const struct call *c, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_RV rv);

/* key_logged_in(): the user logged in. */
void key_logged_in(void);

void key_reset(void);

/* Of struct proxy. */
void key_hide_mechanism(CK_MECHANISM_TYPE type);
void key_limit(unsigned char id, unsigned usage);
void key_derive_point(enum proxy_point point);
void key_authenticate(unsigned char id, enum proxy_authenticate how);

#endif
