// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl top: the terminal and its keys. Not here: what is shown (top-show.c).
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curses.h>

#include "top.h"

static volatile sig_atomic_t ended;

static void on_end(int signal)
{
	ended = 1;
}

static void line(int row, const char *text)
{
	if (row < LINES)
		mvaddnstr(row, 0, text, COLS);
}

static void reverse_line(int row, const char *text)
{
	if (row >= LINES)
		return;
	attron(A_REVERSE);
	mvhline(row, 0, ' ', COLS);
	mvaddnstr(row, 0, text, COLS);
	attroff(A_REVERSE);
}

/* The message stays until the next look. */
static void draw(const struct top *top, const char *message)
{
	int row = 0;
	char text[256];

	erase();
	for (int i = 0; i < TOP_HEAD_LINES; i++) {
		top_head_line(top, i, text, sizeof(text));
		line(row++, text);
	}
	snprintf(text, sizeof(text), "by %s%s, every %.1f s; h for help",
		 top_sorts[top->sort].name,
		 top->reverse ? ", lowest first" : "", top->delay);
	line(row++, *message ? message : text);
	top_heading(text, sizeof(text));
	reverse_line(row++, text);
	for (unsigned int i = 0; i < top->now.nr && row < LINES; i++) {
		const struct top_row *r = &top->now.rows[i];

		top_row_line(r, text, sizeof(text));
		line(row++, text);
		for (unsigned int q = 0; top->show_queues && q < r->nr_queues;
		     q++) {
			top_queue_line(&r->queues[q], text, sizeof(text));
			line(row++, text);
		}
	}
	refresh();
}

static void draw_help(const struct top *top)
{
	char text[128];
	int row = 0;

	erase();
	reverse_line(row++, "Help for secmmuctl top: any key goes back");
	row++;
	line(row++, "  q          quit");
	line(row++, "  h ?        this");
	line(row++, "  d s        another delay between two looks");
	line(row++, "  space      look now");
	line(row++, "  H          a line for each queue, or not");
	line(row++, "  R          the other way round");
	for (int i = 0; i < TOP_SORT_NR; i++) {
		snprintf(text, sizeof(text), "  %c          sort by %s%s",
			 top_sorts[i].key, top_sorts[i].name,
			 i == (int)top->sort ? " (now)" : "");
		line(row++, text);
	}
	row++;
	line(row++, "An address space has a line; QS are its queues, RES what the device has of it,");
	line(row++, "TABLE its secondary page table. REFUS: faults during an invalidation.");
	refresh();
	timeout(-1);
	while (getch() == ERR && !ended)
		;
}

static void ask_delay(struct top *top, char *message, size_t size)
{
	char text[32] = "", *end;
	double delay;

	move(TOP_HEAD_LINES, 0);
	clrtoeol();
	printw("Change delay from %.1f to ", top->delay);
	echo();
	timeout(-1);
	getnstr(text, sizeof(text) - 1);
	noecho();
	delay = strtod(text, &end);
	if (!*text)
		return;
	if (*end || !(delay >= 0.1 && delay <= 3600))
		snprintf(message, size, "No delay: '%s' (0.1 to 3600 seconds)",
			 text);
	else
		top->delay = delay;
}

/* What a key does; true if there is to be a new look at once. */
static bool on_key(struct top *top, int key, char *message, size_t size)
{
	switch (key) {
	case 'q': ended = 1; return true;
	case 'h': case '?': draw_help(top); return true;
	case 'd': case 's': ask_delay(top, message, size); return true;
	case 'H': top->show_queues = !top->show_queues; return true;
	case 'R': top->reverse = !top->reverse; return true;
	case ' ': case '\n': case KEY_ENTER: case KEY_RESIZE: return true;
	}
	for (int i = 0; i < TOP_SORT_NR; i++)
		if (key == top_sorts[i].key) {
			top->sort = i;
			return true;
		}
	if (isprint(key))
		snprintf(message, size, "Unknown key '%c'; h for help", key);
	return isprint(key);
}

int top_screen(struct top *top)
{
	struct sigaction end = { .sa_handler = on_end };
	char message[80];
	SCREEN *screen;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		warn_that("top wants a terminal; --once does without");
		ctl_usage_error("top");
	}
	/* What cannot work is told before the screen is cleared. */
	top_begin(top);
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		die_of(CTL_FAILED, "the terminal '%s' is not known (TERM)",
		       getenv("TERM") ? getenv("TERM") : "");
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	*message = 0;
	while (!ended) {
		double sample_at = 0;

		draw(top, message);
		*message = 0;
		top->busy = top->samples = 0;
		while (!ended && top_wait(top, &sample_at)) {
			int key;

			timeout(20);
			key = getch();
			if (key != ERR &&
			    on_key(top, key, message, sizeof(message)))
				break;
		}
		top_next(top);
	}
	endwin();
	delscreen(screen);
	return CTL_OK;
}
