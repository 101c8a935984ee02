/*
 * slot_list: which slots with a token a module has, however many.
 */
#ifndef ENGINE_SLOT_LIST_H
#define ENGINE_SLOT_LIST_H

#include <p11-kit/pkcs11.h>

struct module;

/*
 * slot_list(list, count, m):
 * The slots, with a token in them, of a module of which the caller alone lists them; free the list
 * with free(). CKR_OK, or why they can't be listed.
 */
CK_RV slot_list(CK_SLOT_ID **list, CK_ULONG *count, struct module *m);

/*
 * slot_list_new(list, count, m):
 * The same, with those that came since the module was initialised: PKCS#11 v2.40 section 5.5, it
 * is the call without a list that makes new slots appear.
 */
CK_RV slot_list_new(CK_SLOT_ID **list, CK_ULONG *count, struct module *m);

#endif
