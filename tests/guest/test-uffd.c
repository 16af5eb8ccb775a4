// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * userfaultfd: the device's faults wait for another thread's answer, as the
 * CPU's do. Missing pages, write protection, pages that are moved in.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maps.h"
#include "uffd.h"

#define LEN	(1 * MIB)

/* What headers older than the kernel do not have yet. */
#ifndef UFFDIO_MOVE
struct uffdio_move {
	__u64 dst;
	__u64 src;
	__u64 len;
	__u64 mode;
	__s64 move;
};
#define UFFDIO_MOVE	_IOWR(UFFDIO, 0x05, struct uffdio_move)
#endif

enum answer { ANSWER_COPY, ANSWER_UNPROTECT };

struct handler {
	int fd;
	enum answer answer;
	unsigned char value;
	unsigned char *page;
	pthread_t thread;
	atomic_bool stop;
	unsigned int answered;
};

/* The mm may be changing (fork, another range): the kernel says "again". */
static void protect(int fd, void *p, size_t len, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)p, len },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	while (ioctl(fd, UFFDIO_WRITEPROTECT, &wp))
		CHECK_EQ(errno, EAGAIN);
}

static void *handle(void *arg)
{
	struct handler *h = arg;
	struct pollfd pfd = { .fd = h->fd, .events = POLLIN };
	struct uffd_msg msg;

	while (!atomic_load(&h->stop)) {
		uintptr_t at;

		if (poll(&pfd, 1, 10) != 1 ||
		    read(h->fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		CHECK_EQ(msg.event, UFFD_EVENT_PAGEFAULT);
		at = msg.arg.pagefault.address & ~(PAGE - 1);
		h->answered++;
		if (h->answer == ANSWER_COPY) {
			struct uffdio_copy copy = {
				.dst = at, .src = (uintptr_t)h->page,
				.len = PAGE,
			};

			memset(h->page, h->value, PAGE);
			if (ioctl(h->fd, UFFDIO_COPY, &copy))
				CHECK_EQ(errno, EEXIST);
		} else {
			protect(h->fd, (void *)at, PAGE, false);
		}
	}
	return NULL;
}

static void handler_start(struct handler *h, int fd, enum answer answer,
			  unsigned char value)
{
	*h = (struct handler) {
		.fd = fd, .answer = answer, .value = value,
		.page = anon(PAGE),
	};
	CHECK_EQ(pthread_create(&h->thread, NULL, handle, h), 0);
}

static void handler_stop(struct handler *h)
{
	atomic_store(&h->stop, true);
	CHECK_EQ(pthread_join(h->thread, NULL), 0);
}

void test_uffd_missing(void)
{
	unsigned char *p = anon_thp(LEN, false), *beside = anon_thp(LEN, false);
	int fd = uffd_open();
	struct handler h;
	struct adder a;

	open_device();
	uffd_register(fd, p, LEN, UFFDIO_REGISTER_MODE_MISSING);
	handler_start(&h, fd, ANSWER_COPY, 5);
	/* Jobs elsewhere do not wait for those that do. */
	adder_start(&a, beside, LEN, false);
	device_sees(p, 5, LEN);
	CHECK_EQ(h.answered, LEN / PAGE);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(madvise(p, LEN / 4, MADV_DONTNEED), 0);
		both_see(p, 5, LEN);
		device_fills(p, 5, LEN);
	}
	CHECK_EQ(h.answered, LEN / PAGE * 2);
	adder_round(&a);
	adder_stop(&a);
	handler_stop(&h);
	close(fd);
}

void test_uffd_write_protect(void)
{
	unsigned char *p = anon_thp(LEN, false);
	int fd = uffd_open();
	struct secmmu_stats before;
	struct handler h;
	struct moved m;
	struct adder a;

	open_device();
	uffd_register(fd, p, LEN, UFFDIO_REGISTER_MODE_WP);
	device_fills(p, 1, LEN);
	handler_start(&h, fd, ANSWER_UNPROTECT, 0);
	before = stats();
	protect(fd, p, LEN, true);
	m = moved_since(&before);
	note("write-protected: %llu pages zapped by %llu shootdowns", m.zapped,
	     m.shootdowns);
	CHECK_EQ(m.zapped, LEN / PAGE);
	CHECK_EQ(m.shootdowns, 1);
	/* Reads ask nobody; the first write to each page does. */
	both_see(p, 1, LEN);
	CHECK_EQ(h.answered, 0);
	device_fills(p, 2, LEN);
	CHECK_EQ(h.answered, LEN / PAGE);
	device_fills(p, 3, LEN);
	both_see(p, 3, LEN);
	CHECK_EQ(h.answered, LEN / PAGE);

	adder_start(&a, p, LEN / 4, false);
	for (int i = 0; i < 10; i++) {
		protect(fd, p, LEN / 4, true);
		adder_cpu(&a);
	}
	adder_round(&a);
	adder_stop(&a);
	handler_stop(&h);
	close(fd);
}

/* A page that is held for the moment is an EBUSY or EAGAIN. */
static void move_pages(int fd, unsigned char *to, unsigned char *from)
{
	for (size_t at = 0; at < LEN; at += PAGE) {
		struct uffdio_move move = {
			.dst = (uintptr_t)to + at, .src = (uintptr_t)from + at,
			.len = PAGE,
		};

		while (ioctl(fd, UFFDIO_MOVE, &move)) {
			CHECK(errno == EBUSY || errno == EAGAIN);
			usleep(1000);
		}
	}
}

void test_uffd_move(void)
{
	unsigned char *p = anon_thp(LEN, false), *src = anon_thp(LEN, false);
	int fd = uffd_open();
	struct uffdio_move move = {
		.dst = (uintptr_t)p, .src = (uintptr_t)src, .len = LEN,
	};
	struct secmmu_stats before;
	struct moved m;
	struct adder a;

	open_device();
	uffd_register(fd, p, LEN, UFFDIO_REGISTER_MODE_MISSING);
	if (!supported_from("UFFDIO_MOVE", 6, 8)) {
		/* The kernel says so too. */
		CHECK_EQ(ioctl(fd, UFFDIO_MOVE, &move), -1);
		CHECK_EQ(errno, EINVAL);
		kernel_too_old();
	}
	device_fills(src, 4, LEN);
	adder_start(&a, anon_thp(LEN, false), LEN, false);
	before = stats();
	move_pages(fd, p, src);
	m = moved_since(&before);
	note("moved: %llu pages zapped by %llu shootdowns", m.zapped,
	     m.shootdowns);
	CHECK(m.zapped >= LEN / PAGE);
	adder_round(&a);
	adder_stop(&a);
	both_see(p, 4, LEN);

	/* Jobs wait where the pages have gone, and find them when they are back. */
	uffd_register(fd, src, LEN, UFFDIO_REGISTER_MODE_MISSING);
	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 6; i++) {
		move_pages(fd, src, p);
		uffd_await(fd, 1);
		move_pages(fd, p, src);
		adder_cpu(&a);
		adder_round(&a);
	}
	adder_stop(&a);
	close(fd);
}

/*
 * Moved away, and the place stays mapped (MREMAP_DONTUNMAP): empty, but that the
 * job that finds it so waits until what was there is back.
 */
void test_uffd_dontunmap(void)
{
	unsigned char *p = anon_thp(LEN, false), *away = anon_thp(LEN, false);
	int fd = uffd_open();
	struct adder a;

	open_device();
	device_fills(p, 1, LEN);
	adder_start(&a, p, LEN, false);
	for (int i = 0; i < 20; i++) {
		struct uffdio_range range = { (uintptr_t)p, LEN };

		uffd_register(fd, p, LEN, UFFDIO_REGISTER_MODE_MISSING);
		CHECK(mremap(p, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED |
			     MREMAP_DONTUNMAP, away) == away);
		uffd_await(fd, 1);
		CHECK(mremap(away, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED,
			     p) == p);
		CHECK_EQ(ioctl(fd, UFFDIO_WAKE, &range), 0);
		CHECK(mmap(away, LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			   MAP_FIXED_NOREPLACE, -1, 0) == away);
		adder_cpu(&a);
		adder_round(&a);
	}
	adder_stop(&a);
	close(fd);
}
