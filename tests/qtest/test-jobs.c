/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs: each opcode against plain C, with its memory mapped, brought in by
 * faults, and moving underneath it.
 *
 * Lives here: results of jobs.
 * Not here: floats and indexed opcodes (test-jobs-array.c), order and
 * completion (test-queues.c), what faults look like (test-faults.c), bad
 * descriptors (test-hostile.c).
 */
#include <string.h>

#include "cases.h"
#include "jobs.h"

#define A 0x7f0000000000ull     /* operands */
#define B 0x7f0010000000ull
#define C 0x000000400000ull

void jobs_in_all_modes(void (*fn)(struct mem *m, struct queue *q))
{
    for (enum mem_mode mode = MEM_MAPPED; mode <= MEM_MOVING; mode++) {
        struct dev *dev = dev_start(DEV_PROPERTIES);
        struct space s = space_new(dev, 1);
        struct queue q = queue_new(&s, 3, 4);
        struct mem m;

        mem_init(&m, &s, mode);
        fn(&m, &q);
        /* The modes are not only names. */
        CHECK_EQ(m.faults != 0, mode != MEM_MAPPED);
        CHECK_EQ(COUNTER(dev, FAULTS_READ) + COUNTER(dev, FAULTS_WRITE) +
                 COUNTER(dev, FAULTS_PROTECT), m.faults);
        CHECK_EQ(COUNTER(dev, REFUSED), m.refusals);
        CHECK_EQ(COUNTER(dev, SHOOTDOWNS), m.moves);
        CHECK_EQ(COUNTER(dev, BUS_ERRORS), 0);
        mem_free(&m);
        dev_end(dev);
    }
}

struct secmmu_completion jobs_ok(struct queue *q, struct secmmu_desc desc)
{
    struct secmmu_completion c = queue_run(q, desc);

    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    CHECK_EQ(c.fault_addr, 0);
    return c;
}

/* ------------------------------------------------------------------ bytes */

static void fill(struct mem *m, struct queue *q)
{
    static uint8_t want[5 * PAGE];
    static const struct {
        uint64_t off, len;
    } shape[] = {
        { 0, 8 }, { 1, 7 }, { 3, 1 }, { 5, 4096 }, { 4090, 13 },
        { 0, 3 * PAGE }, { 777, 4 * PAGE }, { PAGE, PAGE }, { 100, 0 },
    };
    uint64_t seed = 1;

    mem_alloc(m, A, sizeof(want), SECMMU_SPTE_W);
    mem_random(m, A, want, sizeof(want));
    for (unsigned i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
        uint64_t pattern = random_u64(&seed);
        struct secmmu_completion c = jobs_ok(q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_FILL, .dst = A + shape[i].off,
            .len = shape[i].len, .operand[0] = pattern,
        });

        CHECK_EQ(c.bytes, shape[i].len);
        CHECK_EQ(c.result, 0);
        for (uint64_t b = 0; b < shape[i].len; b++) {
            want[shape[i].off + b] = pattern >> b % 8 * 8;
        }
        mem_check(m, A, want, sizeof(want));
    }
}

void test_job_fill(void)
{
    jobs_in_all_modes(fill);
}

static void copy(struct mem *m, struct queue *q)
{
    static uint8_t src[6 * PAGE], dst[6 * PAGE];
    uint64_t seed = 2;

    mem_alloc(m, A, sizeof(src), 0);
    mem_alloc(m, B, sizeof(dst), SECMMU_SPTE_W);
    mem_random(m, A, src, sizeof(src));
    mem_random(m, B, dst, sizeof(dst));
    for (unsigned i = 0; i < 24; i++) {
        uint64_t len = random_u64(&seed) % (i % 2 ? 100 : 5 * PAGE);
        uint64_t from = random_u64(&seed) % (sizeof(src) - len);
        uint64_t to = random_u64(&seed) % (sizeof(dst) - len);
        struct secmmu_completion c = jobs_ok(q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_COPY, .src = A + from, .dst = B + to,
            .len = len,
        });

        CHECK_EQ(c.bytes, len);
        memcpy(dst + to, src + from, len);
        mem_check(m, B, dst, sizeof(dst));
    }
    mem_check(m, A, src, sizeof(src));
}

void test_job_copy(void)
{
    jobs_in_all_modes(copy);
}

static void copy_overlap(struct mem *m, struct queue *q)
{
    static uint8_t want[6 * PAGE];
    static const struct {
        uint64_t from, to, len;
    } shape[] = {
        { 0, 1, 5 * PAGE }, { 1, 0, 5 * PAGE }, { 0, PAGE, 5 * PAGE },
        { PAGE, 0, 5 * PAGE }, { 100, 107, 3 * PAGE + 11 },
        { 107, 100, 3 * PAGE + 11 }, { 50, 50, 2 * PAGE },
        { 10, 4000, 4000 }, { 0, 2 * PAGE + 5, 2 * PAGE + 6 },
    };

    mem_alloc(m, A, sizeof(want), SECMMU_SPTE_W);
    mem_random(m, A, want, sizeof(want));
    for (unsigned i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
        struct secmmu_completion c = jobs_ok(q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_COPY, .src = A + shape[i].from,
            .dst = A + shape[i].to, .len = shape[i].len,
        });

        CHECK_EQ(c.bytes, shape[i].len);
        memmove(want + shape[i].to, want + shape[i].from, shape[i].len);
        mem_check(m, A, want, sizeof(want));
    }
}

void test_job_copy_overlap(void)
{
    jobs_in_all_modes(copy_overlap);
}

static void compare(struct mem *m, struct queue *q)
{
    static uint8_t bytes[4 * PAGE];
    static const uint64_t differ[] = { 0, 1, 4095, 4096, 9999, 12345 };
    const uint64_t len = 3 * PAGE + 500;

    mem_alloc(m, A, sizeof(bytes), 0);
    mem_alloc(m, B, sizeof(bytes), 0);
    mem_random(m, A, bytes, sizeof(bytes));
    /* At another place in its page than its counterpart. */
    mem_write(m, B + 33, bytes + 7, len);
    CHECK_EQ(jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_COMPARE, .src = A + 7, .dst = B + 33, .len = len,
    }).result, len);
    for (unsigned i = 0; i < sizeof(differ) / sizeof(differ[0]); i++) {
        uint8_t was = bytes[7 + differ[i]], other = was ^ 0x10;

        mem_write(m, B + 33 + differ[i], &other, 1);
        CHECK_EQ(jobs_ok(q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_COMPARE, .src = A + 7, .dst = B + 33,
            .len = len,
        }).result, differ[i]);
        /* Just short of it, all is equal. */
        CHECK_EQ(jobs_ok(q, (struct secmmu_desc) {
            .opcode = SECMMU_OP_COMPARE, .src = A + 7, .dst = B + 33,
            .len = differ[i],
        }).result, differ[i]);
        mem_write(m, B + 33 + differ[i], &was, 1);
    }
}

void test_job_compare(void)
{
    jobs_in_all_modes(compare);
}

/* Bit by bit, straight from the definition. */
static uint32_t crc32c(uint32_t crc, const uint8_t *p, uint64_t len)
{
    crc = ~crc;
    while (len--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

static void crc(struct mem *m, struct queue *q)
{
    static uint8_t bytes[5 * PAGE];
    const uint64_t cut = 2 * PAGE + 321;
    struct secmmu_completion c;

    mem_alloc(m, A, sizeof(bytes), 0);
    mem_write(m, A + 4090, "123456789", 9);
    /* The check value of the algorithm, across two pages. */
    CHECK_EQ(jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = A + 4090, .len = 9,
    }).result, 0xe3069283u);
    mem_random(m, A, bytes, sizeof(bytes));
    CHECK_EQ(jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = A + 1, .len = sizeof(bytes) - 1,
    }).result, crc32c(0, bytes + 1, sizeof(bytes) - 1));
    c = jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = A, .len = cut,
    });
    CHECK_EQ(c.bytes, cut);
    CHECK_EQ(jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_CRC32C, .src = A + cut,
        .len = sizeof(bytes) - cut, .operand[0] = c.result,
    }).result, crc32c(0, bytes, sizeof(bytes)));
}

void test_job_crc32c(void)
{
    jobs_in_all_modes(crc);
}

/* ------------------------------------------------------------------ words */

static void reduce(struct mem *m, struct queue *q)
{
    static uint64_t word[3 * PAGE / 8];
    static float real[3 * PAGE / 4];
    double real_sum = 0, got;
    uint64_t sum = 0, result;

    mem_alloc(m, A, sizeof(word), 0);
    mem_random(m, A, word, sizeof(word));
    for (unsigned i = 1; i < sizeof(word) / 8; i++) {
        sum += word[i];
    }
    CHECK_EQ(jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .variant = SECMMU_REDUCE_U64,
        .src = A + 8, .len = sizeof(word) - 8,
    }).result, sum);

    for (unsigned i = 0; i < sizeof(real) / 4; i++) {
        real[i] = (float)(int)(random_u64(&m->seed) % 200001 - 100000) / 7;
        real_sum += real[i];
    }
    mem_write(m, A, real, sizeof(real));
    result = jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_REDUCE, .variant = SECMMU_REDUCE_F32,
        .src = A, .len = sizeof(real),
    }).result;
    memcpy(&got, &result, 8);
    /* The order is fixed, so the sum is too, to the last bit. */
    CHECK(got == real_sum);
}

void test_job_reduce(void)
{
    jobs_in_all_modes(reduce);
}

static void atomic(struct mem *m, struct queue *q)
{
    uint64_t word[2] = { 0xfffffffffffffff0ull, 0x1111111122222222ull };
    struct secmmu_completion c;

    mem_alloc(m, A, PAGE, SECMMU_SPTE_W);
    mem_write(m, A + 64, word, sizeof(word));
    c = jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_ADD,
        .dst = A + 64, .len = 8, .operand[0] = 0x20,
    });
    CHECK_EQ(c.result, word[0]);
    word[0] += 0x20;
    mem_check(m, A + 64, word, sizeof(word));
    c = jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_ADD,
        .dst = A + 76, .len = 4, .operand[0] = 0xf0000000u,
    });
    CHECK_EQ(c.result, 0x11111111u);
    /* No carry out of the word. */
    word[1] = 0x0111111122222222ull;
    mem_check(m, A + 64, word, sizeof(word));
    c = jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_CAS,
        .dst = A + 72, .len = 4, .operand = { 0x22222222u, 7 },
    });
    CHECK_EQ(c.result, 0x22222222u);
    word[1] = 0x0111111100000007ull;
    mem_check(m, A + 64, word, sizeof(word));
    c = jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_CAS,
        .dst = A + 72, .len = 8, .operand = { 1, 2 },
    });
    CHECK_EQ(c.result, word[1]);
    mem_check(m, A + 64, word, sizeof(word));
}

void test_job_atomic(void)
{
    jobs_in_all_modes(atomic);
}

#define NODES 400

static void list_walk(struct mem *m, struct queue *q)
{
    static const uint64_t node_size = 264, next_off = 8, value_off = 256;
    uint64_t order[NODES], sum = 0, part = 0;
    struct secmmu_completion c;

    mem_alloc(m, A, NODES * node_size, 0);
    for (unsigned i = 0; i < NODES; i++) {
        uint64_t j = random_u64(&m->seed) % (i + 1);

        order[i] = order[j];
        order[j] = i;
    }
    for (unsigned i = 0; i < NODES; i++) {
        uint64_t va = A + order[i] * node_size;
        uint64_t next = i + 1 < NODES ? A + order[i + 1] * node_size : 0;
        uint64_t value = random_u64(&m->seed);

        mem_write(m, va + next_off, &next, 8);
        mem_write(m, va + value_off, &value, 8);
        sum += value;
        if (i < 100) {
            part += value;
        }
    }
    c = jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_LIST_WALK, .src = A + order[0] * node_size,
        .len = 1000, .operand = { next_off, value_off },
    });
    CHECK_EQ(c.result, sum);
    CHECK_EQ(c.bytes, NODES);
    /* Exactly long enough. */
    c = jobs_ok(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_LIST_WALK, .src = A + order[0] * node_size,
        .len = NODES, .operand = { next_off, value_off },
    });
    CHECK_EQ(c.result, sum);
    c = queue_run(q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_LIST_WALK, .src = A + order[0] * node_size,
        .len = 100, .operand = { next_off, value_off },
    });
    CHECK_EQ(c.status, SECMMU_STATUS_TRUNCATED);
    CHECK_EQ(c.result, part);
    CHECK_EQ(c.bytes, 100);
    CHECK_EQ(c.fault_addr, A + order[100] * node_size);
}

void test_job_list_walk(void)
{
    jobs_in_all_modes(list_walk);
}

/* 2 MiB entries, 4 KiB ones, and a range over both kinds. */
void test_job_huge_pages(void)
{
    struct dev *dev = dev_start(DEV_PROPERTIES);
    struct space s = space_new(dev, 0);
    struct queue q = queue_new(&s, 0, 4);
    const uint64_t len = 3 * HUGE;
    uint64_t gpa, seed = 3;
    uint64_t *src = dev_alloc(dev, len / PAGE, HUGE, &gpa), *dst;

    space_map_huge(&s, C, gpa, 0);
    space_map(&s, C + HUGE, gpa + HUGE, HUGE, 0);
    space_map_huge(&s, C + 2 * HUGE, gpa + 2 * HUGE, 0);
    dst = dev_alloc(dev, len / PAGE, HUGE, &gpa);
    for (unsigned i = 0; i < 3; i++) {
        space_map_huge(&s, A + i * HUGE, gpa + i * HUGE, SECMMU_SPTE_W);
    }
    for (uint64_t i = 0; i < len / 8; i++) {
        src[i] = random_u64(&seed);
    }
    CHECK_EQ(jobs_ok(&q, (struct secmmu_desc) {
        .opcode = SECMMU_OP_COPY, .src = C, .dst = A, .len = len,
    }).bytes, len);
    CHECK(memcmp(src, dst, len) == 0);
    /* A and D where they belong. */
    CHECK_EQ(*space_spte(&s, C, 1) & (SECMMU_SPTE_A | SECMMU_SPTE_D),
             SECMMU_SPTE_A);
    CHECK_EQ(*space_spte(&s, C + HUGE + 5 * PAGE, 0) &
             (SECMMU_SPTE_A | SECMMU_SPTE_D), SECMMU_SPTE_A);
    CHECK_EQ(*space_spte(&s, A, 1) & (SECMMU_SPTE_A | SECMMU_SPTE_D),
             SECMMU_SPTE_A | SECMMU_SPTE_D);
    CHECK(COUNTER(dev, TLB_HITS) > 0);
    CHECK(COUNTER(dev, BYTES_READ) >= len);
    CHECK(COUNTER(dev, BYTES_WRITTEN) >= len);
    dev_end(dev);
}
