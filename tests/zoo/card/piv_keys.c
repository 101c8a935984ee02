/* Private-key operations: SP 800-73-4 part 2, section 3.2.4 and appendix A. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <unistd.h>

#include "piv.h"
#include "tlv.h"

#define TEMPLATE 0x7c
#define CHALLENGE 0x81
#define RESPONSE 0x82
#define PEER 0x85

const struct piv_key *piv_key(const struct piv_card *card, unsigned reference)
{
	for (size_t i = 0; i < card->count; i++)
		if (card->keys[i].reference == reference)
			return &card->keys[i];
	return NULL;
}

static bool raw_rsa(EVP_PKEY_CTX *ctx, uint8_t *out, size_t *len, const struct tlv *in)
{
	return in->len == (size_t)EVP_PKEY_get_size(EVP_PKEY_CTX_get0_pkey(ctx)) &&
	       EVP_PKEY_decrypt_init(ctx) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
	       EVP_PKEY_decrypt(ctx, out, len, in->value, in->len) == 1;
}

static bool ecdsa(EVP_PKEY_CTX *ctx, uint8_t *out, size_t *len, const struct tlv *digest)
{
	return EVP_PKEY_sign_init(ctx) == 1 &&
	       EVP_PKEY_sign(ctx, out, len, digest->value, digest->len) == 1;
}

/* The peer's point as it is, without a DER header around it. */
static bool ecdh(EVP_PKEY_CTX *ctx, uint8_t *out, size_t *len, const struct tlv *point)
{
	EVP_PKEY *peer = EVP_PKEY_new();
	bool done = peer != NULL &&
		    EVP_PKEY_copy_parameters(peer, EVP_PKEY_CTX_get0_pkey(ctx)) == 1 &&
		    EVP_PKEY_set1_encoded_public_key(peer, point->value, point->len) == 1 &&
		    EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		    EVP_PKEY_derive(ctx, out, len) == 1;

	EVP_PKEY_free(peer);
	return done;
}

static bool operate(EVP_PKEY *key, uint8_t *out, size_t *len, const struct tlv *request)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	struct tlv in;
	bool done = false;

	if (tlv_find(&in, request->value, request->len, CHALLENGE))
		done = EVP_PKEY_is_a(key, "RSA") ? raw_rsa(ctx, out, len, &in)
						 : ecdsa(ctx, out, len, &in);
	else if (EVP_PKEY_is_a(key, "EC") && tlv_find(&in, request->value, request->len, PEER))
		done = ecdh(ctx, out, len, &in);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return done;
}

/* Whether the card lets the key be used now; the PIN counts once for the signature key. */
static bool permitted(struct piv_card *card, unsigned reference)
{
	bool just_verified = card->just_verified;

	if (card->refusal != NULL && unlink(card->refusal) == 0)
		card->verified = card->just_verified = false;
	if (reference == PIV_CARD_AUTHENTICATION)
		return true;
	card->just_verified = false;
	return card->verified && (reference != PIV_SIGNATURE || just_verified);
}

unsigned piv_authenticate(
    struct piv_card *card, unsigned reference, const uint8_t *data, size_t len)
{
	const struct piv_key *key = piv_key(card, reference);
	uint8_t result[1024], room[1100];
	size_t result_len = sizeof(result);
	struct tlv_writer inner = { room, 0, sizeof(room), 0 };
	struct tlv_writer w = { card->output, 0, sizeof(card->output), 0 };
	struct tlv request;

	if (key == NULL)
		return PIV_NO_REFERENCE;
	if (!permitted(card, reference))
		return PIV_NOT_VERIFIED;
	if (!tlv_find(&request, data, len, TEMPLATE) ||
	    !operate(key->key, result, &result_len, &request))
		return PIV_WRONG_DATA;
	tlv_put(&inner, RESPONSE, result, result_len);
	tlv_put(&w, TEMPLATE, inner.data, inner.len);
	card->output_len = w.len;
	return PIV_OK;
}
