#include "mail/inner_parts.h"

#include <stdlib.h>
#include <string.h>

#include "mail/part_table.h"
#include "util/buffer.h"

#define AROUND_MAX (64 * 1024) /* octets of boundaries: STRUCTURE_MAX_DEPTH of BOUNDARY_MAX fit */

/* Their boundaries, and what else those around it say of it. */
static int look_around(struct inner_part *p, const struct structure *s, size_t part)
{
	struct buffer boundaries;
	int status;

	buffer_init(&boundaries, AROUND_MAX);
	p->unclear = s->parts[part].ambiguity != AMBIGUITY_NONE;
	for (size_t i = part; i != 0;) {
		const struct part *around;

		i = s->parts[i].parent;
		around = &s->parts[i];
		p->unclear = p->unclear || around->ambiguity != AMBIGUITY_NONE;
		if (around->boundary == NULL)
			continue;
		p->is_signed = p->is_signed || strcmp(around->subtype, "signed") == 0;
		buffer_add(&boundaries, around->boundary, strlen(around->boundary) + 1);
	}
	status = buffer_add(&boundaries, "", 1);
	p->boundaries = (char *)boundaries.data;
	return status == 0 ? 0 : HSMIME_ENOMEM;
}

static int take(struct inner_parts *out, const struct structure *s, size_t part)
{
	struct inner_part *list = realloc(out->list, (out->count + 1) * sizeof(*list));
	struct inner_part *p;
	char place[PART_PLACE_SIZE];

	if (list == NULL)
		return HSMIME_ENOMEM;
	out->list = list;
	p = &list[out->count++];
	*p = (struct inner_part){ .start = s->parts[part].start, .end = s->parts[part].end };
	part_place(place, s, part);
	p->place = strdup(place);
	return p->place != NULL ? look_around(p, s, part) : HSMIME_ENOMEM;
}

static int note_attached(struct inner_parts *out, const struct structure *s, size_t part)
{
	char place[PART_PLACE_SIZE];

	if (!s->parts[part].attached_mail || out->attached != NULL)
		return 0;
	part_place(place, s, part);
	out->attached = strdup(place);
	return out->attached != NULL ? 0 : HSMIME_ENOMEM;
}

int inner_parts_find(struct inner_parts *out, const struct structure *s, size_t max)
{
	int status = 0;

	*out = (struct inner_parts){ 0 };
	for (size_t i = 0; i < s->count && status == 0 && !out->more; i++) {
		status = note_attached(out, s, i);
		if (s->parts[i].kind != ENTITY_CMS)
			continue;
		out->more = out->count == max;
		if (!out->more && status == 0)
			status = take(out, s, i);
	}
	return status;
}

void inner_parts_free(struct inner_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		free(parts->list[i].place);
		free(parts->list[i].boundaries);
	}
	free(parts->list);
	free(parts->attached);
	*parts = (struct inner_parts){ 0 };
}
