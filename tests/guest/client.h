/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process with a context of its own, started and ended by a case. */
#ifndef GUEST_CLIENT_H
#define GUEST_CLIENT_H

#include <sys/types.h>

/* Both sides have one. A byte goes up when work is under way; the end goes down. */
struct client {
	pid_t pid;
	int from;		/* reads, or in the client writes, that byte */
	int to;			/* closed, it is the client's sign to go on */
};

/*
 * Opens the device in a child, which then does @deed and ends with what that
 * returns. Returns when the child has called client_tells().
 */
struct client client_start(int (*deed)(const struct client *me));
void client_tells(const struct client *me);
/* In the client: until the other side ends it, or goes itself. */
void client_awaits_end(const struct client *me);
/* Tells the client to go on. Returns its end, as join() does. */
int client_end(struct client *c);

#endif /* GUEST_CLIENT_H */
