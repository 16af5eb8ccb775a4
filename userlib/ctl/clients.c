// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl top: who has the device open. Lives here: going through /proc and
 * reading fdinfo, whose grammar is that of the kernel's drm-usage-stats.rst.
 * Works for the caller's own processes; root sees all.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "top.h"

/* An fdinfo, in which each queue has a line. */
#define FDINFO_SIZE	16384

static void *grow(void *array, unsigned int nr, size_t size)
{
	array = realloc(array, (nr + 1) * size);
	if (!array)
		die_of(CTL_FAILED, "out of memory");
	return memset((char *)array + nr * size, 0, size) - nr * size;
}

static bool slurp_at(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = 0;

	if (fd < 0)
		return false;
	while (used < size - 1 &&
	       (n = read(fd, text + used, size - 1 - used)) > 0)
		used += n;
	close(fd);
	text[used] = 0;
	return n >= 0;
}

/* The value of a key, and NULL at the end of what was not there. */
static const char *value_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, key, len) && text[len] == ':') {
			text += len + 1;
			return text + strspn(text, " \t");
		}
	}
	return NULL;
}

static uint64_t number_of(const char *text, const char *key)
{
	const char *value = value_of(text, key);

	return value ? strtoull(value, NULL, 10) : 0;
}

static void word_of(const char *text, const char *key, char *word, size_t size)
{
	const char *value = value_of(text, key);

	snprintf(word, size, "%.*s", value ? (int)strcspn(value, " \n") : 0,
		 value ? value : "");
}

static void add_queues(struct top_row *row, const char *text)
{
	static const char key[] = "\nsecmmu-queue-";

	while ((text = strstr(text, key))) {
		struct top_queue *queue;

		text += strlen(key);
		row->queues = grow(row->queues, row->nr_queues,
				   sizeof(*row->queues));
		queue = &row->queues[row->nr_queues++];
		/* A queue that is lost has no counts. */
		if (sscanf(text, "%u: %15s %u %u", &queue->id, queue->state,
			   &queue->head, &queue->tail) < 2)
			row->nr_queues--;
	}
}

static void add_client(struct top_look *look, const char *slot, pid_t pid,
		       int proc, const char *text)
{
	unsigned long long client = number_of(text, "drm-client-id");
	unsigned int asid = number_of(text, "secmmu-asid"), i;
	struct top_row *row;
	char pdev[32];

	word_of(text, "drm-pdev", pdev, sizeof(pdev));
	if (strcmp(pdev, slot))
		return;
	for (i = 0; i < look->nr; i++)
		if (look->rows[i].asid == asid && !look->rows[i].lost)
			break;
	if (i == look->nr) {
		look->rows = grow(look->rows, look->nr++, sizeof(*look->rows));
		row = &look->rows[i];
		row->pid = pid;
		row->client = client;
		row->asid = asid;
		row->lost = number_of(text, "secmmu-lost");
		slurp_at(proc, "comm", row->command, sizeof(row->command));
		row->command[strcspn(row->command, "\n")] = 0;
		word_of(text, "secmmu-mode", row->mode, sizeof(row->mode));
#define C(key, field) row->counters.field = number_of(text, key);
		TOP_COUNTERS(C)
#undef C
#define G(key, field) row->field = number_of(text, key);
		TOP_GAUGES(G)
#undef G
	}
	row = &look->rows[i];
	if (client < row->client)
		row->client = client;
	add_queues(row, text);
}

/* Contexts met so far: a child may have its parent's. */
struct seen {
	unsigned long long *clients;
	unsigned int nr;
};

static bool is_new(struct seen *seen, const char *text)
{
	unsigned long long client = number_of(text, "drm-client-id");

	for (unsigned int i = 0; i < seen->nr; i++)
		if (seen->clients[i] == client)
			return false;
	seen->clients = grow(seen->clients, seen->nr,
			     sizeof(*seen->clients));
	seen->clients[seen->nr++] = client;
	return true;
}

static void look_at(struct top_look *look, const struct top *top, dev_t node,
		    pid_t pid, struct seen *seen)
{
	static char text[FDINFO_SIZE];
	char path[64];
	struct dirent *entry;
	struct stat st;
	int proc;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (!isdigit(entry->d_name[0]) ||
		    fstatat(dirfd(dir), entry->d_name, &st, 0) ||
		    !S_ISCHR(st.st_mode) || st.st_rdev != node)
			continue;
		snprintf(path, sizeof(path), "fdinfo/%.20s", entry->d_name);
		if (slurp_at(proc, path, text, sizeof(text)) &&
		    strstr(text, "drm-driver:\tsecmmu\n") &&
		    is_new(seen, text))
			add_client(look, top->dev.slot, pid, proc, text);
	}
	if (dir)
		closedir(dir);
	close(proc);
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
	return atoi((*a)->d_name) - atoi((*b)->d_name);
}

static int is_process(const struct dirent *entry)
{
	return isdigit(entry->d_name[0]);
}

/* Opened anew after the device was lost: it may be back. */
static void look_at_device(struct top *top, struct top_look *look)
{
	int ret = -ENODEV;

	if (top->ctx.fd < 0 && secmmu_open(&top->ctx, top->dev.path))
		top->ctx.fd = -1;
	if (top->ctx.fd >= 0)
		ret = secmmu_stats(&top->ctx, &look->stats);
	if (ret && top->ctx.fd >= 0)
		secmmu_close(&top->ctx);
	look->lost = ret;
}

void top_look(struct top *top, struct top_look *look)
{
	struct dirent **processes;
	struct seen seen = { 0 };
	struct stat st;
	int nr;

	memset(look, 0, sizeof(*look));
	look_at_device(top, look);
	look->time = ctl_now();
	look->queues_used = ctl_attr_number(&top->dev, "queues_used", 0);
	/* A parent has a lower number than its children, nearly always. */
	nr = stat(top->dev.path, &st) ? 0 :
	     scandir("/proc", &processes, is_process, by_number);
	for (int i = 0; i < nr; i++) {
		pid_t pid = atoi(processes[i]->d_name);

		if (pid != getpid())
			look_at(look, top, st.st_rdev, pid, &seen);
		free(processes[i]);
	}
	if (nr > 0)
		free(processes);
	free(seen.clients);
}

void top_look_free(struct top_look *look)
{
	for (unsigned int i = 0; i < look->nr; i++)
		free(look->rows[i].queues);
	free(look->rows);
	memset(look, 0, sizeof(*look));
}
