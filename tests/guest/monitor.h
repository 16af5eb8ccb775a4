/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's monitor at the guest's fourth serial port, for the cases in which the
 * guest has something done to itself (boot --hotplug, boot --migrate).
 */
#ifndef GUEST_MONITOR_H
#define GUEST_MONITOR_H

#include <stddef.h>

/* Opens the port; a second call does nothing. */
void monitor_open(void);

/* Gives the monitor @line, which ends with a newline, and forgets its answer. */
void monitor_say(const char *line);

/*
 * The same, with what the monitor says within @ms milliseconds of silence in
 * @answer, a string of less than @size bytes; what is longer is cut off.
 */
void monitor_ask(const char *line, char *answer, size_t size, int ms);

/* The device out of its slot (boot --hotplug), and one into it; until it shows. */
void monitor_unplug(void);
void monitor_plug(void);

#endif /* GUEST_MONITOR_H */
