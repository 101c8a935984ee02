#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "engine/object.h"
#include "engine/public_key.h"
#include "softtoken.h"

static void ok(CK_RV rv)
{
	assert_int_equal(rv, CKR_OK);
}

static void write_configuration(const struct softtoken *st)
{
	char path[512];
	FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/tokens", st->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/softhsm2.conf", st->folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f,
	    "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n",
	    st->folder);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
}

static void make_ca(struct softtoken *st)
{
	struct softtoken_cert c = { "Test CA", NULL, "critical,keyCertSign", -86400, 864000 };

	st->ca_key = EVP_EC_gen("P-256");
	assert_non_null(st->ca_key);
	st->ca = softtoken_issue(st, st->ca_key, &c);
}

void softtoken_begin(struct softtoken *st)
{
	const char *tmp = getenv("TMPDIR");
	char state[300];
	void *handle = dlopen(SOFTHSM_MODULE, RTLD_NOW);
	CK_C_GetFunctionList get = NULL;

	memset(st, 0, sizeof(*st));
	snprintf(
	    st->folder, sizeof(st->folder), "%s/hsmime-token-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(st->folder));
	write_configuration(st);
	/* What is kept for later programs is none of the account's, and none of another test's. */
	snprintf(state, sizeof(state), "%s/state", st->folder);
	assert_int_equal(setenv("XDG_STATE_HOME", state, 1), 0);
	assert_non_null(handle);
	*(void **)&get = dlsym(handle, "C_GetFunctionList");
	assert_non_null(get);
	ok(get(&st->functions));
	ok(st->functions->C_Initialize(NULL));
	make_ca(st);
}

static CK_SLOT_ID blank_slot(struct softtoken *st)
{
	CK_SLOT_ID list[64];
	CK_ULONG count = 0;

	ok(st->functions->C_GetSlotList(CK_TRUE, NULL, &count));
	count = 64;
	ok(st->functions->C_GetSlotList(CK_TRUE, list, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;

		ok(st->functions->C_GetTokenInfo(list[i], &info));
		if ((info.flags & CKF_TOKEN_INITIALIZED) == 0)
			return list[i];
	}
	fail_msg("no blank slot");
	return 0;
}

void softtoken_add(struct softtoken *st, const char *label)
{
	CK_FUNCTION_LIST *f = st->functions;
	unsigned char so_pin[] = "so-pin", pin[] = SOFTTOKEN_PIN, padded[32];
	CK_SLOT_ID slot = blank_slot(st);
	CK_SESSION_HANDLE session = 0;

	memset(padded, ' ', sizeof(padded));
	memcpy(padded, label, strlen(label));
	ok(f->C_InitToken(slot, so_pin, sizeof(so_pin) - 1, padded));
	ok(f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
	ok(f->C_Login(session, CKU_SO, so_pin, sizeof(so_pin) - 1));
	ok(f->C_InitPIN(session, pin, sizeof(pin) - 1));
	ok(f->C_Logout(session));
	ok(f->C_Login(session, CKU_USER, pin, sizeof(pin) - 1));
	st->session = session;
}

/* A template that is put together attribute by attribute. */
struct template
{
	CK_ATTRIBUTE items[16];
	CK_ULONG count;
};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void add(struct template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	t->items[t->count++] = (CK_ATTRIBUTE){ type, (void *)value, len };
}

static void add_bool(struct template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
	add(t, type, value ? &yes : &no, sizeof(CK_BBOOL));
}

static void add_names(struct template *t, const unsigned char *id, const char *label)
{
	add_bool(t, CKA_TOKEN, true);
	if (*id != 0)
		add(t, CKA_ID, id, 1);
	if (label != NULL)
		add(t, CKA_LABEL, label, strlen(label));
}

static void add_private(
    struct template *t, const unsigned char *id, const char *label, unsigned flags)
{
	add_names(t, id, label);
	add_bool(t, CKA_PRIVATE, true);
	add_bool(t, CKA_SENSITIVE, true);
	add_bool(t, CKA_EXTRACTABLE, false);
	add_bool(t, CKA_SIGN, (flags & KEY_SIGN) != 0);
	add_bool(t, CKA_DECRYPT, (flags & KEY_DECRYPT) != 0);
	add_bool(t, CKA_DERIVE, (flags & KEY_DERIVE) != 0);
	add_bool(t, CKA_UNWRAP, (flags & KEY_UNWRAP) != 0);
	add_bool(t, CKA_SIGN_RECOVER, false);
	if ((flags & KEY_ALWAYS_AUTHENTICATE) != 0)
		add_bool(t, CKA_ALWAYS_AUTHENTICATE, true);
}

/* What the token says of the public key that it made; the object goes where it is not wanted. */
static EVP_PKEY *read_public(struct softtoken *st, CK_OBJECT_HANDLE handle, unsigned flags)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS,
		CKA_EC_POINT };
	static unsigned char values[4][1024];
	struct object o = { .count = 4 };
	EVP_PKEY *key = NULL;

	for (size_t i = 0; i < 4; i++) {
		CK_ATTRIBUTE a = { types[i], values[i], sizeof(values[i]) };

		if (st->functions->C_GetAttributeValue(st->session, handle, &a, 1) != CKR_OK)
			a.ulValueLen = 0;
		o.attributes[i] = a;
	}
	key = public_key_of_object(&o);
	assert_non_null(key);
	if ((flags & KEY_NO_PUBLIC_OBJECT) != 0)
		ok(st->functions->C_DestroyObject(st->session, handle));
	return key;
}

static EVP_PKEY *generate(struct softtoken *st, CK_MECHANISM_TYPE type, struct template *public_key,
    struct template *private_key, unsigned flags)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_OBJECT_HANDLE a = 0, b = 0;

	ok(st->functions->C_GenerateKeyPair(st->session, &mechanism, public_key->items,
	    public_key->count, private_key->items, private_key->count, &a, &b));
	return read_public(st, a, flags);
}

EVP_PKEY *softtoken_rsa(
    struct softtoken *st, unsigned char id, const char *label, unsigned bits, unsigned flags)
{
	static const unsigned char exponent[] = { 1, 0, 1 };
	CK_ULONG size = bits;
	struct template public_key = { .count = 0 }, private_key = { .count = 0 };

	add_names(&public_key, &id, label);
	add(&public_key, CKA_MODULUS_BITS, &size, sizeof(size));
	add(&public_key, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
	add_private(&private_key, &id, label, flags);
	return generate(st, CKM_RSA_PKCS_KEY_PAIR_GEN, &public_key, &private_key, flags);
}

EVP_PKEY *softtoken_ec(
    struct softtoken *st, unsigned char id, const char *label, const char *curve, unsigned flags)
{
	unsigned char *params = NULL;
	int len = i2d_ASN1_OBJECT(OBJ_nid2obj(EC_curve_nist2nid(curve)), &params);
	struct template public_key = { .count = 0 }, private_key = { .count = 0 };
	EVP_PKEY *key = NULL;

	assert_true(len > 0);
	add_names(&public_key, &id, label);
	add(&public_key, CKA_EC_PARAMS, params, (size_t)len);
	add_private(&private_key, &id, label, flags);
	key = generate(st, CKM_EC_KEY_PAIR_GEN, &public_key, &private_key, flags);
	OPENSSL_free(params);
	return key;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension = NULL;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void add_extensions(X509 *cert, X509 *issuer, const struct softtoken_cert *c)
{
	char email[256];

	add_extension(cert, issuer, NID_subject_key_identifier, "hash");
	if (c->key_usage != NULL)
		add_extension(cert, issuer, NID_key_usage, c->key_usage);
	if (c->email == NULL)
		return;
	snprintf(email, sizeof(email), "email:%s", c->email);
	add_extension(cert, issuer, NID_subject_alt_name, email);
}

X509 *softtoken_issue(struct softtoken *st, EVP_PKEY *key, const struct softtoken_cert *c)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();

	assert_non_null(cert);
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1000 + st->serial++);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_UTF8, (const unsigned char *)c->name, -1, -1, 0);
	assert_int_equal(X509_set_subject_name(cert, name), 1);
	X509_set_issuer_name(cert, st->ca != NULL ? X509_get_subject_name(st->ca) : name);
	X509_gmtime_adj(X509_getm_notBefore(cert), c->from);
	X509_gmtime_adj(X509_getm_notAfter(cert), c->to);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	add_extensions(cert, st->ca != NULL ? st->ca : cert, c);
	assert_true(X509_sign(cert, st->ca_key, EVP_sha256()) > 0);
	X509_NAME_free(name);
	return cert;
}

void softtoken_store(
    struct softtoken *st, X509 *cert, unsigned char id, const char *label, bool names, bool hidden)
{
	CK_OBJECT_CLASS object_class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	unsigned char *der = NULL, *subject = NULL, *issuer = NULL, *serial = NULL;
	struct template t = { .count = 0 };
	CK_OBJECT_HANDLE handle = 0;
	int len;

	add(&t, CKA_CLASS, &object_class, sizeof(object_class));
	add(&t, CKA_CERTIFICATE_TYPE, &type, sizeof(type));
	add_names(&t, &id, label);
	add_bool(&t, CKA_PRIVATE, hidden);
	len = i2d_X509(cert, &der);
	add(&t, CKA_VALUE, der, (size_t)len);
	len = i2d_X509_NAME(X509_get_subject_name(cert), &subject);
	add(&t, CKA_SUBJECT, subject, (size_t)len);
	if (names) {
		len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
		add(&t, CKA_ISSUER, issuer, (size_t)len);
		len = i2d_ASN1_INTEGER(X509_get_serialNumber(cert), &serial);
		add(&t, CKA_SERIAL_NUMBER, serial, (size_t)len);
	}
	ok(st->functions->C_CreateObject(st->session, t.items, t.count, &handle));
	OPENSSL_free(der);
	OPENSSL_free(subject);
	OPENSSL_free(issuer);
	OPENSSL_free(serial);
}

void softtoken_seal(struct softtoken *st)
{
	ok(st->functions->C_Finalize(NULL));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

void softtoken_end(struct softtoken *st)
{
	nftw(st->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	EVP_PKEY_free(st->ca_key);
	X509_free(st->ca);
	memset(st, 0, sizeof(*st));
}

static void *proxy_symbol(const char *name)
{
	void *handle = dlopen(PROXY_MODULE, RTLD_NOW);
	void *symbol = handle != NULL ? dlsym(handle, name) : NULL;

	assert_non_null(symbol);
	return symbol;
}

const struct proxy *softtoken_proxy(void)
{
	proxy_control_function control = NULL;

	*(void **)&control = proxy_symbol(PROXY_SYMBOL);
	return control();
}

CK_FUNCTION_LIST *softtoken_proxy_functions(void)
{
	CK_C_GetFunctionList get = NULL;
	CK_FUNCTION_LIST *f = NULL;

	*(void **)&get = proxy_symbol("C_GetFunctionList");
	ok(get(&f));
	return f;
}

CK_SLOT_ID softtoken_slot(CK_FUNCTION_LIST *f, const char *label)
{
	CK_SLOT_ID list[64];
	CK_ULONG count = 64;

	ok(f->C_GetSlotList(CK_TRUE, list, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;

		ok(f->C_GetTokenInfo(list[i], &info));
		if (memcmp(info.label, label, strlen(label)) == 0)
			return list[i];
	}
	fail_msg("no token %s", label);
	return 0;
}
