/*
 * cryptoki: every call into a PKCS#11 module that hsmime makes by the module's
 * own function list. One function per call: the caller's module, then the
 * arguments of PKCS#11 v2.40 section 5. A module that can't lock gets one call at a
 * time. Nothing is retried or judged here; the CK_RV comes back as it is.
 */
#ifndef ENGINE_CRYPTOKI_H
#define ENGINE_CRYPTOKI_H

#include <stdatomic.h>

#include <p11-kit/pkcs11.h>

struct module;

CK_RV cryptoki_slots(struct module *m, CK_SLOT_ID *list, CK_ULONG *count);
CK_RV cryptoki_slot_info(struct module *m, CK_SLOT_ID slot, CK_SLOT_INFO *info);
CK_RV cryptoki_token_info(struct module *m, CK_SLOT_ID slot, CK_TOKEN_INFO *info);

/* A read-only serial session. */
CK_RV cryptoki_open(struct module *m, CK_SLOT_ID slot, CK_SESSION_HANDLE *session);
CK_RV cryptoki_close(struct module *m, CK_SESSION_HANDLE session);
CK_RV cryptoki_session_info(struct module *m, CK_SESSION_HANDLE session, CK_SESSION_INFO *info);

/*
 * pin NULL: the token asks by itself (CKF_PROTECTED_AUTHENTICATION_PATH). *answer (NULL: nobody
 * wants it) becomes what is returned as soon as it is known: of a call that was given up
 * (engine/watch.h) too, which does not return. The same goes for the others that have an answer.
 */
CK_RV cryptoki_login(struct module *m, CK_SESSION_HANDLE session, CK_USER_TYPE user,
    const unsigned char *pin, CK_ULONG len, atomic_ulong *answer);

CK_RV cryptoki_find_init(
    struct module *m, CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count);
CK_RV cryptoki_find(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects,
    CK_ULONG room, CK_ULONG *count);
CK_RV cryptoki_find_final(struct module *m, CK_SESSION_HANDLE session);
CK_RV cryptoki_attributes(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *attributes, CK_ULONG count);
CK_RV cryptoki_copy(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *copy);
CK_RV cryptoki_destroy(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);

CK_RV cryptoki_sign_init(
    struct module *m, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV cryptoki_sign(struct module *m, CK_SESSION_HANDLE session, const unsigned char *data,
    CK_ULONG len, unsigned char *signature, CK_ULONG *signature_len);
CK_RV cryptoki_decrypt_init(
    struct module *m, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV cryptoki_decrypt(struct module *m, CK_SESSION_HANDLE session, const unsigned char *data,
    CK_ULONG len, unsigned char *out, CK_ULONG *out_len);
CK_RV cryptoki_derive(struct module *m, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *derived);

/* Not every module has these; one that lacks them gives CKR_FUNCTION_NOT_SUPPORTED. */
CK_RV cryptoki_info(struct module *m, CK_INFO *info);
/* As cryptoki_slots, with those that are empty. */
CK_RV cryptoki_all_slots(struct module *m, CK_SLOT_ID *list, CK_ULONG *count);
CK_RV cryptoki_wait_slot(struct module *m, CK_FLAGS flags, CK_SLOT_ID *slot);
CK_RV cryptoki_mechanisms(
    struct module *m, CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count);
CK_RV cryptoki_mechanism_info(
    struct module *m, CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info);
CK_RV cryptoki_init_token(struct module *m, CK_SLOT_ID slot, const unsigned char *so_pin,
    CK_ULONG len, const unsigned char *label, atomic_ulong *answer);
CK_RV cryptoki_open_rw(struct module *m, CK_SLOT_ID slot, CK_SESSION_HANDLE *session);
CK_RV cryptoki_logout(struct module *m, CK_SESSION_HANDLE session);
CK_RV cryptoki_init_pin(
    struct module *m, CK_SESSION_HANDLE session, const unsigned char *pin, CK_ULONG len);
CK_RV cryptoki_set_pin(struct module *m, CK_SESSION_HANDLE session, const unsigned char *old_pin,
    CK_ULONG old_len, const unsigned char *new_pin, CK_ULONG new_len, atomic_ulong *answer);
CK_RV cryptoki_create(struct module *m, CK_SESSION_HANDLE session, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_OBJECT_HANDLE *object);
CK_RV cryptoki_unwrap(struct module *m, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, const unsigned char *wrapped, CK_ULONG len, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_OBJECT_HANDLE *unwrapped);
CK_RV cryptoki_decrypt_update(struct module *m, CK_SESSION_HANDLE session,
    const unsigned char *data, CK_ULONG len, unsigned char *out, CK_ULONG *out_len);
CK_RV cryptoki_decrypt_final(
    struct module *m, CK_SESSION_HANDLE session, unsigned char *out, CK_ULONG *out_len);

#endif
