// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Contexts: an open device. Lives here: open, close, mode, counters, and the way
 * back after the device was lost. Not here: queues (queue.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

#define GUARD_SIZE	4096

/* The guard of a context that is not open: nobody's. */
static const unsigned char nobody;

/* Between two looks at whether a lost device is back. */
#define RECOVER_PERIOD	(10 * 1000 * 1000)

static int set_mode(int fd, enum secmmu_mode mode)
{
	struct secmmu_set_mode arg = { .mode = mode };

	return ioctl(fd, SECMMU_IOC_MODE, &arg) ? -errno : 0;
}

static int get_info(int fd, struct secmmu_info *info)
{
	if (ioctl(fd, SECMMU_IOC_INFO, info))
		return -errno;
	if (info->uapi_version >> 16 != SECMMU_UAPI_VERSION >> 16)
		return -EPROTO;
	return 0;
}

/* What SECMMU_MODE asks for, if it is set (and this is no setuid program). */
static int mode_from_env(enum secmmu_mode *mode)
{
	const char *name = secure_getenv("SECMMU_MODE");

	*mode = SECMMU_MODE_WALK;
	if (!name || !strcmp(name, "walk"))
		return 0;
	*mode = SECMMU_MODE_SOFT;
	return strcmp(name, "soft") ? -EINVAL : 0;
}

/* An open file in @mode, or a negative errno. */
static int open_in_mode(const char *path, enum secmmu_mode mode,
			struct secmmu_info *info)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = get_info(fd, info);
	if (!ret && mode != SECMMU_MODE_WALK) {
		ret = set_mode(fd, mode);
		if (!ret)
			ret = get_info(fd, info);
	}
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int secmmu_open(struct secmmu *s, const char *path)
{
	unsigned char *guard;
	int ret;

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->guard = &nobody;
	if (!path)
		path = "/dev/secmmu0";
	if (strlen(path) < sizeof(s->path))
		strcpy(s->path, path);
	ret = mode_from_env(&s->mode);
	if (ret)
		return ret;
	s->fd = open_in_mode(path, s->mode, &s->info);
	if (s->fd < 0) {
		ret = s->fd;
		s->fd = -1;
		return ret;
	}
	guard = mmap(NULL, GUARD_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guard == MAP_FAILED) {
		ret = -errno;
		goto close_fd;
	}
	if (madvise(guard, GUARD_SIZE, MADV_WIPEONFORK)) {
		ret = -errno;
		munmap(guard, GUARD_SIZE);
		goto close_fd;
	}
	*guard = 1;
	s->guard = guard;
	s->generation = 1;
	return 0;

close_fd:
	close(s->fd);
	s->fd = -1;
	return ret;
}

void secmmu_close(struct secmmu *s)
{
	if (s->fd < 0)
		return;
	munmap((void *)s->guard, GUARD_SIZE);
	s->guard = &nobody;
	close(s->fd);
	s->fd = -1;
}

int secmmu_set_mode(struct secmmu *s, enum secmmu_mode mode)
{
	int ret;

	if (!secmmu_is_ours(s))
		return -EPERM;
	ret = set_mode(s->fd, mode);
	if (ret)
		return ret;
	s->mode = mode;
	return get_info(s->fd, &s->info);
}

int secmmu_recover(struct secmmu *s, int64_t timeout_ns)
{
	static const struct timespec period = { .tv_nsec = RECOVER_PERIOD };
	int64_t end;
	int fd, ret;

	if (!secmmu_is_ours(s))
		return -EPERM;
	ret = get_info(s->fd, &s->info);
	if (ret != -ENODEV)
		return ret;
	if (!s->path[0])
		return -ENAMETOOLONG;
	end = secmmu_end_of(timeout_ns);
	for (;;) {
		fd = open_in_mode(s->path, s->mode, &s->info);
		if (fd >= 0)
			break;
		/* Being reset, or unplugged; or a signal came in the middle. */
		if (fd != -ENODEV && fd != -ENXIO && fd != -ENOENT &&
		    fd != -EINTR)
			return fd;
		if (secmmu_now() >= end)
			return fd;
		nanosleep(&period, NULL);
	}
	/* The number stays what it was: others may have it in a poll loop. */
	ret = dup3(fd, s->fd, O_CLOEXEC) < 0 ? -errno : 0;
	close(fd);
	if (!ret)
		s->generation++;
	return ret;
}

int secmmu_stats(struct secmmu *s, struct secmmu_stats *stats)
{
	if (!secmmu_is_ours(s))
		return -EPERM;
	return ioctl(s->fd, SECMMU_IOC_STATS, stats) ? -errno : 0;
}

/* Everything in it is a counter of 64 bits, but for these two. */
void secmmu_stats_since(const struct secmmu_stats *then,
			const struct secmmu_stats *now,
			struct secmmu_stats *difference)
{
	const uint64_t *a = (const uint64_t *)then;
	const uint64_t *b = (const uint64_t *)now;
	uint64_t resident = now->pages_resident;
	uint64_t tables = now->table_bytes;
	uint64_t *out = (uint64_t *)difference;

	for (size_t i = 0; i < sizeof(*now) / sizeof(*b); i++)
		out[i] = b[i] - a[i];
	difference->pages_resident = resident;
	difference->table_bytes = tables;
}
