// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * CRC-32C of a file, by several queues at a time. Usage: checksum FILE...
 *
 * The file is mapped; pages that are not in memory come in because the device
 * asks for them, as they would for the CPU. Each queue has a piece, all are
 * submitted before the first is waited for, and the pieces' CRCs are joined.
 *
 * What to copy from here: parallel jobs from one thread, and crc32c_join().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <secmmu.h>

#define QUEUES	4
#define POLY	0x82f63b78u	/* Castagnoli's, bits reversed */

/* @vector times the 32 x 32 matrix @m over GF(2). */
static uint32_t times(const uint32_t *m, uint32_t vector)
{
	uint32_t sum = 0;

	for (; vector; vector >>= 1, m++)
		if (vector & 1)
			sum ^= *m;
	return sum;
}

/*
 * The CRC of A followed by B from those of A and of B: A's is carried over as
 * many zero bytes as B is long (a linear map, applied by squaring), then both
 * are added.
 */
static uint32_t crc32c_join(uint32_t a, uint32_t b, uint64_t len_b)
{
	uint32_t step[32], square[32];

	/* One zero bit... */
	step[0] = POLY;
	for (int i = 1; i < 32; i++)
		step[i] = 1u << (i - 1);
	/* ...and from there on twice as many each time: 8 make a byte. */
	for (int power = 0; power < 3 || len_b; power++) {
		if (power >= 3) {
			if (len_b & 1)
				a = times(step, a);
			len_b >>= 1;
		}
		for (int i = 0; i < 32; i++)
			square[i] = times(step, step[i]);
		memcpy(step, square, sizeof(step));
	}
	return a ^ b;
}

static int checksum(struct secmmu_queue *queues, const char *path)
{
	struct secmmu_completion done;
	const char *p = NULL;
	uint64_t piece, from;
	uint32_t crc = 0;
	struct stat st;
	int fd, ret = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (st.st_size)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return -errno;

	/* Bounded, since one job has at most SECMMU_MAX_LEN bytes. */
	piece = ((uint64_t)st.st_size + QUEUES - 1) / QUEUES;
	if (piece > SECMMU_MAX_LEN)
		piece = SECMMU_MAX_LEN;
	for (from = 0; !ret && from < (uint64_t)st.st_size;) {
		uint64_t at[QUEUES], len[QUEUES];
		int nr = 0;

		while (nr < QUEUES && from < (uint64_t)st.st_size) {
			at[nr] = from;
			len[nr] = (uint64_t)st.st_size - from;
			if (len[nr] > piece)
				len[nr] = piece;
			from += len[nr++];
		}
		for (int i = 0; i < nr; i++) {
			secmmu_prep_crc32c(secmmu_get_desc(&queues[i]),
					   p + at[i], len[i], 0);
			secmmu_submit(&queues[i]);
		}
		/* All of them, even after an error: they read the mapping. */
		for (int i = 0; i < nr; i++) {
			int waited = secmmu_wait(&queues[i], &done);

			if (!waited && done.status != SECMMU_STATUS_OK)
				waited = -EIO;
			if (!ret)
				ret = waited;
			crc = crc32c_join(crc, (uint32_t)done.result, len[i]);
		}
	}
	if (st.st_size)
		munmap((void *)p, (size_t)st.st_size);
	if (!ret)
		printf("%08x  %s\n", crc, path);
	return ret;
}

int main(int argc, char **argv)
{
	struct secmmu_queue queues[QUEUES];
	struct secmmu dev;
	int ret, bad = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: checksum FILE...\n");
		return 2;
	}
	ret = secmmu_open(&dev, NULL);
	for (int i = 0; !ret && i < QUEUES; i++)
		ret = secmmu_queue_init(&queues[i], &dev, 4, 0);
	if (ret) {
		fprintf(stderr, "checksum: no device: %s\n", strerror(-ret));
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		ret = checksum(queues, argv[i]);
		if (ret) {
			fprintf(stderr, "checksum: %s: %s\n", argv[i],
				strerror(-ret));
			bad = 1;
		}
	}
	for (int i = 0; i < QUEUES; i++)
		secmmu_queue_exit(&queues[i]);
	secmmu_close(&dev);
	return bad;
}
