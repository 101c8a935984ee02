#include "engine/configured.h"

#include <p11-kit/p11-kit.h>

#include "engine/module.h"

/* What stands for all of them where a call is given up; it has no functions of its own. */
static char name[] = "behind p11-kit";
static struct module all = { .path = name };

bool configured_stuck(void)
{
	return atomic_load(&all.stuck) > 0;
}

CK_FUNCTION_LIST **configured_load(void)
{
	CK_FUNCTION_LIST **list;

	if (configured_stuck())
		return NULL;
	module_enter(&all, "p11_kit_modules_load");
	list = p11_kit_modules_load(NULL, 0);
	module_leave(&all);
	return list;
}

CK_RV configured_try(CK_FUNCTION_LIST *module)
{
	CK_RV rv = module_enter(&all, "C_Initialize");

	if (rv != CKR_OK)
		return rv;
	rv = p11_kit_module_initialize(module);
	if (rv == CKR_OK)
		(void)p11_kit_module_finalize(module);
	module_leave(&all);
	return rv;
}

void configured_release(CK_FUNCTION_LIST **list)
{
	if (list == NULL || configured_stuck())
		return;
	module_enter(&all, "p11_kit_modules_release");
	p11_kit_modules_release(list);
	module_leave(&all);
}
