/* proxy_output: what C_Decrypt and C_UnwrapKey give: bad padding, too little room, odd templates. */
#ifndef TESTS_TOKEN_PROXY_OUTPUT_H
#define TESTS_TOKEN_PROXY_OUTPUT_H

#include "proxy_session.h"

/* A ciphertext, and where its plaintext goes. */
struct output {
	unsigned char *data;
	CK_ULONG len;
	unsigned char *out;
	CK_ULONG *out_len;
};

/* output_decrypt(c, o): C_Decrypt, passed on. */
CK_RV output_decrypt(struct call *c, const struct output *o);

/* output_end(c, o, decrypts): end the operation that was begun in the inner module, for nothing. */
void output_end(struct call *c, const struct output *o, bool decrypts);

/* output_seen(len): C_Decrypt got that many octets. */
void output_seen(CK_ULONG len);

/* A wrapped key. */
struct output_wrapped {
	CK_MECHANISM *mechanism;
	CK_OBJECT_HANDLE key;
	unsigned char *data;
	CK_ULONG len;
	CK_ATTRIBUTE *template;
	CK_ULONG count;
};

/* output_unwrap(c, w, made): C_UnwrapKey, passed on. */
CK_RV output_unwrap(struct call *c, const struct output_wrapped *w, CK_OBJECT_HANDLE *made);

void output_reset(void);

/* Of struct proxy. */
unsigned long output_longest(void);
void output_garble(unsigned long skip, unsigned long times);
void output_bad_padding(const struct proxy_padding *padding);
void output_poison(int on);
void output_room(enum proxy_room room);
void output_unwrap_length(enum proxy_length length);
void output_unwrap_sensitive(int on);

#endif
