#include "mail/trace.h"

#include <stdio.h>
#include <string.h>

#include "mail/text.h"
#include "mail/utf8_check.h"

#define TRACE_MAX ((size_t)64 * 1024)
#define VALUE_MAX 4096 /* octets of a value; more of it is left out */
#define PIECE 48       /* characters of a parameter in one line */
#define TOKEN_MAX 64   /* those of one that is a token, in one word */
#define ID_MAX 255

void trace_init(struct trace *t, const char *newline)
{
	*t = (struct trace){ .newline = newline };
	buffer_init(&t->text, TRACE_MAX);
}

void trace_free(struct trace *t)
{
	buffer_free(&t->text);
}

static void put(struct trace *t, const char *text)
{
	buffer_add_string(&t->text, text);
	t->column += strlen(text);
}

void trace_begin(struct trace *t, const char *name)
{
	t->column = 0;
	put(t, name);
	put(t, ":");
}

void trace_end(struct trace *t)
{
	buffer_add_string(&t->text, t->newline);
}

/* One blank either way, so that unfolding gives what was folded. A ';' may follow. */
void trace_word(struct trace *t, const char *word)
{
	if (t->column + strlen(word) + 2 > TRACE_LINE && t->column > 1) {
		buffer_add_string(&t->text, t->newline);
		t->column = 0;
	}
	put(t, " ");
	put(t, word);
}

void trace_more(struct trace *t, const char *text)
{
	put(t, text);
}

/* RFC 2045 section 5.1, less what RFC 2231 section 7 has another use for. */
static bool is_token_char(unsigned char c)
{
	return c > ' ' && c < 127 && strchr("()<>@,;:\\\"/[]?=*'%", c) == NULL;
}

static bool is_plain_char(unsigned char c)
{
	return c > ' ' && c < 127 && c != '"' && c != '\\';
}

static bool all_are(const char *value, size_t len, bool (*is)(unsigned char c))
{
	for (size_t i = 0; i < len; i++)
		if (!is((unsigned char)value[i]))
			return false;
	return len > 0;
}

static bool is_utf8(const char *value, size_t len)
{
	hsmime_memory memory = { .data = value, .len = len };
	hsmime_source source;
	bool valid = false;

	hsmime_source_memory(&source, &memory);
	return utf8_check(&valid, &source) == 0 && valid;
}

/* One piece of value, of which *at octets were there; an octet takes three characters in the extended form. */
static void put_piece(
    struct trace *t, const char *head, const char *value, size_t len, size_t *at, bool extended)
{
	char word[256];
	size_t n = (size_t)snprintf(word, sizeof(word), "%s%s", head, extended ? "" : "\"");
	size_t end = n + PIECE;

	for (; *at < len && n + 3 <= end; (*at)++) {
		unsigned char c = (unsigned char)value[*at];
		bool plain = extended ? is_token_char(c) : true;

		n += (size_t)snprintf(word + n, sizeof(word) - n, plain ? "%c" : "%%%02X", c);
	}
	if (!extended)
		snprintf(word + n, sizeof(word) - n, "\"");
	trace_word(t, word);
}

/* Characters of value in the form that it gets. */
static size_t form_len(const char *value, size_t len, bool extended)
{
	size_t n = len;

	for (size_t i = 0; i < len && extended; i++)
		n += is_token_char((unsigned char)value[i]) ? 0 : 2;
	return n;
}

static void put_parameter(struct trace *t, const char *name, const char *value, size_t len)
{
	bool extended = len > 0 && !all_are(value, len, is_plain_char);
	char head[64];
	size_t at = 0;

	for (unsigned piece = 0; piece == 0 || at < len; piece++) {
		bool alone = piece == 0 && form_len(value, len, extended) <= PIECE - 2;

		if (piece > 0)
			trace_more(t, ";");
		snprintf(head, sizeof(head), alone ? "%.32s%.0u%s=%s" : "%.32s*%u%s=%s", name,
		    piece, extended ? "*" : "",
		    extended && piece == 0 ? (is_utf8(value, len) ? "utf-8''" : "''") : "");
		put_piece(t, head, value, len, &at, extended);
	}
}

void trace_parameter(struct trace *t, const char *name, const char *value)
{
	size_t len;

	if (value == NULL)
		return;
	len = strnlen(value, VALUE_MAX);
	if (len <= TOKEN_MAX && all_are(value, len, is_token_char)) {
		char word[40 + TOKEN_MAX];

		snprintf(word, sizeof(word), "%.32s=%s", name, value);
		trace_word(t, word);
		return;
	}
	put_parameter(t, name, value, len);
}

/* A quoted-string's octet (RFC 5322 section 3.2.4), of which unfolding leaves what it was. */
static void put_octet(char *word, size_t *n, size_t size, unsigned char c)
{
	if (c > 126)
		*n += (size_t)snprintf(word + *n, size - *n, "\\\\%02X", c);
	else
		*n += (size_t)snprintf(word + *n, size - *n, "%s%c",
		    c == '"' || c == '\\' ? "\\" : "", c < ' ' ? '?' : c);
}

void trace_property(struct trace *t, const char *name, const char *value)
{
	char word[512];
	size_t len, n;

	if (value == NULL)
		return;
	len = strnlen(value, VALUE_MAX);
	n = (size_t)snprintf(word, sizeof(word), "%.64s=\"", name);
	for (size_t i = 0; i < len; i++) {
		/* Never longer than a line may be, whatever is in it. */
		if (value[i] != ' ' && n < sizeof(word) - 16) {
			put_octet(word, &n, sizeof(word), (unsigned char)value[i]);
			continue;
		}
		if (n > 0)
			trace_word(t, word);
		n = 0;
		word[0] = '\0';
		if (value[i] != ' ')
			i--;
	}
	snprintf(word + n, sizeof(word) - n, "\"");
	trace_word(t, word);
}

bool trace_is_id(const char *id)
{
	size_t len = strlen(id);

	return len <= ID_MAX && all_are(id, len, is_token_char);
}

/* The value at p (a token or a quoted-string) is id; an empty one is anybody's. */
static bool is_by(const char *p, const char *id)
{
	bool quoted = p[0] == '"';
	size_t have = 0;

	for (p += quoted; *p != '\0'; p++) {
		if (quoted && *p == '\\' && p[1] != '\0')
			p++;
		else if (quoted ? *p == '"' : !is_token_char((unsigned char)*p))
			break;
		if (!text_equal_len(p, id + have, 1))
			return false;
		have++;
	}
	return have == 0 || id[have] == '\0';
}

int trace_is_results_of(bool *own, const struct header_field *field, const char *id)
{
	struct buffer body;
	int status;

	*own = false;
	if (!header_name_is(field, TRACE_RESULTS))
		return 0;
	buffer_init(&body, HEADER_MAX + 1);
	status = header_body(&body, field);
	if (status == 0 && buffer_string(&body) == NULL)
		status = HSMIME_ENOMEM;
	if (status == 0)
		*own = is_by(text_skip_space((char *)body.data), id);
	buffer_free(&body);
	return status;
}
