#include "mail/structure.h"

#include <string.h>

#include "mail/boundary.h"
#include "mail/header_block.h"
#include "mail/line.h"
#include "mail/part_table.h"

#define LINE_MAX_OCTETS 998 /* RFC 5322 section 2.1.1 */

struct scanner {
	struct structure *s;
	size_t room; /* of s->parts */
	struct window in;
	struct error *err;
	size_t current; /* the part that lines belong to */
	struct {
		size_t part;
		size_t boundary_len;
	} open[STRUCTURE_MAX_DEPTH +
	       1]; /* multiparts around here whose closing boundary is to come */
	size_t open_count;
	size_t line_seen;   /* octets of the current line that are consumed already */
	size_t last_ending; /* octets of the ending of the line before */
};

/* Which open multipart line (at a line's start) is a boundary of; the innermost comes first. */
static enum boundary_line find_boundary(
    const struct scanner *sc, size_t *level, const unsigned char *line, size_t len)
{
	if (len < 3 || line[0] != '-' || line[1] != '-')
		return BOUNDARY_NONE;
	for (size_t i = sc->open_count; i-- > 0;) {
		const struct part *p = &sc->s->parts[sc->open[i].part];
		enum boundary_line found =
		    boundary_match(p->boundary, sc->open[i].boundary_len, line, len);

		if (found != BOUNDARY_NONE) {
			*level = i;
			return found;
		}
	}
	return BOUNDARY_NONE;
}

static bool is_boundary(void *arg, const unsigned char *line, size_t len)
{
	size_t level;

	return find_boundary(arg, &level, line, len) != BOUNDARY_NONE;
}

static void note_header(struct scanner *sc, struct part *p, const struct header *h)
{
	const struct buffer *b = &h->octets;

	if (b->len == 0)
		return;
	line_count(&sc->s->lf_lines, &sc->s->crlf_lines, b->data, b->len);
	sc->last_ending = line_ending(b->data, b->len);
	p->mbox_line = h->mbox_len > 0 && memcmp(b->data, "From ", 5) == 0;
}

static void name_part(const struct scanner *sc, size_t index)
{
	char path[PART_PATH_SIZE];

	part_path(path, sizeof(path), sc->s, index);
	error_prefix(sc->err, "%s", path);
}

static int read_header(struct scanner *sc, size_t index, bool first_line)
{
	struct header_rules rules = {
		.strict = index == 0, .first_line = first_line, .stop = is_boundary, .arg = sc
	};
	struct header h;
	int status = header_take(&h, &sc->in, &rules, sc->err);
	struct part *p = &sc->s->parts[index];

	if (status == 0) {
		note_header(sc, p, &h);
		p->body = sc->in.offset;
		status = part_describe(sc->s, index, &h, sc->err);
	} else if (status == HSMIME_EFORMAT && index != 0) {
		name_part(sc, index);
	}
	if (status == 0 && p->boundary != NULL) {
		sc->open[sc->open_count].part = index;
		sc->open[sc->open_count++].boundary_len = strlen(p->boundary);
	}
	header_free(&h);
	return status;
}

/* A part begins here; a message holds another. */
static int begin_part(struct scanner *sc, size_t parent)
{
	bool mail = sc->s->count == 0;
	int status;

	do {
		status = part_add(&sc->current, sc->s, &sc->room, parent, sc->in.offset, sc->err);
		if (status == 0)
			status = read_header(sc, sc->current, mail);
		parent = sc->current;
		mail = true;
	} while (status == 0 && sc->s->parts[parent].message);
	return status;
}

static void limit(uint64_t *offset, uint64_t end)
{
	*offset = *offset < end ? *offset : end;
}

/*
 * The parts from the current one up to, but without, keep end here. The line
 * ending before a boundary may be the empty line of a header, or belong to the
 * boundary line before.
 */
static void end_parts(struct scanner *sc, size_t keep, uint64_t end)
{
	size_t chain[STRUCTURE_MAX_DEPTH + 1] = { 0 }, count = 0;

	for (size_t i = sc->current; i != keep; i = sc->s->parts[i].parent) {
		chain[count++] = i;
		if (i == 0)
			break;
	}
	if (count > 0 && end < sc->s->parts[chain[count - 1]].start)
		end = sc->s->parts[chain[count - 1]].start;
	while (count-- > 0) {
		struct part *p = &sc->s->parts[chain[count]];

		p->end = end;
		limit(&p->start, end);
		limit(&p->body, end);
		limit(&p->preamble_end, end);
		limit(&p->epilogue, end);
	}
}

static int cross_boundary(struct scanner *sc, enum boundary_line found, size_t level,
    const unsigned char *line, size_t len)
{
	size_t index = sc->open[level].part;
	struct part *p = &sc->s->parts[index];

	end_parts(sc, index, sc->in.offset - sc->last_ending);
	limit(&p->preamble_end, sc->in.offset);
	line_count(&sc->s->lf_lines, &sc->s->crlf_lines, line, len);
	sc->last_ending = line_ending(line, len);
	sc->current = index;
	if (found == BOUNDARY_CLOSE) {
		p->closed = true;
		p->epilogue = sc->in.offset + sc->open[level].boundary_len + 4;
	}
	sc->open_count = found == BOUNDARY_CLOSE ? level : level + 1;
	window_take(&sc->in, len);
	return found == BOUNDARY_CLOSE ? 0 : begin_part(sc, index);
}

/* Octets of a line, without its ending. */
static void note_octets(struct scanner *sc, struct part *p, const unsigned char *octets, size_t len)
{
	unsigned kinds;

	if (len == 0)
		return;
	kinds = octets_kinds(octets, len);
	p->eight_bit |= (kinds & OCTETS_EIGHT_BIT) != 0;
	p->nul |= (kinds & OCTETS_NUL) != 0;
	p->bare_cr |= (kinds & OCTETS_CR) != 0;
	p->from_line |= sc->line_seen == 0 && len >= 5 && memcmp(octets, "From ", 5) == 0;
	sc->line_seen += len;
	p->long_line |= sc->line_seen > LINE_MAX_OCTETS;
}

static void note_line(struct scanner *sc, struct part *p, const unsigned char *line, size_t len)
{
	size_t ending = line_ending(line, len);

	note_octets(sc, p, line, len - ending);
	sc->s->lf_lines += ending == 1;
	sc->s->crlf_lines += ending == 2;
	sc->last_ending = ending;
	sc->line_seen = 0;
}

/* A window full of one line: all but a CR that may belong to its ending. */
static void note_piece(struct scanner *sc, struct part *p, const unsigned char *piece, size_t len)
{
	len -= piece[len - 1] == '\r';
	note_octets(sc, p, piece, len);
	window_take(&sc->in, len);
}

/* The lines in sight, up to and with the first boundary; last says that nothing comes behind them. */
static int scan_lines(struct scanner *sc, size_t have, bool last)
{
	const unsigned char *start = sc->in.data + sc->in.start, *p = start, *end = start + have;
	struct part *part = &sc->s->parts[sc->current];
	size_t level;

	while (p < end) {
		const unsigned char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t len = lf == NULL ? (size_t)(end - p) : (size_t)(lf - p) + 1;
		enum boundary_line found = BOUNDARY_NONE;

		if (lf == NULL && !last)
			break;
		if (p[0] == '-' && sc->line_seen == 0)
			found = find_boundary(sc, &level, p, len);
		if (found != BOUNDARY_NONE) {
			window_take(&sc->in, (size_t)(p - start));
			return cross_boundary(sc, found, level, p, len);
		}
		note_line(sc, part, p, len);
		p += len;
	}
	if (p > start)
		window_take(&sc->in, (size_t)(p - start));
	else if (have >= sc->in.room)
		note_piece(sc, part, p, have);
	return 0;
}

/* Use up what is in sight before the window is moved and filled again. */
static int scan_body(struct scanner *sc)
{
	size_t want = 1;
	int status = 0;

	while (status == 0) {
		ptrdiff_t have = window_need(&sc->in, want);
		uint64_t before = sc->in.offset;

		if (have < 0)
			return error_set(sc->err, (int)have, "reading the mail failed");
		if (have == 0)
			break;
		status = scan_lines(sc, (size_t)have, (size_t)have < want);
		want = sc->in.offset > before ? 1 : sc->in.room;
	}
	return status;
}

int structure_scan(struct structure *s, const hsmime_source *in, struct error *err)
{
	struct scanner sc = { .s = s, .err = err };
	int status;

	memset(s, 0, sizeof(*s));
	if (window_open(&sc.in, in, WINDOW_ROOM) != 0)
		return error_nomem(err);
	status = begin_part(&sc, 0);
	if (status == 0)
		status = scan_body(&sc);
	if (status == 0) {
		s->size = sc.in.offset;
		end_parts(&sc, SIZE_MAX, s->size);
	} else {
		structure_free(s);
	}
	window_close(&sc.in);
	return status;
}
