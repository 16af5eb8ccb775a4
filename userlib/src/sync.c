// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One synchronous helper per opcode: from get to wait. Lives here: splitting
 * what is too long for one job, and the way from a status to an errno. Not
 * here: anything that talks to driver or device (queue.c, wait.c).
 */
#include <errno.h>
#include <string.h>

#include "private.h"

/* Pieces that keep every alignment that an opcode may ask for. */
#define PIECE	((size_t)SECMMU_MAX_LEN)

static size_t piece_of(size_t left)
{
	return left < PIECE ? left : PIECE;
}

int secmmu_status_errno(uint32_t status)
{
	switch (status) {
	case SECMMU_STATUS_OK:
		return 0;
	case SECMMU_STATUS_TRUNCATED:
		return -E2BIG;
	case SECMMU_STATUS_FAULT:
		return -EFAULT;
	case SECMMU_STATUS_NO_MEMORY:
		return -ENOMEM;
	case SECMMU_STATUS_POISONED:
		return -EHWPOISON;
	case SECMMU_STATUS_BUS_ERROR:
		return -EIO;
	default:
		return -EINVAL;
	}
}

/* A descriptor of an idle queue. */
int secmmu_sync_begin(struct secmmu_queue *q, struct secmmu_desc **desc)
{
	if (!secmmu_is_ours(q->ctx))
		return -EPERM;
	if (q->stopped)
		return q->stopped;
	if (q->head != q->tail)
		return -EBUSY;
	*desc = secmmu_get_desc(q);
	return 0;
}

int secmmu_sync_end(struct secmmu_queue *q, struct secmmu_completion *done)
{
	int ret = secmmu_submit(q);

	if (ret < 0)
		return ret;
	ret = secmmu_wait(q, done);
	return ret ? ret : secmmu_status_errno(done->status);
}

int secmmu_fill(struct secmmu_queue *q, void *dst, uint64_t pattern,
		size_t len)
{
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	size_t pos = 0;
	int ret;

	do {
		size_t n = piece_of(len - pos);

		ret = secmmu_sync_begin(q, &desc);
		if (ret)
			return ret;
		secmmu_prep_fill(desc, (char *)dst + pos, pattern, n);
		ret = secmmu_sync_end(q, &done);
		pos += n;
	} while (!ret && pos < len);
	return ret;
}

int secmmu_copy(struct secmmu_queue *q, void *dst, const void *src, size_t len)
{
	/* Each piece is a memmove(); so is the whole, in the right order. */
	int backward = (uintptr_t)dst > (uintptr_t)src;
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	size_t pos = 0;
	int ret;

	do {
		size_t n = piece_of(len - pos);
		size_t at = backward ? len - pos - n : pos;

		ret = secmmu_sync_begin(q, &desc);
		if (ret)
			return ret;
		secmmu_prep_copy(desc, (char *)dst + at,
				 (const char *)src + at, n);
		ret = secmmu_sync_end(q, &done);
		pos += n;
	} while (!ret && pos < len);
	return ret;
}

int secmmu_compare(struct secmmu_queue *q, const void *a, const void *b,
		   size_t len, size_t *diff)
{
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	size_t pos = 0;
	int ret;

	do {
		size_t n = piece_of(len - pos);

		ret = secmmu_sync_begin(q, &desc);
		if (ret)
			return ret;
		secmmu_prep_compare(desc, (const char *)a + pos,
				    (const char *)b + pos, n);
		ret = secmmu_sync_end(q, &done);
		if (ret)
			return ret;
		pos += done.result;
		if (done.result < n)
			break;
	} while (pos < len);
	*diff = pos;
	return 0;
}

int secmmu_crc32c(struct secmmu_queue *q, const void *src, size_t len,
		  uint32_t *crc)
{
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	size_t pos = 0;
	int ret;

	do {
		size_t n = piece_of(len - pos);

		ret = secmmu_sync_begin(q, &desc);
		if (ret)
			return ret;
		secmmu_prep_crc32c(desc, (const char *)src + pos, n, *crc);
		ret = secmmu_sync_end(q, &done);
		if (ret)
			return ret;
		*crc = done.result;
		pos += n;
	} while (pos < len);
	return 0;
}

int secmmu_reduce_u64(struct secmmu_queue *q, const uint64_t *src, size_t n,
		      uint64_t *sum)
{
	size_t len = n * sizeof(*src), pos = 0;
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	uint64_t total = 0;
	int ret;

	if (n > SIZE_MAX / sizeof(*src))
		return -EINVAL;
	do {
		size_t piece = piece_of(len - pos);

		ret = secmmu_sync_begin(q, &desc);
		if (ret)
			return ret;
		secmmu_prep_reduce(desc, (const char *)src + pos, piece,
				   SECMMU_REDUCE_U64);
		ret = secmmu_sync_end(q, &done);
		if (ret)
			return ret;
		total += done.result;
		pos += piece;
	} while (pos < len);
	*sum = total;
	return 0;
}

int secmmu_reduce_f32(struct secmmu_queue *q, const float *src, size_t n,
		      double *sum)
{
	size_t len = n * sizeof(*src), pos = 0;
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	double total = 0;
	int ret;

	if (n > SIZE_MAX / sizeof(*src))
		return -EINVAL;
	do {
		size_t piece = piece_of(len - pos);
		double part;

		ret = secmmu_sync_begin(q, &desc);
		if (ret)
			return ret;
		secmmu_prep_reduce(desc, (const char *)src + pos, piece,
				   SECMMU_REDUCE_F32);
		ret = secmmu_sync_end(q, &done);
		if (ret)
			return ret;
		memcpy(&part, &done.result, sizeof(part));
		total += part;
		pos += piece;
	} while (pos < len);
	*sum = total;
	return 0;
}

static int atomic_end(struct secmmu_queue *q, uint64_t *old)
{
	struct secmmu_completion done;
	int ret = secmmu_sync_end(q, &done);

	if (!ret && old)
		*old = done.result;
	return ret;
}

int secmmu_atomic_add(struct secmmu_queue *q, void *word, unsigned int width,
		      uint64_t add, uint64_t *old)
{
	struct secmmu_desc *desc;
	int ret = secmmu_sync_begin(q, &desc);

	if (ret)
		return ret;
	secmmu_prep_atomic_add(desc, word, width, add);
	return atomic_end(q, old);
}

int secmmu_atomic_cas(struct secmmu_queue *q, void *word, unsigned int width,
		      uint64_t expected, uint64_t desired, uint64_t *old)
{
	struct secmmu_desc *desc;
	int ret = secmmu_sync_begin(q, &desc);

	if (ret)
		return ret;
	secmmu_prep_atomic_cas(desc, word, width, expected, desired);
	return atomic_end(q, old);
}

int secmmu_list_walk(struct secmmu_queue *q, const void *head,
		     size_t next_offset, size_t payload_offset,
		     uint64_t max_nodes, uint64_t *sum, uint64_t *nodes)
{
	uint64_t total = 0, visited = 0;
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	int ret;

	do {
		ret = secmmu_sync_begin(q, &desc);
		if (ret)
			return ret;
		secmmu_prep_list_walk(desc, head, next_offset, payload_offset,
				      piece_of(max_nodes - visited));
		ret = secmmu_sync_end(q, &done);
		if (ret && ret != -E2BIG)
			return ret;
		total += done.result;
		visited += done.bytes;
		head = (const void *)(uintptr_t)done.fault_addr;
	} while (ret && visited < max_nodes);
	*sum = total;
	if (nodes)
		*nodes = visited;
	return ret;
}

/* Elements of @size bytes in one job; 0 if @n of them are beyond reach. */
static size_t elements_of(size_t n, size_t size)
{
	if (!size || size > PIECE || n > SIZE_MAX / size)
		return 0;
	return n < PIECE / size ? n : PIECE / size;
}

int secmmu_gather(struct secmmu_queue *q, void *dst, const uint64_t *addrs,
		  size_t size, size_t n)
{
	size_t step = elements_of(n, size), i = 0;
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	int ret;

	if (n && !step)
		return -EINVAL;
	do {
		size_t now = n - i < step ? n - i : step;

		ret = secmmu_sync_begin(q, &desc);
		if (ret)
			return ret;
		secmmu_prep_gather(desc, (char *)dst + i * size, addrs + i,
				   size, now * size);
		ret = secmmu_sync_end(q, &done);
		i += now;
	} while (!ret && i < n);
	return ret;
}

int secmmu_scatter(struct secmmu_queue *q, const uint64_t *addrs,
		   const void *src, size_t size, size_t n)
{
	size_t step = elements_of(n, size), i = 0;
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	int ret;

	if (n && !step)
		return -EINVAL;
	do {
		size_t now = n - i < step ? n - i : step;

		ret = secmmu_sync_begin(q, &desc);
		if (ret)
			return ret;
		secmmu_prep_scatter(desc, addrs + i,
				    (const char *)src + i * size, size,
				    now * size);
		ret = secmmu_sync_end(q, &done);
		i += now;
	} while (!ret && i < n);
	return ret;
}

void secmmu_prep_saxpy(struct secmmu_desc *d, float *y, float a,
		       const float *x, size_t n)
{
	uint32_t bits;

	memcpy(&bits, &a, sizeof(bits));
	d->opcode = SECMMU_OP_SAXPY;
	d->src = (uintptr_t)x;
	d->dst = (uintptr_t)y;
	d->len = n * sizeof(*y);
	d->operand[0] = bits;
}

int secmmu_saxpy(struct secmmu_queue *q, float *y, float a, const float *x,
		 size_t n)
{
	size_t step = elements_of(n, sizeof(*y)), i = 0;
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	int ret;

	if (n && !step)
		return -EINVAL;
	do {
		size_t now = n - i < step ? n - i : step;

		ret = secmmu_sync_begin(q, &desc);
		if (ret)
			return ret;
		secmmu_prep_saxpy(desc, y + i, a, x + i, now);
		ret = secmmu_sync_end(q, &done);
		i += now;
	} while (!ret && i < n);
	return ret;
}

void secmmu_prep_gemm(struct secmmu_desc *d, float *c, const float *a,
		      const float *b, unsigned int m, unsigned int n,
		      unsigned int k)
{
	d->opcode = SECMMU_OP_GEMM;
	d->src = (uintptr_t)a;
	d->dst = (uintptr_t)c;
	d->len = sizeof(*c) * m * n;
	d->operand[0] = (uintptr_t)b;
	d->operand[1] = m | (uint64_t)n << 16 | (uint64_t)k << 32;
}

int secmmu_gemm(struct secmmu_queue *q, float *c, const float *a,
		const float *b, unsigned int m, unsigned int n, unsigned int k)
{
	struct secmmu_completion done;
	struct secmmu_desc *desc;
	int ret;

	if (m > 65535 || n > 65535 || k > 65535)
		return -EINVAL;
	ret = secmmu_sync_begin(q, &desc);
	if (ret)
		return ret;
	secmmu_prep_gemm(desc, c, a, b, m, n, k);
	return secmmu_sync_end(q, &done);
}
