// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A terminal's screen, of xterm's kind. Not here: the program that writes to it
 * (pty.c).
 */
#include <stdlib.h>
#include <string.h>

#include "screen.h"

static void clear(struct screen *s, int row, int from, int to)
{
	for (int col = from; col < to; col++) {
		s->text[row][col] = ' ';
		s->inverse[row][col] = false;
	}
}

static void clear_rows(struct screen *s, int from, int to)
{
	for (int row = from; row < to; row++)
		clear(s, row, 0, SCREEN_COLS);
}

void screen_init(struct screen *s)
{
	memset(s, 0, sizeof(*s));
	clear_rows(s, 0, SCREEN_ROWS);
}

static int clamp(int value, int most)
{
	return value < 0 ? 0 : value > most ? most : value;
}

static void newline(struct screen *s)
{
	if (++s->row < SCREEN_ROWS)
		return;
	s->row = SCREEN_ROWS - 1;
	memmove(s->text[0], s->text[1], sizeof(s->text) - sizeof(s->text[0]));
	memmove(s->inverse[0], s->inverse[1],
		sizeof(s->inverse) - sizeof(s->inverse[0]));
	clear(s, SCREEN_ROWS - 1, 0, SCREEN_COLS);
}

static void put(struct screen *s, char c)
{
	if (s->col == SCREEN_COLS) {
		s->col = 0;
		newline(s);
	}
	/* Lines and corners, in the other character set. */
	s->text[s->row][s->col] = s->other ? '+' : c;
	s->inverse[s->row][s->col++] = s->reverse;
	s->last = c;
}

static void attributes(struct screen *s, const char *args)
{
	for (const char *at = args;; at++) {
		int code = strtol(at, (char **)&at, 10);

		if (code == 7)
			s->reverse = true;
		else if (code == 0 || code == 27)
			s->reverse = false;
		if (*at != ';')
			break;
	}
}

/* ESC [ ARGS FINAL */
static void control(struct screen *s, const char *args, char final)
{
	int a = atoi(args + (*args == '?')), b = 0;
	int n = a ? a : 1;
	const char *semicolon = strchr(args, ';');

	if (semicolon)
		b = atoi(semicolon + 1);
	switch (final) {
	case 'A': s->row = clamp(s->row - n, SCREEN_ROWS - 1); break;
	case 'B': s->row = clamp(s->row + n, SCREEN_ROWS - 1); break;
	case 'C': s->col = clamp(s->col + n, SCREEN_COLS - 1); break;
	case 'D': s->col = clamp(s->col - n, SCREEN_COLS - 1); break;
	case 'G': s->col = clamp(n - 1, SCREEN_COLS - 1); break;
	case 'd': s->row = clamp(n - 1, SCREEN_ROWS - 1); break;
	case 'H':
		s->row = clamp(n - 1, SCREEN_ROWS - 1);
		s->col = clamp(b - 1, SCREEN_COLS - 1);
		break;
	case 'J':
		if (a == 2) {
			clear_rows(s, 0, SCREEN_ROWS);
		} else if (a == 1) {
			clear_rows(s, 0, s->row);
			clear(s, s->row, 0, s->col + 1);
		} else {
			clear(s, s->row, s->col, SCREEN_COLS);
			clear_rows(s, s->row + 1, SCREEN_ROWS);
		}
		break;
	case 'K':
		clear(s, s->row, a ? 0 : s->col, a == 1 ? s->col + 1 :
							   SCREEN_COLS);
		break;
	case 'X':
		clear(s, s->row, s->col, clamp(s->col + n, SCREEN_COLS));
		break;
	case 'P':
		for (int col = s->col; col < SCREEN_COLS; col++) {
			bool in = col + n < SCREEN_COLS;

			s->text[s->row][col] = in ? s->text[s->row][col + n] :
					       ' ';
			s->inverse[s->row][col] =
				in && s->inverse[s->row][col + n];
		}
		break;
	case 'b':
		while (n--)
			put(s, s->last);
		break;
	case 'm': attributes(s, args); break;
	/* Modes, margins, reports: none changes what is on the screen. */
	case 'h': case 'l': case 'r': case 't': case 'n': break;
	default: s->unknown++;
	}
}

/* Takes one character; true if a sequence goes on. */
static bool escape(struct screen *s)
{
	char *p = s->pending;

	if (s->used == 1)
		return true;
	switch (p[1]) {
	case '[':
		if (s->used == 2 || p[s->used - 1] < 0x40)
			return s->used < sizeof(s->pending) - 1;
		p[s->used] = 0;
		control(s, p + 2, p[s->used - 1]);
		return false;
	case '(': case ')':
		if (s->used == 2)
			return true;
		s->other = p[1] == '(' && p[2] == '0';
		return false;
	case '=': case '>': case '7': case '8':
		return false;
	case 'M':
		s->row = clamp(s->row - 1, SCREEN_ROWS - 1);
		return false;
	}
	s->unknown++;
	return false;
}

void screen_write(struct screen *s, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = bytes[i];

		if (s->used || c == '\033') {
			s->pending[s->used++] = c;
			if (!escape(s))
				s->used = 0;
			continue;
		}
		switch (c) {
		case '\r': s->col = 0; break;
		case '\n': newline(s); break;
		case '\b': s->col = clamp(s->col - 1, SCREEN_COLS - 1); break;
		case '\t':
			s->col = clamp((s->col | 7) + 1, SCREEN_COLS - 1);
			break;
		case '\016': s->other = true; break;
		case '\017': s->other = false; break;
		case '\a': break;
		default: put(s, c);
		}
	}
}

int screen_find(const struct screen *s, const char *words)
{
	for (int row = 0; row < SCREEN_ROWS; row++)
		if (strstr(s->text[row], words))
			return row;
	return -1;
}
