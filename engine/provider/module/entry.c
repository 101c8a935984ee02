/* The loadable face: what OpenSSL looks for in hsmime.so. */
#include "engine/provider/provider.h"

__attribute__((visibility("default"))) OSSL_provider_init_fn OSSL_provider_init;

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provctx)
{
	return provider_init(handle, in, out, provctx);
}
