// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * To be preloaded: a device that is lost, as far as a program can tell.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>

#include <linux/secmmu.h>

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (_IOC_TYPE(request) != SECMMU_IOC_MAGIC)
		return real(fd, request, arg);
	errno = ENODEV;
	return -1;
}
