#include "failing_allocation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *old, size_t len);
int __real_posix_memalign(void **out, size_t alignment, size_t len);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t len);
int __real_vasprintf(char **out, const char *fmt, va_list args);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *old, size_t len);
int __wrap_posix_memalign(void **out, size_t alignment, size_t len);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t len);
int __wrap_vasprintf(char **out, const char *fmt, va_list args);
int __wrap___vasprintf_chk(char **out, int flag, const char *fmt, va_list args);
int __wrap_asprintf(char **out, const char *fmt, ...);
int __wrap___asprintf_chk(char **out, int flag, const char *fmt, ...);

static unsigned countdown;
static bool failed;

unsigned allocation_fail(unsigned turn)
{
	unsigned left = countdown;

	if (turn > 0)
		failed = false;
	countdown = turn;
	return left;
}

bool allocation_failed(void)
{
	return failed;
}

bool allocation_fails(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t len)
{
	return allocation_fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
	return allocation_fails() ? NULL : __real_calloc(count, len);
}

void *__wrap_realloc(void *old, size_t len)
{
	return allocation_fails() ? NULL : __real_realloc(old, len);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t len)
{
	return allocation_fails() ? ENOMEM : __real_posix_memalign(out, alignment, len);
}

char *__wrap_strdup(const char *s)
{
	return allocation_fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t len)
{
	return allocation_fails() ? NULL : __real_strndup(s, len);
}

int __wrap_vasprintf(char **out, const char *fmt, va_list args)
{
	return allocation_fails() ? -1 : __real_vasprintf(out, fmt, args);
}

int __wrap___vasprintf_chk(char **out, int flag, const char *fmt, va_list args)
{
	(void)flag;
	return __wrap_vasprintf(out, fmt, args);
}

int __wrap_asprintf(char **out, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = __wrap_vasprintf(out, fmt, args);
	va_end(args);
	return len;
}

int __wrap___asprintf_chk(char **out, int flag, const char *fmt, ...)
{
	va_list args;
	int len;

	(void)flag;
	va_start(args, fmt);
	len = __wrap_vasprintf(out, fmt, args);
	va_end(args);
	return len;
}
