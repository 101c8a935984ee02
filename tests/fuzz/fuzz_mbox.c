/* Any octets as an mbox: its items and what separates them are the file, and each can be read. */
#include "fuzz.h"

#include "archive/mail_source.h"
#include "util/source.h"

static void look(struct mail_source *s, const struct mail_item *item, const uint8_t *data)
{
	struct buffer got;
	hsmime_sink sink = fuzz_sink(&got);
	struct mail_octets o;

	holds(mail_source_read(&o, s, item, NULL) == 0 && source_copy(&sink, &o.source) == 0);
	holds(item->quoted > 0 || fuzz_same(got.data, got.len, data + item->offset, item->size));
	mail_octets_close(&o, s);
	buffer_free(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct mail_source *s;
	struct mail_item item;
	const uint8_t *at = data; /* behind the last item */
	char name[40];
	int fd = fuzz_file(name, sizeof(name), "mbox:", data, len);

	for (bool more = mail_source_open(&s, name, NULL) == 0; more; mail_item_free(&item)) {
		holds(mail_source_next(&item, &more, s, NULL) == 0);
		at += at == data || at == data + len ? 0 : 1 + (*at == '\r');
		holds(more ? memcmp(at, "From ", 5) == 0 : at == data + len);
		if (more)
			look(s, &item, data);
		at = data + item.offset + item.size;
	}
	mail_source_close(s);
	return close(fd);
}
