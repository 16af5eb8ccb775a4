// SPDX-License-Identifier: GPL-2.0-or-later
/* userfaultfd as the cases use it; see uffd.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest-test.h"
#include "uffd.h"

int uffd_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	CHECK(fd >= 0);
	CHECK_EQ(ioctl(fd, UFFDIO_API, &api), 0);
	return fd;
}

void uffd_register(int fd, void *p, size_t len, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)p, len }, .mode = mode,
	};

	CHECK_EQ(ioctl(fd, UFFDIO_REGISTER, &reg), 0);
}

void *uffd_missing(int fd, size_t len)
{
	void *p = anon_thp(len, false);

	uffd_register(fd, p, len, UFFDIO_REGISTER_MODE_MISSING);
	return p;
}

void uffd_await(int fd, unsigned int nr)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	while (nr) {
		CHECK_EQ(poll(&pfd, 1, -1), 1);
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg)) {
			CHECK_EQ(errno, EAGAIN);
			continue;
		}
		CHECK_EQ(msg.event, UFFD_EVENT_PAGEFAULT);
		nr--;
	}
}

void uffd_zero(int fd, void *p, size_t len)
{
	for (size_t at = 0; at < len; at += PAGE) {
		struct uffdio_zeropage zero = {
			.range = { (uintptr_t)p + at, PAGE },
		};

		/* The mm may be changing just now: the kernel says "again". */
		while (ioctl(fd, UFFDIO_ZEROPAGE, &zero) && errno != EEXIST)
			CHECK_EQ(errno, EAGAIN);
	}
}
