#include "engine/module_load.h"

#include <dlfcn.h>
#include <string.h>

#include <p11-kit/p11-kit.h>

#include "engine/module.h"
#include "engine/recovery.h"

int module_failed(struct module *m, CK_RV rv, struct error *err)
{
	char name[48];

	error_set(err, HSMIME_ETOKEN, "the PKCS#11 module %s does not start (%s)", m->path,
	    recovery_name(rv, name, sizeof(name)));
	error_hint(err, "check the module's own configuration, and that its service runs");
	return HSMIME_ETOKEN;
}

/* PKCS#11 v2.40 section 4.6 asks for every function, if only for one that says it is not there. */
static bool complete(const CK_FUNCTION_LIST *f)
{
	return f != NULL && f->C_Initialize != NULL && f->C_Finalize != NULL &&
	       f->C_GetSlotList != NULL && f->C_GetSlotInfo != NULL && f->C_GetTokenInfo != NULL &&
	       f->C_OpenSession != NULL && f->C_CloseSession != NULL &&
	       f->C_GetSessionInfo != NULL && f->C_Login != NULL && f->C_FindObjectsInit != NULL &&
	       f->C_FindObjects != NULL && f->C_FindObjectsFinal != NULL &&
	       f->C_GetAttributeValue != NULL && f->C_DestroyObject != NULL &&
	       f->C_SignInit != NULL && f->C_Sign != NULL && f->C_DecryptInit != NULL &&
	       f->C_Decrypt != NULL && f->C_DeriveKey != NULL;
}

static CK_RV get_functions(struct module *m, CK_C_GetFunctionList get)
{
	CK_FUNCTION_LIST *functions = NULL;
	CK_RV rv = module_enter(m, "C_GetFunctionList");

	if (rv != CKR_OK)
		return rv;
	rv = get(&functions);
	module_leave(m);
	if (rv == CKR_OK && !complete(functions))
		rv = CKR_FUNCTION_NOT_SUPPORTED;
	if (rv == CKR_OK)
		m->functions = functions;
	return rv;
}

/*
 * By its name, or where it is the library of p11-kit itself, which the proxy is a link to. p11-kit's
 * client, which also gives each caller an instance of its own, leads to what its server has.
 */
static bool is_proxy(const char *path, const void *library)
{
	CK_FUNCTION_LIST **(*load)(const char *, int) = p11_kit_modules_load;
	const char *name = strrchr(path, '/');
	Dl_info p11kit;

	if (strcmp(name != NULL ? name + 1 : path, MODULE_DEFAULT) == 0)
		return true;
	return library != NULL && dladdr(*(void **)&load, &p11kit) != 0 &&
	       p11kit.dli_fbase == library;
}

/* What a module does when it is loaded may hang as its calls may. */
static void *load(struct module *m)
{
	void *handle;

	if (module_enter(m, "dlopen") != CKR_OK)
		return NULL;
	handle = dlopen(m->path, RTLD_LAZY | RTLD_LOCAL);
	module_leave(m);
	return handle;
}

int module_load(struct module *m, struct error *err)
{
	void *handle = load(m);
	CK_C_GetFunctionList get = NULL;
	Dl_info info = { 0 };
	CK_RV rv;

	if (handle == NULL) {
		error_set(err, HSMIME_ETOKEN, "can't load the PKCS#11 module %s", m->path);
		error_hint(err, "%s%s", dlerror(),
		    strchr(m->path, '/') != NULL ? ""
						 : "; give the module's path, with a slash, or its "
						   "file name in the loader's folders");
		return HSMIME_ETOKEN;
	}
	*(void **)&get = dlsym(handle, "C_GetFunctionList");
	if (get == NULL) {
		error_set(err, HSMIME_ETOKEN, "%s is not a PKCS#11 module", m->path);
		dlclose(handle);
		error_hint(err, "name the module's shared library, for example "
				"/usr/lib/softhsm/libsofthsm2.so");
		return HSMIME_ETOKEN;
	}
	rv = get_functions(m, get);
	if (rv != CKR_OK) {
		dlclose(handle);
		return module_failed(m, rv, err);
	}
	m->file = dladdr(*(void **)&get, &info) != 0 ? info.dli_fname : m->path;
	m->proxy = is_proxy(m->path, info.dli_fbase);
	return 0;
}
