/* proxy_extra: private keys that are pretended to be on the token, so that it has thousands. */
#ifndef TESTS_TOKEN_PROXY_EXTRA_H
#define TESTS_TOKEN_PROXY_EXTRA_H

#include "proxy_session.h"

/* extra_begin(c, template, count): a search begins. */
void extra_begin(struct call *c, const CK_ATTRIBUTE *template, CK_ULONG count);

/* extra_find(c, objects, room, count): *count were found; add as many as fit. */
void extra_find(struct call *c, CK_OBJECT_HANDLE *objects, CK_ULONG room, CK_ULONG *count);

/* extra_is(object): one of them, as the inner module would name it. */
bool extra_is(CK_OBJECT_HANDLE object);

/* extra_attributes(object, template, count): C_GetAttributeValue of one of them. */
CK_RV extra_attributes(CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count);

/* Of struct proxy. */
void extra_keys(unsigned long keys);

#endif
