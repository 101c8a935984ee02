#include "cms/content_holder.h"

#include <string.h>

bool content_key_is_set(const struct content_key *k)
{
	return k->holder != NULL || k->octets.len > 0;
}

void content_key_clear(struct content_key *k)
{
	if (k->holder != NULL)
		k->ops->free(k->holder);
	secret_free(&k->octets);
	memset(k, 0, sizeof(*k));
}
