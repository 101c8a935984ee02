#include "mail/entity_plan.h"

#include <stdlib.h>
#include <string.h>

#include "mail/part_table.h"

static int add(struct entity_plan *plan, const struct edit *edit)
{
	if (plan->count == plan->room) {
		size_t more = plan->room == 0 ? 8 : plan->room * 2;
		struct edit *edits = realloc(plan->edits, more * sizeof(*edits));

		if (edits == NULL)
			return HSMIME_ENOMEM;
		plan->edits = edits;
		plan->room = more;
	}
	plan->edits[plan->count++] = *edit;
	return 0;
}

static bool is_leaf(const struct part *p)
{
	return p->boundary == NULL && !p->message;
}

static bool is_safe(const struct part *p)
{
	return !p->eight_bit && !p->nul && !p->bare_cr && !p->long_line;
}

/* Whether it lies in the signed half of a multipart/signed, S/MIME or not. */
static bool is_signed_content(const struct structure *s, size_t part)
{
	for (size_t i = part; i != 0; i = s->parts[i].parent) {
		size_t parent = s->parts[i].parent;

		if (i == parent + 1 && strcmp(s->parts[parent].type, "multipart") == 0 &&
		    strcmp(s->parts[parent].subtype, "signed") == 0)
			return true;
	}
	return false;
}

static const char *why_unsafe(const struct part *p)
{
	if (p->nul)
		return "a NUL";
	if (p->eight_bit)
		return strcmp(p->type, "text") == 0 ? "8-bit text" : "8-bit octets";
	if (p->bare_cr)
		return "a CR that ends no line";
	if (p->long_line)
		return "a line over 998 octets";
	return p->from_line ? "a line that starts with \"From \"" : "what is labelled binary";
}

static int refuse(const struct structure *s, size_t part, const char *where, struct error *err)
{
	char name[512];

	part_name(name, sizeof(name), s, part);
	error_set(err, HSMIME_EPOLICY, "%s holds %s %s", name, why_unsafe(&s->parts[part]), where);
	return error_hint(err, "an opaque signature (--opaque) leaves it as it is");
}

static bool is_multipart(const struct part *p)
{
	return strcmp(p->type, "multipart") == 0;
}

/* A multipart in which no boundary was found: its text is neither a part nor to be ignored. */
static bool is_broken(const struct part *p)
{
	return is_multipart(p) && p->preamble_end == p->end;
}

/* Why a leaf can't get another encoding; NULL: it can. RFC 2045 section 6.4; RFC 3464 section 2.1.1. */
static const char *why_not_encoded(const struct part *p)
{
	if (is_multipart(p))
		return "but no parts that could be encoded";
	if (p->encoding == CTE_UNKNOWN)
		return "in a Content-Transfer-Encoding that hsmime does not know";
	if (strcmp(p->type, "message") == 0 && p->encoding == CTE_IDENTITY)
		return "in a message of a type that is never encoded";
	return NULL;
}

/* Lines of text stay readable; NUL in text is UTF-16 or no text, which has no line breaks to keep. */
static enum transfer_encoding encoding_for(const struct part *p)
{
	bool text = strcmp(p->type, "text") == 0 || strcmp(p->type, "message") == 0;

	if (p->encoding == CTE_BASE64 || p->nul || !text)
		return CTE_BASE64;
	return CTE_QUOTED_PRINTABLE;
}

/* The header with another label. An mbox "From " line before it goes: a mailbox would alter it. */
static int plan_header(
    struct entity_plan *plan, const struct part *p, size_t part, enum transfer_encoding encoding)
{
	struct edit edit = {
		.part = (uint32_t)part,
		.start = p->start,
		.end = p->body,
		.encoding = encoding,
		.keep_encoding = encoding == CTE_IDENTITY && !p->says_8bit && !p->says_binary,
	};

	if (edit.keep_encoding && (!p->mbox_line || part == 0))
		return 0;
	return add(plan, &edit);
}

static int plan_leaf(
    struct entity_plan *plan, const struct structure *s, size_t part, struct error *err)
{
	const struct part *p = &s->parts[part];
	struct edit body = {
		.kind = EDIT_BODY, .part = (uint32_t)part, .start = p->body, .end = p->end
	};
	const char *where = why_not_encoded(p);

	if (is_safe(p) && !p->says_binary && !p->from_line)
		return plan_header(plan, p, part, CTE_IDENTITY);
	if (where != NULL)
		return refuse(s, part, where, err);
	body.encoding = encoding_for(p);
	if (plan_header(plan, p, part, body.encoding) != 0)
		return HSMIME_ENOMEM;
	return add(plan, &body);
}

static int plan_composite(
    struct entity_plan *plan, const struct structure *s, size_t part, struct error *err)
{
	const struct part *p = &s->parts[part];
	struct edit preamble = {
		.kind = EDIT_DROP, .part = (uint32_t)part, .start = p->body, .end = p->preamble_end
	};
	struct edit epilogue = {
		.kind = EDIT_DROP, .part = (uint32_t)part, .start = p->epilogue, .end = p->end
	};
	bool drop = !is_safe(p) || p->from_line;
	int status;

	if (drop && is_broken(p))
		return refuse(s, part, why_not_encoded(p), err);
	status = plan_header(plan, p, part, CTE_IDENTITY);
	if (status == 0 && drop)
		status = add(plan, &preamble);
	if (status == 0 && drop)
		status = add(plan, &epilogue);
	return status;
}

static int plan_seven_bit(
    struct entity_plan *plan, const struct structure *s, size_t part, struct error *err)
{
	const struct part *p = &s->parts[part];
	int status;

	if (is_signed_content(s, part))
		return is_safe(p) ? 0 : refuse(s, part, "inside a signed part", err);
	status = is_leaf(p) ? plan_leaf(plan, s, part, err) : plan_composite(plan, s, part, err);
	return status == HSMIME_ENOMEM ? error_nomem(err) : status;
}

/* RFC 2045 section 6.2: binary has no lines, so no line endings to change, but text has them always. */
static int plan_binary(
    struct entity_plan *plan, const struct structure *s, size_t part, struct error *err)
{
	const struct part *p = &s->parts[part];
	struct edit edit = {
		.kind = EDIT_VERBATIM, .part = (uint32_t)part, .start = p->body, .end = p->end
	};

	if (!is_leaf(p) || !p->says_binary || strcmp(p->type, "text") == 0)
		return 0;
	return add(plan, &edit) == 0 ? 0 : error_nomem(err);
}

static int by_start(const void *a, const void *b)
{
	const struct edit *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

/* Every plan begins with the mail's header, whose outer fields may have to go. */
static int add_mail_header(struct entity_plan *plan, const struct structure *s)
{
	struct edit header = { .end = s->parts[0].body, .keep_encoding = true };

	if (plan->count > 0 && plan->edits[0].part == 0 && plan->edits[0].kind == EDIT_HEADER)
		return 0;
	return add(plan, &header);
}

/* A CR in a header is written by nobody. */
static int judge_headers(
    const struct structure *s, const struct entity_write *how, struct error *err)
{
	if (how->one_reading)
		return structure_judge(s, 0, err);
	for (size_t i = 0; i < s->count; i++) {
		if (s->parts[i].ambiguity == AMBIGUITY_CR)
			return structure_judge(s, i, err);
	}
	return 0;
}

int entity_plan_make(struct entity_plan *plan, const struct structure *s,
    const struct entity_write *how, struct error *err)
{
	int status = 0;

	memset(plan, 0, sizeof(*plan));
	status = judge_headers(s, how, err);
	for (size_t i = 0; i < s->count && status == 0; i++)
		status =
		    how->seven_bit ? plan_seven_bit(plan, s, i, err) : plan_binary(plan, s, i, err);
	if (status == 0 && add_mail_header(plan, s) != 0)
		status = error_nomem(err);
	if (status == 0)
		qsort(plan->edits, plan->count, sizeof(*plan->edits), by_start);
	else
		entity_plan_free(plan);
	return status;
}

void entity_plan_free(struct entity_plan *plan)
{
	free(plan->edits);
	memset(plan, 0, sizeof(*plan));
}
