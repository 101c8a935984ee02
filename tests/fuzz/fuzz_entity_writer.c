/* Any mail made 7-bit safe: its size was known before, and nothing is left to do after. */
#include "fuzz.h"

#include "mail/entity_writer.h"

static void check(const struct structure *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct part *p = &s->parts[i];

		holds(!p->eight_bit && !p->nul && !p->bare_cr && !p->long_line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct entity_write how = {
		.seven_bit = true, .one_reading = true, .crlf = len % 2, .whole = len & 2
	};
	hsmime_memory memory;
	hsmime_source in = fuzz_source(&memory, data, len);
	struct structure s, again;
	struct error err = { .code = 0 };
	struct buffer out;
	hsmime_sink sink = fuzz_sink(&out);
	uint64_t size;

	if (structure_scan(&s, &in, &err) == 0 && entity_size(&size, &in, &s, &how, &err) == 0) {
		holds(entity_write(&in, &s, &how, &sink, &err) == 0 && out.len == size);
		in = fuzz_source(&memory, out.data, out.len);
		holds(structure_scan(&again, &in, &err) == 0);
		check(&again);
		structure_free(&again);
	}
	structure_free(&s);
	buffer_free(&out);
	return 0;
}
