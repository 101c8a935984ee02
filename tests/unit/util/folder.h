/*
 * folder: a scratch folder of the test, and a look into it.
 */
#ifndef TESTS_UTIL_FOLDER_H
#define TESTS_UTIL_FOLDER_H

#include "streams.h"

#include <sys/types.h>

/* folder_enter(), folder_leave(): work in an empty folder of its own; remove it. As cmocka's setup and teardown. */
int folder_enter(void **state);
int folder_leave(void **state);

/* folder_path(): its absolute path. */
const char *folder_path(void);

/* folder_count(): how many entries it has, hidden ones too. */
size_t folder_count(void);

/* file_put(name, content), assert_file(name, content): text. */
void file_put(const char *name, const char *content);
void assert_file(const char *name, const char *content);

/* file_mode(name): its permissions. */
mode_t file_mode(const char *name);

/*
 * fd_unlinked(): the descriptor of this process that is open on a file without
 * a name in the scratch folder; -1 where there is none.
 */
int fd_unlinked(void);

/* fd_content(out, fd): all that the file holds, whatever the descriptor's offset. */
void fd_content(struct buffer *out, int fd);

#endif
