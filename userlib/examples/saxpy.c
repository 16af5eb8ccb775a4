// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * y += a * x on vectors that were never prepared for a device: from malloc(),
 * from a file that is mapped, and on the stack. Usage: saxpy
 *
 * What to copy from here: open, one queue, and a call for each piece of work.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <secmmu.h>

#define N	100000

static void must(const char *what, int ret)
{
	if (ret == 0)
		return;
	fprintf(stderr, "saxpy: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static void fill(float *v, size_t n, float step)
{
	for (size_t i = 0; i < n; i++)
		v[i] = (float)i * step;
}

/* What the device computed must be what the CPU does, to the last bit. */
static void verify(const char *what, const float *y, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		volatile float product = 2.0f * ((float)i * 0.5f);
		float want = (float)i * 0.25f + product;

		if (y[i] != want) {
			fprintf(stderr, "saxpy: %s: y[%zu] is %g, not %g\n",
				what, i, y[i], want);
			exit(1);
		}
	}
	printf("%s: %zu floats, the CPU's result\n", what, n);
}

/* A vector that lives in a file: what the device writes is in the file. */
static float *map_file(size_t n)
{
	char path[] = "/tmp/saxpy-XXXXXX";
	int fd = mkstemp(path);
	float *v;

	if (fd < 0 || ftruncate(fd, (off_t)(n * sizeof(*v)))) {
		perror(path);
		exit(1);
	}
	unlink(path);
	v = mmap(NULL, n * sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	if (v == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	close(fd);
	return v;
}

int main(void)
{
	float *x = malloc(N * sizeof(*x)), *y = malloc(N * sizeof(*y));
	float on_stack[1000], *in_file = map_file(N);
	struct secmmu_queue queue;
	struct secmmu dev;

	if (!x || !y)
		return 1;
	fill(x, N, 0.5f);
	must("no device", secmmu_open(&dev, NULL));
	must("no queue", secmmu_queue_init(&queue, &dev, 16, 0));

	fill(y, N, 0.25f);
	must("malloc", secmmu_saxpy(&queue, y, 2.0f, x, N));
	verify("malloc", y, N);

	fill(in_file, N, 0.25f);
	must("file", secmmu_saxpy(&queue, in_file, 2.0f, x, N));
	verify("mapped file", in_file, N);

	fill(on_stack, 1000, 0.25f);
	must("stack", secmmu_saxpy(&queue, on_stack, 2.0f, x, 1000));
	verify("stack", on_stack, 1000);

	secmmu_queue_exit(&queue);
	secmmu_close(&dev);
	munmap(in_file, N * sizeof(*in_file));
	free(x);
	free(y);
	return 0;
}
