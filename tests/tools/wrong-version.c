// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * To be preloaded: a driver of another generation, as far as a program can tell.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>

#include <linux/secmmu.h>

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	ret = real(fd, request, arg);
	if (!ret && request == SECMMU_IOC_INFO)
		((struct secmmu_info *)arg)->uapi_version += 0x10000;
	return ret;
}
