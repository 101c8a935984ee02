#include "engine/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "engine/log.h"
#include "engine/pin_command.h"
#include "engine/pin_missing.h"
#include "util/buffer.h"

static int spec_error(struct error *err)
{
	error_set(err, HSMIME_EUSAGE, "malformed PIN source");
	return error_hint(err, "use file:PATH, fd:NUMBER, command:COMMAND, cred:NAME or env:NAME");
}

static int parse_fd(struct pin_source *p)
{
	char *end = NULL;
	long fd;

	errno = 0;
	fd = strtol(p->name, &end, 10);
	if (errno != 0 || *end != '\0' || fd < 0 || fd > 65535)
		return HSMIME_EUSAGE;
	p->fd = (int)fd;
	p->start = lseek(p->fd, 0, SEEK_CUR);
	return 0;
}

/* The name is one component of a path, so that it can't leave the folder. */
static int check_name(const struct pin_source *p)
{
	if (p->kind == PIN_CRED && (strchr(p->name, '/') != NULL || strcmp(p->name, ".") == 0 ||
				       strcmp(p->name, "..") == 0))
		return HSMIME_EUSAGE;
	if (p->kind == PIN_ENV && strchr(p->name, '=') != NULL)
		return HSMIME_EUSAGE;
	return 0;
}

static int parse(struct pin_source *p, const char *spec, struct error *err)
{
	static const struct {
		const char *prefix;
		enum pin_kind kind;
	} kinds[] = { { "file:", PIN_FILE }, { "fd:", PIN_FD }, { "command:", PIN_COMMAND },
		{ "cred:", PIN_CRED }, { "env:", PIN_ENV } };
	size_t i = 0;

	while (i < 5 && strncmp(spec, kinds[i].prefix, strlen(kinds[i].prefix)) != 0)
		i++;
	if (i == 5 || spec[strlen(kinds[i].prefix)] == '\0')
		return spec_error(err);
	p->kind = kinds[i].kind;
	p->name = strdup(spec + strlen(kinds[i].prefix));
	if (p->name == NULL)
		return error_nomem(err);
	if ((p->kind == PIN_FD && parse_fd(p) < 0) || check_name(p) < 0)
		return spec_error(err);
	return 0;
}

int pin_source_new(struct pin_source **out, const char *spec, hsmime_pin_callback callback,
    void *callback_arg, struct error *err)
{
	struct pin_source *p = calloc(1, sizeof(*p));
	int r = 0;

	*out = NULL;
	if (p == NULL)
		return error_nomem(err);
	gate_init(&p->gate);
	atomic_flag_clear(&p->warned);
	p->callback = callback;
	p->callback_arg = callback_arg;
	if (spec != NULL)
		r = parse(p, spec, err);
	if (r < 0)
		pin_source_free(p);
	else
		*out = p;
	return r;
}

static int refuse_uri(struct error *err, const char *message)
{
	error_set(err, HSMIME_EPOLICY, "%s", message);
	return error_hint(err, "a URI may name a file only (pin-source=file:/PATH); use "
			       "HSMIME_PIN_SOURCE or hsmime's --pin-source for others");
}

int pin_source_from_uri(
    struct pin_source **out, const char *value, const struct pin_source *base, struct error *err)
{
	struct buffer spec;
	int r;

	*out = NULL;
	if (value[0] == '|')
		return refuse_uri(err, "the URI's pin-source is a command, which is never run");
	if (strncmp(value, "file:", 5) == 0)
		value += 5;
	if (strncmp(value, "//", 2) == 0)
		value += 2;
	if (value[0] != '/')
		return refuse_uri(err, "the URI's pin-source is not a file with an absolute path");
	buffer_init(&spec, 8192);
	r = buffer_printf(&spec, "file:%s", value);
	if (r == 0 && buffer_string(&spec) != NULL)
		r = pin_source_new(
		    out, buffer_string(&spec), base->callback, base->callback_arg, err);
	else
		r = refuse_uri(err, "the URI's pin-source is too long");
	if (*out != NULL)
		pin_source_like(*out, base);
	buffer_free(&spec);
	return r;
}

void pin_source_like(struct pin_source *p, const struct pin_source *base)
{
	p->doubtful = base->doubtful;
	p->memory = base->memory;
	p->limit = base->limit;
}

void pin_source_free(struct pin_source *p)
{
	if (p == NULL)
		return;
	gate_free(&p->gate);
	secret_free(&p->held);
	free(p->name);
	free(p);
}

bool pin_attended(const struct pin_source *p)
{
	return p->kind == PIN_CALLBACK;
}

bool pin_person(const struct pin_source *p)
{
	return p->callback != NULL && !p->doubtful;
}

static int failed(struct error *err, const struct pin_source *p, const char *why)
{
	static const char *const kinds[] = { "a person", "file", "descriptor", "command",
		"credential", "environment variable" };

	/* A command line may hold a secret of its own. */
	if (p->kind == PIN_COMMAND)
		return error_set(err, HSMIME_EPIN, "no PIN from the command: %s", why);
	return error_set(err, HSMIME_EPIN, "no PIN from %s %s: %s", kinds[p->kind], p->name, why);
}

static int failed_late(struct error *err)
{
	error_set(err, HSMIME_EPIN, "no PIN from the command: it took too long");
	return error_hint(
	    err, "run it by hand to see what it waits for; --call-limit gives it more time");
}

/* The next octet of the line; 0: the line is over; negative: an error. No more of it is read. */
static ssize_t next(unsigned char *c, int fd, struct pin_command *command,
    const struct pin_source *p, struct error *err)
{
	enum pin_command_state state =
	    command != NULL ? pin_command_await(command) : PIN_COMMAND_SAYS;
	ssize_t n;

	if (state == PIN_COMMAND_LATE)
		return failed_late(err);
	if (state == PIN_COMMAND_ENDED)
		return 0;
	do
		n = read(fd, c, 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed(err, p, strerror(errno));
	return n == 1 && *c != '\n' ? 1 : 0;
}

/* One octet at a time: what follows the line on a descriptor is not ours. command may be NULL. */
static int read_line(struct secret *pin, int fd, struct pin_command *command,
    const struct pin_source *p, struct error *err)
{
	unsigned char c = 0;
	ssize_t n;

	while ((n = next(&c, fd, command, p, err)) > 0) {
		if (pin->len == PIN_MAX || c == '\0')
			return failed(err, p, c == '\0' ? "it holds a NUL" : "it is too long");
		pin->data[pin->len++] = c;
	}
	if (n < 0)
		return (int)n;
	if (pin->len > 0 && pin->data[pin->len - 1] == '\r')
		pin->len--;
	return pin->len > 0 ? 0 : failed(err, p, "it is empty");
}

static void warn(struct pin_source *p, const char *text)
{
	if (!atomic_flag_test_and_set(&p->warned))
		log_say(0, "%s", text);
}

/* Not an error: what a container is given is often readable by everyone inside it. */
static void warn_of_readers(int fd, struct pin_source *p)
{
	struct stat status;

	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0)
		warn(p, "every user of this host can read the file that the PIN comes from");
}

static int read_path(struct secret *pin, const char *path, struct pin_source *p, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return failed(err, p, strerror(errno));
	warn_of_readers(fd, p);
	r = read_line(pin, fd, NULL, p, err);
	close(fd);
	return r;
}

static int from_file(struct secret *pin, struct pin_source *p, struct error *err)
{
	return read_path(pin, p->name, p, err);
}

static int from_fd_once(struct secret *pin, struct pin_source *p, struct error *err)
{
	int r = 0;

	if (p->held.data == NULL) {
		r = secret_new(&p->held, PIN_MAX);
		if (r == 0)
			r = read_line(&p->held, p->fd, NULL, p, err);
		else
			r = error_nomem(err);
	}
	if (r == 0 && p->held.len == 0)
		r = failed(err, p, "it was read before");
	if (r < 0) {
		p->held.len = 0;
		return r;
	}
	memcpy(pin->data, p->held.data, p->held.len);
	pin->len = p->held.len;
	return 0;
}

static int from_fd(struct secret *pin, struct pin_source *p, struct error *err)
{
	int r;

	gate_enter(&p->gate);
	r = from_fd_once(pin, p, err);
	gate_leave(&p->gate);
	return r;
}

static int from_command(struct secret *pin, struct pin_source *p, struct error *err)
{
	unsigned limit = p->limit != NULL ? atomic_load(p->limit) : PIN_LIMIT;
	enum pin_command_state state;
	struct pin_command c;
	int e = pin_command_start(&c, p->name, limit), r;

	if (e != 0)
		return failed(err, p, strerror(e));
	r = read_line(pin, c.out, &c, p, err);
	state = pin_command_end(&c);
	if (state == PIN_COMMAND_LATE)
		return failed_late(err);
	return state == PIN_COMMAND_ENDED ? r : failed(err, p, "it did not succeed");
}

static int from_cred(struct secret *pin, struct pin_source *p, struct error *err)
{
	const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
	struct buffer path;
	int r;

	if (folder == NULL || folder[0] != '/')
		return failed(err, p, "CREDENTIALS_DIRECTORY is not set (systemd sets it)");
	buffer_init(&path, 8192);
	if (buffer_printf(&path, "%s/%s", folder, p->name) == 0 && buffer_string(&path) != NULL)
		r = read_path(pin, buffer_string(&path), p, err);
	else
		r = failed(err, p, "its path is too long");
	buffer_free(&path);
	return r;
}

static int from_env(struct secret *pin, struct pin_source *p, struct error *err)
{
	const char *value = getenv(p->name);
	size_t len = value != NULL ? strlen(value) : 0;

	warn(p,
	    "the PIN comes from the environment, where other programs can see it: for tests only");
	if (len == 0)
		return failed(err, p, "it is not set");
	if (len > PIN_MAX)
		return failed(err, p, "it is too long");
	memcpy(pin->data, value, len);
	pin->len = len;
	return 0;
}

static int from_callback(
    struct secret *pin, struct pin_source *p, const hsmime_pin_request *request, struct error *err)
{
	ptrdiff_t n;

	if (p->callback == NULL)
		return pin_missing_nobody(err, request);
	n = p->callback(p->callback_arg, request, (char *)pin->data, PIN_MAX);
	if (n == HSMIME_ENOMEM)
		return error_nomem(err);
	if ((n <= 0 || n > PIN_MAX) && request->final_try)
		return pin_missing_last_try(err, request);
	if (n <= 0 || n > PIN_MAX)
		return error_set(
		    err, HSMIME_EPIN, "no PIN was given for token \"%s\"", request->token_label);
	pin->len = (size_t)n;
	return 0;
}

/* What had none may have one the next time, and costs nobody anything. */
static int unattended(struct secret *pin, struct pin_source *p, struct error *err)
{
	static int (*const readers[])(struct secret *, struct pin_source *, struct error *) = {
		[PIN_FILE] = from_file,
		[PIN_FD] = from_fd,
		[PIN_COMMAND] = from_command,
		[PIN_CRED] = from_cred,
		[PIN_ENV] = from_env,
	};
	int r = readers[p->kind](pin, p, err);

	if (r == HSMIME_EPIN && err != NULL)
		err->pin_missing = true;
	return r;
}

int pin_read(
    struct secret *pin, struct pin_source *p, const hsmime_pin_request *request, struct error *err)
{
	int r = secret_new(pin, PIN_MAX);

	if (r < 0)
		return error_nomem(err);
	if (p->kind == PIN_CALLBACK || request->final_try || request->pin_pad)
		r = from_callback(pin, p, request, err);
	else
		r = unattended(pin, p, err);
	if (r < 0)
		secret_free(pin);
	return r;
}
