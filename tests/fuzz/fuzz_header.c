/* Any octets as a header block: fields, addresses, content type and its parameters. */
#include "fuzz.h"

#include "mail/address.h"
#include "mail/entity.h"

static void look(const struct header *h)
{
	struct entity e;
	struct buffer text;
	hsmime_sink sink = fuzz_sink(&text);
	char **list = NULL;
	size_t n = 0;

	holds(address_list(&list, &n, h, "From") == 0 && n <= ADDRESS_MAX + 2 && list[n] == NULL);
	for (size_t i = 0; i < n; i++)
		holds(address_is_remark(list[i]) || strchr(list[i], '@') != NULL);
	address_list_free(list);
	holds(h->count == 0 || header_body(&text, h->fields) == 0);
	holds(entity_describe(&e, h) == 0 && e.ambiguity == AMBIGUITY_NONE);
	entity_free(&e);
	buffer_reset(&text);
	holds(header_write(h, HEADER_OUTER, true, &sink) == 0 && text.len <= h->octets.len + 2);
	buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	hsmime_memory memory;
	hsmime_source in = fuzz_source(&memory, data, len);
	struct window w;
	struct header h;

	holds(window_open(&w, &in, WINDOW_ROOM) == 0);
	if (header_read(&h, &w, NULL) == 0)
		look(&h);
	header_free(&h);
	window_close(&w);
	return 0;
}
