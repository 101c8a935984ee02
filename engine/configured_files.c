#include "engine/configured_files.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/error.h"

#define SYSTEM "/etc/pkcs11"
#define PACKAGES "/usr/share/p11-kit/modules"
#define ENDING ".module"
#define LINE_MAX_OCTETS 4096

/* The value of that key in a file, in value; false: it is not there. */
static bool setting(char *value, size_t size, const char *path, const char *key)
{
	char line[LINE_MAX_OCTETS];
	FILE *in = fopen(path, "re");
	bool found = false;

	while (in != NULL && !found && fgets(line, sizeof(line), in) != NULL) {
		char *at = line + strspn(line, " \t"), *end = strchr(at, ':');

		if (end == NULL || (size_t)(end - at) != strlen(key) ||
		    strncmp(at, key, strlen(key)) != 0)
			continue;
		end += 1 + strspn(end + 1, " \t");
		end[strcspn(end, " \t\r\n")] = '\0';
		snprintf(value, size, "%s", end);
		found = true;
	}
	if (in != NULL)
		fclose(in);
	return found;
}

static bool by_program(const char *path)
{
	char value[8];

	return setting(value, sizeof(value), path, "enable-in") ||
	       setting(value, sizeof(value), path, "disable-in");
}

static int add(struct configured_files *f, const char *folder, const char *entry)
{
	size_t room = strlen(folder) + strlen(entry) + 2;
	struct configured_file *more = realloc(f->files, (f->count + 1) * sizeof(*more)), *file;

	if (more == NULL)
		return HSMIME_ENOMEM;
	f->files = more;
	file = &more[f->count];
	file->name = strndup(entry, strlen(entry) - strlen(ENDING));
	file->path = malloc(room);
	f->count++;
	if (file->name == NULL || file->path == NULL)
		return HSMIME_ENOMEM;
	snprintf(file->path, room, "%s/%s", folder, entry);
	if (by_program(file->path)) {
		free(file->name);
		free(file->path);
		f->count--;
	}
	return 0;
}

static bool is_module(const char *entry)
{
	size_t len = strlen(entry), ending = strlen(ENDING);

	return len > ending && strcmp(entry + len - ending, ENDING) == 0;
}

static int add_folder(struct configured_files *f, const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	int r = 0;

	while (d != NULL && r == 0 && (entry = readdir(d)) != NULL)
		if (is_module(entry->d_name))
			r = add(f, folder, entry->d_name);
	if (d != NULL)
		closedir(d);
	return r;
}

/* For root p11-kit reads none. */
static bool own_folder(char *folder, size_t size)
{
	const char *xdg = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	int n = -1;

	if (getuid() == 0)
		return false;
	if (xdg != NULL && xdg[0] != '\0')
		n = snprintf(folder, size, "%s/pkcs11", xdg);
	else if (home != NULL)
		n = snprintf(folder, size, "%s/.config/pkcs11", home);
	return n > 0 && (size_t)n < size;
}

int configured_files_list(struct configured_files *f)
{
	char own[LINE_MAX_OCTETS], path[LINE_MAX_OCTETS + 16], mode[16] = "merge";
	bool has_own = own_folder(own, sizeof(own));
	int r = 0;

	memset(f, 0, sizeof(*f));
	(void)setting(mode, sizeof(mode), SYSTEM "/pkcs11.conf", "user-config");
	has_own = has_own && strcmp(mode, "none") != 0;
	if (has_own) {
		snprintf(path, sizeof(path), "%s/pkcs11.conf", own);
		(void)setting(mode, sizeof(mode), path, "user-config");
		snprintf(path, sizeof(path), "%s/modules", own);
		r = add_folder(f, path);
	}
	if (r == 0 && (!has_own || strcmp(mode, "only") != 0))
		r = add_folder(f, SYSTEM "/modules");
	if (r == 0 && (!has_own || strcmp(mode, "only") != 0))
		r = add_folder(f, PACKAGES);
	if (r < 0)
		configured_files_free(f);
	return r;
}

void configured_files_free(struct configured_files *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->files[i].name);
		free(f->files[i].path);
	}
	free(f->files);
	memset(f, 0, sizeof(*f));
}

void configured_files_drop(struct configured_files *f, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->files[i].name, name) != 0) {
			f->files[kept++] = f->files[i];
			continue;
		}
		free(f->files[i].name);
		free(f->files[i].path);
	}
	f->count = kept;
}
