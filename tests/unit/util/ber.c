#include "ber.h"

#include "util/sink.h"

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c);

	assert_true(at != NULL && c != '\0');
	return (int)(at - digits);
}

void message_parse(struct message *m, const char *hex)
{
	m->len = 0;
	while (*hex != '\0') {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		assert_true(m->len < sizeof(m->data));
		m->data[m->len++] = (unsigned char)(digit(hex[0]) << 4 | digit(hex[1]));
		hex += 2;
	}
}

static void start(struct message *m, size_t len, size_t step)
{
	m->source = feed_open(&m->feed, m->data, len);
	m->feed.step = step;
	error_clear(&m->err);
	assert_int_equal(ber_open(&m->r, &m->source, &m->err), 0);
}

void message_open(struct message *m, const char *hex)
{
	message_parse(m, hex);
	start(m, m->len, 0);
}

void message_reopen(struct message *m, size_t len, size_t step)
{
	message_close(m);
	start(m, len, step);
}

void message_close(struct message *m)
{
	ber_close(&m->r);
}

static bool is_string(const struct ber_header *h)
{
	return ber_is(h, BER_UNIVERSAL, BER_OCTET_STRING) || ber_is(h, BER_CONTEXT, 0);
}

static int walk(struct walk *w, struct ber_reader *r)
{
	struct ber_header h;
	hsmime_sink sink;
	int status;

	sink_buffer(&sink, &w->octets);
	while ((status = ber_peek(r, &h)) == 0) {
		w->elements++;
		if (is_string(&h)) {
			status = ber_octets(r, h.cls, h.tag, &sink, "a string");
		} else if (h.constructed && h.cls == BER_UNIVERSAL) {
			status = ber_enter(r, h.cls, h.tag, "an element");
			status = status == 0 ? walk(w, r) : status;
			status = status == 0 ? ber_leave(r, "an element") : status;
		} else {
			status = ber_skip(r);
		}
		if (status != 0)
			return status;
	}
	return status == BER_END ? 0 : status;
}

int walk_all(struct walk *w, struct ber_reader *r)
{
	*w = (struct walk){ .elements = 0 };
	buffer_init(&w->octets, SIZE_MAX / 2);
	return walk(w, r);
}
