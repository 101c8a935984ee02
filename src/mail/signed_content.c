#include "mail/signed_content.h"

#include "mail/header_block.h"
#include "mail/structure.h"

struct look {
	bool entity;    /* it begins as a mail does */
	bool composite; /* and holds parts, or another mail */
	enum ambiguity ambiguity;
};

static int describe(struct look *found, const struct header *h, struct error *err)
{
	struct entity e;

	if (entity_describe(&e, h) != 0)
		return error_nomem(err);
	*found = (struct look){
		.entity = true,
		.composite = content_type_is(&e.type, "multipart", NULL) ||
			     content_type_is(&e.type, "message", NULL),
		.ambiguity = e.ambiguity,
	};
	entity_free(&e);
	return 0;
}

static int look(struct look *found, const hsmime_source *in, struct error *err)
{
	static const struct header_rules rules = { .strict = true, .first_line = true };
	struct window w = { 0 };
	struct header h = { 0 };
	int status;

	*found = (struct look){ 0 };
	if (window_open(&w, in, WINDOW_ROOM) != 0)
		return error_nomem(err);
	status = header_take(&h, &w, &rules, err);
	if (status == 0)
		status = describe(found, &h, err);
	header_free(&h);
	window_close(&w);
	if (status != HSMIME_EFORMAT)
		return status;
	error_clear(err);
	return 0;
}

static int judge_parts(const hsmime_source *in, struct error *err)
{
	struct structure s;
	int status = structure_scan(&s, in, err);

	if (status == 0)
		status = structure_judge(&s, 0, err);
	structure_free(&s);
	return status;
}

static int start_over(const hsmime_source *in, struct error *err)
{
	int status = source_seek(in, 0);

	return status == 0 ? 0 : error_set(err, status, "reading the content again failed");
}

int signed_content_judge(const hsmime_source *in, struct error *err)
{
	struct look found;
	int status = start_over(in, err);

	if (status == 0)
		status = look(&found, in, err);
	if (status != 0 || !found.entity)
		return status;
	if (found.ambiguity != AMBIGUITY_NONE)
		return ambiguity_refuse(found.ambiguity, "the signed content", err);
	if (!found.composite)
		return 0;
	status = start_over(in, err);
	return status == 0 ? judge_parts(in, err) : status;
}
