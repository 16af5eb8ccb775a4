/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a Linux machine tells of itself, and the two things that the swap step
 * sets up: a swap device in compressed memory and a memory cgroup. Lives
 * here: /proc, /sys and cgroup files. Not here: anything of the device.
 *
 * All of it needs root, and ends the program with a clear line on failure:
 * these are programs for a guest of their own.
 */
#ifndef DEMO_GUEST_H
#define DEMO_GUEST_H

#include <stddef.h>
#include <stdint.h>

/* Prints "PROGRAM: ..." and exits with status 1. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Seconds on the monotonic clock. */
double now(void);

/* The number after @key at the start of a line of @path; -1 if there is none. */
long long read_key(const char *path, const char *key);

/* Writes @text to @path, or dies. */
void write_file(const char *path, const char *text);

/* Swap of @bytes on /dev/zram0; once only, a second call does nothing. */
void swap_on_zram(size_t bytes);

/* Makes the cgroup @name anew with memory.max @bytes, and moves the caller in. */
void cgroup_enter(const char *name, size_t bytes);
/* Path of a file of the cgroup @name, in a static buffer. */
const char *cgroup_file(const char *name, const char *file);
/* Moves the caller back to the root and removes the cgroup. */
void cgroup_leave(const char *name);

#endif /* DEMO_GUEST_H */
