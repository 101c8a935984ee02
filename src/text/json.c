#include "text/json.h"

#include <inttypes.h>

#include "text/utf8.h"
#include "text/values.h"

/* RFC 8259 section 7: what is over 16 bits as a pair of surrogates. */
static void escape(FILE *out, uint32_t point)
{
	if (point > 0xFFFF) {
		fprintf(out, "\\u%04" PRIx32, 0xD800 + ((point - 0x10000) >> 10));
		point = 0xDC00 + ((point - 0x10000) & 0x3FF);
	}
	fprintf(out, "\\u%04" PRIx32, point);
}

/* Most texts are nothing but printable ASCII, which stays. */
static size_t plain(const char *text)
{
	size_t len = 0;

	while (text[len] >= ' ' && text[len] <= '~' && text[len] != '"' && text[len] != '\\')
		len++;
	return len;
}

static void quote(FILE *out, const char *text)
{
	putc_unlocked('"', out);
	for (;;) {
		size_t len = plain(text);
		uint32_t point;

		fwrite_unlocked(text, 1, len, out);
		text += len;
		if (*text == '\0')
			break;
		point = utf8_next(&text);
		if (point == '"' || point == '\\')
			fprintf(out, "\\%c", (char)point);
		else if (utf8_is_control(point))
			escape(out, point);
		else
			utf8_put(out, point);
	}
	putc_unlocked('"', out);
}

static void new_line(const struct json *j)
{
	if (!j->compact)
		fprintf(j->out, "\n%*s", 2 * j->depth, "");
}

static void start(struct json *j, const char *key)
{
	if (j->some[j->depth])
		putc_unlocked(',', j->out);
	if (j->depth > 0)
		new_line(j);
	j->some[j->depth] = true;
	if (key == NULL)
		return;
	quote(j->out, key);
	fputs_unlocked(j->compact ? ":" : ": ", j->out);
}

void json_open(struct json *j, const char *key, char bracket)
{
	start(j, key);
	putc_unlocked(bracket, j->out);
	if (j->depth < JSON_MAX_DEPTH)
		j->some[++j->depth] = false;
}

void json_close(struct json *j, char bracket)
{
	bool some = j->some[j->depth--];

	if (some)
		new_line(j);
	putc_unlocked(bracket, j->out);
	if (j->depth == 0 && !j->compact)
		putc_unlocked('\n', j->out);
}

void json_text(struct json *j, const char *key, const char *value)
{
	if (value == NULL) {
		json_null(j, key);
		return;
	}
	start(j, key);
	quote(j->out, value);
}

void json_number(struct json *j, const char *key, uint64_t value)
{
	start(j, key);
	fprintf(j->out, "%" PRIu64, value);
}

void json_tenths(struct json *j, const char *key, uint64_t tenths)
{
	start(j, key);
	fprintf(j->out, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

void json_bool(struct json *j, const char *key, bool value)
{
	start(j, key);
	fputs_unlocked(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *key)
{
	start(j, key);
	fputs_unlocked("null", j->out);
}

void json_time(struct json *j, const char *key, int64_t value)
{
	char text[TIME_TEXT_SIZE];

	json_text(j, key, time_text(text, value) ? text : NULL);
}

void json_texts(struct json *j, const char *key, const char *const *values)
{
	json_open(j, key, '[');
	for (; values != NULL && *values != NULL; values++)
		json_text(j, NULL, *values);
	json_close(j, ']');
}
