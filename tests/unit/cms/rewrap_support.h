/*
 * rewrap_support: short ways to rewrap messages, with everything that a test wants to see
 * recorded, and to look at what became of their levels.
 */
#ifndef TESTS_CMS_REWRAP_SUPPORT_H
#define TESTS_CMS_REWRAP_SUPPORT_H

#include "cms/enveloped_build.h"
#include "cms/enveloped_rewrap.h"
#include "util/ber_writer.h"

/* How a message is rewrapped, and what was seen. */
struct rewrap_try {
	EVP_PKEY *key;              /* NULL: nobody's */
	size_t index;               /* of the recipient it is for */
	const struct party *add[8]; /* ends with NULL */
	enum hsmime_key_transport transport;
	bool key_id;
	bool (*keeps)(void *arg, const struct recipient *recipient);
	void *keeps_arg;
	content_judge *judge; /* NULL: anything is right; see no_check */
	bool no_check;
	const struct content_unwrapper *unwrapper;
	size_t step;       /* octets in a read; 0: as many as are wanted */
	size_t fail_after; /* the sink takes one octet less; 0: all */
	unsigned char secret;
	/* seen */
	int status;
	struct error err;
	struct buffer out;
	int finds;
	struct enveloped_rewrapped result;
	/* private */
	hsmime_memory in;
	struct ber_reader r;
	struct cms_env env;
};

static inline bool rewrap_anything(const unsigned char *data, size_t len)
{
	(void)data;
	(void)len;
	return true;
}

static inline bool rewrap_keeps_all(void *arg, const struct recipient *recipient)
{
	(void)arg;
	(void)recipient;
	return true;
}

static inline ptrdiff_t rewrap_read(void *arg, void *buf, size_t len)
{
	struct rewrap_try *t = arg;
	size_t n = t->in.len - t->in.pos;

	n = n < len ? n : len;
	n = t->step != 0 && n > t->step ? t->step : n;
	memcpy(buf, (const unsigned char *)t->in.data + t->in.pos, n);
	t->in.pos += n;
	return (ptrdiff_t)n;
}

static inline int rewrap_write(void *arg, const void *buf, size_t len)
{
	struct rewrap_try *t = arg;

	if (t->fail_after != 0 && t->out.len + len > t->fail_after - 1)
		return HSMIME_EIO;
	return buffer_add(&t->out, buf, len);
}

static inline int rewrap_find(void *arg, EVP_PKEY **key, size_t *index,
    const struct recipient *recipients, size_t count, struct error *err)
{
	struct rewrap_try *t = arg;

	(void)recipients;
	t->finds++;
	if (t->key == NULL)
		return error_set(err, HSMIME_ENOKEY, "nobody has a key");
	assert_true(t->index < count);
	EVP_PKEY_up_ref(t->key);
	*key = t->key;
	*index = t->index;
	return 0;
}

static inline int rewrap_rest(void *arg)
{
	struct rewrap_try *t = arg;

	return cms_content_info_leave(&t->r, &t->env);
}

static inline int rewrap_at(struct rewrap_try *t, enum cms_type type, const struct buffer *frame)
{
	unsigned char secret[32] = { t->secret };
	struct enveloped_write added = {
		.recipients = sk_X509_new_null(), .key_transport = t->transport, .key_id = t->key_id
	};
	struct enveloped_read read = { .find = rewrap_find,
		.find_arg = t,
		.unwrapper = t->unwrapper,
		.secret = secret,
		.rest = rewrap_rest,
		.rest_arg = t };
	struct enveloped_rewrap how = { .out = { rewrap_write, t },
		.frame = frame,
		.added = &added,
		.keeps = t->keeps,
		.keeps_arg = t->keeps_arg,
		.judge = t->no_check        ? NULL
			 : t->judge != NULL ? t->judge
					    : rewrap_anything };
	int status = added.recipients == NULL ? HSMIME_ENOMEM : 0;

	for (int i = 0; status == 0 && t->add[i] != NULL; i++)
		status = sk_X509_push(added.recipients, t->add[i]->cert) > 0 ? 0 : HSMIME_ENOMEM;
	if (status == 0)
		status = enveloped_rewrap(&t->result, &t->r, type, &read, &how, &t->env);
	sk_X509_free(added.recipients);
	return status;
}

static inline int rewrap_message(struct rewrap_try *t, const unsigned char *data, size_t len)
{
	hsmime_source source = { rewrap_read, NULL, t, HSMIME_SIZE_UNKNOWN };
	enum cms_type type;
	struct buffer frame;
	hsmime_sink sink;

	t->in = (hsmime_memory){ data, len, 0 };
	t->env = (struct cms_env){ NULL, &t->err };
	buffer_init(&t->out, SUPPORT_MAX);
	buffer_init(&frame, SUPPORT_MAX);
	sink_buffer(&sink, &frame);
	t->status = ber_open(&t->r, &source, &t->err);
	t->r.copy = &sink;
	if (t->status == 0)
		t->status = cms_content_info_enter(&type, &t->r, &t->env);
	t->r.copy = NULL;
	if (t->status == 0 && type != CMS_ENVELOPED_DATA && type != CMS_AUTH_ENVELOPED_DATA)
		t->status = HSMIME_EFORMAT;
	if (t->status == 0)
		t->status = rewrap_at(t, type, &frame);
	ber_close(&t->r);
	buffer_free(&frame);
	return t->status;
}

/* Ready for the next message; the settings stay. */
static inline void rewrap_clear(struct rewrap_try *t)
{
	enveloped_rewrapped_free(&t->result);
	buffer_free(&t->out);
	t->finds = 0;
	memset(&t->err, 0, sizeof(t->err));
}

static inline void rewrap(struct rewrap_try *t, const struct buffer *message)
{
	if (rewrap_message(t, message->data, message->len) != 0)
		fail_msg("status %d: %s", t->status, t->err.message);
	assert_int_equal(t->finds, 1);
}

/* The levels of a message. */
enum level { LEVEL_INFO, LEVEL_OUTER, LEVEL_MESSAGE, LEVEL_SET, LEVEL_CONTENT_INFO, LEVELS };

struct levels_seen {
	bool indefinite[LEVELS];
	int version;
	size_t set;    /* where RecipientInfos begin */
	size_t behind; /* where EncryptedContentInfo begins */
};

static inline void look_at(bool *indefinite, struct ber_reader *r, enum ber_class cls, uint32_t tag)
{
	struct ber_header h;

	assert_int_equal(ber_peek(r, &h), 0);
	*indefinite = h.indefinite;
	assert_int_equal(ber_enter(r, cls, tag, "a level"), 0);
}

static inline struct levels_seen levels_of(const struct buffer *message)
{
	struct levels_seen s = { .version = -1 };
	hsmime_memory memory = { message->data, message->len, 0 };
	hsmime_source source;
	struct error err = { 0 };
	struct ber_reader r;
	struct buffer version;
	struct ber_header h;

	hsmime_source_memory(&source, &memory);
	assert_int_equal(ber_open(&r, &source, &err), 0);
	look_at(&s.indefinite[LEVEL_INFO], &r, BER_UNIVERSAL, BER_SEQUENCE);
	assert_int_equal(ber_skip(&r), 0);
	look_at(&s.indefinite[LEVEL_OUTER], &r, BER_CONTEXT, 0);
	look_at(&s.indefinite[LEVEL_MESSAGE], &r, BER_UNIVERSAL, BER_SEQUENCE);
	buffer_init(&version, 3);
	assert_int_equal(ber_collect(&r, &version), 0);
	s.version = version.data[2];
	buffer_free(&version);
	assert_int_equal(ber_peek(&r, &h), 0);
	if (ber_is(&h, BER_CONTEXT, 0))
		assert_int_equal(ber_skip(&r), 0);
	assert_int_equal(ber_peek(&r, &h), 0);
	s.indefinite[LEVEL_SET] = h.indefinite;
	s.set = (size_t)ber_offset(&r);
	assert_int_equal(ber_skip(&r), 0);
	assert_int_equal(ber_peek(&r, &h), 0);
	s.indefinite[LEVEL_CONTENT_INFO] = h.indefinite;
	s.behind = (size_t)ber_offset(&r);
	ber_close(&r);
	return s;
}

/* All behind RecipientInfos is the same, and each level has the form that it had. */
static inline void expect_same_but_recipients(
    const struct buffer *before, const struct buffer *after)
{
	struct levels_seen a = levels_of(before);
	struct levels_seen b = levels_of(after);

	for (int i = 0; i < LEVELS; i++)
		assert_int_equal(a.indefinite[i], b.indefinite[i]);
	assert_int_equal(before->len - a.behind, after->len - b.behind);
	assert_memory_equal(before->data + a.behind, after->data + b.behind, after->len - b.behind);
}

#endif
