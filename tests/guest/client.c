// SPDX-License-Identifier: GPL-2.0-or-later
/* A child and the two pipes to it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "client.h"
#include "guest-test.h"

struct client client_start(int (*deed)(const struct client *me))
{
	struct client c;
	int to[2], from[2];
	char byte;

	CHECK_EQ(pipe2(to, O_CLOEXEC), 0);
	CHECK_EQ(pipe2(from, O_CLOEXEC), 0);
	c.pid = fork();
	CHECK(c.pid >= 0);
	if (!c.pid) {
		/* The parent's context came with the fork; it is no use here. */
		close_device();
		close(to[1]);
		close(from[0]);
		c.to = to[0];
		c.from = from[1];
		open_device();
		_exit(deed(&c));
	}
	close(to[0]);
	close(from[1]);
	c.to = to[1];
	c.from = from[0];
	CHECK_EQ(read(c.from, &byte, 1), 1);
	return c;
}

void client_tells(const struct client *me)
{
	CHECK_EQ(write(me->from, "", 1), 1);
}

void client_awaits_end(const struct client *me)
{
	char byte;

	CHECK_EQ(read(me->to, &byte, 1), 0);
}

int client_end(struct client *c)
{
	int status;

	close(c->to);
	status = join(c->pid);
	close(c->from);
	return status;
}
