/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * userfaultfd as the cases use it: memory whose pages come when the case says so.
 */
#ifndef GUEST_UFFD_H
#define GUEST_UFFD_H

#include <stddef.h>
#include <stdint.h>

/* A new one, non-blocking. */
int uffd_open(void);
void uffd_register(int fd, void *p, size_t len, uint64_t mode);
/*
 * Anonymous memory of which no page comes before uffd_zero(). Expressly of small
 * pages.
 */
void *uffd_missing(int fd, size_t len);
/* Returns when @nr more lookups wait for an answer. */
void uffd_await(int fd, unsigned int nr);
/* A page of zeroes for each that is missing; who waits there goes on. */
void uffd_zero(int fd, void *p, size_t len);

#endif /* GUEST_UFFD_H */
