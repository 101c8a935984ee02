/* A PKCS#11 module that hangs where $HANG_AT says: when it is loaded, or asked for its functions. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

static void hang_at(const char *name)
{
	const char *at = getenv("HANG_AT");

	while (at != NULL && strcmp(at, name) == 0)
		pause();
}

__attribute__((constructor)) static void loaded(void)
{
	hang_at("dlopen");
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	hang_at("C_GetFunctionList");
	*list = NULL;
	return CKR_GENERAL_ERROR;
}
