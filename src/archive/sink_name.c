#include "archive/sink_name.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "util/hex.h"

int sink_hash(char out[SINK_HASH + 1], const char *job, const char *key, struct error *err)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	struct buffer all;
	int status;

	out[0] = '\0';
	buffer_init(&all, SIZE_MAX / 2);
	buffer_add_string(&all, job);
	buffer_add(&all, "", 1);
	status = buffer_add_string(&all, key);
	if (status == 0 && EVP_Digest(all.data, all.len, md, NULL, EVP_sha256(), NULL) != 1)
		status = HSMIME_ENOMEM;
	if (status == 0)
		hex_lower(out, md, SINK_HASH / 2);
	buffer_free(&all);
	return status == 0 ? 0 : error_nomem(err);
}

const char *sink_key(const struct mail_item *item)
{
	return item->key != NULL ? item->key : item->name;
}

bool sink_component(struct buffer *out, const char *name, size_t len, size_t max)
{
	bool same = len <= max;

	if (!same) {
		len = max;
		while (len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80)
			len--;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];
		bool control = c < 0x20 || c == 0x7f;

		buffer_add(out, control ? "_" : &name[i], 1);
		same = same && !control;
	}
	return same;
}

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len > n && strcasecmp(name + len - n, end) == 0;
}

static bool is_mail(const char *name)
{
	return ends_in(name, ".eml") || ends_in(name, ".p7m");
}

/*
 * One that is not as it was, or is called as what an a.p7m becomes, is not called as a file may be: that
 * file would have no place.
 */
static bool folder(struct buffer *out, const char *name, size_t len)
{
	size_t from = out->len;
	bool same = sink_component(out, name, len, NAME_MAX);
	const char *now = buffer_string(out);

	if (now == NULL || !(same ? ends_in(now + from, ".p7m.eml") : is_mail(now + from)))
		return same;
	if (out->len - from == NAME_MAX)
		out->len--;
	buffer_add(out, "_", 1);
	return false;
}

bool sink_folders(struct buffer *out, const char *path, size_t len)
{
	bool same = true;

	for (size_t at = 0; at < len;) {
		const char *name = path + at;
		const char *slash = memchr(name, '/', len - at);
		size_t n = slash != NULL ? (size_t)(slash - name) : len - at;

		at += n + 1;
		if (n == 0 || (n == 2 && memcmp(name, "..", 2) == 0) || (n == 1 && *name == '.')) {
			same = false;
			continue;
		}
		same = folder(out, name, n) && same;
		buffer_add(out, "/", 1);
	}
	return same;
}

/* Of the hash in a name: enough for few names, and short for people. */
#define HASH_PART 16

static void hashed(struct buffer *out, const char *base, const char *extension, const char *hash)
{
	size_t len = strlen(base);
	size_t own = is_mail(base) ? 4 : 0; /* octets of its extension */

	if (extension == NULL)
		extension = own > 0 && ends_in(base, ".p7m") ? ".p7m" : ".eml";
	if (sink_component(out, base, len - own, NAME_MAX - HASH_PART - 1 - strlen(extension)) &&
	    len == own)
		buffer_add(out, "mail", 4);
	buffer_printf(out, "-%.*s%s", HASH_PART, hash, extension);
}

/* What a name must be to be kept, so that no other becomes the same. */
static bool is_plain(const char *base)
{
	/* The job's own folder begins so; and the last is what an a.p7m becomes. */
	return is_mail(base) && strlen(base) <= NAME_MAX - 4 && !ends_in(base, ".p7m.eml");
}

/* Whether what out begins with is a job's own folder, where upper and lower case are one too. */
static bool is_own_folder(struct buffer *out)
{
	const char *path = buffer_string(out);

	return path != NULL && strncasecmp(path, ".hsmime-", 8) == 0;
}

#define PATH_LONGEST 2048 /* leaves room for the place before it */

void sink_file(struct buffer *out, const struct mail_item *item, const char *extension,
    const char *hash, bool always)
{
	const char *key = sink_key(item);
	const char *slash = strrchr(key, '/');
	const char *base = slash != NULL ? slash + 1 : key;
	/* Which would come to the same as a path without. */
	bool same = key[0] != '/' && strstr(key, "//") == NULL;
	size_t folders;

	if (slash != NULL)
		same = sink_folders(out, key, (size_t)(slash - key)) && same;
	folders = out->len;
	if (is_own_folder(out) || folders > PATH_LONGEST) {
		buffer_reset(out);
		same = false;
	}
	folders = out->len;
	if (same && !always && is_plain(base) &&
	    sink_component(out, base, strlen(base), NAME_MAX)) {
		if (extension == NULL || ends_in(base, extension))
			return;
		if (ends_in(base, ".p7m")) {
			buffer_add_string(out, extension);
			return;
		}
	}
	if (out->status == 0)
		out->len = folders;
	hashed(out, base, extension, hash);
}
