#include "mail/looks_like.h"

#include <string.h>

#include "mail/line.h"
#include "mail/text.h"

static bool is_letter(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* As names are in fact: RFC 5322 allows any printable octet. */
static bool is_of_name(unsigned char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static bool is_field(const unsigned char *line, size_t len)
{
	size_t name = 0;
	size_t colon;

	while (name < len && is_of_name(line[name]))
		name++;
	for (colon = name; colon < len && text_is_blank((char)line[colon]); colon++)
		;
	return name >= 2 && is_letter(line[0]) && colon < len && line[colon] == ':';
}

/* Of a line without its end: no controls; a header may have octets over 127 (RFC 6532, and older mail). */
static bool is_text(const unsigned char *p, size_t len, unsigned char limit)
{
	for (size_t i = 0; i < len; i++) {
		if ((p[i] < 32 && p[i] != '\t' && p[i] != '\f') || p[i] == 127 || p[i] > limit)
			return false;
	}
	return true;
}

static size_t line_of(const unsigned char *data, size_t len)
{
	const unsigned char *lf = memchr(data, '\n', len);

	return lf == NULL ? len : (size_t)(lf - data) + 1;
}

/* An entity without a header is ASCII text (RFC 2045 section 5.2). */
static bool is_ascii(const unsigned char *data, size_t len)
{
	while (len > 0) {
		size_t line = line_of(data, len);
		size_t end = line_ending(data, line);

		if (!is_text(data, line - end, 126))
			return false;
		data += line;
		len -= line;
	}
	return true;
}

/* A last line without an end is perhaps not the whole of it. */
static bool is_header(const unsigned char *data, size_t len)
{
	size_t line = 0;

	for (size_t at = 0; at < len; at += line) {
		const unsigned char *p = data + at;
		size_t end;

		line = line_of(p, len - at);
		end = line_ending(p, line);
		if (end == line)
			return at > 0 || is_ascii(data, len);
		if (!is_text(p, line - end - (end == 0 && p[line - 1] == '\r'), 255))
			return false;
		if (end == 0 && at > 0)
			return true;
		if (text_is_blank((char)p[0]) ? at == 0 : !is_field(p, line))
			return false;
	}
	return len > 0;
}

/* Octets of the header of the element at data, or 0. */
static size_t header_of(const unsigned char *data, size_t len, unsigned char tag)
{
	size_t octets;

	if (len < 2 || data[0] != tag)
		return 0;
	octets = data[1] <= 0x80 ? 0 : data[1] & 0x7f;
	return octets > 8 || len < 2 + octets ? 0 : 2 + octets;
}

static bool begins(const unsigned char *data, size_t len, const char *with, size_t with_len)
{
	return len >= with_len && memcmp(data, with, with_len) == 0;
}

bool looks_like_content_info(const unsigned char *data, size_t len)
{
	static const char pkcs7[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07";
	static const char smime[] = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01";
	size_t at = header_of(data, len, 0x30);

	return at > 0 && (begins(data + at, len - at, pkcs7, sizeof(pkcs7) - 1) ||
			     begins(data + at, len - at, smime, sizeof(smime) - 1));
}

/* That, or the version and first element of what has such a type. */
static bool is_cms(const unsigned char *data, size_t len)
{
	static const char version[] = "\x02\x01";
	size_t at = header_of(data, len, 0x30);

	if (at == 0 || looks_like_content_info(data, len))
		return at > 0;
	data += at;
	len -= at;
	return len > 3 && begins(data, len, version, 2) && data[2] <= 5 &&
	       (data[3] == 0x30 || data[3] == 0x31 || data[3] == 0xa0);
}

bool looks_like_content(const unsigned char *data, size_t len)
{
	return is_cms(data, len) || is_header(data, len);
}
