/*
 * hsmime/error.h: what a call can come to.
 *
 * Every function of the library that can fail returns int: 0, or one of these
 * negative codes. The words that belong to a failure (what was tried, what the
 * token or OpenSSL said, what to do next) wait in the caller's hsmime_ctx.
 */
#ifndef HSMIME_ERROR_H
#define HSMIME_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && __GNUC__ >= 4
#define HSMIME_API __attribute__((visibility("default")))
#define HSMIME_MUST_CHECK __attribute__((warn_unused_result))
#else
#define HSMIME_API
#define HSMIME_MUST_CHECK
#endif

/* The result of a call. The number behind each is the tool's exit status. */
enum hsmime_status {
	HSMIME_OK = 0,        /* 0: done; for a verification: valid */
	HSMIME_EINVALID = -1, /* 1: signature, integrity or decryption does not hold */
	HSMIME_EUSAGE = -2,   /* 2: an argument or option that makes no sense */
	HSMIME_EFORMAT = -3,  /* 3: the input is malformed, truncated or over a limit */
	HSMIME_EUNSUPPORTED =
	    -4,               /* 3: well-formed, but an algorithm or structure hsmime does not do */
	HSMIME_ETOKEN = -5,   /* 4: the token or its module failed or is not there */
	HSMIME_EPIN = -6,     /* 4: no PIN, a wrong PIN, or a PIN that must not be tried */
	HSMIME_ENOKEY = -7,   /* 5: no matching key or certificate, or more than one */
	HSMIME_EIO = -8,      /* 6: reading or writing failed */
	HSMIME_ENOMEM = -9,   /* 6: out of memory */
	HSMIME_EPOLICY = -10, /* 7: refused by policy, for example a recipient's certificate */
	HSMIME_EINTERNAL = -11 /* 6: a defect in hsmime; please report it */
};

/*
 * hsmime_exit_status(status):
 * The exit status (0 to 7) that the tool gives for status.
 */
HSMIME_API int hsmime_exit_status(int status);

/*
 * hsmime_status_name(status):
 * A short constant name for logs and JSON, for example "malformed"; never NULL.
 */
HSMIME_API const char *hsmime_status_name(int status);

#ifdef __cplusplus
}
#endif

#endif
