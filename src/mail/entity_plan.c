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
	return p->bare_cr ? "a CR that ends no line" : "a line over 998 octets";
}

static int refuse(const struct structure *s, size_t part, const char *where, struct error *err)
{
	char name[512];

	part_name(name, sizeof(name), s, part);
	error_set(err, HSMIME_EPOLICY, "%s holds %s %s", name, why_unsafe(&s->parts[part]), where);
	return error_hint(err, "an opaque signature leaves it as it is");
}

/* A multipart in which no boundary was found: its text is neither a part nor to be ignored. */
static bool is_broken(const struct part *p)
{
	return strcmp(p->type, "multipart") == 0 && p->preamble_end == p->end;
}

/* Lines of text stay readable; NUL in text is UTF-16 or no text, which has no line breaks to keep. */
static enum transfer_encoding encoding_for(const struct part *p)
{
	bool text = strcmp(p->type, "text") == 0 || strcmp(p->type, "message") == 0;

	if (p->encoding == CTE_BASE64 || p->nul || !text)
		return CTE_BASE64;
	return CTE_QUOTED_PRINTABLE;
}

static int plan_leaf(struct entity_plan *plan, const struct structure *s, size_t part)
{
	const struct part *p = &s->parts[part];
	struct edit edit = { .part = part, .start = p->start, .end = p->body };
	bool encode = !is_safe(p) || p->says_binary || p->from_line;
	int status;

	if (!encode && !p->says_8bit)
		return 0;
	edit.encoding = encode ? encoding_for(p) : CTE_IDENTITY;
	status = add(plan, &edit);
	if (status != 0 || edit.encoding == CTE_IDENTITY)
		return status;
	edit.kind = EDIT_BODY;
	edit.start = p->body;
	edit.end = p->end;
	return add(plan, &edit);
}

static int plan_composite(struct entity_plan *plan, const struct structure *s, size_t part)
{
	const struct part *p = &s->parts[part];
	struct edit header = { .part = part, .start = p->start, .end = p->body };
	struct edit preamble = {
		.kind = EDIT_DROP, .part = part, .start = p->body, .end = p->preamble_end
	};
	struct edit epilogue = {
		.kind = EDIT_DROP, .part = part, .start = p->epilogue, .end = p->end
	};
	int status = p->says_8bit || p->says_binary ? add(plan, &header) : 0;

	if (status == 0 && !is_safe(p))
		status = add(plan, &preamble);
	if (status == 0 && !is_safe(p))
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
	if (is_broken(p) && !is_safe(p))
		return refuse(s, part, "but no parts that could be encoded", err);
	status = is_leaf(p) ? plan_leaf(plan, s, part) : plan_composite(plan, s, part);
	return status == 0 ? 0 : error_nomem(err);
}

/* RFC 2045 section 6.2: binary has no lines, so no line endings to change, but text has them always. */
static int plan_binary(
    struct entity_plan *plan, const struct structure *s, size_t part, struct error *err)
{
	const struct part *p = &s->parts[part];
	struct edit edit = { .kind = EDIT_VERBATIM, .part = part, .start = p->body, .end = p->end };

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

int entity_plan_make(struct entity_plan *plan, const struct structure *s,
    const struct entity_write *how, struct error *err)
{
	int status = 0;

	memset(plan, 0, sizeof(*plan));
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
