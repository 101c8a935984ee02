/*
 * openssl_allocation: OpenSSL's allocations fail in turn. openssl_allocation_fails() is for main,
 * before anything else; then openssl_allocation_countdown says which one fails.
 */
#ifndef TESTS_CMS_OPENSSL_ALLOCATION_H
#define TESTS_CMS_OPENSSL_ALLOCATION_H

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/crypto.h>

/* The allocation that fails, counted down; 0: none. */
static int openssl_allocation_countdown;

static bool openssl_allocation_turn(void)
{
	return openssl_allocation_countdown > 0 && --openssl_allocation_countdown == 0;
}

static void *openssl_allocation_malloc(size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return openssl_allocation_turn() ? NULL : malloc(len);
}

static void *openssl_allocation_realloc(void *old, size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	if (len == 0) {
		free(old);
		return NULL;
	}
	return openssl_allocation_turn() ? NULL : realloc(old, len);
}

static void openssl_allocation_free(void *old, const char *file, int line)
{
	(void)file;
	(void)line;
	free(old);
}

static inline bool openssl_allocation_fails(void)
{
	return CRYPTO_set_mem_functions(openssl_allocation_malloc, openssl_allocation_realloc,
		   openssl_allocation_free) == 1;
}

#endif
