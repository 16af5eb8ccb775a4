// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl selftest: every opcode against what the CPU computes. Not here:
 * what happens to memory meanwhile (selftest-memory.c).
 */
#include <errno.h>
#include <string.h>

#include "selftest.h"

bool selftest_nop(struct selftest *t)
{
	struct secmmu_desc job = { .user_data = selftest_noise(t) };
	struct secmmu_completion done;

	secmmu_prep_nop(&job);
	if (!selftest_run(t, &job, &done))
		return false;
	EXPECT(t, done.status == SECMMU_STATUS_OK, "status %s",
	       secmmu_strstatus(done.status));
	EXPECT(t, done.user_data == job.user_data, "user_data came back as %#llx",
	       (unsigned long long)done.user_data);
	return true;
}

bool selftest_fill(struct selftest *t)
{
	unsigned char *p = selftest_map(t->len), pattern[8];
	uint64_t value;
	size_t at = 5, len = t->len - 11;

	selftest_data(t, pattern, sizeof(pattern));
	memcpy(&value, pattern, sizeof(value));
	CALL(t, secmmu_fill(&t->q, p + at, value, len));
	for (size_t i = 0; i < t->len; i++) {
		unsigned char want = i < at || i >= at + len ? 0 :
				     pattern[(i - at) % 8];

		EXPECT(t, p[i] == want, "byte %zu is %#x, not %#x", i, p[i],
		       want);
	}
	return true;
}

bool selftest_copy(struct selftest *t)
{
	unsigned char *p = selftest_map(t->len), *want = selftest_map(t->len);
	unsigned char *to = selftest_map(t->len);

	selftest_data(t, p, t->len);
	CALL(t, secmmu_copy(&t->q, to + 1, p + 3, t->len - 3));
	EXPECT(t, !memcmp(to + 1, p + 3, t->len - 3), "the bytes differ");
	memcpy(want, p, t->len);
	memmove(want + 100, want, t->len - 100);
	CALL(t, secmmu_copy(&t->q, p + 100, p, t->len - 100));
	EXPECT(t, !memcmp(p, want, t->len), "to a higher overlapping place");
	memmove(want, want + 100, t->len - 100);
	CALL(t, secmmu_copy(&t->q, p, p + 100, t->len - 100));
	EXPECT(t, !memcmp(p, want, t->len), "to a lower overlapping place");
	return true;
}

bool selftest_compare(struct selftest *t)
{
	unsigned char *a = selftest_map(t->len), *b = selftest_map(t->len);
	size_t diff, at = selftest_noise(t) % t->len;

	selftest_data(t, a, t->len);
	memcpy(b, a, t->len);
	CALL(t, secmmu_compare(&t->q, a, b, t->len, &diff));
	EXPECT(t, diff == t->len, "equal, but for byte %zu", diff);
	b[at] ^= 1;
	CALL(t, secmmu_compare(&t->q, a, b, t->len, &diff));
	EXPECT(t, diff == at, "byte %zu differs, and it says %zu", at, diff);
	return true;
}

static uint32_t cpu_crc32c(const unsigned char *p, size_t len)
{
	uint32_t crc = ~0u;

	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

bool selftest_crc32c(struct selftest *t)
{
	unsigned char *p = selftest_map(t->len);
	uint32_t whole = 0, parts = 0, want;

	selftest_data(t, p, t->len);
	want = cpu_crc32c(p, t->len);
	CALL(t, secmmu_crc32c(&t->q, p, t->len, &whole));
	EXPECT(t, whole == want, "%#x, not %#x", whole, want);
	CALL(t, secmmu_crc32c(&t->q, p, 1001, &parts));
	CALL(t, secmmu_crc32c(&t->q, p + 1001, t->len - 1001, &parts));
	EXPECT(t, parts == want, "in parts %#x, not %#x", parts, want);
	return true;
}

bool selftest_reduce(struct selftest *t)
{
	uint64_t *words = selftest_map(t->len), want = 0, sum;
	float *floats = selftest_map(t->len);
	double want_f32 = 0, sum_f32;

	selftest_data(t, words, t->len);
	for (size_t i = 0; i < t->len / 8; i++)
		want += words[i];
	CALL(t, secmmu_reduce_u64(&t->q, words, t->len / 8, &sum));
	EXPECT(t, sum == want, "u64: %#llx, not %#llx", (unsigned long long)sum,
	       (unsigned long long)want);
	for (size_t i = 0; i < t->len / 4; i++) {
		floats[i] = (int32_t)selftest_noise(t) * 0x1p-20f;
		want_f32 += floats[i];
	}
	CALL(t, secmmu_reduce_f32(&t->q, floats, t->len / 4, &sum_f32));
	EXPECT(t, sum_f32 == want_f32, "f32: %g, not %g", sum_f32, want_f32);
	return true;
}

bool selftest_atomic(struct selftest *t)
{
	uint64_t *word = selftest_map(4096), old;
	uint32_t *half = (uint32_t *)&word[1];

	word[0] = 1;
	half[0] = ~0u;
	half[1] = 7;
	CALL(t, secmmu_atomic_add(&t->q, word, 8, 1ull << 40, &old));
	EXPECT(t, old == 1 && word[0] == (1ull << 40) + 1, "add, 8 bytes");
	CALL(t, secmmu_atomic_add(&t->q, half, 4, 2, &old));
	EXPECT(t, old == ~0u && half[0] == 1 && half[1] == 7, "add, 4 bytes");
	CALL(t, secmmu_atomic_cas(&t->q, word, 8, 5, 6, &old));
	EXPECT(t, old == (1ull << 40) + 1 && word[0] == old,
	       "cas of another value");
	CALL(t, secmmu_atomic_cas(&t->q, word, 8, old, 9, &old));
	EXPECT(t, word[0] == 9, "cas, 8 bytes");
	CALL(t, secmmu_atomic_cas(&t->q, half, 4, 1, 3, &old));
	EXPECT(t, old == 1 && half[0] == 3 && half[1] == 7, "cas, 4 bytes");
	return true;
}

bool selftest_list_walk(struct selftest *t)
{
	struct node {
		uint64_t payload;
		struct node *next;
		char rest[48];
	} *nodes = selftest_map(t->len);
	size_t n = t->len / sizeof(*nodes), step = 37;
	uint64_t want = 0, bounded = 0, sum, visited;

	/* Round the array in steps, once: step and n have no common factor. */
	for (size_t i = 0; i < n; i++) {
		struct node *node = &nodes[i * step % n];

		node->payload = selftest_noise(t);
		node->next = i + 1 < n ? &nodes[(i + 1) * step % n] : NULL;
		want += node->payload;
		if (i < 10)
			bounded = want;
	}
	CALL(t, secmmu_list_walk(&t->q, nodes, offsetof(struct node, next),
				 offsetof(struct node, payload), n + 1, &sum,
				 &visited));
	EXPECT(t, sum == want && visited == n, "%llu of %zu nodes",
	       (unsigned long long)visited, n);
	EXPECT(t, secmmu_list_walk(&t->q, nodes, offsetof(struct node, next),
				   offsetof(struct node, payload), 10, &sum,
				   &visited) == -E2BIG,
	       "ten nodes of more: it should be -E2BIG");
	EXPECT(t, sum == bounded && visited == 10, "ten nodes: %llu visited",
	       (unsigned long long)visited);
	return true;
}

bool selftest_gather(struct selftest *t)
{
	uint64_t *from = selftest_map(t->len), *to = selftest_map(t->len);
	size_t n = t->len / 8 / 4;
	uint64_t *addrs = selftest_map(t->len);

	selftest_data(t, from, t->len);
	for (size_t i = 0; i < n; i++)
		addrs[i] = (uintptr_t)&from[selftest_noise(t) % (4 * n)];
	CALL(t, secmmu_gather(&t->q, to, addrs, 8, n));
	for (size_t i = 0; i < n; i++)
		EXPECT(t, to[i] == *(uint64_t *)(uintptr_t)addrs[i],
		       "element %zu", i);
	EXPECT(t, !to[n], "it wrote past the last");
	return true;
}

bool selftest_scatter(struct selftest *t)
{
	uint64_t *from = selftest_map(t->len), *to = selftest_map(t->len);
	size_t n = t->len / 8 / 4;
	uint64_t *addrs = selftest_map(t->len);

	selftest_data(t, from, t->len);
	for (size_t i = 0; i < n; i++)
		addrs[i] = (uintptr_t)&to[i * 4 + selftest_noise(t) % 4];
	CALL(t, secmmu_scatter(&t->q, addrs, from, 8, n));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 4 * i; j < 4 * i + 4; j++)
			EXPECT(t, to[j] == ((uintptr_t)&to[j] == addrs[i] ?
					    from[i] : 0), "element %zu", j);
	return true;
}

bool selftest_saxpy(struct selftest *t)
{
	float *x = selftest_map(t->len), *y = selftest_map(t->len);
	float *want = selftest_map(t->len), a = 0.37f;
	size_t n = t->len / 4;

	for (size_t i = 0; i < n; i++) {
		x[i] = (int32_t)selftest_noise(t) * 0x1p-16f;
		y[i] = (int32_t)selftest_noise(t) * 0x1p-16f;
		/* Rounded before it is added, as the device does it. */
		volatile float product = a * x[i];

		want[i] = y[i] + product;
	}
	CALL(t, secmmu_saxpy(&t->q, y, a, x, n));
	for (size_t i = 0; i < n; i++)
		EXPECT(t, y[i] == want[i], "element %zu is %g, not %g", i,
		       y[i], want[i]);
	return true;
}

bool selftest_gemm(struct selftest *t)
{
	enum { M = 31, N = 17, K = 23 };
	float *a = selftest_map(M * K * 4), *b = selftest_map(K * N * 4);
	float *c = selftest_map(M * N * 4);

	for (int i = 0; i < M * K; i++)
		a[i] = (int32_t)selftest_noise(t) * 0x1p-28f;
	for (int i = 0; i < K * N; i++)
		b[i] = (int32_t)selftest_noise(t) * 0x1p-28f;
	CALL(t, secmmu_gemm(&t->q, c, a, b, M, N, K));
	for (int i = 0; i < M * N; i++) {
		float want = 0;

		for (int k = 0; k < K; k++) {
			volatile float product = a[i / N * K + k] *
						 b[k * N + i % N];

			want += product;
		}
		EXPECT(t, c[i] == want, "row %d column %d is %g, not %g",
		       i / N, i % N, c[i], want);
	}
	return true;
}

bool selftest_bad_opcode(struct selftest *t)
{
	struct secmmu_desc job = { .opcode = SECMMU_OP_NR };
	struct secmmu_completion done;

	if (!selftest_run(t, &job, &done))
		return false;
	EXPECT(t, done.status == SECMMU_STATUS_BAD_OPCODE, "status %s",
	       secmmu_strstatus(done.status));
	return true;
}
