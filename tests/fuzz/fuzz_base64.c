/* Any text as base64: the same octets at any speed, and after another round. */
#include "fuzz.h"

#include "util/base64.h"

static int decode(struct buffer *out, const void *text, size_t len, size_t step, int pem)
{
	hsmime_memory memory;
	hsmime_source in = fuzz_source(&memory, text, len), octets;
	hsmime_sink sink = fuzz_sink(out);
	struct base64_decoder d;
	struct window w;
	int status;

	holds(window_open(&w, &in, step) == 0);
	base64_decoder_open(&octets, &d, &w, pem);
	status = source_copy(&sink, &octets);
	window_close(&w);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buffer a, b, c, text;
	struct base64_encoder e;
	hsmime_sink sink = fuzz_sink(&text), encode;
	int status = decode(&a, data, len, 4096, len % 2);

	holds(decode(&b, data, len, 1, len % 2) == status);
	holds(fuzz_same(a.data, a.len, b.data, b.len));
	holds(base64_encoder_open(&encode, &e, &sink, BASE64_PEM_LINE, "\n") == 0);
	holds(sink_write(&encode, a.data, a.len) == 0 && base64_encoder_finish(&e) == 0);
	holds(decode(&c, text.data, text.len, 7, false) == 0);
	holds(fuzz_same(a.data, a.len, c.data, c.len));
	base64_encoder_close(&e);
	buffer_free(&a), buffer_free(&b), buffer_free(&c), buffer_free(&text);
	return 0;
}
