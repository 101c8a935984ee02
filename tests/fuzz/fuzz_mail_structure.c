/* Any octets as a mail: parts lie inside each other and in order, whatever they say. */
#include "fuzz.h"

#include "mail/signed_parts.h"

static void check(const struct structure *s, size_t i)
{
	const struct part *p = &s->parts[i], *parent = &s->parts[p->parent];
	struct signed_parts h;
	struct error err = { .code = 0 };
	size_t child;

	holds(p->start <= p->body && p->body <= p->end && p->end <= s->size);
	holds(i == 0 ? p->parent == 0 && p->depth == 0
		     : p->parent < i && p->depth == parent->depth + 1);
	holds(p->start >= parent->start && p->end <= parent->end);
	holds(i == 0 || p->start >= s->parts[i - 1].start);
	if (structure_children(s, i, &child, 1) > 0)
		holds(s->parts[child].parent == i);
	if (signed_parts_find(&h, s, i, &err) == 0)
		holds(h.content_start <= h.content_end && h.content_end <= h.signature_start &&
		      h.signature_start <= h.signature_end && h.signature_end <= p->end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	hsmime_memory memory;
	hsmime_source in = fuzz_source(&memory, data, len);
	struct structure s;
	struct error err = { .code = 0 };
	int status = structure_scan(&s, &in, &err);

	holds(status == 0 ? s.size == len && s.count > 0 : s.parts == NULL && status == err.code);
	for (size_t i = 0; i < s.count; i++)
		check(&s, i);
	structure_free(&s);
	return 0;
}
