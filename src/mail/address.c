#include "mail/address.h"

#include <stdlib.h>
#include <string.h>

#include "mail/text.h"

#define ROUTE_MAX 1000 /* octets of an obsolete source route, which nobody uses */

/* What is read, and the list that grows. */
struct reader {
	const char *p;
	char **list;
	size_t count;
	size_t room;
};

static bool is_control(char c)
{
	return (unsigned char)c < 32 || c == 127;
}

/* atext of RFC 5322 section 3.2.3, and the octets of RFC 6532. */
static bool is_atom(char c)
{
	if ((unsigned char)c >= 128)
		return true;
	return c != ' ' && !is_control(c) && strchr("()<>[]:;@\\,.\"", c) == NULL;
}

/* Behind the quoted string at p; its content goes to out, if there is one. NULL where it is open. */
static const char *take_quoted(struct buffer *out, const char *p)
{
	for (p++; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		if (out != NULL)
			buffer_add(out, p, 1);
	}
	return *p == '"' ? p + 1 : NULL;
}

static const char *take_atom(struct buffer *out, const char *p)
{
	const char *start = p;

	while (is_atom(*p))
		p++;
	buffer_add(out, start, (size_t)(p - start));
	return p > start ? p : NULL;
}

/* word *("." word), white space and comments in between (obs-local-part); the content without quotes. */
static const char *take_local(struct buffer *out, const char *p)
{
	for (;;) {
		p = text_skip_space(p);
		p = *p == '"' ? take_quoted(out, p) : take_atom(out, p);
		if (p == NULL)
			return NULL;
		p = text_skip_space(p);
		if (*p != '.')
			return p;
		buffer_add(out, p++, 1);
	}
}

static const char *take_literal(struct buffer *out, const char *p)
{
	size_t len = strcspn(p, "]\\");

	if (p[len] != ']')
		return NULL;
	for (size_t i = 0; i <= len; i++) {
		if (!text_is_space(p[i]))
			buffer_add(out, p + i, 1);
	}
	return p + len + 1;
}

static const char *take_domain(struct buffer *out, const char *p)
{
	p = text_skip_space(p);
	if (*p == '[') {
		p = take_literal(out, p);
		return p == NULL ? NULL : text_skip_space(p);
	}
	for (;;) {
		p = take_atom(out, text_skip_space(p));
		if (p == NULL)
			return NULL;
		p = text_skip_space(p);
		if (*p != '.')
			return p;
		buffer_add(out, p++, 1);
	}
}

static bool is_dot_atom(const struct buffer *local)
{
	const char *p = (const char *)local->data;
	bool dot = true;

	for (size_t i = 0; i < local->len; i++) {
		if (p[i] == '.' ? dot : !is_atom(p[i]))
			return false;
		dot = p[i] == '.';
	}
	return !dot;
}

static void add_local(struct buffer *out, const struct buffer *local)
{
	if (is_dot_atom(local)) {
		buffer_add(out, local->data, local->len);
		return;
	}
	buffer_add(out, "\"", 1);
	for (size_t i = 0; i < local->len; i++) {
		if (local->data[i] == '"' || local->data[i] == '\\')
			buffer_add(out, "\\", 1);
		buffer_add(out, local->data + i, 1);
	}
	buffer_add(out, "\"", 1);
}

/* An addr-spec at p, written to out; returns what is behind it, or NULL where there is none. */
static const char *take_addr_spec(struct buffer *out, const char *p)
{
	struct buffer local;

	buffer_init(&local, HEADER_MAX + 1);
	p = take_local(&local, p);
	if (p != NULL && *p == '@') {
		add_local(out, &local);
		buffer_add(out, "@", 1);
		p = take_domain(out, p + 1);
	} else {
		p = NULL;
	}
	if (local.status != 0)
		out->status = local.status;
	buffer_free(&local);
	return p;
}

/* <[@route,@route:]addr-spec> at p. */
static const char *take_angle(struct buffer *out, const char *p)
{
	p = text_skip_space(p + 1);
	if (*p == '@') {
		size_t route = 0;

		while (route < ROUTE_MAX && p[route] != '\0' && strchr(":<>\"", p[route]) == NULL)
			route++;
		if (p[route] != ':')
			return NULL;
		p += route + 1;
	}
	p = take_addr_spec(out, p);
	return p != NULL && *p == '>' ? text_skip_space(p + 1) : NULL;
}

/* Where the item at p ends: ',' ';' or the end, a ':' that opens a group, or a '<'. */
static const char *find_end(const char *p, const char *stop)
{
	while (*p != '\0' && strchr(stop, *p) == NULL) {
		if (*p == '"') {
			const char *behind = take_quoted(NULL, p);

			p = behind != NULL ? behind : p + strlen(p);
		} else if (*p == '(') {
			p = text_skip_comment(p);
		} else if (*p == '[') {
			p += strcspn(p, "]");
		} else {
			p++;
		}
	}
	return p;
}

static bool ends_item(const char *p)
{
	return *p == '\0' || *p == ',' || *p == ';';
}

static int add_address(struct reader *r, struct buffer *address)
{
	const char *text = buffer_string(address);
	char **list = r->list;

	if (text == NULL)
		return HSMIME_ENOMEM;
	if (r->count + 1 >= r->room) {
		r->room = r->room == 0 ? 8 : r->room * 2;
		list = realloc(r->list, r->room * sizeof(*list));
		if (list == NULL)
			return HSMIME_ENOMEM;
		r->list = list;
	}
	list[r->count] = strdup(text);
	if (list[r->count] == NULL)
		return HSMIME_ENOMEM;
	list[++r->count] = NULL;
	return 0;
}

/* An item that is no address but may be taken for one: its text, without control characters. */
static int add_doubtful(struct reader *r, const char *item, const char *end)
{
	struct buffer text;
	int status;

	while (item < end && text_is_space(*item))
		item++;
	while (end > item && text_is_space(end[-1]))
		end--;
	if (memchr(item, '@', (size_t)(end - item)) == NULL)
		return 0;
	buffer_init(&text, HEADER_MAX + 1);
	for (; item < end; item++)
		buffer_add(&text, is_control(*item) ? "?" : item, 1);
	status = text.status != 0 ? HSMIME_ENOMEM : add_address(r, &text);
	buffer_free(&text);
	return status;
}

/* One item of the list; r->p is moved behind it. */
static int read_item(struct reader *r)
{
	const char *item = r->p, *stop = find_end(r->p, ",;<:");
	const char *behind;
	struct buffer address;
	int status = 0;

	if (*stop == ':') { /* a group's name; its members follow as items */
		r->p = stop + 1;
		return add_doubtful(r, item, stop);
	}
	buffer_init(&address, HEADER_MAX + 1);
	behind = *stop == '<' ? take_angle(&address, stop) : take_addr_spec(&address, item);
	if (address.status != 0) {
		status = HSMIME_ENOMEM;
	} else if (behind != NULL && ends_item(behind)) {
		r->p = behind;
		status = add_address(r, &address);
	} else {
		r->p = find_end(stop, ",;");
		status = add_doubtful(r, item, r->p);
	}
	r->p += *r->p != '\0';
	buffer_free(&address);
	return status;
}

static int read_field(struct reader *r, const struct header_field *field)
{
	struct buffer body;
	int status;

	buffer_init(&body, HEADER_MAX + 1);
	status = header_body(&body, field);
	r->p = status == 0 ? buffer_string(&body) : NULL;
	if (r->p == NULL)
		status = HSMIME_ENOMEM;
	while (status == 0 && *r->p != '\0' && r->count < ADDRESS_MAX)
		status = read_item(r);
	buffer_free(&body);
	return status;
}

int address_list(char ***out, size_t *count, const struct header *h, const char *name)
{
	struct reader r = { .list = calloc(1, sizeof(*r.list)) };
	const struct header_field *field;
	int status = r.list == NULL ? HSMIME_ENOMEM : 0;

	for (size_t nth = 0; status == 0 && (field = header_find(h, name, nth)) != NULL; nth++)
		status = read_field(&r, field);
	if (status != 0) {
		address_list_free(r.list);
		r.list = NULL;
		r.count = 0;
	}
	*out = r.list;
	*count = r.count;
	return status;
}

void address_list_free(char **list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

bool address_equal(const char *a, const char *b)
{
	return text_equal(a, b);
}
