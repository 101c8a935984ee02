/*
 * object: objects on a token: found by template, read in one call.
 */
#ifndef ENGINE_OBJECT_H
#define ENGINE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>

struct module;

#define OBJECT_ATTRIBUTES 14

/* An object and what was read of it. All zero is empty; free with object_free. */
struct object {
	CK_OBJECT_HANDLE handle;
	CK_ATTRIBUTE attributes[OBJECT_ATTRIBUTES]; /* private */
	size_t count;
	unsigned char *memory;
};

/* An attribute to read, and how large it usually is at most. */
struct object_want {
	CK_ATTRIBUTE_TYPE type;
	size_t room;
};

/*
 * object_find_all(handles, count, m, session, template, template_len):
 * The objects that fit the template, in new memory (free with free; NULL where there are none).
 * As many C_FindObjects as full answers need.
 */
CK_RV object_find_all(CK_OBJECT_HANDLE **handles, size_t *count, struct module *m,
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, size_t template_len);

/*
 * object_read(o, m, session, handle, want, count):
 * Read attributes, in one call unless one is larger than its room. Those that
 * the object lacks or keeps secret are absent. o is empty after a failure.
 */
CK_RV object_read(struct object *o, struct module *m, CK_SESSION_HANDLE session,
    CK_OBJECT_HANDLE handle, const struct object_want *want, size_t count);

/*
 * object_read_key: what describes a private or public key. Never its value.
 * object_read_certificate: the certificate itself and its names.
 */
CK_RV object_read_key(
    struct object *o, struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle);
CK_RV object_read_certificate(
    struct object *o, struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle);

/* object_copy(out, o): a copy, to be freed by itself. False, and *out empty: no memory. */
bool object_copy(struct object *out, const struct object *o);

void object_free(struct object *o);

/* object_get(o, type): the attribute, NULL where absent or empty. */
const CK_ATTRIBUTE *object_get(const struct object *o, CK_ATTRIBUTE_TYPE type);

/* object_matches(o, type, wanted): the attribute is there with wanted's value; wanted NULL: any is. */
bool object_matches(const struct object *o, CK_ATTRIBUTE_TYPE type, const CK_ATTRIBUTE *wanted);

/* object_ulong(o, type, otherwise), object_bool(o, type, otherwise): small values. */
CK_ULONG object_ulong(const struct object *o, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise);
bool object_bool(const struct object *o, CK_ATTRIBUTE_TYPE type, bool otherwise);

/* object_supported(o): a key of a kind that is used here: RSA or EC. */
bool object_supported(const struct object *o);

/* object_usage(o): enum hsmime_key_usage of a key; none where it is not object_supported. */
unsigned object_usage(const struct object *o);

/*
 * object_unwraps_only(o): a key that says that it may unwrap and may not decrypt. One that does not
 * tell decrypts; the operation will show.
 */
bool object_unwraps_only(const struct object *o);

/* object_certificate(o): CKA_VALUE as a new X509, or NULL. */
X509 *object_certificate(const struct object *o);

#endif
