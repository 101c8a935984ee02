#include "command.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/x509v3.h>

#include "job.h"
#include "text/json.h"
#include "key_groups.h"
#include "key_list.h"
#include "message.h"
#include "pem_uri.h"
#include "text/utf8.h"
#include "text/values.h"

#define NAME_WIDTH 9 /* columns */

static const struct {
	unsigned flag;
	const char *name;
} usages[] = {
	{ HSMIME_KEY_SIGN, "sign" },
	{ HSMIME_KEY_DECRYPT, "decrypt" },
	{ HSMIME_KEY_DERIVE, "derive" },
	{ HSMIME_KEY_UNWRAP, "unwrap" },
};

/*
 * What the certificate is for stands in for what the key may do, where the token has not told
 * (RFC 5280 section 4.2.1.3). 0: not known.
 */
static unsigned usage_of(const hsmime_key *k)
{
	static const struct {
		uint32_t bits;
		unsigned flag;
		const char *type; /* of the keys that can do it; NULL: all */
	} rows[] = {
		{ KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION, HSMIME_KEY_SIGN, NULL },
		{ KU_KEY_ENCIPHERMENT, HSMIME_KEY_DECRYPT, "RSA" },
		{ KU_KEY_AGREEMENT, HSMIME_KEY_DERIVE, "EC" },
	};
	uint32_t bits;
	unsigned usage = 0;

	if (k->usage != 0 || k->has_private_key >= 0 || k->certificate == NULL)
		return k->usage;
	bits = X509_get_key_usage(k->certificate);
	for (size_t i = 0; bits != UINT32_MAX && i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool fits = rows[i].type == NULL || strcmp(rows[i].type, k->type) == 0;

		usage |= fits && (bits & rows[i].bits) != 0 ? rows[i].flag : 0;
	}
	return usage;
}

static void json_usage(struct json *j, const hsmime_key *k)
{
	unsigned usage = usage_of(k);

	if (usage == 0 && k->has_private_key < 0) {
		json_null(j, "usage");
		return;
	}
	json_open(j, "usage", '[');
	for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
		if ((usage & usages[i].flag) != 0)
			json_text(j, NULL, usages[i].name);
	}
	json_close(j, ']');
}

static void json_private_key(struct json *j, const hsmime_key *k)
{
	if (k->has_private_key < 0)
		json_null(j, "private_key");
	else
		json_bool(j, "private_key", k->has_private_key != 0);
}

static void json_id(struct json *j, const hsmime_key *k)
{
	char text[2 * 64 + 1] = "";

	for (size_t i = 0; i < k->id_len && i < 64; i++)
		snprintf(text + 2 * i, 3, "%02x", k->id[i]);
	json_text(j, "id", text);
}

static void json_key(struct json *j, const hsmime_key *k)
{
	json_open(j, NULL, '{');
	json_text(j, "uri", k->uri);
	json_text(j, "label", k->label);
	json_id(j, k);
	json_text(j, "token", k->token_label);
	json_text(j, "token_serial", k->token_serial);
	json_text(j, "type", k->type);
	json_text(j, "curve", k->curve);
	json_number(j, "bits", k->bits);
	json_usage(j, k);
	json_private_key(j, k);
	json_bool(j, "always_authenticate", k->always_authenticate != 0);
	json_text(j, "subject", k->subject);
	json_text(j, "issuer", k->issuer);
	json_text(j, "serial_number", k->serial_number);
	json_texts(j, "emails", (const char *const *)k->emails);
	json_time(j, "not_before", k->certificate != NULL ? k->not_before : HSMIME_NO_TIME);
	json_time(j, "not_after", k->certificate != NULL ? k->not_after : HSMIME_NO_TIME);
	json_close(j, '}');
}

static void write_json(const struct key_list *list)
{
	struct json j = { .out = stdout };

	json_open(&j, NULL, '[');
	for (size_t i = 0; i < list->count; i++)
		json_key(&j, list->rows[i].key);
	json_close(&j, ']');
}

static void field(const char *name, const char *value)
{
	utf8_field(stdout, NAME_WIDTH, name, value);
}

static void write_type(const hsmime_key *k)
{
	const char *before = ": ";
	unsigned usage = usage_of(k);

	printf("  %-*s %s", NAME_WIDTH, "key:", k->type);
	if (k->curve != NULL)
		printf(" %s", k->curve);
	else if (k->bits > 0)
		printf(" %u bits", k->bits);
	for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
		if ((usage & usages[i].flag) == 0)
			continue;
		printf("%s%s", before, usages[i].name);
		before = ", ";
	}
	if (k->usage == 0 && k->has_private_key < 0)
		fputs(usage != 0 ? " (by its certificate)" : ": use not shown without --login",
		    stdout);
	if (k->has_private_key == 0)
		printf(", no private key");
	if (k->always_authenticate)
		printf(", PIN for every use");
	putchar('\n');
}

static void write_validity(const hsmime_key *k)
{
	char since[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
	int64_t now = (int64_t)time(NULL);
	const char *state = "";

	if (k->certificate == NULL || !time_text(since, k->not_before) ||
	    !time_text(until, k->not_after))
		return;
	if (now > k->not_after)
		state = " (EXPIRED)";
	else if (now < k->not_before)
		state = " (NOT YET VALID)";
	printf("  %-*s %.10s to %.10s%s\n", NAME_WIDTH, "valid:", since, until, state);
}

static void write_key(const hsmime_key *k)
{
	utf8_print(stdout, k->uri);
	putchar('\n');
	write_type(k);
	field("subject:", k->subject);
	for (char **email = k->emails; email != NULL && *email != NULL; email++)
		field("e-mail:", *email);
	field("serial:", k->serial_number);
	write_validity(k);
	if (k->certificate == NULL)
		field("note:", "the token holds no certificate for it");
}

/* Flags that any of the tokens has. */
static unsigned flags_of_tokens(hsmime_ctx *ctx)
{
	hsmime_token *tokens = NULL;
	size_t count = 0;
	unsigned flags = 0;

	/* Where they can't be listed any more they were there before. */
	if (hsmime_tokens(&tokens, &count, ctx) != 0)
		flags = HSMIME_TOKEN_INITIALIZED;
	for (size_t i = 0; i < count; i++)
		flags |= tokens[i].flags;
	hsmime_tokens_free(tokens, count);
	return flags;
}

/* Whether there are tokens all the same. */
static bool note_nothing(const struct job *job)
{
	unsigned flags = flags_of_tokens(job->ctx);

	if ((flags & HSMIME_TOKEN_STUCK) != 0)
		message_note("there is no key or certificate to show; a token is stuck, and may "
			     "have some: see 'hsmime tokens'");
	else if ((flags & HSMIME_TOKEN_INITIALIZED) == 0)
		message_no_token(option_text(job->options, OPT_TOKEN));
	else
		message_note("there is no key or certificate to show");
	return (flags & HSMIME_TOKEN_INITIALIZED) != 0;
}

static void write_text(const struct key_list *list, const struct job *job)
{
	for (size_t i = 0; i < list->count; i++)
		write_key(list->rows[i].key);
	if (list->count == 0 && !note_nothing(job))
		return;
	if (!option_is(job->options, OPT_LOGIN))
		message_note("without --login a token may hide private keys");
}

/* As many as there is room for, each of them whole. */
static int refuse_several(const struct key_list *list, struct job *job)
{
	char hint[sizeof(job->hint)] = "give the URI of one of them";
	size_t len = strlen(hint);

	for (size_t i = 0; i < list->count; i++) {
		const hsmime_key *k = list->rows[i].key;
		size_t need = strlen(k->uri) + 2; /* the separator */

		if (k->has_private_key == 0 || len + need >= sizeof(hint))
			continue;
		snprintf(hint + len, sizeof(hint) - len, "%s %s",
		    strchr(hint, ':') == NULL ? ":" : ";", k->uri);
		len = strlen(hint);
	}
	return job_refuse(job, HSMIME_ENOKEY, hint, "several keys fit, and a PEM file names one");
}

/* The only one that may have a private key. */
static int choose_key(const struct key_row **row, const struct key_list *list, struct job *job)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].key->has_private_key == 0)
			continue;
		if (*row != NULL)
			return refuse_several(list, job);
		*row = &list->rows[i];
	}
	if (*row == NULL)
		return job_refuse(job, HSMIME_ENOKEY,
		    "look at what hsmime keys --login lists; with --login hidden keys fit too",
		    "there is no such key for a PEM file");
	return 0;
}

/* The URI's part that says how to come to the token. */
static const char *query_of(const char *name)
{
	const char *query =
	    name != NULL && strncasecmp(name, "pkcs11:", 7) == 0 ? strchr(name, '?') : NULL;

	return query != NULL ? query : "";
}

static int refuse_group(struct job *job)
{
	const struct options *o = job->options;
	const struct option_value *given = option_get(o, OPT_KEY);
	const char *key = o->operand_count > 0 ? o->operands[0] : "";

	for (size_t i = 0; key_groups_name(key) == NULL && i < given->count; i++)
		key = given->items[i];
	if (key_groups_name(key) == NULL)
		return 0;
	return job_refuse(job, HSMIME_EUSAGE, "give the URI of one of the group's keys",
	    "a PEM file names one key, and %s is a group", key);
}

/* What the person said of the PIN's place goes into the file too. */
static int write_pem(const struct key_list *list, struct job *job)
{
	const struct key_row *row = NULL;
	int status = choose_key(&row, list, job);

	if (status == 0 && row != NULL)
		status = pem_uri_write(stdout, row->key->uri, query_of(row->name));
	if (status == HSMIME_EUSAGE)
		return job_refuse(job, status, "leave out what tells nothing apart",
		    "the URI is longer than %d characters", PEM_URI_MAX);
	return status;
}

int cmd_keys(const struct options *o)
{
	struct job job;
	struct key_list list = { 0 };
	int status = job_start(&job, o, "keys");

	if (status == 0 && option_is(o, OPT_PEM_URI))
		status = refuse_group(&job);
	if (status == 0)
		status = key_list_read(&list, &job, option_is(o, OPT_LOGIN));
	if (status == 0 && option_is(o, OPT_PEM_URI))
		status = write_pem(&list, &job);
	else if (status == 0 && option_is(o, OPT_JSON))
		write_json(&list);
	else if (status == 0)
		write_text(&list, &job);
	key_list_free(&list);
	return job_finish(&job, status);
}
