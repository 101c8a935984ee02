#include "tlv.h"

#include <string.h>

static size_t write_header(uint8_t *out, unsigned tag, size_t len)
{
	size_t n = 0;

	if (tag > 0xff)
		out[n++] = (uint8_t)(tag >> 8);
	out[n++] = (uint8_t)tag;
	if (len > 0xff) {
		out[n++] = 0x82;
		out[n++] = (uint8_t)(len >> 8);
	} else if (len > 0x7f)
		out[n++] = 0x81;
	out[n++] = (uint8_t)len;
	return n;
}

void tlv_put(struct tlv_writer *w, unsigned tag, const uint8_t *value, size_t len)
{
	uint8_t header[5];
	size_t n = write_header(header, tag, len);

	if (w->failed || len > 0xffff || w->len + n + len > w->room) {
		w->failed = 1;
		return;
	}
	memcpy(w->data + w->len, header, n);
	if (len > 0)
		memcpy(w->data + w->len + n, value, len);
	w->len += n + len;
}

/* Octets that the object at data takes; 0 where it is cut. */
static size_t read_one(struct tlv *out, const uint8_t *data, size_t len)
{
	size_t header = 2, more = 0, value = 0;

	if (len < header)
		return 0;
	out->tag = data[0];
	if (data[1] < 0x80)
		value = data[1];
	else
		more = data[1] & 0x7f;
	header += more;
	if (more > 2 || len < header)
		return 0;
	for (size_t i = 0; i < more; i++)
		value = value << 8 | data[2 + i];
	if (len - header < value)
		return 0;
	out->value = data + header;
	out->len = value;
	return header + value;
}

int tlv_find(struct tlv *out, const uint8_t *data, size_t len, unsigned tag)
{
	size_t n;

	while ((n = read_one(out, data, len)) > 0) {
		if (out->tag == tag)
			return 1;
		data += n;
		len -= n;
	}
	return 0;
}
