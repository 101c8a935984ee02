#include "mbox_support.h"

static int by_offset(const void *a, const void *b)
{
	uint64_t x = ((const struct mail_item *)a)->offset,
		 y = ((const struct mail_item *)b)->offset;

	return x < y ? -1 : x > y;
}

struct mail_source *mbox_listed(struct listing *l, const void *data, size_t len)
{
	struct mail_source *s;

	put("mbox", data, len);
	s = opened("mbox:mbox");
	*l = list_all(s);
	assert_int_equal(l->failures, 0);
	if (l->count > 0)
		qsort(l->items, l->count, sizeof(*l->items), by_offset);
	return s;
}
