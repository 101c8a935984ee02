#include "mail/parameters.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hsmime/error.h>

#include "mail/text.h"

static const char *skip_quoted(const char *p)
{
	for (p++; *p != '\0' && *p != '"'; p++)
		p += *p == '\\' && p[1] != '\0';
	return p + (*p == '"');
}

static char *quoted_value(const char **p)
{
	const char *in = *p + 1, *behind = skip_quoted(*p);
	char *value = malloc((size_t)(behind - *p) + 1);
	size_t len = 0;

	if (value == NULL)
		return NULL;
	for (; *in != '\0' && *in != '"'; in++) {
		in += *in == '\\' && in[1] != '\0';
		value[len++] = *in;
	}
	value[len] = '\0';
	*p = behind;
	return value;
}

/* Leniently: many senders leave values with '=', '/' or ':' unquoted. */
static char *token_value(const char **p)
{
	const char *start = *p;

	while (**p != '\0' && **p != ';' && !text_is_space(**p))
		++*p;
	return strndup(start, (size_t)(*p - start));
}

/* What decides how a body is read: with a second value of these it may be another mail. */
static const char *const deciding[] = { "boundary", "protocol", "micalg", "charset" };

#define DECIDING (sizeof(deciding) / sizeof(deciding[0]))

/* The one that name is, or is a piece of, or NULL. */
static const char *deciding_base(const char *name, size_t len)
{
	for (size_t i = 0; i < DECIDING; i++) {
		size_t base = strlen(deciding[i]);

		if (len >= base && text_equal_len(name, deciding[i], base) &&
		    (len == base || name[base] == '*'))
			return deciding[i];
	}
	return NULL;
}

static void keep(struct content_type *ct, char *value, const char *name, size_t len)
{
	bool full = ct->count == CONTENT_TYPE_MAX_PARAMS;
	struct content_param *param = full ? NULL : &ct->params[ct->count];

	if (!full && text_lower(param->name, sizeof(param->name), name, len)) {
		param->value = value;
		ct->count++;
		return;
	}
	free(value);
	if (deciding_base(name, len) != NULL)
		ct->unclear = deciding_base(name, len);
}

/* One name=value at *p, which is moved behind it. */
static int parse_one(struct content_type *ct, const char **p)
{
	const char *name = *p;
	size_t len = strcspn(name, "=; \t\r\n(");
	const char *at = text_skip_space(name + len);
	char *value;

	if (*at != '=') {
		*p = at;
		return 0;
	}
	at = text_skip_space(at + 1);
	value = *at == '"' ? quoted_value(&at) : token_value(&at);
	if (value == NULL)
		return HSMIME_ENOMEM;
	*p = at;
	keep(ct, value, name, len);
	return 0;
}

/* RFC 2231 section 4, in place: %XX, and in the first piece behind charset'language'. */
static void decode_extended(char *value, bool first)
{
	const char *in = value, *quote = first ? strchr(value, '\'') : NULL;
	size_t len = 0;

	quote = quote != NULL ? strchr(quote + 1, '\'') : NULL;
	in = quote != NULL ? quote + 1 : in;
	while (*in != '\0') {
		int high = *in == '%' ? text_hex_digit(in[1]) : -1;
		int low = high >= 0 ? text_hex_digit(in[2]) : -1;

		if (low >= 0 && high + low > 0)
			value[len++] = (char)(high * 16 + low);
		else if (low < 0)
			value[len++] = *in;
		in += low >= 0 ? 3 : 1;
	}
	value[len] = '\0';
}

static struct content_param *find(struct content_type *ct, const char *name)
{
	for (size_t i = 0; i < ct->count; i++) {
		if (strcmp(ct->params[i].name, name) == 0)
			return &ct->params[i];
	}
	return NULL;
}

/* Piece number n (from 1) of base, decoded; NULL where there is none. */
static struct content_param *find_piece(struct content_type *ct, const char *base, unsigned n)
{
	char name[96];
	struct content_param *piece;

	snprintf(name, sizeof(name), "%s*%u", base, n);
	piece = find(ct, name);
	if (piece != NULL)
		return piece;
	snprintf(name, sizeof(name), "%s*%u*", base, n);
	piece = find(ct, name);
	if (piece != NULL)
		decode_extended(piece->value, false);
	return piece;
}

/* RFC 2231 section 3: the pieces base*0, base*1, ... in any order become the value of the first. */
static int join_pieces(struct content_type *ct, struct content_param *first, const char *base)
{
	struct content_param *piece;

	for (unsigned n = 1; (piece = find_piece(ct, base, n)) != NULL && piece != first; n++) {
		size_t have = strlen(first->value), more = strlen(piece->value);
		char *value = realloc(first->value, have + more + 1);

		if (value == NULL)
			return HSMIME_ENOMEM;
		memcpy(value + have, piece->value, more + 1);
		first->value = value;
	}
	return 0;
}

static int resolve_extended(struct content_type *ct)
{
	int status = 0;

	for (size_t i = 0; i < ct->count && status == 0; i++) {
		struct content_param *param = &ct->params[i];
		char *star = strchr(param->name, '*');
		char base[64];

		if (star == NULL)
			continue;
		snprintf(base, sizeof(base), "%.*s", (int)(star - param->name), param->name);
		if (strcmp(star, "*") == 0 || strcmp(star, "*0*") == 0)
			decode_extended(param->value, true);
		else if (strcmp(star, "*0") != 0)
			continue;
		if (star[1] == '0')
			status = join_pieces(ct, param, base);
		snprintf(param->name, sizeof(param->name), "%s", base);
	}
	return status;
}

/* The number of the piece "*N" or "*N*", or -1. */
static int piece_number(const char *star)
{
	const char *digits = star + 1;
	size_t len = strspn(digits, "0123456789"), rest = strlen(digits + len);
	bool plain = rest == 0 || strcmp(digits + len, "*") == 0;

	if (!plain || len == 0 || len > 3 || (len > 1 && digits[0] == '0'))
		return -1;
	return (int)strtoul(digits, NULL, 10);
}

/* Whether readers agree on the value: it is there once, in one piece or in all its pieces. */
static bool is_clear(const struct content_type *ct, const char *base)
{
	size_t len = strlen(base), whole = 0, pieces = 0;
	uint64_t seen = 0;

	for (size_t i = 0; i < ct->count; i++) {
		const char *name = ct->params[i].name;
		int n;

		if (strncmp(name, base, len) != 0 || (name[len] != '\0' && name[len] != '*'))
			continue;
		if (strcmp(name + len, "") == 0 || strcmp(name + len, "*") == 0) {
			whole++;
			continue;
		}
		n = piece_number(name + len);
		if (n < 0 || n >= CONTENT_TYPE_MAX_PARAMS)
			return false;
		seen |= UINT64_C(1) << n;
		pieces++;
	}
	return whole <= 1 && (whole == 0 || pieces == 0) && seen == (UINT64_C(1) << pieces) - 1;
}

static void note_unclear(struct content_type *ct)
{
	for (size_t i = 0; i < DECIDING && ct->unclear == NULL; i++) {
		if (!is_clear(ct, deciding[i]))
			ct->unclear = deciding[i];
	}
}

int parameters_parse(struct content_type *ct, const char *p)
{
	int status = 0;

	while (status == 0 && *p != '\0') {
		p = text_skip_space(p);
		if (*p == ';' || *p == '=')
			p++;
		else if (*p == '"')
			p = skip_quoted(p);
		else if (*p != '\0')
			status = parse_one(ct, &p);
	}
	note_unclear(ct);
	return status == 0 ? resolve_extended(ct) : status;
}
