#include "mail/header.h"

#include <string.h>

#include "mail/entity.h"
#include "mail/header_block.h"

static int judge(const struct header *h, struct error *err)
{
	struct entity e;
	enum ambiguity found;

	if (entity_describe(&e, h) != 0)
		return error_nomem(err);
	found = e.ambiguity;
	entity_free(&e);
	return found == AMBIGUITY_NONE ? 0 : ambiguity_refuse(found, "the mail", err);
}

int header_read(struct header *h, struct window *in, struct error *err)
{
	static const struct header_rules rules = { .strict = true, .first_line = true };
	int status = header_take(h, in, &rules, err);

	if (status == 0)
		status = judge(h, err);
	if (status != 0)
		header_free(h);
	return status;
}
