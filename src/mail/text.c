#include "mail/text.h"

#include <string.h>

bool text_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool text_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

const char *text_comment_end(const char *p)
{
	int depth = 0;

	for (; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && --depth == 0)
			return p + 1;
	}
	return NULL;
}

const char *text_skip_comment(const char *p)
{
	const char *end = text_comment_end(p);

	return end != NULL ? end : p + strlen(p);
}

const char *text_skip_space(const char *p)
{
	while (text_is_space(*p) || *p == '(')
		p = *p == '(' ? text_skip_comment(p) : p + 1;
	return p;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_lower(char *out, size_t room, const char *p, size_t len)
{
	if (len == 0 || len >= room)
		return false;
	for (size_t i = 0; i < len; i++)
		out[i] = lower(p[i]);
	out[len] = '\0';
	return true;
}

bool text_equal_len(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
		if (a[i] == '\0')
			break;
	}
	return true;
}

bool text_equal(const char *a, const char *b)
{
	return text_equal_len(a, b, strlen(a) + 1);
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
