/*
 * tmplc [-p PREFIX] [-a MAP] OUT FILE...: mustache-like files to OUT.c and
 * OUT.h.  NAME.html becomes void PREFIX_NAME(struct template *), without -p
 * template_NAME; plain text, NAME.txt, becomes PREFIX_NAME_txt, whose values
 * are not escaped and whose parts are texts too.
 *
 *   {{name}}  escaped      {{{name}}}  as it is      {{! comment }}
 *   {{#name}} .. {{/name}}  for each element, or once if it is there
 *   {{^name}} .. {{/name}}  if false, null, missing or empty
 *   {{>part}}               another template
 *   {{a.b}}                 member b of a      {{.}}  the element itself
 *   {{@css/x.css}}          where that asset is served, by the map's names
 *
 * A tag that stands alone on its line (all but values) takes the line with it.
 * Refused, with file and line: unclosed tags and sections, unknown parts, parts
 * that contain each other, and the two places where escaping does not help:
 * values in unquoted attributes, and any tag inside <script> or <style>.
 */
#include <bsd/string.h>
#include <ctype.h>
#include <err.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_LEN	64
#define SECTIONS_MAX	16
#define PARTS_MAX	32

struct source {
	const char	*path;
	char		*text;
	char		 name[NAME_LEN];
	bool		 is_text;
	int		 parts[PARTS_MAX];	/* indices into sources */
	int		 nparts;
	int		 color;			/* 1 being walked, 2 walked */
};

struct tag {
	char		 kind;			/* one of # ^ / > ! { @ or 0 */
	char		 name[NAME_LEN];
	const char	*begin;
	const char	*end;
};

struct section {
	char		 name[NAME_LEN];
	const char	*begin;
};

static char	*text_load(const char *);
static void	 source_load(struct source *, const char *);
static int	 source_find(const struct source *, const char *);
static void	 source_compile(struct source *);
static void	 source_check_cycle(struct source *);
static void	 tag_read(struct source *, const char *, struct tag *);
static void	 tag_check_place(const struct source *, const struct tag *);
static void	 tag_widen(const struct source *, struct tag *);
static void	 emit_text(const char *, const char *);
static void	 emit_header(const char *);
static void	 emit_place(const char *, const char *, const char *);
static void	 refuse(const struct source *, const char *, const char *)
		    __attribute__((noreturn));

static struct source	*sources;
static const char	*map = "";	/* lines: "name hashed-name" */
static int		 source_count;
static FILE		*out;
static const char	*prefix = "template";

int
main(int argc, char *argv[])
{
	char	 new[4096], path[4096];
	int	 i;

	for (; argc > 2 && argv[1][0] == '-'; argc -= 2, argv += 2) {
		if (strcmp(argv[1], "-p") == 0)
			prefix = argv[2];
		else if (strcmp(argv[1], "-a") == 0)
			map = text_load(argv[2]);
		else
			errx(1, "unknown option %s", argv[1]);
	}
	if (argc < 2)
		errx(1, "usage: tmplc [-p prefix] [-a map] out file ...");
	source_count = argc - 2;
	if ((sources = calloc((size_t)argc, sizeof(*sources))) == NULL)
		err(1, NULL);
	for (i = 0; i < source_count; i++)
		source_load(&sources[i], argv[i + 2]);

	snprintf(path, sizeof(path), "%s.c", argv[1]);
	snprintf(new, sizeof(new), "%s.c.new", argv[1]);
	if ((out = fopen(new, "w")) == NULL)
		err(1, "%s", new);
	fprintf(out, "/* Made from templates by tools/tmplc. */\n"
	    "#include \"%s.h\"\n\n", basename(argv[1]));
	for (i = 0; i < source_count; i++)
		source_compile(&sources[i]);
	for (i = 0; i < source_count; i++)
		source_check_cycle(&sources[i]);
	emit_place(new, path, NULL);
	emit_header(argv[1]);

	for (i = 0; i < source_count; i++)
		free(sources[i].text);
	free(sources);
	return (0);
}

/* All of a file, for as long as the program runs. */
static char *
text_load(const char *path)
{
	FILE	*in;
	char	*text;
	long	 size;

	if ((in = fopen(path, "r")) == NULL || fseek(in, 0, SEEK_END) != 0 ||
	    (size = ftell(in)) < 0 || fseek(in, 0, SEEK_SET) != 0 ||
	    (text = calloc(1, (size_t)size + 1)) == NULL ||
	    fread(text, 1, (size_t)size, in) != (size_t)size)
		err(1, "%s", path);
	fclose(in);
	if (strlen(text) != (size_t)size)
		errx(1, "%s:1: contains a NUL byte", path);
	return (text);
}

/* The hashed name of an asset; refused when there is no such asset. */
static void
emit_asset(const struct source *s, const struct tag *tag)
{
	const char	*line = map;
	size_t		 len = strlen(tag->name);

	while (strncmp(line, tag->name, len) != 0 || line[len] != ' ') {
		if ((line = strchr(line, '\n')) == NULL)
			refuse(s, tag->begin, "unknown asset");
		line++;
	}
	line += len + 1;
	fprintf(out, "\ttemplate_text(t, \"/assets/%.*s\", %zu);\n",
	    (int)strcspn(line, "\n"), line,
	    strlen("/assets/") + strcspn(line, "\n"));
}

static void
source_load(struct source *s, const char *path)
{
	static const char	*const taken[] = { "init", "take", "free",
				    "text", "value", "raw", "true", "next",
				    "begin" };
	char			*copy, *dot;
	size_t			 i;

	s->path = path;
	if ((copy = strdup(path)) == NULL)
		err(1, NULL);
	if (strlcpy(s->name, basename(copy), sizeof(s->name)) >=
	    sizeof(s->name))
		errx(1, "%s:1: name is too long", path);
	free(copy);
	if ((dot = strchr(s->name, '.')) != NULL) {
		s->is_text = strcmp(dot, ".txt") == 0;
		*dot = '\0';
	}
	if (s->is_text && strlcat(s->name, "_txt", sizeof(s->name)) >=
	    sizeof(s->name))
		errx(1, "%s:1: name is too long", path);
	if (s->name[0] == '\0' || s->name[strspn(s->name,
	    "abcdefghijklmnopqrstuvwxyz_0123456789")] != '\0')
		errx(1, "%s:1: names are made of a-z, 0-9 and _", path);
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (strcmp(prefix, "template") == 0 &&
		    strcmp(s->name, taken[i]) == 0)
			errx(1, "%s:1: template_%s is taken", path, taken[i]);
	}

	s->text = text_load(path);
}

/* A part of `s', text if that is. */
static int
source_find(const struct source *s, const char *name)
{
	char	full[NAME_LEN + 4];
	int	i;

	snprintf(full, sizeof(full), "%s%s", name, s->is_text ? "_txt" : "");
	for (i = 0; i < source_count; i++) {
		if (strcmp(sources[i].name, full) == 0)
			return (i);
	}
	return (-1);
}

static void
source_compile(struct source *s)
{
	struct section	 open[SECTIONS_MAX];
	struct tag	 tag;
	const char	*p, *begin;
	int		 depth = 0, part;

	fprintf(out, "void\n%s_%s(struct template *t)\n{\n\t(void)t;\n",
	    prefix, s->name);
	for (p = s->text; (begin = strstr(p, "{{")) != NULL; p = tag.end) {
		tag_read(s, begin, &tag);
		emit_text(p, tag.begin < p ? p : tag.begin);
		switch (tag.kind) {
		case '!':
			break;
		case '@':
			emit_asset(s, &tag);
			break;
		case '>':
			if ((part = source_find(s, tag.name)) == -1)
				refuse(s, begin, "unknown template");
			if (s->nparts == PARTS_MAX)
				refuse(s, begin, "too many parts");
			s->parts[s->nparts++] = part;
			fprintf(out, "\t%s_%s(t);\n", prefix,
			    sources[part].name);
			break;
		case '#':
		case '^':
			if (depth == SECTIONS_MAX)
				refuse(s, begin, "sections nest too deeply");
			strlcpy(open[depth].name, tag.name, NAME_LEN);
			open[depth++].begin = begin;
			if (tag.kind == '^')
				fprintf(out, "\tif (!template_true(t, \"%s\")) "
				    "{\n", tag.name);
			else
				fprintf(out, "\tfor (struct template_iter i%d ="
				    " template_begin(t, \"%s\");\n\t    "
				    "template_next(t, &i%d);) {\n", depth,
				    tag.name, depth);
			break;
		case '/':
			if (depth == 0 ||
			    strcmp(open[depth - 1].name, tag.name) != 0)
				refuse(s, begin, "closes no open section");
			depth--;
			fprintf(out, "\t}\n");
			break;
		default:
			fprintf(out, "\ttemplate_%s(t, \"%s\");\n",
			    tag.kind == '{' || s->is_text ? "raw" : "value",
			    tag.name);
			break;
		}
	}
	if (depth != 0)
		refuse(s, open[depth - 1].begin, "section is never closed");
	emit_text(p, p + strlen(p));
	fprintf(out, "}\n\n");
}

/* Parts that contain each other would recurse without end. */
static void
source_check_cycle(struct source *s)
{
	int	i;

	if (s->color == 2)
		return;
	if (s->color == 1)
		refuse(s, s->text, "contains itself through its parts");
	s->color = 1;
	for (i = 0; i < s->nparts; i++)
		source_check_cycle(&sources[s->parts[i]]);
	s->color = 2;
}

static void
tag_read(struct source *s, const char *begin, struct tag *tag)
{
	const char	*p = begin + 2, *close = "}}";
	size_t		 len;

	memset(tag, 0, sizeof(*tag));
	tag->begin = begin;
	if (*p != '\0' && strchr("#^/>!{@", *p) != NULL)
		tag->kind = *p++;
	if (tag->kind == '{')
		close = "}}}";
	if ((tag->end = strstr(p, close)) == NULL)
		refuse(s, begin, "tag is never closed");
	if (tag->kind != '!') {
		while (*p == ' ')
			p++;
		len = strspn(p, tag->kind == '@' ?
		    "abcdefghijklmnopqrstuvwxyz_0123456789.-/" :
		    "abcdefghijklmnopqrstuvwxyz_0123456789.");
		if (len == 0 || len >= sizeof(tag->name))
			refuse(s, begin, "names are made of a-z, 0-9, _ and .");
		memcpy(tag->name, p, len);
		for (p += len; *p == ' '; p++)
			;
		if (p != tag->end)
			refuse(s, begin, "names are made of a-z, 0-9, _ and .");
	}
	tag->end += strlen(close);
	tag_check_place(s, tag);
	if (tag->kind != 0 && tag->kind != '{' && tag->kind != '@')
		tag_widen(s, tag);
}

static void
tag_check_place(const struct source *s, const struct tag *tag)
{
	static const char *const	 elements[] = { "script", "style" };
	const char			*p, *inside = NULL;
	size_t				 i, len;

	if (tag->kind == '!' || s->is_text)
		return;
	if ((tag->kind == 0 || tag->kind == '{') && tag->begin > s->text &&
	    tag->begin[-1] == '=')
		refuse(s, tag->begin, "put the attribute's value in quotes");
	for (p = s->text; p < tag->begin; p++) {
		if (*p != '<')
			continue;
		for (i = 0; i < 2; i++) {
			len = strlen(elements[i]);
			if (strncasecmp(p + 1, elements[i], len) == 0 &&
			    !isalnum((unsigned char)p[1 + len]) &&
			    memchr(p, '>', (size_t)(tag->begin - p)) != NULL)
				inside = elements[i];
			else if (p[1] == '/' && strncasecmp(p + 2, elements[i],
			    len) == 0)
				inside = NULL;
		}
	}
	if (inside != NULL)
		refuse(s, tag->begin, "no tags inside <script> and <style>: "
		    "escaping does not help there");
}

/* Alone on its line, the tag takes the line with it. */
static void
tag_widen(const struct source *s, struct tag *tag)
{
	const char	*first = tag->begin, *last = tag->end;

	while (first > s->text && (first[-1] == ' ' || first[-1] == '\t'))
		first--;
	if (first > s->text && first[-1] != '\n')
		return;
	while (*last == ' ' || *last == '\t')
		last++;
	if (*last != '\n')
		return;
	tag->begin = first;
	tag->end = last + 1;
}

static void
emit_text(const char *p, const char *end)
{
	const char	*q;

	if (p == end)
		return;
	fprintf(out, "\ttemplate_text(t, \"");
	for (q = p; q < end; q++) {
		if (*q == '\n')
			fputs(q + 1 < end ? "\\n\"\n\t    \"" : "\\n", out);
		else if (*q == '"' || *q == '\\' || *q == '?')
			fprintf(out, "\\%c", *q);
		else if ((unsigned char)*q < 32 || (unsigned char)*q > 126)
			fprintf(out, "\\%03o", (unsigned char)*q);
		else
			fputc(*q, out);
	}
	fprintf(out, "\", %zu);\n", (size_t)(end - p));
}

static void
emit_header(const char *name)
{
	char	 new[4096], path[4096];
	int	 i;

	snprintf(path, sizeof(path), "%s.h", name);
	snprintf(new, sizeof(new), "%s.h.new", name);
	if ((out = fopen(new, "w")) == NULL)
		err(1, "%s", new);
	fprintf(out, "/* Made from templates by tools/tmplc. */\n"
	    "#pragma once\n\n#include \"flow/template.h\"\n\n");
	for (i = 0; i < source_count; i++)
		fprintf(out, "void\t%s_%s(struct template *);\n", prefix,
		    sources[i].name);
	emit_place(new, path, path);
}

/* A file whose text did not change keeps its date: less is rebuilt. */
static void
emit_place(const char *new, const char *path, const char *compare)
{
	FILE	*a, *b;
	int	 c, d;

	if (fflush(out) != 0 || ferror(out) || fclose(out) != 0)
		err(1, "%s", new);
	if (compare != NULL && (a = fopen(compare, "r")) != NULL) {
		if ((b = fopen(new, "r")) == NULL)
			err(1, "%s", new);
		do {
			c = fgetc(a);
			d = fgetc(b);
		} while (c == d && c != EOF);
		fclose(a);
		fclose(b);
		if (c == d) {
			if (remove(new) != 0)
				err(1, "%s", new);
			return;
		}
	}
	if (rename(new, path) != 0)
		err(1, "%s", path);
}

static void
refuse(const struct source *s, const char *at, const char *why)
{
	const char	*p;
	int		 line = 1;

	for (p = s->text; p < at; p++)
		line += *p == '\n';
	errx(1, "%s:%d: %s: %.*s", s->path, line, why, (int)strcspn(at, "\n"),
	    at);
}
