#include <string.h>

#include "cms/enveloped_reader.h"
#include "cms/recipient_list.h"

void enveloped_result_free(struct enveloped_result *r)
{
	if (r == NULL)
		return;
	recipients_free(r->recipients, r->count);
	memset(r, 0, sizeof(*r));
}
