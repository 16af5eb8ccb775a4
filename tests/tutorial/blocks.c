/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blocks: what a chapter of the tutorial quotes and runs, against what there is.
 *
 *   blocks check TOP CHAPTER            its parts, and the quoted code
 *   blocks script KIND CHAPTER          its commands, for a shell; KIND: host, guest
 *   blocks compare KIND CHAPTER RESULTS what they printed, with what it says
 *   blocks fill KIND CHAPTER RESULTS    the chapter, with what they printed
 *
 * The marks of the blocks are described in docs/tutorial/README.md.
 *
 * Lives here: reading a chapter, and all comparing. Not here: running anything.
 * RESULTS is what the script printed on its file descriptor 3: for each command
 * "@ step N", counted from 1, the output with "| " before each line, "@ status STATUS".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <regex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { TEXT, CODE, HOST, GUEST };

#define MAX_VARIES 8

struct lines {
	char **at;
	size_t nr;
};

/* A fenced block: lines [first, last) of the chapter, without the fences. */
struct block {
	enum kind kind;
	size_t first, last;
	const char *path;		/* CODE */
	regex_t varies[MAX_VARIES];	/* HOST, GUEST */
	size_t nr_varies;
};

struct chapter {
	const char *path;
	struct lines text;
	struct block *blocks;
	size_t nr_blocks;
};

static int complaints;

static void __attribute__((format(printf, 3, 4)))
complain(const struct chapter *chapter, size_t line, const char *fmt, ...)
{
	va_list args;

	printf("%s:%zu: ", chapter->path, line + 1);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	complaints++;
}

static void __attribute__((format(printf, 1, 2), noreturn))
die(const char *fmt, ...)
{
	va_list args;

	fputs("blocks: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static void *grow(void *array, size_t nr, size_t size)
{
	array = reallocarray(array, nr + 1, size);
	if (!array)
		die("no memory");
	return array;
}

static void add_line(struct lines *lines, char *line)
{
	lines->at = grow(lines->at, lines->nr, sizeof(*lines->at));
	lines->at[lines->nr++] = line;
}

/* All lines of a file, without their ends (a terminal's CR is one). */
static bool read_lines(const char *path, struct lines *lines)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	*lines = (struct lines){ 0 };
	if (!file)
		return false;
	while ((len = getline(&line, &room, file)) >= 0) {
		while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
			line[--len] = '\0';
		add_line(lines, line);
		line = NULL;
		room = 0;
	}
	free(line);
	fclose(file);
	return true;
}

static bool starts(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

static bool is_fence(const char *line)
{
	return starts(line, "```");
}

/* "...", however far it is indented: lines that are left out. */
static bool is_gap(const char *line)
{
	return !strcmp(line + strspn(line, " \t"), "...");
}

/* "; varies: ERE" any number of times. */
static void parse_varies(struct chapter *chapter, size_t line,
			 struct block *block, char *rest)
{
	char *word;

	while ((word = strsep(&rest, ";"))) {
		word += strspn(word, " ");
		if (!*word)
			continue;
		if (!starts(word, "varies: ") ||
		    block->nr_varies == MAX_VARIES ||
		    regcomp(&block->varies[block->nr_varies],
			    word + strlen("varies: "), REG_EXTENDED)) {
			complain(chapter, line, "what is '%s'?", word);
			return;
		}
		block->nr_varies++;
	}
}

static void parse_mark(struct chapter *chapter, size_t line,
		       struct block *block)
{
	char *mark, *end;

	mark = strdup(line ? chapter->text.at[line - 1] : "");
	end = strstr(mark, " -->");
	if (!starts(mark, "<!-- ") || !end || end[4]) {
		complain(chapter, line, "a block without a mark before it");
		return;
	}
	*end = '\0';
	mark += strlen("<!-- ");
	if (!strcmp(mark, "text")) {
		block->kind = TEXT;
	} else if (starts(mark, "code: ")) {
		block->kind = CODE;
		block->path = mark + strlen("code: ");
	} else if (starts(mark, "run: host")) {
		block->kind = HOST;
		parse_varies(chapter, line - 1, block,
			     mark + strlen("run: host"));
	} else if (starts(mark, "run: guest")) {
		block->kind = GUEST;
		parse_varies(chapter, line - 1, block,
			     mark + strlen("run: guest"));
	} else {
		complain(chapter, line - 1, "a mark of no known kind");
	}
}

static void parse(struct chapter *chapter, const char *path)
{
	struct lines *text = &chapter->text;

	*chapter = (struct chapter){ .path = path };
	if (!read_lines(path, text))
		die("%s: %s", path, strerror(errno));
	for (size_t i = 0; i < text->nr; i++) {
		struct block *block;

		if (!is_fence(text->at[i])) {
			if (*text->at[i] == '\t' || starts(text->at[i], "    "))
				complain(chapter, i,
					 "code that nobody checks: indented, not fenced");
			continue;
		}
		chapter->blocks = grow(chapter->blocks, chapter->nr_blocks,
				       sizeof(*block));
		block = &chapter->blocks[chapter->nr_blocks++];
		*block = (struct block){ .first = i + 1 };
		parse_mark(chapter, i, block);
		for (i++; i < text->nr && !is_fence(text->at[i]); i++)
			;
		if (i == text->nr)
			complain(chapter, block->first, "no end of the block");
		block->last = i;
	}
}

/* Are lines [first, last) of the block at or after *@from in the file? */
static bool find_piece(const struct lines *file, size_t *from,
		       char **piece, size_t nr)
{
	for (size_t at = *from; at + nr <= file->nr; at++) {
		size_t i = 0;

		while (i < nr && !strcmp(piece[i], file->at[at + i]))
			i++;
		if (i == nr) {
			*from = at + nr;
			return true;
		}
	}
	return false;
}

static void check_code(const struct chapter *chapter,
		       const struct block *block, const char *top)
{
	char **text = chapter->text.at, *path;
	size_t from = 0, first = block->first;
	struct lines file;

	if (asprintf(&path, "%s/%s", top, block->path) < 0)
		die("no memory");
	if (!read_lines(path, &file)) {
		complain(chapter, first, "%s: %s", block->path,
			 strerror(errno));
		return;
	}
	while (first < block->last) {
		size_t last = first;

		while (last < block->last && !is_gap(text[last]))
			last++;
		if (!find_piece(&file, &from, text + first, last - first)) {
			complain(chapter, first, "%s has no such lines (here)",
				 block->path);
			return;
		}
		first = last + 1;
	}
}

/* The next command at or after @at: its first line, or block->last. */
static size_t next_step(const struct chapter *chapter,
			const struct block *block, size_t at)
{
	while (at < block->last && !starts(chapter->text.at[at], "$ "))
		at++;
	return at;
}

/* Past the command's own lines: "$ " and then "> ". */
static size_t step_output(const struct chapter *chapter,
			  const struct block *block, size_t at)
{
	for (at++; at < block->last && starts(chapter->text.at[at], "> "); at++)
		;
	return at;
}

static void check_parts(const struct chapter *chapter)
{
	static const char * const headings[] = {
		"## Exercise", "## Break it", "## Sources",
	};
	size_t code = 0, run = 0, picture = 0;

	for (size_t i = 0; i < chapter->nr_blocks; i++) {
		const struct block *block = &chapter->blocks[i];

		code += block->kind == CODE;
		picture += block->kind == TEXT;
		if (block->kind != HOST && block->kind != GUEST)
			continue;
		run++;
		if (next_step(chapter, block, block->first) != block->first ||
		    block->first == block->last)
			complain(chapter, block->first,
				 "a run block begins with a command");
	}
	for (size_t i = 0; i < chapter->text.nr; i++)
		picture += starts(chapter->text.at[i], "![");
	if (!code || !run || !picture)
		complain(chapter, 0, "%zu pieces of code, %zu runs, %zu pictures: "
			 "each chapter has some", code, run, picture);
	for (size_t i = 0; i < sizeof(headings) / sizeof(*headings); i++) {
		bool found = false;

		for (size_t j = 0; j < chapter->text.nr; j++)
			found |= !strcmp(chapter->text.at[j], headings[i]);
		if (!found)
			complain(chapter, 0, "there is no '%s'", headings[i]);
	}
}

/* What a chapter links to in the checkout is there. */
static void check_links(const struct chapter *chapter)
{
	const char *slash = strrchr(chapter->path, '/');
	int folder = slash ? slash - chapter->path : 0;

	for (size_t i = 0; i < chapter->text.nr; i++) {
		const char *link = chapter->text.at[i];

		while ((link = strstr(link, "]("))) {
			int len = strcspn(link += 2, ")#");
			char *path;

			if (!len || starts(link, "http"))
				continue;
			if (asprintf(&path, "%.*s/%.*s", folder, chapter->path,
				     len, link) < 0)
				die("no memory");
			if (access(path, R_OK))
				complain(chapter, i, "there is no %.*s", len,
					 link);
			free(path);
		}
	}
}

static void print_script(const struct chapter *chapter, enum kind kind)
{
	char **text = chapter->text.at;
	size_t step = 0;

	for (size_t i = 0; i < chapter->nr_blocks; i++) {
		const struct block *block = &chapter->blocks[i];
		size_t at = block->first, end;

		if (block->kind != kind)
			continue;
		while ((at = next_step(chapter, block, at)) < block->last) {
			end = step_output(chapter, block, at);
			printf("echo '@ step %zu' >&3\n{\n", ++step);
			for (; at < end; at++)
				printf("%s\n", text[at] + 2);
			puts("} </dev/null >\"$step_out\" 2>&1\n"
			     "step_status=$?\n"
			     "sed 's/^/| /' \"$step_out\" >&3\n"
			     "[ -z \"$(tail -c 1 \"$step_out\")\" ] || echo >&3\n"
			     "echo \"@ status $step_status\" >&3");
		}
	}
}

/* What the command number @step printed, and "[STATUS]" if it failed. */
static bool step_result(const struct lines *results, size_t step,
			struct lines *out)
{
	unsigned long number;
	size_t at = 0;
	char *status;

	*out = (struct lines){ 0 };
	while (at < results->nr &&
	       (sscanf(results->at[at], "@ step %lu", &number) != 1 ||
		number != step))
		at++;
	for (at++; at < results->nr && starts(results->at[at], "|"); at++)
		add_line(out, results->at[at] + (results->at[at][1] ? 2 : 1));
	if (at >= results->nr || !starts(results->at[at], "@ status "))
		return false;
	status = results->at[at] + strlen("@ status ");
	if (strcmp(status, "0")) {
		char *word;

		if (asprintf(&word, "[%s]", status) < 0)
			die("no memory");
		add_line(out, word);
	}
	return true;
}

/* The line with "~" for all that may vary; the caller frees it. */
static char *normal(const struct block *block, const char *line)
{
	char *now = strdup(line);

	for (size_t i = 0; i < block->nr_varies; i++) {
		char *next = NULL, *p = now;
		regmatch_t match;
		size_t size;
		FILE *out = open_memstream(&next, &size);

		if (!out)
			die("no memory");
		while (*p && !regexec(&block->varies[i], p, 1, &match,
				      p == now ? 0 : REG_NOTBOL)) {
			fwrite(p, 1, match.rm_so, out);
			fputc('~', out);
			p += match.rm_eo;
			if (match.rm_eo == match.rm_so && *p)
				fputc(*p++, out);
		}
		fputs(p, out);
		fclose(out);
		free(now);
		now = next;
	}
	return now;
}

static bool same(const struct block *block, const char *a, const char *b)
{
	char *x = normal(block, a), *y = normal(block, b);
	bool equal = !strcmp(x, y);

	free(x);
	free(y);
	return equal;
}

/* Lines of the chapter against those that were printed; "..." is any number. */
static bool matches(const struct block *block, char **want, size_t nr_want,
		    char **got, size_t nr_got)
{
	if (!nr_want)
		return !nr_got;
	if (is_gap(want[0])) {
		for (size_t i = 0; i <= nr_got; i++)
			if (matches(block, want + 1, nr_want - 1, got + i,
				    nr_got - i))
				return true;
		return false;
	}
	return nr_got && same(block, want[0], got[0]) &&
	       matches(block, want + 1, nr_want - 1, got + 1, nr_got - 1);
}

static void print_lines(const char *before, char **lines, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		printf("%s%s\n", before, lines[i]);
}

/*
 * Compares each command's output, and complains, or, to fill the chapter,
 * prints the latter with the output in place of what differs.
 */
static void compare(const struct chapter *chapter, enum kind kind,
		    const struct lines *results, bool fill)
{
	char **text = chapter->text.at;
	size_t printed = 0, step = 0;

	for (size_t i = 0; i < chapter->nr_blocks; i++) {
		const struct block *block = &chapter->blocks[i];
		size_t at = block->first, out, next;
		struct lines got;

		if (block->kind != kind)
			continue;
		for (; (at = next_step(chapter, block, at)) < block->last;
		     at = next) {
			out = step_output(chapter, block, at);
			next = next_step(chapter, block, out);
			if (!step_result(results, ++step, &got)) {
				if (fill)
					die("%s:%zu was not run",
					    chapter->path, at + 1);
				complain(chapter, at,
					 "the command did not run to its end: %s",
					 text[at]);
				continue;
			}
			if (matches(block, text + out, next - out, got.at,
				    got.nr))
				continue;
			if (fill) {
				print_lines("", text + printed, out - printed);
				print_lines("", got.at, got.nr);
				printed = next;
				continue;
			}
			complain(chapter, at, "another output: %s", text[at]);
			print_lines("  -", text + out, next - out);
			print_lines("  +", got.at, got.nr);
		}
	}
	if (fill)
		print_lines("", text + printed, chapter->text.nr - printed);
}

static enum kind kind_of(const char *word)
{
	if (!strcmp(word, "host"))
		return HOST;
	if (!strcmp(word, "guest"))
		return GUEST;
	die("neither host nor guest: %s", word);
}

int main(int argc, char **argv)
{
	struct chapter chapter;
	struct lines results;

	if (argc != 4 && argc != 5)
		die("usage: check TOP CHAPTER | script KIND CHAPTER | "
		    "compare|fill KIND CHAPTER RESULTS");
	parse(&chapter, argv[3]);
	if (!strcmp(argv[1], "check") && argc == 4) {
		check_parts(&chapter);
		check_links(&chapter);
		for (size_t i = 0; i < chapter.nr_blocks; i++)
			if (chapter.blocks[i].kind == CODE)
				check_code(&chapter, &chapter.blocks[i],
					   argv[2]);
	} else if (!strcmp(argv[1], "script") && argc == 4) {
		print_script(&chapter, kind_of(argv[2]));
	} else if (argc == 5) {
		if (!read_lines(argv[4], &results))
			die("%s: %s", argv[4], strerror(errno));
		compare(&chapter, kind_of(argv[2]), &results,
			!strcmp(argv[1], "fill"));
	} else {
		die("what is '%s'?", argv[1]);
	}
	return complaints != 0;
}
