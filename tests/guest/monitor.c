// SPDX-License-Identifier: GPL-2.0-or-later
/* QEMU's monitor at the guest's fourth serial port. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "guest-test.h"
#include "monitor.h"

static int monitor = -1;

void monitor_open(void)
{
	struct termios t;

	if (monitor >= 0)
		return;
	monitor = open("/dev/ttyS3", O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(monitor >= 0);
	CHECK_EQ(tcgetattr(monitor, &t), 0);
	/* Without an echo, or the monitor would be told what it says. */
	cfmakeraw(&t);
	CHECK_EQ(tcsetattr(monitor, TCSAFLUSH, &t), 0);
}

void monitor_ask(const char *line, char *answer, size_t size, int ms)
{
	struct pollfd wait = { .fd = monitor, .events = POLLIN };
	size_t len = 0;

	CHECK_EQ(write(monitor, line, strlen(line)), (ssize_t)strlen(line));
	while (poll(&wait, 1, ms) > 0) {
		char part[256];
		ssize_t got = read(monitor, part, sizeof(part));

		CHECK(got >= 0);
		if ((size_t)got > size - 1 - len)
			got = size - 1 - len;
		memcpy(answer + len, part, got);
		len += got;
	}
	answer[len] = '\0';
}

void monitor_say(const char *line)
{
	char answer[256];

	/* What it answers shows in what happens. */
	monitor_ask(line, answer, sizeof(answer), 20);
}

/* Is the device there, or not, within @seconds? */
static bool shows(bool there, double seconds)
{
	double start = now();

	while (!access("/dev/secmmu0", F_OK) != there)
		if (now() - start < seconds)
			usleep(5000);
		else
			return false;
	return true;
}

void monitor_unplug(void)
{
	int tries = 6;

	/*
	 * What the monitor says first may come back to it from our terminal, before
	 * that is raw, and be half of its next line. Said again, it does no harm.
	 */
	do
		monitor_say("\ndevice_del accel\n");
	while (!shows(false, 5) && --tries);
	CHECK(tries);
}

void monitor_plug(void)
{
	int tries = 20;

	/*
	 * Its id is free when QEMU has done its part: a moment later, or more. Until
	 * then, as once it is plugged in, QEMU refuses.
	 */
	usleep(50000);
	do
		monitor_say("device_add secmmu,bus=slot0,id=accel,audit=on\n");
	while (!shows(true, 1) && --tries);
	CHECK(tries);
}
