#include "mail/part_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/boundary.h"

static int grow(struct structure *s, size_t *room)
{
	size_t more = *room == 0 ? 8 : *room * 2;
	struct part *parts = realloc(s->parts, more * sizeof(*parts));

	if (parts == NULL)
		return HSMIME_ENOMEM;
	s->parts = parts;
	*room = more;
	return 0;
}

int part_add(size_t *index, struct structure *s, size_t *room, size_t parent, uint64_t start,
    struct error *err)
{
	unsigned depth = s->count == 0 ? 0 : s->parts[parent].depth + 1;

	if (s->count >= STRUCTURE_MAX_PARTS)
		return error_set(
		    err, HSMIME_EFORMAT, "the mail has more than %d parts", STRUCTURE_MAX_PARTS);
	if (depth > STRUCTURE_MAX_DEPTH)
		return error_set(err, HSMIME_EFORMAT,
		    "the mail has parts inside parts more than %d deep", STRUCTURE_MAX_DEPTH);
	if (s->count == *room && grow(s, room) != 0)
		return error_nomem(err);
	*index = s->count++;
	s->parts[*index] = (struct part){
		.parent = parent,
		.depth = depth,
		.start = start,
		.body = start,
		.end = UINT64_MAX,
		.preamble_end = UINT64_MAX,
		.epilogue = UINT64_MAX,
	};
	return 0;
}

/* RFC 2046 section 5.1.5: without a Content-Type, a part of multipart/digest is a message. */
static void set_type(struct part *p, const struct part *parent, const struct header *h,
    const struct content_type *type)
{
	bool digest = strcmp(parent->type, "multipart") == 0 &&
		      strcmp(parent->subtype, "digest") == 0 && parent != p;

	if (digest && header_find(h, "Content-Type", 0) == NULL) {
		snprintf(p->type, sizeof(p->type), "message");
		snprintf(p->subtype, sizeof(p->subtype), "rfc822");
		return;
	}
	snprintf(p->type, sizeof(p->type), "%s", type->type);
	snprintf(p->subtype, sizeof(p->subtype), "%s", type->subtype);
}

static int set_boundary(struct part *p, const struct content_type *type)
{
	const char *value = content_type_param(type, "boundary");
	size_t len = boundary_usable(value);

	if (!content_type_is(type, "multipart", NULL))
		return 0;
	if (len == 0) {
		p->kind = ENTITY_OTHER;
		return 0;
	}
	p->boundary = strndup(value, len);
	return p->boundary == NULL ? HSMIME_ENOMEM : 0;
}

static void set_cte(struct part *p, const struct header *h)
{
	const struct header_field *field = header_find(h, "Content-Transfer-Encoding", 0);

	if (field == NULL)
		return;
	p->cte_start = p->start + (uint64_t)(field->raw - h->octets.data);
	p->cte_end = p->cte_start + field->raw_len;
}

int part_describe(struct structure *s, size_t index, const struct header *h, struct error *err)
{
	struct part *p = &s->parts[index];
	struct entity e;
	int status = entity_describe(&e, h);

	if (status != 0)
		return error_nomem(err);
	set_type(p, &s->parts[p->parent], h, &e.type);
	set_cte(p, h);
	p->encoding = e.encoding;
	p->says_8bit = e.says_8bit;
	p->says_binary = e.says_binary;
	p->signature = e.signature;
	/* Inside a mail a signature of its own stands beside what it signs, and holds nothing. */
	p->kind = e.signature && index != 0 ? ENTITY_OTHER : e.kind;
	p->message = e.encoding == CTE_IDENTITY && strcmp(p->type, "message") == 0 &&
		     (strcmp(p->subtype, "rfc822") == 0 || strcmp(p->subtype, "global") == 0);
	status = set_boundary(p, &e.type);
	entity_free(&e);
	return status == 0 ? 0 : error_nomem(err);
}

void structure_free(struct structure *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->count; i++)
		free(s->parts[i].boundary);
	free(s->parts);
	memset(s, 0, sizeof(*s));
}

size_t structure_children(const struct structure *s, size_t part, size_t *out, size_t room)
{
	size_t count = 0;

	for (size_t i = part + 1; i < s->count && s->parts[i].depth > s->parts[part].depth; i++) {
		if (s->parts[i].parent != part)
			continue;
		if (count < room)
			out[count] = i;
		count++;
	}
	return count;
}

static size_t number_of(const struct structure *s, size_t part)
{
	size_t number = 1;

	for (size_t i = s->parts[part].parent + 1; i < part; i++)
		number += s->parts[i].parent == s->parts[part].parent;
	return number;
}

void part_name(char *text, size_t size, const struct structure *s, size_t part)
{
	const struct part *p = &s->parts[part];
	char path[STRUCTURE_MAX_DEPTH * 6 + 1];
	size_t at = sizeof(path) - 1;

	path[at] = '\0';
	for (size_t i = part; i != 0; i = s->parts[i].parent) {
		char number[8];
		int len = snprintf(number, sizeof(number), "%s%zu",
		    s->parts[i].parent == 0 ? "" : ".", number_of(s, i));

		at -= (size_t)len;
		memcpy(path + at, number, (size_t)len);
	}
	if (part == 0)
		snprintf(text, size, "the mail (%s/%s)", p->type, p->subtype);
	else
		snprintf(text, size, "part %s (%s/%s)", path + at, p->type, p->subtype);
}
