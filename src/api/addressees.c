#include "api/addressees.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/chain.h"
#include "mail/address.h"

static const char *const visible_fields[] = { "To", "Cc", "Resent-To", "Resent-Cc", NULL };
static const char *const sender_fields[] = { "From", "Sender", NULL };
static const char *const bcc_fields[] = { "Bcc", "Resent-Bcc", NULL };

static int find_bcc(bool *found, const struct header *header)
{
	const struct header_field *field;
	struct buffer body;
	int status = 0;

	*found = false;
	buffer_init(&body, HEADER_MAX + 1);
	for (size_t f = 0; bcc_fields[f] != NULL; f++) {
		for (size_t nth = 0;
		     status == 0 && (field = header_find(header, bcc_fields[f], nth)) != NULL;
		     nth++) {
			status = header_body(&body, field);
			*found = *found || body.len > 0;
		}
	}
	buffer_free(&body);
	return status;
}

static bool is_in(char *const *list, size_t count, const char *address)
{
	for (size_t i = 0; i < count && list[i] != NULL; i++) {
		if (address_equal(list[i], address))
			return true;
	}
	return false;
}

static void drop_repeated(char **list)
{
	size_t kept = 0;

	for (size_t i = 0; list[i] != NULL; i++) {
		if (is_in(list, kept, list[i]))
			free(list[i]);
		else
			list[kept++] = list[i];
	}
	list[kept] = NULL;
}

static int find_hidden(struct addressees *a, size_t bcc_count)
{
	size_t count = 0;

	a->hidden = calloc(bcc_count + 1, sizeof(*a->hidden));
	if (a->hidden == NULL)
		return HSMIME_ENOMEM;
	for (size_t i = 0; a->bcc[i] != NULL; i++) {
		if (!is_in(a->visible, SIZE_MAX, a->bcc[i]) &&
		    !is_in(a->sender, SIZE_MAX, a->bcc[i]))
			a->hidden[count++] = a->bcc[i];
	}
	return 0;
}

static int read_lists(struct addressees *a, const struct header *header, struct error *err)
{
	struct error *strict = a->has_bcc ? err : NULL;
	size_t count;
	int status = address_lists(&a->visible, &count, header, visible_fields, strict);

	if (status == 0)
		status = address_lists(&a->sender, &count, header, sender_fields, strict);
	if (status == 0)
		status = address_lists(&a->bcc, &count, header, bcc_fields, strict);
	if (status != 0)
		return status;
	drop_repeated(a->bcc);
	return find_hidden(a, count);
}

int addressees_read(struct addressees *a, const struct header *header, struct error *err)
{
	int status = find_bcc(&a->has_bcc, header);

	for (size_t f = 0; visible_fields[f] != NULL; f++)
		a->named = a->named || header_find(header, visible_fields[f], 0) != NULL;
	if (status == 0)
		status = read_lists(a, header, err);
	if (status == HSMIME_EFORMAT)
		error_hint(err,
		    "write each as Name <user@example.org>, with commas between, 1000 at most; in "
		    "a mail with Bcc hsmime does not guess who is meant");
	return status == HSMIME_ENOMEM ? error_nomem(err) : status;
}

void addressees_clear(struct addressees *a)
{
	address_list_free(a->visible);
	address_list_free(a->sender);
	address_list_free(a->bcc);
	free(a->hidden);
	memset(a, 0, sizeof(*a));
}

bool addressees_include(char *const *list, X509 *cert)
{
	char **emails = chain_emails(cert);
	bool found = false;

	for (size_t i = 0; emails != NULL && list != NULL && !found && list[i] != NULL; i++) {
		for (size_t e = 0; emails[e] != NULL; e++)
			found = found || address_is(list[i], emails[e]);
	}
	chain_emails_free(emails);
	return found;
}
