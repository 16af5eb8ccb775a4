// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Finding devices, the driver's attributes of them, opening them. Lives here:
 * all paths in sysfs, and the words for what keeps a user from a device. Not
 * here: what is in a function's configuration space (info.c).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/secmmu_hw.h>

#include "ctl.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"

/* Reads a small file and cuts the newline off. */
static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	*text = 0;
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return false;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return true;
}

static bool is_secmmu(const char *slot)
{
	char path[320], text[16];
	unsigned int vendor = 0, device = 0;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/vendor", slot);
	if (read_text(path, text, sizeof(text)))
		vendor = strtoul(text, NULL, 16);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/device", slot);
	if (read_text(path, text, sizeof(text)))
		device = strtoul(text, NULL, 16);
	return vendor == SECMMU_PCI_VENDOR && device == SECMMU_PCI_DEVICE;
}

/* The last part of where a link leads; empty if there is none. */
static void link_name(const char *path, char *name, size_t size)
{
	char target[512], *slash;
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	*name = 0;
	if (n < 0)
		return;
	target[n] = 0;
	slash = strrchr(target, '/');
	snprintf(name, size, "%.*s", (int)size - 1,
		 slash ? slash + 1 : target);
}

static void fill_in(struct ctl_device *dev, const char *slot)
{
	char path[320];
	struct dirent *entry;
	DIR *dir;

	memset(dev, 0, sizeof(*dev));
	snprintf(dev->slot, sizeof(dev->slot), "%s", slot);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver", slot);
	link_name(path, dev->driver, sizeof(dev->driver));
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/misc", slot);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "secmmu", 6)) {
			snprintf(dev->name, sizeof(dev->name), "%.31s",
				 entry->d_name);
			snprintf(dev->path, sizeof(dev->path), "/dev/%s",
				 dev->name);
		}
	closedir(dir);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

size_t ctl_devices(struct ctl_device **list)
{
	struct dirent **entries;
	size_t nr = 0;
	int n = scandir(PCI_DEVICES, &entries, not_hidden, alphasort);

	*list = NULL;
	if (n < 0)
		die_of(CTL_NO_DEVICE, "no PCI bus here (" PCI_DEVICES ": %m)");
	for (int i = 0; i < n; i++) {
		if (is_secmmu(entries[i]->d_name)) {
			*list = realloc(*list, (nr + 1) * sizeof(**list));
			if (!*list)
				die_of(CTL_FAILED, "out of memory");
			fill_in(&(*list)[nr++], entries[i]->d_name);
		}
		free(entries[i]);
	}
	free(entries);
	return nr;
}

bool ctl_device_is(const struct ctl_device *dev, const char *which)
{
	/* A number, and a PCI address without its domain, will do. */
	return !strcmp(which, dev->slot) || !strcmp(which, dev->slot + 5) ||
	       (*dev->name && (!strcmp(which, dev->path) ||
			       !strcmp(which, dev->name) ||
			       !strcmp(which, dev->name + strlen("secmmu"))));
}

void ctl_device(struct ctl_device *dev, const char *which, bool need_driver)
{
	struct ctl_device *list;
	size_t nr = ctl_devices(&list), i;

	if (!nr)
		die_of(CTL_NO_DEVICE,
		       "no device: no PCI function has the ID %04x:%04x",
		       SECMMU_PCI_VENDOR, SECMMU_PCI_DEVICE);
	for (i = 0; which && i < nr; i++)
		if (ctl_device_is(&list[i], which))
			break;
	if (i == nr)
		die_of(CTL_NO_DEVICE, "no device '%s'; 'secmmuctl info' lists them",
		       which);
	*dev = list[i];
	free(list);
	if (!need_driver || *dev->name)
		return;
	if (*dev->driver)
		die_of(CTL_NO_DRIVER,
		       "no driver: %s is bound to '%s', not to 'secmmu'",
		       dev->slot, dev->driver);
	die_of(CTL_NO_DRIVER,
	       "no driver: none is bound to %s; try 'modprobe secmmu' as root",
	       dev->slot);
}

bool ctl_attr(const struct ctl_device *dev, const char *attr, char *text,
	      size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/misc/%s/%s", dev->name, attr);
	return read_text(path, text, size);
}

long long ctl_attr_number(const struct ctl_device *dev, const char *attr,
			  long long otherwise)
{
	char text[64];

	return ctl_attr(dev, attr, text, sizeof(text)) ?
	       strtoll(text, NULL, 0) : otherwise;
}

void ctl_check_version(const struct ctl_device *dev)
{
	unsigned int version = ctl_attr_number(dev, "uapi_version", 0);

	if (version >> 16 == SECMMU_UAPI_VERSION >> 16)
		return;
	die_of(CTL_WRONG_VERSION,
	       "wrong version: the driver of %s has interface %u.%u, this program speaks %u.x",
	       dev->path, version >> 16, version & 0xffff,
	       SECMMU_UAPI_VERSION >> 16);
}

bool ctl_is_lost(const struct ctl_device *dev)
{
	char state[16];

	return ctl_attr(dev, "state", state, sizeof(state)) &&
	       !strcmp(state, "lost");
}

enum ctl_status ctl_may_open(const struct ctl_device *dev, char *why,
			     size_t size)
{
	struct group *group;
	struct stat st;

	*why = 0;
	if (!faccessat(AT_FDCWD, dev->path, R_OK | W_OK, AT_EACCESS))
		return CTL_OK;
	if (errno != EACCES || stat(dev->path, &st)) {
		snprintf(why, size, "%s: %m", dev->path);
		return errno == ENOENT ? CTL_NO_DEVICE : CTL_FAILED;
	}
	group = getgrgid(st.st_gid);
	if (st.st_gid && group && st.st_mode & 0060)
		snprintf(why, size,
			 "no permission: %s is for the group '%s', and you are not in it (adduser USER %s, then log in anew)",
			 dev->path, group->gr_name, group->gr_name);
	else
		snprintf(why, size,
			 "no permission: %s is root's alone; the udev rule of secmmu gives it to the group '%s'",
			 dev->path, CTL_GROUP);
	return CTL_NO_PERMISSION;
}

void ctl_open(struct secmmu *s, const struct ctl_device *dev)
{
	enum ctl_status status;
	char why[256];
	int ret = secmmu_open(s, dev->path);

	switch (ret) {
	case 0:
		return;
	case -EACCES:
		status = ctl_may_open(dev, why, sizeof(why));
		if (status)
			die_of(status, "%s", why);
		break;
	case -EPROTO:
		die_of(CTL_WRONG_VERSION,
		       "wrong version: the driver of %s has interface %u.%u, this program speaks %u.x",
		       dev->path, s->info.uapi_version >> 16,
		       s->info.uapi_version & 0xffff,
		       SECMMU_UAPI_VERSION >> 16);
	case -ENODEV:
		die_of(CTL_LOST, "%s: the device is lost", dev->path);
	}
	die_of(CTL_FAILED, "%s: %s", dev->path, strerror(-ret));
}

void ctl_queue(struct secmmu_queue *q, struct secmmu *s, unsigned int entries)
{
	int ret = secmmu_queue_init(q, s, entries, 0);

	if (ret == -ENODEV)
		die_of(CTL_LOST, "the device is lost");
	if (ret)
		die_of(CTL_FAILED, "no queue: %s", strerror(-ret));
}
