#include "memory_rig.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>

char memory_folder[300], memory_file[400];

void memory_write_pin(const char *octets)
{
	FILE *f = fopen(pin_rig.file, "w");

	assert_non_null(f);
	fputs(octets, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(pin_rig.file, 0600), 0);
}

int memory_rig_begin(void **state)
{
	static int number;

	pin_rig_begin(state);
	snprintf(memory_folder, sizeof(memory_folder), "%s/state/%d", pin_rig.st.folder, number++);
	snprintf(memory_file, sizeof(memory_file), "file:%s", pin_rig.file);
	memory_write_pin(pin_rig_wrong);
	return 0;
}

/* Another process's look at the token, as far as the memory is concerned: the digests are gone. */
void memory_next_process(const char *from, bool with_person)
{
	pin_rig.proxy->reset();
	pin_rig.state_dir = memory_folder;
	pin_rig_open(from, with_person);
}

void memory_refuses_with(const char *from, const char *message, const char *hint)
{
	memory_next_process(from, false);
	pin_rig_refused(PIN_RIG_KEY, message, 0);
	if (strstr(pin_rig.err.hint, hint) == NULL)
		fail_msg("\"%s\"", pin_rig.err.hint);
}

void memory_refuses(const char *from)
{
	memory_refuses_with(from, "refused the PIN of this source before", "hsmime pin forget");
}

void memory_spends_a_try(const char *from)
{
	memory_next_process(from, false);
	pin_rig_refused(PIN_RIG_KEY, "CKR_PIN_INCORRECT", 1);
}

void memory_logs_in(const char *from, bool with_person)
{
	memory_next_process(from, with_person);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
}

int memory_records(void)
{
	char folder[400], path[800], text[4096];
	const struct dirent *entry;
	struct stat st;
	int count = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/pins", memory_folder);
	dir = opendir(folder);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		size_t n;
		FILE *f;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		f = fopen(path, "r");
		assert_non_null(f);
		n = fread(text, 1, sizeof(text) - 1, f);
		text[n] = '\0';
		fclose(f);
		assert_null(strstr(text, pin_rig_wrong));
		assert_null(strstr(text, pin_rig_right));
		assert_non_null(strstr(text, "label: Alpha\n"));
		count++;
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}
