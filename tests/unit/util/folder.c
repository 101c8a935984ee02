#include "folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[256];
static char before[4096];

int folder_enter(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(path, sizeof(path), "%s/util-XXXXXX", tmp != NULL && *tmp == '/' ? tmp : "/tmp");
	if (getcwd(before, sizeof(before)) == NULL || mkdtemp(path) == NULL)
		return -1;
	return chdir(path);
}

static void each_entry(void (*act)(const char *name, size_t *count), size_t *count)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			act(entry->d_name, count);
	}
	closedir(folder);
}

static void count_one(const char *name, size_t *count)
{
	(void)name;
	++*count;
}

static void remove_one(const char *name, size_t *count)
{
	++*count;
	if (unlink(name) != 0)
		assert_int_equal(rmdir(name), 0);
}

int folder_leave(void **state)
{
	size_t count = 0;

	(void)state;
	if (chdir(path) != 0)
		return -1;
	each_entry(remove_one, &count);
	return chdir(before) == 0 ? rmdir(path) : -1;
}

const char *folder_path(void)
{
	return path;
}

size_t folder_count(void)
{
	size_t count = 0;

	each_entry(count_one, &count);
	return count;
}

void file_put(const char *name, const char *content)
{
	FILE *file = fopen(name, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, strlen(content), file), strlen(content));
	assert_int_equal(fclose(file), 0);
}

void assert_file(const char *name, const char *content)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct buffer b;

	assert_true(fd >= 0);
	fd_content(&b, fd);
	assert_octets(&b, content, strlen(content));
	buffer_free(&b);
	close(fd);
}

mode_t file_mode(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_mode & 07777;
}

int fd_unlinked(void)
{
	for (int fd = 3; fd < 64; fd++) {
		char link[64], target[512];
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (strncmp(target, path, strlen(path)) == 0 &&
		    strstr(target, " (deleted)") != NULL)
			return fd;
	}
	return -1;
}

void fd_content(struct buffer *out, int fd)
{
	unsigned char buf[4096];
	ssize_t n;

	buffer_init(out, SIZE_MAX / 2);
	while ((n = pread(fd, buf, sizeof(buf), (off_t)out->len)) > 0)
		assert_int_equal(buffer_add(out, buf, (size_t)n), 0);
	assert_int_equal(n, 0);
}
