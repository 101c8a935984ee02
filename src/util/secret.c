#include "util/secret.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

#include <hsmime/error.h>

/* Pages of their own: locked where the limit allows, and never in a core file. */
static unsigned char *map_pages(size_t room)
{
	void *pages = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return NULL;
	(void)mlock(pages, room);
	(void)madvise(pages, room, MADV_DONTDUMP);
	return pages;
}

/*
 * Pages that were wiped, for the next secret: to map, lock and unmap one for each operation of a
 * batch would make all threads wait for the memory map. No lock, which a fork could leave held.
 */
#define PAGE 4096
#define SPARE_MAX 64
static _Atomic(unsigned char *) spare[SPARE_MAX];

static unsigned char *take_pages(size_t room)
{
	for (size_t i = 0; room <= PAGE && i < SPARE_MAX; i++) {
		unsigned char *page = atomic_exchange(&spare[i], NULL);

		if (page != NULL)
			return page;
	}
	return map_pages(room <= PAGE ? PAGE : room);
}

static void give_pages(unsigned char *pages, size_t room)
{
	for (size_t i = 0; room <= PAGE && i < SPARE_MAX; i++) {
		unsigned char *none = NULL;

		if (atomic_compare_exchange_strong(&spare[i], &none, pages))
			return;
	}
	munmap(pages, room <= PAGE ? PAGE : room);
}

int secret_new(struct secret *s, size_t room)
{
	*s = (struct secret){ 0 };
	if (room == 0)
		room = 1;
	s->data =
	    CRYPTO_secure_malloc_initialized() ? OPENSSL_secure_zalloc(room) : take_pages(room);
	if (s->data == NULL)
		return HSMIME_ENOMEM;
	s->room = room;
	return 0;
}

void secret_free(struct secret *s)
{
	if (s == NULL || s->data == NULL)
		return;
	OPENSSL_cleanse(s->data, s->room);
	if (CRYPTO_secure_allocated(s->data))
		OPENSSL_secure_clear_free(s->data, s->room);
	else
		give_pages(s->data, s->room);
	*s = (struct secret){ 0 };
}

int secret_copy(struct secret *to, const struct secret *from)
{
	if (secret_new(to, from->room) != 0)
		return HSMIME_ENOMEM;
	if (from->len > 0)
		memcpy(to->data, from->data, from->len);
	to->len = from->len;
	return 0;
}

void secret_select(unsigned char *out, const unsigned char *a, const unsigned char *b, size_t len,
    unsigned choose_a)
{
	/* volatile: the compiler may not turn the mask back into a branch. */
	volatile unsigned char mask = (unsigned char)(0U - (choose_a & 1U));

	for (size_t i = 0; i < len; i++)
		out[i] = (unsigned char)((a[i] & mask) | (b[i] & (unsigned char)~mask));
}
