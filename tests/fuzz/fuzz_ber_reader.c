/* Any octets as BER: read in whatever way, an element ends at the same place; collected it is as it came. */
#include "fuzz.h"
#include "util/ber_reader.h"

static int element(struct ber_reader *r, struct ber_header h, const uint8_t *data)
{
	uint64_t start = ber_offset(r);
	struct buffer out;
	hsmime_sink sink = fuzz_sink(&out);
	int status;

	if (h.constructed && h.tag == BER_SEQUENCE) {
		status = ber_enter(r, h.cls, h.tag, "x");
		while (status == 0 && (status = ber_peek(r, &h)) == 0)
			status = element(r, h, data);
		return status == BER_END ? ber_leave(r, "x") : status;
	}
	if (h.tag == BER_OCTET_STRING)
		status = ber_octets(r, h.cls, h.tag, &sink, "x");
	else if ((status = ber_collect(r, &out)) == 0)
		holds(fuzz_same(out.data, out.len, data + start, ber_offset(r) - start));
	buffer_free(&out);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	hsmime_memory memory;
	hsmime_source source = fuzz_source(&memory, data, len);
	struct error err = { .code = 0 };
	struct ber_reader r;
	struct ber_header h;
	int status = ber_open(&r, &source, &err);

	while (status == 0 && (status = ber_peek(&r, &h)) == 0)
		status = element(&r, h, data);
	holds(status == BER_END ? ber_offset(&r) == len : status == err.code);
	ber_close(&r);
	return 0;
}
