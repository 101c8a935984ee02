#include "mail/address.h"

#include <stdlib.h>
#include <string.h>

#include "mail/text.h"

#define QUOTE_MAX 80   /* octets of a field that an error repeats */
#define ROUTE_MAX 1000 /* octets of an obsolete source route, which nobody uses */

/* What is read, and the list that grows. */
struct reader {
	const char *p;
	char **list;
	size_t count;
	size_t room;
	const char *name;  /* of the field that is read */
	struct error *err; /* where doubt is an error; NULL: where it is given as it stands */
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

static int add_text(struct reader *r, const char *text)
{
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

static void trim(const char **start, const char **end)
{
	while (*start < *end && text_is_space(**start))
		++*start;
	while (*end > *start && text_is_space((*end)[-1]))
		--*end;
}

static int malformed(const struct reader *r, const char *item, const char *end)
{
	int len = end - item > QUOTE_MAX ? QUOTE_MAX : (int)(end - item);

	return error_set(r->err, HSMIME_EFORMAT,
	    "the mail's %s field can't be understood where it says: %.*s", r->name, len, item);
}

/* An item that is no address but may be taken for one: its text, without control characters. */
static int add_doubtful(struct reader *r, const char *item, const char *end)
{
	struct buffer text;
	int status;

	trim(&item, &end);
	if (r->err != NULL)
		return text_skip_space(item) < end ? malformed(r, item, end) : 0;
	if (memchr(item, '@', (size_t)(end - item)) == NULL)
		return 0;
	buffer_init(&text, HEADER_MAX + 1);
	for (; item < end; item++)
		buffer_add(&text, is_control(*item) ? "?" : item, 1);
	status = text.status != 0 ? HSMIME_ENOMEM : add_text(r, buffer_string(&text));
	buffer_free(&text);
	return status;
}

/* Whether every comment and quoted string has an end: what an open one hides, others may read. */
static bool is_closed(const char *p)
{
	while (p != NULL && *(p += strcspn(p, "\"(")) != '\0')
		p = *p == '"' ? take_quoted(NULL, p) : text_comment_end(p);
	return p != NULL;
}

/* A name before <address> that has an '@' of its own is doubtful, unless it is the address again. */
static bool is_name(const char *item, const char *angle, const struct buffer *address)
{
	if (*find_end(item, "@<") == '<')
		return true;
	trim(&item, &angle);
	return (size_t)(angle - item) == address->len &&
	       text_equal_len(item, (const char *)address->data, address->len);
}

/* A group's name; its members follow as items. */
static int read_group(struct reader *r, const char *item, const char *colon)
{
	r->p = colon + 1;
	if (r->err != NULL && *find_end(item, "@:") == ':')
		return 0;
	return add_doubtful(r, item, colon);
}

/* One item of the list; r->p is moved behind it. */
static int read_item(struct reader *r)
{
	const char *item = r->p, *stop = find_end(r->p, ",;<:");
	const char *behind;
	struct buffer address;
	int status = 0;

	if (*stop == ':')
		return read_group(r, item, stop);
	buffer_init(&address, HEADER_MAX + 1);
	behind = *stop == '<' ? take_angle(&address, stop) : take_addr_spec(&address, item);
	if (behind != NULL && (!ends_item(behind) || (*behind == '\0' && !is_closed(item))))
		behind = NULL;
	if (behind != NULL && r->err != NULL && *stop == '<' && !is_name(item, stop, &address))
		behind = NULL;
	r->p = behind != NULL ? behind : find_end(stop, ",;");
	if (address.status != 0)
		status = HSMIME_ENOMEM;
	else if (behind != NULL)
		status = add_text(r, buffer_string(&address));
	else
		status = add_doubtful(r, item, r->p);
	r->p += *r->p != '\0';
	buffer_free(&address);
	return status;
}

/* More than the list may hold is said, not dropped. */
static int cut(struct reader *r)
{
	if (r->err == NULL)
		return add_text(r, ADDRESS_MORE);
	return error_set(r->err, HSMIME_EFORMAT, "the mail's %s field has more than %d addresses",
	    r->name, ADDRESS_MAX);
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
	if (status == 0 && r->count == ADDRESS_MAX && *text_skip_space(r->p) != '\0')
		status = cut(r);
	buffer_free(&body);
	return status;
}

static int read_fields(struct reader *r, const struct header *h, const char *name)
{
	const struct header_field *field;
	size_t nth = 0;
	int status = 0;

	r->name = name;
	while (status == 0 && (field = header_find(h, name, nth)) != NULL) {
		status = read_field(r, field);
		nth++;
	}
	if (status == 0 && nth > 1 && r->err == NULL && text_equal(name, "From"))
		status = add_text(r, ADDRESS_REPEATED);
	return status;
}

int address_lists(
    char ***out, size_t *count, const struct header *h, const char *const *names, struct error *err)
{
	struct reader r = { .list = calloc(1, sizeof(*r.list)), .err = err };
	int status = r.list == NULL ? HSMIME_ENOMEM : 0;

	for (size_t i = 0; status == 0 && names[i] != NULL; i++)
		status = read_fields(&r, h, names[i]);
	if (status != 0) {
		address_list_free(r.list);
		r.list = NULL;
		r.count = 0;
	}
	*out = r.list;
	*count = r.count;
	return status == HSMIME_ENOMEM && err != NULL ? error_nomem(err) : status;
}

int address_list(char ***out, size_t *count, const struct header *h, const char *name)
{
	const char *const names[] = { name, NULL };

	return address_lists(out, count, h, names, NULL);
}

void address_list_free(char **list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; list[i] != NULL; i++)
		free(list[i]);
	free(list);
}
