#include "engine/passed.h"

#include <stdlib.h>

static struct passed_token *find(const struct passed *p, const struct token *t)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].token == t)
			return &p->list[i];
	return NULL;
}

static struct passed_token *add(struct passed *p, struct token *t, const struct error *why)
{
	struct passed_token *larger = realloc(p->list, (p->count + 1) * sizeof(*larger));

	if (larger == NULL)
		return NULL;
	p->list = larger;
	p->list[p->count] = (struct passed_token){ .token = t, .why = *why };
	return &p->list[p->count++];
}

int passed_note(struct passed *p, struct token *t, const struct error *why)
{
	struct passed_token *passed = find(p, t);

	if (passed == NULL)
		passed = add(p, t, why);
	if (passed == NULL)
		return HSMIME_ENOMEM;
	passed->pin |= why->code == HSMIME_EPIN;
	return 0;
}

const struct passed_token *passed_find(const struct passed *p, const struct token *t)
{
	return find(p, t);
}

bool passed_pin(const struct passed *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].pin)
			return true;
	return false;
}

void passed_free(struct passed *p)
{
	free(p->list);
	*p = (struct passed){ 0 };
}
