#include "engine/ciphertext.h"

#include <string.h>

void ciphertext_set(struct ciphertext *c, const struct token_decrypt *q, size_t modulus_size)
{
	c->too_long = q->len > modulus_size;
	c->len = modulus_size;
	memset(c->octets, 0, sizeof(c->octets));
	if (!c->too_long && q->len > 0)
		memcpy(c->octets + (modulus_size - q->len), q->data, q->len);
	if (q->label_len > 0 && q->label_len <= sizeof(c->label))
		memcpy(c->label, q->label, q->label_len);
}

int ciphertext_oaep(struct mechanism *m, const struct ciphertext *c, const struct token_decrypt *q)
{
	if (q->label_len > sizeof(c->label))
		return HSMIME_EUNSUPPORTED;
	return mechanism_oaep(m, q->digest, q->mgf1_digest, c->label, q->label_len);
}
