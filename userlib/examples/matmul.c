// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * C = A * B with matrices that need not fit into memory: run it under a memory
 * limit, and the tiles that are not in use go to swap. Usage: matmul [N]
 * (N x N floats each, a multiple of 128; default 1024: 12 MiB in all)
 *
 * Each matrix is stored tile by tile, since a GEMM job wants its operands in
 * one piece. A tile of C is the sum over k of A(i,k) * B(k,j): a GEMM and a
 * SAXPY for each k, handed to the device in one batch.
 *
 * What to copy from here: batches, and user_data to know which job failed.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <secmmu.h>

#define TILE	128
#define FLOATS	(TILE * TILE)

static size_t tiles;	/* in a row */

static float *tile(float *matrix, size_t row, size_t column)
{
	return matrix + (row * tiles + column) * FLOATS;
}

static float *element(float *matrix, size_t row, size_t column)
{
	return tile(matrix, row / TILE, column / TILE) + row % TILE * TILE +
	       column % TILE;
}

static void must(const char *what, int ret)
{
	if (ret == 0)
		return;
	fprintf(stderr, "matmul: %s: %s\n", what, strerror(-ret));
	exit(1);
}

/* One tile of C. @scratch has room for a product. */
static void multiply(struct secmmu_queue *queue, float *c, float *a, float *b,
		     size_t row, size_t column, float *scratch)
{
	struct secmmu_completion done;

	memset(tile(c, row, column), 0, FLOATS * sizeof(*c));
	for (size_t k = 0; k < tiles; k++) {
		struct secmmu_desc *desc = secmmu_get_desc(queue);

		secmmu_prep_gemm(desc, scratch, tile(a, row, k),
				 tile(b, k, column), TILE, TILE, TILE);
		secmmu_desc_set_data(desc, k);
		desc = secmmu_get_desc(queue);
		secmmu_prep_saxpy(desc, tile(c, row, column), 1.0f, scratch,
				  FLOATS);
		secmmu_desc_set_data(desc, k);
	}
	if (secmmu_submit(queue) != (int)(2 * tiles))
		must("submit", -EIO);
	for (size_t i = 0; i < 2 * tiles; i++) {
		must("wait", secmmu_wait(queue, &done));
		if (done.status == SECMMU_STATUS_OK)
			continue;
		fprintf(stderr, "matmul: tile %zu,%zu, k %llu: %s\n", row,
			column, (unsigned long long)done.user_data,
			secmmu_strstatus(done.status));
		exit(1);
	}
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 0) : 1024;
	static float scratch[FLOATS];
	struct secmmu_queue queue;
	unsigned int entries = 2;
	struct secmmu dev;
	float *a, *b, *c;

	tiles = n / TILE;
	if (!n || n % TILE || n > 65536) {
		fprintf(stderr, "matmul: N is a multiple of %d, up to 65536\n",
			TILE);
		return 2;
	}
	while (entries < 2 * tiles)
		entries *= 2;
	a = malloc(n * n * sizeof(*a));
	b = malloc(n * n * sizeof(*b));
	c = malloc(n * n * sizeof(*c));
	if (!a || !b || !c)
		must("no memory", -ENOMEM);
	must("no device", secmmu_open(&dev, NULL));
	must("no queue", secmmu_queue_init(&queue, &dev, entries, 0));

	/* Small whole numbers: every sum is exact, in any order. */
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			*element(a, i, j) = (float)((i + 2 * j) % 5);
			*element(b, i, j) = (float)((3 * i + j) % 7);
		}
	}
	for (size_t i = 0; i < tiles; i++)
		for (size_t j = 0; j < tiles; j++)
			multiply(&queue, c, a, b, i, j, scratch);

	/* A few elements of each tile, the long way. */
	for (size_t i = 0; i < n; i += 61) {
		for (size_t j = 0; j < n; j += 67) {
			float sum = 0;

			for (size_t k = 0; k < n; k++)
				sum += (float)((i + 2 * k) % 5) *
				       (float)((3 * k + j) % 7);
			if (*element(c, i, j) != sum) {
				fprintf(stderr, "matmul: C[%zu][%zu] is %g, not %g\n",
					i, j, *element(c, i, j), sum);
				return 1;
			}
		}
	}
	printf("%zu x %zu: right\n", n, n);
	secmmu_queue_exit(&queue);
	secmmu_close(&dev);
	free(a);
	free(b);
	free(c);
	return 0;
}
