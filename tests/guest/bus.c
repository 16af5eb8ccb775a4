// SPDX-License-Identifier: GPL-2.0-or-later
/* The driver and /dev/secmmu0, taken away and given back; see bus.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bus.h"
#include "guest-test.h"

#define DRIVER	"/sys/bus/pci/drivers/secmmu/"

const char *bus_address(void)
{
	static char name[64];
	char path[128] = "";

	if (!name[0]) {
		CHECK(readlink("/sys/class/misc/secmmu0/device", path,
			       sizeof(path) - 1) > 0);
		snprintf(name, sizeof(name), "%s", strrchr(path, '/') + 1);
	}
	return name;
}

void bus_unbind(void)
{
	write_file(DRIVER "unbind", bus_address());
}

void bus_bind(void)
{
	write_file(DRIVER "bind", bus_address());
	await_node();
}

void await_node(void)
{
	for (int i = 0; i < 2000 && access("/dev/secmmu0", R_OK); i++)
		usleep(5000);
	CHECK_EQ(access("/dev/secmmu0", R_OK), 0);
}

void unload_module(void)
{
	double start = now();

	while (syscall(SYS_delete_module, "secmmu", O_NONBLOCK)) {
		CHECK(errno == EWOULDBLOCK || errno == EBUSY);
		CHECK(now() - start < 10);
		usleep(500);
	}
}

void load_module(void)
{
	int fd = open("/lib/modules/secmmu.ko", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(syscall(SYS_finit_module, fd, "", 0), 0);
	close(fd);
	await_node();
}
