// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chapter 9: changes a window of memory in every way that comes to mind, and
 * asks the module how it was told.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define LEN	(16 * PAGE)

static int watch;

static void look_at(void *p, size_t len)
{
	unsigned long window[2] = { (unsigned long)p, len };

	if (write(watch, window, sizeof(window)) != sizeof(window))
		exit(1);
}

static void told(const char *what)
{
	char text[64] = "";

	if (read(watch, text, sizeof(text)) < 0)
		exit(1);
	printf("%-28s %s\n", what, text);
}

static char *map(void)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	madvise(p, LEN, MADV_NOHUGEPAGE);
	memset(p, 1, LEN);
	return p;
}

int main(void)
{
	char *p = map();
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	watch = open("/dev/watch", O_RDWR);
	if (watch < 0)
		return 1;

	look_at(p, LEN);
	told("nothing");
	p[0] = 2;
	told("a write");
	mprotect(p, LEN, PROT_READ);
	told("mprotect");
	mprotect(p, LEN, PROT_READ | PROT_WRITE);

	look_at(p, LEN);
	child = fork();
	if (!child) {
		/* While it lives, the pages are shared. */
		pause();
		_exit(0);
	}
	told("fork");
	look_at(p, LEN);
	p[PAGE] = 3;
	told("a write after it (COW)");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);

	look_at(p + 2 * PAGE, PAGE);
	madvise(p, 2 * PAGE, MADV_DONTNEED);
	told("DONTNEED up to the window");
	madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED);
	told("DONTNEED one page further");

	look_at(p, LEN);
	munmap(p, LEN);
	told("munmap");
	return 0;
}
