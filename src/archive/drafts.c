#include "archive/drafts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/atomic_file.h"
#include "util/output.h"

void drafts_init(struct drafts *set)
{
	*set = (struct drafts){ .folder = -1 };
	pthread_mutex_init(&set->making, NULL);
}

static int remove_left(int fd, const char *folder, const char *prefix, struct error *err)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *entry;
	int status = 0;

	if (dir == NULL) {
		status = error_errno(err, "reading", folder);
		if (own >= 0)
			close(own);
		return status;
	}
	while (status == 0 && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    unlinkat(dirfd(dir), entry->d_name, 0) != 0 && errno != ENOENT)
			status = error_errno(err, "removing", entry->d_name);
	}
	closedir(dir);
	return status;
}

/* No tag is the beginning of another with the dash behind it. */
static char *tagged(const char *prefix, const char *tag)
{
	char *text = NULL;

	return asprintf(&text, "%s.%s-", prefix, tag) < 0 ? NULL : text;
}

int drafts_clear(struct drafts *set, const char *tag, struct error *err)
{
	char *prefix = tag != NULL ? tagged(set->prefix, tag) : strdup(set->prefix);
	int status =
	    prefix != NULL ? remove_left(set->folder, set->stem, prefix, err) : error_nomem(err);

	free(prefix);
	return status;
}

int drafts_open(struct drafts *set, const char *place, const char *folder, const char *prefix,
    const char *tag, struct error *err)
{
	int status = folder_make(folder, strlen(folder), 0, err);

	set->place_len = strlen(place);
	if (status != 0)
		return status;
	set->prefix = strdup(prefix);
	if (asprintf(&set->stem, tag != NULL ? "%s/%s.%s" : "%s/%s", folder, prefix, tag) < 0)
		set->stem = NULL;
	if (set->prefix == NULL || set->stem == NULL)
		return error_nomem(err);
	/* Through a symbolic link files would be removed that are somebody else's. */
	set->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (set->folder < 0)
		return error_errno(err, "reading", folder);
	return tag != NULL ? drafts_clear(set, tag, err)
			   : remove_left(set->folder, folder, prefix, err);
}

void drafts_close(struct drafts *set)
{
	free(set->stem);
	free(set->prefix);
	if (set->folder >= 0)
		close(set->folder);
	pthread_mutex_destroy(&set->making);
}

static bool is_there(const char *path, size_t folder_len)
{
	char *folder = folder_len > 0 ? strndup(path, folder_len) : NULL;
	struct stat st;
	bool is = folder != NULL && stat(folder, &st) == 0 && S_ISDIR(st.st_mode);

	free(folder);
	return is;
}

static int make_way(struct drafts *set, const char *path, size_t folder_len, struct error *err)
{
	int status = 0;

	if (is_there(path, folder_len))
		return 0;
	pthread_mutex_lock(&set->making);
	if (set->make_folder != NULL)
		status = set->make_folder(path, set->place_len, err);
	if (status == 0)
		status = folder_make(path, folder_len, set->place_len, err);
	pthread_mutex_unlock(&set->making);
	return status;
}

int drafts_begin(struct mail_draft *d, struct drafts *set, const char *path,
    const struct mail_item *item, struct error *err)
{
	struct draft_own *own = calloc(1, sizeof(*own));

	if (own == NULL)
		return error_nomem(err);
	d->own = own;
	own->path = strdup(path);
	own->folder_len = path_folder(path);
	own->modified = item->modified;
	if (own->path == NULL || output_staged(&d->output, path, set->stem) != 0)
		return error_nomem(err);
	return make_way(set, path, own->folder_len, err);
}

int drafts_end(struct mail_draft *d, struct error *err)
{
	const struct draft_own *own = d->own;
	struct timespec times[2];

	if (!output_is_complete(d->output))
		return error_set(
		    err, HSMIME_EUSAGE, "a message that was not written whole can't be kept");
	d->size = output_size(d->output);
	output_settle(d->output);
	if (own->modified == 0)
		return 0;
	times[0].tv_sec = own->modified / 1000000000;
	times[0].tv_nsec = own->modified % 1000000000;
	if (times[0].tv_nsec < 0) {
		times[0].tv_sec--;
		times[0].tv_nsec += 1000000000;
	}
	times[1] = times[0];
	/* Who sees the file sees its time; a file system that can't have it keeps the mail. */
	if (futimens(atomic_file_fd(output_staged_file(d->output)), times) != 0 && errno == EIO)
		return error_errno(err, "writing", own->path);
	return 0;
}

void drafts_drop(struct mail_draft *d)
{
	struct draft_own *own = d->own;

	hsmime_output_free(d->output);
	free(d->name);
	if (own != NULL) {
		free(own->path);
		free(own->from_line);
	}
	free(own);
	*d = (struct mail_draft){ 0 };
}

/* Fewer are synced one by one: syncing the file system takes others' files along. */
#define GROUP_MIN 4

static int sync_one(struct mail_draft *d, bool group, struct error *err)
{
	if (d->output == NULL || !output_is_complete(d->output))
		return error_set(
		    err, HSMIME_EUSAGE, "a message that has not ended can't be settled");
	return group ? atomic_file_synced(output_staged_file(d->output), err)
		     : output_prepare(d->output, err);
}

/* Keep the first failure's words. */
static void failed(
    struct mail_draft *d, int status, int *first, struct error *err, const struct error *own)
{
	d->status = status;
	if (status == 0 || *first != 0)
		return;
	*first = status;
	if (err != NULL)
		*err = *own;
}

/* All octets of the files are safe, and their times and sizes: for a group with one flush of the device. */
static int sync_files(struct drafts *set, struct mail_draft *d, size_t count, struct error *err)
{
	bool group = count >= GROUP_MIN && syncfs(set->folder) == 0;
	int first = 0;

	for (size_t i = 0; i < count; i++) {
		struct error own = { 0 };

		failed(&d[i], sync_one(&d[i], group, &own), &first, err, &own);
	}
	return first;
}

static const char *path_of(const struct mail_draft *d)
{
	return ((const struct draft_own *)d->own)->path;
}

static size_t folder_of(const struct mail_draft *d)
{
	return ((const struct draft_own *)d->own)->folder_len;
}

static bool same_folder(const struct mail_draft *a, const struct mail_draft *b)
{
	return folder_of(a) == folder_of(b) && memcmp(path_of(a), path_of(b), folder_of(a)) == 0;
}

static int by_folder(const void *a, const void *b)
{
	const struct mail_draft *x = *(struct mail_draft *const *)a;
	const struct mail_draft *y = *(struct mail_draft *const *)b;
	size_t len = folder_of(x) < folder_of(y) ? folder_of(x) : folder_of(y);
	int order = memcmp(path_of(x), path_of(y), len);

	return order != 0 ? order : (folder_of(x) > folder_of(y)) - (folder_of(x) < folder_of(y));
}

/* Each folder once. A name that is not safe is no success, though it may be there. */
static int sync_folders(struct mail_draft **order, size_t count, struct error *err)
{
	int first = 0, status = 0;

	qsort(order, count, sizeof(struct mail_draft *), by_folder);
	for (size_t i = 0; i < count; i++) {
		struct error own = { 0 };

		if (i == 0 || !same_folder(order[i - 1], order[i]))
			status = folder_sync(path_of(order[i]), folder_of(order[i]), &own);
		failed(order[i], status, &first, err, &own);
	}
	return first;
}

int drafts_settle(struct drafts *set, struct mail_draft *d, size_t count, struct error *err)
{
	struct mail_draft **order = calloc(count, sizeof(struct mail_draft *));
	size_t named = 0;
	int first, status;

	if (order == NULL) {
		for (size_t i = 0; i < count; i++)
			d[i].status = HSMIME_ENOMEM;
		return error_nomem(err);
	}
	/* What another thread just made is synced once it lets go. */
	pthread_mutex_lock(&set->making);
	pthread_mutex_unlock(&set->making);
	first = sync_files(set, d, count, err);
	for (size_t i = 0; i < count; i++) {
		struct error own = { 0 };

		if (d[i].status == 0)
			failed(&d[i], output_publish(d[i].output, &own), &first, err, &own);
		if (d[i].status == 0)
			order[named++] = &d[i];
	}
	status = sync_folders(order, named, first == 0 ? err : NULL);
	for (size_t i = 0; i < count; i++) {
		hsmime_output_free(d[i].output);
		d[i].output = NULL;
	}
	free(order);
	return first != 0 ? first : status;
}
