/* SoftHSM, and what it is not: its end, at a program's exit or at dlclose, hangs or aborts as $BAD_END says. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	void *inner = dlopen(SOFTHSM_MODULE, RTLD_NOW);
	CK_C_GetFunctionList get = NULL;

	if (inner != NULL)
		*(void **)&get = dlsym(inner, "C_GetFunctionList");
	return get == NULL ? CKR_GENERAL_ERROR : get(list);
}

__attribute__((destructor)) static void end(void)
{
	const char *how = getenv("BAD_END");

	if (how != NULL && strcmp(how, "abort") == 0)
		abort();
	while (how != NULL && strcmp(how, "hang") == 0)
		pause();
}
