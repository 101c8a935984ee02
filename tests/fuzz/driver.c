/*
 * Replays files, and all files of folders, through a fuzz target. A folder that
 * is missing or empty is a failure.
 *
 * usage: TARGET FILE|FOLDER...
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *data = NULL;
	size_t len = 0;
	int status = -1;

	if (file == NULL || fstat(fileno(file), &st) != 0)
		goto out;
	len = (size_t)st.st_size;
	/* Of exactly that size, so that a sanitizer sees the first octet behind it read. */
	data = malloc(len > 0 ? len : 1);
	if (data == NULL || fread(data, 1, len, file) != len)
		goto out;
	status = LLVMFuzzerTestOneInput(data, len);
out:
	if (status != 0)
		fprintf(stderr, "replay: %s failed\n", path);
	if (file != NULL)
		fclose(file);
	free(data);
	return status == 0 ? 1 : -1;
}

/* How many files were replayed, or -1. */
static int replay(const char *path)
{
	struct dirent **names = NULL;
	int count = scandir(path, &names, NULL, alphasort);
	int done = 0;

	if (count < 0)
		return replay_file(path);
	for (int i = 0; i < count; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && done >= 0)
			done = replay_file(file) < 0 ? -1 : done + 1;
		free(names[i]);
	}
	free(names);
	if (done == 0)
		fprintf(stderr, "replay: no seeds in %s\n", path);
	return done > 0 ? done : -1;
}

int main(int argc, char **argv)
{
	int total = 0;

	if (argc < 2) {
		fprintf(stderr, "replay: usage: %s FILE|FOLDER...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		int done = replay(argv[i]);

		if (done < 0)
			return 1;
		total += done;
	}
	printf("replay: %d inputs\n", total);
	return 0;
}
