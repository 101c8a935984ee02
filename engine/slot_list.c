#include "engine/slot_list.h"

#include <stdlib.h>

#include "engine/cryptoki.h"
#include "engine/module.h"

#define SLOTS_FIRST 64    /* room of the first call, which may be one too small */
#define SLOTS_MAX 1048576 /* no sane module has more */

static CK_RV fill_slots(CK_SLOT_ID **list, CK_ULONG *count, CK_ULONG room, struct module *m)
{
	CK_RV rv;

	*list = calloc(room + 1, sizeof(**list));
	if (*list == NULL)
		return CKR_HOST_MEMORY;
	*count = room;
	rv = cryptoki_slots(m, *list, count);
	if (rv == CKR_OK && *count > room)
		rv = CKR_BUFFER_TOO_SMALL;
	if (rv == CKR_OK)
		return CKR_OK;
	free(*list);
	*list = NULL;
	return rv;
}

CK_RV slot_list_new(CK_SLOT_ID **list, CK_ULONG *count, struct module *m)
{
	CK_RV rv = CKR_BUFFER_TOO_SMALL;

	*list = NULL;
	*count = 0;

	/* One more may have appeared between the two calls. */
	for (int i = 0; i < 3 && rv == CKR_BUFFER_TOO_SMALL; i++) {
		rv = cryptoki_slots(m, NULL, count);
		if (rv == CKR_OK && *count > SLOTS_MAX)
			rv = CKR_HOST_MEMORY;
		if (rv == CKR_OK && *count > 0)
			rv = fill_slots(list, count, *count, m);
	}
	return rv;
}

/* After C_Initialize most modules know their slots without being asked how many: a round trip less. */
CK_RV slot_list(CK_SLOT_ID **list, CK_ULONG *count, struct module *m)
{
	CK_RV rv = CKR_OK;

	*list = NULL;
	*count = 0;
	if (!m->listed)
		rv = fill_slots(list, count, SLOTS_FIRST, m);
	if (rv != CKR_OK || *count == 0) {
		free(*list);
		*list = NULL;
		rv = slot_list_new(list, count, m);
	}
	m->listed = rv == CKR_OK;
	return rv;
}
