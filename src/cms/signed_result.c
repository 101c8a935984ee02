#include "cms/signed_reader.h"

#include <stdlib.h>
#include <string.h>

void signed_result_free(struct signed_result *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->count; i++)
		X509_free(r->signers[i].certificate);
	free(r->signers);
	sk_X509_pop_free(r->certificates, X509_free);
	memset(r, 0, sizeof(*r));
}
