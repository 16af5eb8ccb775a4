/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands of secmmuctl share: exit statuses, finding and opening
 * devices. Not here: what one command alone needs (info.h, top.h, trace.h,
 * selftest.h).
 *
 * secmmuctl has one thread. Strings in these structs belong to them.
 */
#ifndef SECMMU_CTL_H
#define SECMMU_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <secmmu.h>

/** enum ctl_status - exit statuses, as secmmuctl(1) lists them */
enum ctl_status {
	CTL_OK			= 0,
	CTL_FAILED		= 1,
	CTL_USAGE		= 2,
	CTL_NO_DEVICE		= 3,
	CTL_NO_DRIVER		= 4,
	CTL_NO_PERMISSION	= 5,
	CTL_WRONG_VERSION	= 6,
	CTL_LOST		= 7,
};

/* The group that the udev rule gives the device nodes to. */
#define CTL_GROUP	"secmmu"

/* Says "secmmuctl: ..." on standard error. */
void warn_that(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* ... and ends the program. */
void die_of(enum ctl_status status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* Monotonic, in seconds. */
double ctl_now(void);

/*
 * A bar on a terminal, once something takes longer than anybody likes to wait: it
 * began then, and @part of it, 0 to 1, is done. Gone again with ctl_progress_end(),
 * before anything else is printed.
 */
void ctl_progress(double began, double part);
void ctl_progress_end(void);

/* The commands; @argv[0] is the command's name. They return an exit status. */
int cmd_info(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_selftest(int argc, char **argv);

struct json_object;
/* Prints it on standard output, for people too, and gives it back. */
void ctl_print_json(struct json_object *json);

/*
 * Arguments of commands: a number within bounds, or a usage error that names
 * the option.
 */
double ctl_number(const char *option, const char *text, double least,
		  double most);
/* "secmmuctl COMMAND --help" is where a usage error points. */
void ctl_usage_error(const char *command) __attribute__((noreturn));

/* device.c */

/**
 * struct ctl_device - a PCI function that is a secmmu
 * @slot: its PCI address, as 0000:00:01.0.
 * @name: secmmuN, or empty when our driver is not bound to it.
 * @driver: the driver that is bound to it; empty for none.
 * @path: /dev/secmmuN, or empty.
 */
struct ctl_device {
	char slot[32];
	char name[32];
	char driver[32];
	char path[64];
};

/**
 * ctl_devices - find the devices
 * @list: filled in; to be freed with free().
 *
 * Return: how many; with a message, an exit, if sysfs cannot be read.
 */
size_t ctl_devices(struct ctl_device **list);

/**
 * ctl_device - the device that was asked for
 * @dev: filled in.
 * @which: secmmuN, its path, a number N or a PCI address; NULL: the first.
 * @need_driver: exit with CTL_NO_DRIVER if our driver is not bound to it.
 *
 * Exits with CTL_NO_DEVICE if there is no such device.
 */
void ctl_device(struct ctl_device *dev, const char *which, bool need_driver);

/* Is @dev the one that @which names, as above? */
bool ctl_device_is(const struct ctl_device *dev, const char *which);

/**
 * ctl_attr - read one of the driver's attributes of a device
 * @dev: the device, with a driver.
 * @attr: the file's name.
 * @text: filled in, without the newline; empty if it cannot be read.
 * @size: of @text.
 *
 * Return: false if it cannot be read (the device is lost, say).
 */
bool ctl_attr(const struct ctl_device *dev, const char *attr, char *text,
	      size_t size);
/* ... as a number; @otherwise if it cannot be read. */
long long ctl_attr_number(const struct ctl_device *dev, const char *attr,
			  long long otherwise);

/* Exits with CTL_WRONG_VERSION if the driver's interface is not ours. */
void ctl_check_version(const struct ctl_device *dev);

/* Is the device lost at this moment? For those who do not open it. */
bool ctl_is_lost(const struct ctl_device *dev);

/* May the caller open the node? Else CTL_NO_PERMISSION and why, in @why. */
enum ctl_status ctl_may_open(const struct ctl_device *dev, char *why,
			     size_t size);

/* Opens the device or exits with the status and the words for what failed. */
void ctl_open(struct secmmu *s, const struct ctl_device *dev);

/* The same for a queue on it. */
void ctl_queue(struct secmmu_queue *q, struct secmmu *s, unsigned int entries);

#endif /* SECMMU_CTL_H */
