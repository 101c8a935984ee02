/*
 * recipient_list: the RecipientInfos of a message (RFC 5652 section 6.2), read
 * within bounds and listed.
 */
#ifndef CMS_RECIPIENT_LIST_H
#define CMS_RECIPIENT_LIST_H

#include <stddef.h>

#include <openssl/types.h>

#include "cms/cms.h"
#include "cms/content_cipher.h"
#include "cms/enveloped_reader.h"
#include "cms/recipient_rsa.h"
#include "util/buffer.h"

#define RECIPIENTS_SIZE_MAX ((size_t)4 * 1024 * 1024)
#define RECIPIENTS_MAX 10000

/* Where a recipient's RecipientInfo is in the list, and its RecipientEncryptedKey in that. */
struct recipient_place {
	size_t offset;
	size_t len;
	size_t key;
};

/* Zero before use. recipients[i] is at places[i] of encoded. */
struct recipient_list {
	struct buffer encoded;
	struct recipient *recipients;
	struct recipient_place *places;
	size_t count;
	size_t room;
};

/*
 * recipient_list_read(list, r, env):
 * Read the SET OF RecipientInfo that comes next. HSMIME_EFORMAT where it is
 * malformed, empty or over a bound; HSMIME_ENOMEM. Free with
 * recipient_list_free.
 */
int recipient_list_read(struct recipient_list *list, struct ber_reader *r, struct cms_env *env);
void recipient_list_free(struct recipient_list *list);

/* recipients_free(recipients, count): free the array and the octets in it. */
void recipients_free(struct recipient *recipients, size_t count);

/*
 * recipient_list_decrypt(out, list, index, key, algorithm, cipher, secret, env):
 * The content key for cipher (algorithm is the message's identifier of it) from
 * recipient number index, with its private key. What recipient_rsa_decrypt or
 * recipient_ec_decrypt return; HSMIME_EINTERNAL where index names no such recipient.
 */
int recipient_list_decrypt(struct content_key *out, const struct recipient_list *list, size_t index,
    const struct recipient_key *key, const X509_ALGOR *algorithm,
    const struct content_cipher *cipher, const unsigned char *secret, struct cms_env *env);

#endif
