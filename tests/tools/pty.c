// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pty STEP... -- COMMAND...: runs a program on a terminal of its own (xterm, 30
 * rows of 80) and does the steps:
 *
 *	see WORDS	until WORDS are on the screen; at most 100 s
 *	gone WORDS	until they are not
 *	above A B	until A is on the screen above B
 *	inverse WORDS	... until WORDS are, and shown in reverse
 *	key KEYS	types KEYS; ^C is control-C, ^M is return
 *	size ROWS	the terminal has fewer rows from now on
 *	show		prints the screen
 *	raw		prints all that was written
 *	end STATUS	the program has to end with STATUS, or is killed by -STATUS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "screen.h"

#define SECONDS	100

static struct screen screen;
static char *raw;
static size_t raw_len;
static int terminal;
static pid_t child;

static void show(void)
{
	for (int row = 0; row < SCREEN_ROWS; row++) {
		int len = SCREEN_COLS;

		while (len && screen.text[row][len - 1] == ' ')
			len--;
		printf("|%.*s\n", len, screen.text[row]);
	}
}

static void bad(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("; the screen (%u sequences not understood):\n", screen.unknown);
	show();
	kill(child, SIGKILL);
	exit(1);
}

/* Nothing has come for a moment: the screen is as the program wants it. */
static bool is_quiet(void)
{
	struct pollfd pfd = { .fd = terminal, .events = POLLIN };

	return poll(&pfd, 1, 50) <= 0;
}

/*
 * Takes what the program writes; false when it has ended. One character at a time:
 * words that the next picture takes away again are seen, however late it is read.
 */
static bool listen_a_moment(void)
{
	ssize_t n;
	char c;

	if (is_quiet())
		return true;
	n = read(terminal, &c, 1);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	raw = realloc(raw, raw_len + 1);
	raw[raw_len++] = c;
	screen_write(&screen, &c, 1);
	return true;
}

static bool is_inverse(const char *words)
{
	int row = screen_find(&screen, words);

	return row >= 0 && screen.inverse[row][strstr(screen.text[row], words) -
					       screen.text[row]];
}

static bool holds(const char *step, const char *a, const char *b)
{
	int row = screen_find(&screen, a);

	if (!strcmp(step, "see"))
		return row >= 0;
	if (!strcmp(step, "gone"))
		return row < 0;
	if (!strcmp(step, "inverse"))
		return is_inverse(a);
	return row >= 0 && row < screen_find(&screen, b);
}

/* Half a picture says nothing but that words are there. */
static void wait_for(const char *step, const char *a, const char *b)
{
	time_t until = time(NULL) + SECONDS;

	while ((strcmp(step, "see") && !is_quiet()) || !holds(step, a, b)) {
		if (!listen_a_moment() || time(NULL) > until)
			bad("in vain: %s '%s' '%s'", step, a, b);
	}
}

static void type(const char *keys)
{
	for (; *keys; keys++) {
		char c = *keys;

		if (c == '^' && keys[1])
			c = *++keys & 0x1f;
		if (write(terminal, &c, 1) != 1)
			bad("the terminal takes no key");
	}
}

static void end(int want)
{
	time_t until = time(NULL) + SECONDS;
	int status;

	while (listen_a_moment())
		if (time(NULL) > until)
			bad("it does not end");
	waitpid(child, &status, 0);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	if (status != want)
		bad("it ended with %d, not %d", status, want);
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_row = SCREEN_ROWS, .ws_col = SCREEN_COLS };
	int dashes = 1, i;

	while (dashes < argc && strcmp(argv[dashes], "--"))
		dashes++;
	if (dashes + 1 >= argc)
		return 2;
	screen_init(&screen);
	setenv("TERM", "xterm", 1);
	child = forkpty(&terminal, NULL, NULL, &size);
	if (child == 0) {
		execvp(argv[dashes + 1], argv + dashes + 1);
		_exit(127);
	}
	if (child < 0)
		return 2;
	for (i = 1; i < dashes; i++) {
		const char *step = argv[i], *a = "", *b = "";

		if (strcmp(step, "show") && strcmp(step, "raw"))
			a = argv[++i];
		if (!strcmp(step, "above"))
			b = argv[++i];
		if (i >= dashes)
			return 2;
		if (!strcmp(step, "key")) {
			type(a);
		} else if (!strcmp(step, "size")) {
			size.ws_row = atoi(a);
			ioctl(terminal, TIOCSWINSZ, &size);
		} else if (!strcmp(step, "show")) {
			show();
		} else if (!strcmp(step, "raw")) {
			fwrite(raw, 1, raw_len, stdout);
		} else if (!strcmp(step, "end")) {
			end(atoi(a));
		} else {
			wait_for(step, a, b);
		}
	}
	return 0;
}
