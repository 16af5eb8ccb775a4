// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every opcode against the CPU's own result, through the library's synchronous
 * helpers: lengths, offsets, page crossings, overlaps.
 */
#include <errno.h>
#include <stdlib.h>

#include "guest-test.h"

static const size_t lengths[] = {
	0, 1, 7, 8, 9, 63, 4095, 4096, 4097, 8192, 12345, 65536, 65537,
	200000, 2 * MIB + 17,
};
#define NR_LENGTHS (sizeof(lengths) / sizeof(lengths[0]))
#define AREA (3 * MIB)

void test_op_nop(void)
{
	struct secmmu_desc nop = { .opcode = SECMMU_OP_NOP, .user_data = 77 };
	struct secmmu_completion done;

	open_device();
	for (int i = 0; i < 200; i++) {
		done = run(&queue, &nop);
		CHECK_EQ(done.status, SECMMU_STATUS_OK);
		CHECK_EQ(done.user_data, 77);
		CHECK_EQ(done.bytes, 0);
	}
}

void test_op_fill(void)
{
	uint64_t pattern = 0x8877665544332211ull;
	unsigned char *p = anon(AREA);

	open_device();
	for (size_t i = 0; i < NR_LENGTHS; i++) {
		size_t off = 4096 - 3 + i, len = lengths[i];

		memset(p, 0xee, AREA);
		CHECK_EQ(secmmu_fill(&queue, p + off, pattern, len), 0);
		for (size_t j = 0; j < len; j++)
			if (p[off + j] != (pattern >> 8 * (j % 8) & 0xff))
				fail(__FILE__, __LINE__, "length %zu: byte %zu",
				     len, j);
		CHECK(all_are(p, 0xee, off));
		CHECK(all_are(p + off + len, 0xee, AREA - off - len));
	}
}

void test_op_copy(void)
{
	unsigned char *src = anon(AREA), *dst = anon(AREA);
	unsigned char *ref = malloc(AREA);

	open_device();
	fill_noise(src, AREA, 1);
	for (size_t i = 0; i < NR_LENGTHS; i++) {
		size_t len = lengths[i], s = 4000 + i, d = 100 + 37 * i;

		memset(dst, 0, AREA);
		CHECK_EQ(secmmu_copy(&queue, dst + d, src + s, len), 0);
		CHECK(!memcmp(dst + d, src + s, len));
		CHECK(all_are(dst, 0, d));
		CHECK(all_are(dst + d + len, 0, AREA - d - len));
	}
	/* Overlaps in both directions: what memmove() does. */
	for (long delta = -70000; delta <= 70000; delta += 6997) {
		size_t at = 100000, len = 1000000;

		fill_noise(dst, AREA / 2, delta);
		memcpy(ref, dst, AREA / 2);
		memmove(ref + at + delta, ref + at, len);
		CHECK_EQ(secmmu_copy(&queue, dst + at + delta, dst + at, len),
			 0);
		if (memcmp(dst, ref, AREA / 2))
			fail(__FILE__, __LINE__, "overlap by %ld", delta);
	}
}

void test_op_compare(void)
{
	unsigned char *a = anon(AREA), *b = anon(AREA);
	size_t diff;

	open_device();
	fill_noise(a, AREA, 2);
	memcpy(b, a, AREA);
	for (size_t i = 0; i < NR_LENGTHS; i++) {
		size_t len = lengths[i], at = len ? (len * 7 / 11) : 0;

		CHECK_EQ(secmmu_compare(&queue, a + 9, b + 9, len, &diff), 0);
		CHECK_EQ(diff, len);
		if (!len)
			continue;
		b[9 + at] ^= 0x80;
		CHECK_EQ(secmmu_compare(&queue, a + 9, b + 9, len, &diff), 0);
		CHECK_EQ(diff, at);
		b[9 + at] ^= 0x80;
	}
}

uint32_t cpu_crc32c(uint32_t crc, const unsigned char *p, size_t len)
{
	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	return ~crc;
}

void test_op_crc32c(void)
{
	unsigned char *p = anon(AREA);
	uint32_t crc = 0;

	open_device();
	/* The check value of the CRC catalogue. */
	memcpy(p, "123456789", 9);
	CHECK_EQ(secmmu_crc32c(&queue, p, 9, &crc), 0);
	CHECK_EQ(crc, 0xe3069283u);
	fill_noise(p, AREA, 3);
	for (size_t i = 0; i < NR_LENGTHS && lengths[i] <= 200000; i++) {
		uint32_t want = cpu_crc32c(0, p + i, lengths[i]);

		crc = 0;
		CHECK_EQ(secmmu_crc32c(&queue, p + i, lengths[i], &crc), 0);
		CHECK_EQ(crc, want);
	}
	/* Continued over two jobs. */
	crc = 0;
	CHECK_EQ(secmmu_crc32c(&queue, p, 5000, &crc), 0);
	CHECK_EQ(secmmu_crc32c(&queue, p + 5000, 5001, &crc), 0);
	CHECK_EQ(crc, cpu_crc32c(0, p, 10001));
}

void test_op_reduce(void)
{
	size_t n = 100003;
	uint64_t *a = anon(n * 8), sum = 0, got;
	float *f = anon(n * 4);
	double fsum = 0, fgot;

	open_device();
	fill_noise(a, n * 8, 4);
	for (size_t i = 0; i < n; i++) {
		f[i] = (float)(a[i] & 0xffff) / 3;
		sum += a[i];
		fsum += f[i];
	}
	CHECK_EQ(secmmu_reduce_u64(&queue, a, n, &got), 0);
	CHECK_EQ(got, sum);
	CHECK_EQ(secmmu_reduce_f32(&queue, f, n, &fgot), 0);
	CHECK(fgot == fsum);
	CHECK_EQ(secmmu_reduce_u64(&queue, a, 0, &got), 0);
	CHECK_EQ(got, 0);
}

void test_op_atomic(void)
{
	uint64_t *w = anon(PAGE), old;
	uint32_t *h = (uint32_t *)(w + 8);

	open_device();
	w[0] = 10;
	CHECK_EQ(secmmu_atomic_add(&queue, w, 8, 5, &old), 0);
	CHECK_EQ(old, 10);
	CHECK_EQ(w[0], 15);
	*h = 0xffffffff;
	h[1] = 1;
	CHECK_EQ(secmmu_atomic_add(&queue, h, 4, 2, &old), 0);
	CHECK_EQ(old, 0xffffffff);
	CHECK_EQ(*h, 1);
	CHECK_EQ(h[1], 1);
	CHECK_EQ(secmmu_atomic_cas(&queue, w, 8, 15, 99, &old), 0);
	CHECK_EQ(old, 15);
	CHECK_EQ(w[0], 99);
	CHECK_EQ(secmmu_atomic_cas(&queue, w, 8, 15, 1, &old), 0);
	CHECK_EQ(old, 99);
	CHECK_EQ(w[0], 99);
	/* Against the CPU, on one word: no addition is lost. */
	w[1] = 0;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 60; i++)
			secmmu_prep_atomic_add(secmmu_get_desc(&queue), &w[1],
					       8, 1);
		CHECK_EQ(secmmu_submit(&queue), 60);
		for (int i = 0; i < 60; i++) {
			struct secmmu_completion done;

			__atomic_fetch_add(&w[1], 1, __ATOMIC_RELAXED);
			CHECK_EQ(secmmu_wait(&queue, &done), 0);
			CHECK_EQ(done.status, SECMMU_STATUS_OK);
		}
	}
	CHECK_EQ(w[1], 2400);
}

struct node {
	uint64_t payload;
	uint64_t pad[5];
	struct node *next;
};

void test_op_list_walk(void)
{
	size_t n = 20000;
	struct node *nodes = anon(n * sizeof(*nodes));
	uint64_t sum = 0, got, visited;
	uint32_t seed = 5;

	open_device();
	/* A ring over all nodes in the order of a stride prime to n. */
	for (size_t i = 0; i < n; i++) {
		nodes[i].payload = noise(&seed);
		sum += nodes[i].payload;
		nodes[i].next = &nodes[(i + 7919) % n];
	}
	CHECK_EQ(secmmu_list_walk(&queue, nodes, offsetof(struct node, next),
				  0, n, &got, &visited), -E2BIG);
	CHECK_EQ(visited, n);
	CHECK_EQ(got, sum);
	/* Cut: the last one before the first node again. */
	nodes[(n - 7919) % n].next = NULL;
	CHECK_EQ(secmmu_list_walk(&queue, nodes, offsetof(struct node, next),
				  0, 10 * n, &got, &visited), 0);
	CHECK_EQ(visited, n);
	CHECK_EQ(got, sum);
	CHECK_EQ(secmmu_list_walk(&queue, NULL, 0, 8, 10, &got, &visited), 0);
	CHECK_EQ(visited, 0);
}

void test_op_gather_scatter(void)
{
	size_t n = 5000, size = 24;
	unsigned char *pool = anon(n * 64), *out = anon(n * size);
	uint64_t *addrs = anon(n * sizeof(*addrs));

	open_device();
	fill_noise(pool, n * 64, 6);
	for (size_t i = 0; i < n; i++)
		addrs[i] = (uintptr_t)(pool + (i * 4099 % n) * 64 + 3);
	CHECK_EQ(secmmu_gather(&queue, out, addrs, size, n), 0);
	for (size_t i = 0; i < n; i++)
		CHECK(!memcmp(out + i * size, (void *)addrs[i], size));
	fill_noise(out, n * size, 7);
	CHECK_EQ(secmmu_scatter(&queue, addrs, out, size, n), 0);
	for (size_t i = 0; i < n; i++)
		CHECK(!memcmp(out + i * size, (void *)addrs[i], size));
}

void test_op_float(void)
{
	unsigned int m = 37, n = 65, k = 51;
	float *a = anon(m * k * 4), *b = anon(k * n * 4), *c = anon(m * n * 4);
	size_t len = 30011;
	float *x = anon(len * 4), *y = anon(len * 4), *ref = anon(len * 4);

	open_device();
	for (size_t i = 0; i < len; i++) {
		x[i] = (float)i / 7;
		y[i] = ref[i] = (float)(len - i) / 3;
	}
	CHECK_EQ(secmmu_saxpy(&queue, y, 2.5f, x, len), 0);
	for (size_t i = 0; i < len; i++) {
		volatile float product = 2.5f * x[i];

		CHECK(y[i] == ref[i] + product);
	}
	for (size_t i = 0; i < m * k; i++)
		a[i] = (float)(i % 17) / 4;
	for (size_t i = 0; i < k * n; i++)
		b[i] = (float)(i % 23) / 8;
	CHECK_EQ(secmmu_gemm(&queue, c, a, b, m, n, k), 0);
	for (unsigned int i = 0; i < m; i++) {
		for (unsigned int j = 0; j < n; j++) {
			float sum = 0;

			for (unsigned int l = 0; l < k; l++) {
				volatile float p = a[i * k + l] * b[l * n + j];

				sum += p;
			}
			CHECK(c[i * n + j] == sum);
		}
	}
}
