#include "mail/part_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/boundary.h"
#include "util/limit.h"

#define BLOCK_OVERHEAD 16 /* of a block that malloc gives */

static int grow(struct structure *s, size_t *room)
{
	size_t twice = *room == 0 ? 8 : *room * 2;
	size_t more = twice < STRUCTURE_MAX_PARTS ? twice : STRUCTURE_MAX_PARTS;
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

	if (s->count >= STRUCTURE_MAX_PARTS) {
		error_set(
		    err, HSMIME_EFORMAT, "the mail has more than %d parts", STRUCTURE_MAX_PARTS);
		return limit_hint(err);
	}
	if (depth > STRUCTURE_MAX_DEPTH) {
		error_set(err, HSMIME_EFORMAT, "the mail has parts inside parts more than %d deep",
		    STRUCTURE_MAX_DEPTH);
		return limit_hint(err);
	}
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
static bool is_message_of_digest(const struct structure *s, size_t index, const struct header *h)
{
	const struct part *parent = &s->parts[s->parts[index].parent];

	return index != 0 && strcmp(parent->type, "multipart") == 0 &&
	       strcmp(parent->subtype, "digest") == 0 && header_count(h, "Content-Type") == 0;
}

static char *put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	at[len] = '\0';
	return at + len + 1;
}

/* One block for the three, since a mail may have many parts. */
static int set_text(struct structure *s, struct part *p, const char *type, const char *subtype,
    const char *boundary, struct error *err)
{
	size_t type_len = strlen(type), subtype_len = strlen(subtype);
	size_t boundary_len = boundary_usable(boundary);
	size_t need = type_len + subtype_len + boundary_len + 3;

	s->text += need + BLOCK_OVERHEAD;
	if (s->text > STRUCTURE_MAX_TEXT) {
		error_set(err, HSMIME_EFORMAT,
		    "the types and boundaries of the mail's parts are larger than %d octets in all",
		    STRUCTURE_MAX_TEXT);
		return limit_hint(err);
	}
	p->type = malloc(need);
	if (p->type == NULL)
		return error_nomem(err);
	p->subtype = put(p->type, type, type_len);
	p->boundary = put(p->subtype, subtype, subtype_len);
	if (boundary != NULL && boundary_len > 0)
		put(p->boundary, boundary, boundary_len);
	else
		p->boundary = NULL;
	return 0;
}

static int set_type(struct structure *s, size_t index, const struct header *h,
    const struct content_type *type, struct error *err)
{
	struct part *p = &s->parts[index];
	bool multipart = content_type_is(type, "multipart", NULL);

	if (is_message_of_digest(s, index, h))
		return set_text(s, p, "message", "rfc822", NULL, err);
	return set_text(s, p, type->type, type->subtype,
	    multipart ? content_type_param(type, "boundary") : NULL, err);
}

/* A multipart that can't be taken apart is opaque. */
static enum entity_kind kind_of(const struct part *p, const struct entity *e, bool inside)
{
	if (content_type_is(&e->type, "multipart", NULL) && p->boundary == NULL)
		return ENTITY_OTHER;
	/* Inside a mail a signature of its own stands beside what it signs, and holds nothing. */
	return e->signature && inside ? ENTITY_OTHER : e->kind;
}

int part_describe(struct structure *s, size_t index, const struct header *h, struct error *err)
{
	struct part *p = &s->parts[index];
	struct entity e;
	bool is_mail;
	int status = entity_describe(&e, h);

	if (status != 0)
		return error_nomem(err);
	status = set_type(s, index, h, &e.type, err);
	if (status == 0) {
		p->encoding = e.encoding;
		p->ambiguity = e.ambiguity;
		p->says_8bit = e.says_8bit;
		p->says_binary = e.says_binary;
		p->signature = e.signature;
		p->kind = kind_of(p, &e, index != 0);
		is_mail = strcmp(p->type, "message") == 0 &&
			  (strcmp(p->subtype, "rfc822") == 0 || strcmp(p->subtype, "global") == 0);
		p->message = is_mail && e.encoding == CTE_IDENTITY;
		p->attached_mail =
		    !p->message && p->kind == ENTITY_OTHER && (is_mail || e.named_mail);
	}
	entity_free(&e);
	return status;
}

void structure_free(struct structure *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->count; i++)
		free(s->parts[i].type);
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

void part_place(char place[PART_PLACE_SIZE], const struct structure *s, size_t part)
{
	char path[PART_PLACE_SIZE];
	size_t at = sizeof(path) - 1;

	path[at] = '\0';
	for (size_t i = part; i != 0; i = s->parts[i].parent) {
		char number[8];
		int len = snprintf(number, sizeof(number), "%s%zu",
		    s->parts[i].parent == 0 ? "" : ".", number_of(s, i));

		at -= (size_t)len;
		memcpy(path + at, number, (size_t)len);
	}
	memcpy(place, path + at, sizeof(path) - at);
}

void part_path(char *text, size_t size, const struct structure *s, size_t part)
{
	char place[PART_PLACE_SIZE];

	part_place(place, s, part);
	snprintf(text, size, "%s%s", part == 0 ? "the mail" : "part ", place);
}

void part_name(char *text, size_t size, const struct structure *s, size_t part)
{
	char path[PART_PATH_SIZE];

	part_path(path, sizeof(path), s, part);
	snprintf(text, size, "%s (%s/%s)", path, s->parts[part].type, s->parts[part].subtype);
}

int structure_judge(const struct structure *s, size_t part, struct error *err)
{
	for (size_t i = part; i < s->count; i++) {
		char path[PART_PATH_SIZE];

		if (i > part && s->parts[i].depth <= s->parts[part].depth)
			break;
		if (s->parts[i].ambiguity == AMBIGUITY_NONE)
			continue;
		part_path(path, sizeof(path), s, i);
		return ambiguity_refuse(s->parts[i].ambiguity, path, err);
	}
	return 0;
}
