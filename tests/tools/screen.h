/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A terminal's screen: what is on it after a program has written to it. As much
 * of xterm as ncurses uses; what it does not know it counts.
 */
#ifndef TOOLS_SCREEN_H
#define TOOLS_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#define SCREEN_ROWS	30
#define SCREEN_COLS	80

/**
 * struct screen - the screen and where the cursor is
 * @text: its rows, each a string without trailing spaces kept.
 * @inverse: the cell is shown in reverse.
 * @row, @col: the cursor.
 * @unknown: sequences that were not understood.
 * @pending: the beginning of a sequence; @used bytes of it.
 */
struct screen {
	char text[SCREEN_ROWS][SCREEN_COLS + 1];
	bool inverse[SCREEN_ROWS][SCREEN_COLS];
	int row, col;
	bool reverse, other;
	char last;
	unsigned int unknown;
	char pending[64];
	size_t used;
};

void screen_init(struct screen *s);
void screen_write(struct screen *s, const char *bytes, size_t n);
/* The row (from 0) that has @words in it, or -1. */
int screen_find(const struct screen *s, const char *words);

#endif /* TOOLS_SCREEN_H */
