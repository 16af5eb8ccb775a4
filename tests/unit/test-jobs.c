/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - each opcode, run by a real core on cold address spaces.
 *
 * Lives here: results of jobs against plain C, all pages faulting in.
 * Not here: faults at every access (test-restart.c), bad descriptors
 * (test-hostile.c).
 */
#include "rig.h"

#define RING    RIG_VA
#define RECORD  (RIG_VA + PAGE)
#define A       (RIG_VA + 16 * PAGE)
#define B       (RIG_VA + 600 * PAGE)
#define LEN     (40 * PAGE)

static Rig *rig;
static uint8_t *bytes;          /* random, LEN + PAGE */

static void start(void)
{
    SecmmuConfig config = { .engines = 1, .queues = 4, .asids = 4 };
    Random r = { test_seed() };

    rig = rig_new(&config, 32);
    rig_space_on(rig, 1, SECMMU_ASID_WALK);
    rig_back(rig, 1, RIG_VA, RIG_PAGES, PAGE, true);
    rig_queue_on(rig, 0, 1, RING, 4);
    bytes = malloc(LEN + PAGE);
    CHECK(bytes);
    for (size_t i = 0; i < LEN + PAGE; i++) {
        bytes[i] = random_next(&r) >> 40;
    }
}

static void stop(void)
{
    CHECK_EQ(atomic_load(&rig->guest_errors), 0);
    CHECK_EQ(rig_read32(rig, GREG(ERROR)), 0);
    rig_free(rig);
    free(bytes);
}

static struct secmmu_completion run(struct secmmu_desc d)
{
    struct secmmu_completion c;

    d.completion = RECORD;
    d.user_data = 0x1234567890abcdefull;
    c = rig_run(rig, 0, &d);
    CHECK_EQ(c.user_data, d.user_data);
    return c;
}

static void check_bytes(uint64_t va, const uint8_t *want, size_t len)
{
    uint8_t *got = malloc(len + 1);

    CHECK(got);
    rig_get(rig, 1, va, got, len);
    for (size_t i = 0; i < len; i++) {
        if (got[i] != want[i]) {
            printf("# byte %zu\n", i);
        }
        CHECK_EQ(got[i], want[i]);
    }
    free(got);
}

static void nop(void)
{
    struct secmmu_completion c;

    start();
    c = run((struct secmmu_desc) { .opcode = SECMMU_OP_NOP });
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    CHECK_EQ(c.bytes, 0);
    CHECK_EQ(c.result, 0);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_JOBS), 1);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_JOBS_BY_OPCODE + SECMMU_OP_NOP), 1);
    CHECK_EQ(rig_counter(rig, SECMMU_CNT_JOBS_BY_STATUS + SECMMU_STATUS_OK), 1);
    stop();
}

static void fill(void)
{
    static const size_t lens[] = { 0, 1, 7, 8, 9, 4095, 4096, 4097, LEN - 16 };
    static const uint64_t patterns[] = { 0, 0x1122334455667788ull,
                                         0x5a5a5a5a5a5a5a5aull };

    start();
    for (unsigned p = 0; p < 3; p++) {
        for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
            for (unsigned shift = 0; shift < 16; shift += 5) {
                uint8_t *want = malloc(LEN + PAGE);
                uint64_t at = A + shift;
                struct secmmu_completion c;

                CHECK(want);
                memcpy(want, bytes, LEN + PAGE);
                rig_put(rig, 1, A, bytes, LEN + PAGE);
                for (size_t k = 0; k < lens[i]; k++) {
                    want[shift + k] = patterns[p] >> (8 * (k % 8));
                }
                c = run((struct secmmu_desc) {
                    .opcode = SECMMU_OP_FILL, .dst = at, .len = lens[i],
                    .operand[0] = patterns[p],
                });
                CHECK_EQ(c.status, SECMMU_STATUS_OK);
                CHECK_EQ(c.bytes, lens[i]);
                check_bytes(A, want, LEN + PAGE);
                free(want);
            }
        }
    }
    stop();
}

static void copy(void)
{
    static const uint64_t from[] = { 0, 1, 4000, 4095 };
    static const uint64_t to[] = { 0, 3, 4095 };

    start();
    rig_put(rig, 1, A, bytes, LEN + PAGE);
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < 3; k++) {
            size_t len = LEN - 5 * i;
            struct secmmu_completion c;

            c = run((struct secmmu_desc) {
                .opcode = SECMMU_OP_COPY, .src = A + from[i],
                .dst = B + to[k], .len = len,
            });
            CHECK_EQ(c.status, SECMMU_STATUS_OK);
            CHECK_EQ(c.bytes, len);
            check_bytes(B + to[k], bytes + from[i], len);
        }
    }
    stop();
}

static void copy_overlap(void)
{
    static const int64_t deltas[] = { 1, -1, 7, -7, 4095, -4095, 4096, -4096,
                                      4097, 70000, -70000, 0 };

    start();
    for (unsigned i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++) {
        uint64_t src = A + 20 * PAGE + 77, dst = src + deltas[i];
        uint8_t *all = malloc(80 * PAGE);
        struct secmmu_completion c;

        CHECK(all);
        rig_put(rig, 1, src, bytes, LEN);
        rig_get(rig, 1, A, all, 80 * PAGE);
        memmove(all + (dst - A), all + (src - A), LEN);
        c = run((struct secmmu_desc) {
            .opcode = SECMMU_OP_COPY, .src = src, .dst = dst, .len = LEN,
        });
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        CHECK_EQ(c.bytes, LEN);
        check_bytes(A, all, 80 * PAGE);
        free(all);
    }
    stop();
}

static void compare(void)
{
    static const size_t at[] = { 0, 1, 4095, 4096, 100000, LEN - 1 };
    struct secmmu_desc d = { .opcode = SECMMU_OP_COMPARE, .src = A + 9,
                             .dst = B + 100, .len = LEN };
    struct secmmu_completion c;

    start();
    rig_put(rig, 1, A + 9, bytes, LEN);
    rig_put(rig, 1, B + 100, bytes, LEN);
    c = run(d);
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    CHECK_EQ(c.result, LEN);
    for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        uint8_t *p = rig_va(rig, 1, B + 100 + at[i]);

        *p ^= 0x10;
        c = run(d);
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        CHECK_EQ(c.result, at[i]);
        *p ^= 0x10;
    }
    stop();
}

static void crc32c(void)
{
    struct secmmu_completion c;
    uint32_t part;

    start();
    rig_put(rig, 1, A, "123456789", 9);
    c = run((struct secmmu_desc) { .opcode = SECMMU_OP_CRC32C, .src = A,
                                   .len = 9 });
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    CHECK_EQ(c.result, 0xe3069283u);    /* the check value of CRC-32C */
    CHECK_EQ(secmmu_crc32c_table(~0u, "123456789", 9) ^ ~0u, 0xe3069283u);
    rig_put(rig, 1, A + 3, bytes, LEN);
    c = run((struct secmmu_desc) { .opcode = SECMMU_OP_CRC32C, .src = A + 3,
                                   .len = LEN });
    CHECK_EQ(c.result, (uint32_t)~secmmu_crc32c_table(~0u, bytes, LEN));
    part = run((struct secmmu_desc) { .opcode = SECMMU_OP_CRC32C, .src = A + 3,
                                      .len = 5001 }).result;
    CHECK_EQ(run((struct secmmu_desc) { .opcode = SECMMU_OP_CRC32C,
                                        .src = A + 3 + 5001, .len = LEN - 5001,
                                        .operand[0] = part }).result, c.result);
    stop();
}

static void reduce(void)
{
    struct secmmu_completion c;
    uint64_t sum = 0, bits;
    double fsum = 0;

    start();
    for (size_t i = 0; i < LEN; i += 8) {
        uint64_t v;

        memcpy(&v, bytes + i, 8);
        sum += v;
    }
    rig_put(rig, 1, A + 8, bytes, LEN);
    c = run((struct secmmu_desc) { .opcode = SECMMU_OP_REDUCE, .src = A + 8,
                                   .len = LEN });
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    CHECK_EQ(c.bytes, LEN);
    CHECK_EQ(c.result, sum);
    for (size_t i = 0; i < LEN; i += 4) {
        float f = (float)bytes[i] * 1.37f - bytes[i + 1];

        memcpy(bytes + i, &f, 4);
        fsum += f;
    }
    rig_put(rig, 1, A + 4, bytes, LEN);
    c = run((struct secmmu_desc) { .opcode = SECMMU_OP_REDUCE, .src = A + 4,
                                   .len = LEN,
                                   .variant = SECMMU_REDUCE_F32 });
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    memcpy(&bits, &fsum, 8);
    CHECK_EQ(c.result, bits);
    stop();
}

static void atomics(void)
{
    struct secmmu_completion c;
    uint64_t v = 0xfffffffffffffff0ull;
    uint32_t w = 0xfffffff0u;

    start();
    rig_put(rig, 1, A + 8, &v, 8);
    rig_put(rig, 1, B + 4, &w, 4);
    c = run((struct secmmu_desc) { .opcode = SECMMU_OP_ATOMIC, .dst = A + 8,
                                   .len = 8, .operand[0] = 0x20 });
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    CHECK_EQ(c.result, v);
    CHECK_EQ(c.bytes, 8);
    rig_get(rig, 1, A + 8, &v, 8);
    CHECK_EQ(v, 0x10);
    c = run((struct secmmu_desc) { .opcode = SECMMU_OP_ATOMIC, .dst = B + 4,
                                   .len = 4, .operand[0] = 0x20 });
    CHECK_EQ(c.result, 0xfffffff0u);
    rig_get(rig, 1, B, &v, 8);
    CHECK_EQ(v, 0x10ull << 32);         /* its neighbour is untouched */
    for (unsigned width = 4; width <= 8; width += 4) {
        struct secmmu_desc d = {
            .opcode = SECMMU_OP_ATOMIC, .variant = SECMMU_ATOMIC_CAS,
            .dst = A + 64, .len = width, .operand = { 0, 77 },
        };

        v = 0;
        rig_put(rig, 1, A + 64, &v, 8);
        c = run(d);
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        CHECK_EQ(c.result, 0);
        c = run(d);
        CHECK_EQ(c.result, 77);
        rig_get(rig, 1, A + 64, &v, 8);
        CHECK_EQ(v, 77);
    }
    stop();
}

static void list_walk(void)
{
    /* Nodes of 24 bytes 56 apart, in shuffled order, some across pages. */
    enum { NODES = 2000, STRIDE = 56 };
    struct secmmu_desc d = { .opcode = SECMMU_OP_LIST_WALK,
                             .operand = { 16, 4 }, .len = NODES };
    struct secmmu_completion c;
    uint64_t sum = 0, at[NODES];
    Random r = { 99 };

    start();
    for (unsigned i = 0; i < NODES; i++) {
        at[i] = A + 3 + i * STRIDE;
    }
    for (unsigned i = NODES - 1; i > 0; i--) {
        unsigned k = random_below(&r, i + 1);
        uint64_t t = at[i];

        at[i] = at[k];
        at[k] = t;
    }
    for (unsigned i = 0; i < NODES; i++) {
        uint64_t next = i + 1 < NODES ? at[i + 1] : 0;
        uint64_t payload = random_next(&r);

        rig_put(rig, 1, at[i] + 16, &next, 8);
        rig_put(rig, 1, at[i] + 4, &payload, 8);
        sum += payload;
    }
    d.src = at[0];
    c = run(d);
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    CHECK_EQ(c.result, sum);
    CHECK_EQ(c.bytes, NODES);
    CHECK_EQ(c.fault_addr, 0);
    d.len = NODES - 10;
    c = run(d);
    CHECK_EQ(c.status, SECMMU_STATUS_TRUNCATED);
    CHECK_EQ(c.bytes, NODES - 10);
    CHECK_EQ(c.fault_addr, at[NODES - 10]);
    d.src = c.fault_addr;
    CHECK_EQ(c.result + run(d).result, sum);
    d.src = 0;
    c = run(d);
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    CHECK_EQ(c.bytes, 0);
    stop();
}

/* Addresses of elements anywhere, some across pages, some the same. */
static void gather_scatter(void)
{
    static const size_t sizes[] = { 1, 3, 4, 8, 24, 100, 4096 };
    enum { N = 500 };
    Random r = { 4711 };

    start();
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        size_t size = sizes[s], n = size == 4096 ? 30 : N, len = n * size;
        uint8_t *data = malloc(LEN + PAGE), *out = malloc(len);
        uint64_t at[N], index = A + 300 * PAGE + 4 * s;
        struct secmmu_completion c;

        CHECK(data && out);
        rig_put(rig, 1, A, bytes, LEN + PAGE);
        for (size_t i = 0; i < n; i++) {
            at[i] = random_below(&r, LEN + PAGE - size);
            memcpy(out + i * size, bytes + at[i], size);
            at[i] += A;
        }
        rig_put(rig, 1, index, at, 8 * n);
        c = run((struct secmmu_desc) { .opcode = SECMMU_OP_GATHER,
                                       .src = index, .dst = B + s, .len = len,
                                       .operand[0] = size });
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        CHECK_EQ(c.bytes, len);
        check_bytes(B + s, out, len);

        memcpy(data, bytes, LEN + PAGE);
        for (size_t i = 0; i < len; i++) {
            out[i] = random_next(&r) >> 33;
        }
        for (size_t i = 0; i < n; i++) {
            memcpy(data + (at[i] - A), out + i * size, size);
        }
        rig_put(rig, 1, B + 5, out, len);
        c = run((struct secmmu_desc) { .opcode = SECMMU_OP_SCATTER,
                                       .src = B + 5, .dst = index, .len = len,
                                       .operand[0] = size });
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        CHECK_EQ(c.bytes, len);
        check_bytes(A, data, LEN + PAGE);
        free(data);
        free(out);
    }
    stop();
}

static void random_floats(Random *r, float *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        f[i] = (float)(int64_t)random_below(r, 20001) / 77.0f - 130.0f;
    }
}

static uint32_t float_bits(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, 4);
    return bits;
}

/* Kept apart from the sum, so that no compiler fuses the two. */
static volatile float product;

static void saxpy(void)
{
    enum { N = 30000 };
    float *x = malloc(4 * N), *y = malloc(4 * N), a = 1.7f;
    struct secmmu_completion c;
    Random r = { 12 };

    start();
    CHECK(x && y);
    random_floats(&r, x, N);
    random_floats(&r, y, N);
    rig_put(rig, 1, A + 4, x, 4 * N);
    rig_put(rig, 1, B + 36, y, 4 * N);
    for (unsigned i = 0; i < N; i++) {
        product = a * x[i];
        y[i] += product;
    }
    c = run((struct secmmu_desc) { .opcode = SECMMU_OP_SAXPY, .src = A + 4,
                                   .dst = B + 36, .len = 4 * N,
                                   .operand[0] = float_bits(a) });
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    CHECK_EQ(c.bytes, 4 * N);
    check_bytes(B + 36, (uint8_t *)y, 4 * N);
    free(x);
    free(y);
    stop();
}

static void gemm(void)
{
    static const unsigned dims[][3] = { { 1, 1, 1 }, { 3, 5, 7 },
                                        { 2, 256, 3 }, { 5, 700, 13 },
                                        { 40, 33, 50 }, { 2, 1100, 1 } };
    Random r = { 13 };

    start();
    for (unsigned t = 0; t < sizeof(dims) / sizeof(dims[0]); t++) {
        unsigned m = dims[t][0], n = dims[t][1], k = dims[t][2];
        float *a = malloc(4 * m * k), *b = malloc(4 * k * n);
        float *want = malloc(4 * m * n);
        struct secmmu_completion c;
        uint64_t vb = A + 200 * PAGE + 8;

        CHECK(a && b && want);
        random_floats(&r, a, m * k);
        random_floats(&r, b, k * n);
        for (unsigned i = 0; i < m; i++) {
            for (unsigned j = 0; j < n; j++) {
                float sum = 0;

                for (unsigned l = 0; l < k; l++) {
                    product = a[i * k + l] * b[l * n + j];
                    sum += product;
                }
                want[i * n + j] = sum;
            }
        }
        rig_put(rig, 1, A + 12, a, 4 * m * k);
        rig_put(rig, 1, vb, b, 4 * k * n);
        c = run((struct secmmu_desc) {
            .opcode = SECMMU_OP_GEMM, .src = A + 12, .dst = B + 4,
            .len = 4 * m * n,
            .operand = { vb, m | n << 16 | (uint64_t)k << 32 },
        });
        CHECK_EQ(c.status, SECMMU_STATUS_OK);
        CHECK_EQ(c.bytes, 4 * m * n);
        check_bytes(B + 4, (uint8_t *)want, 4 * m * n);
        free(a);
        free(b);
        free(want);
    }
    stop();
}

/* Behind an IOMMU a 2 MiB page may be made of small ones anywhere. */
static void scattered(void)
{
    struct secmmu_completion c;

    start();
    rig_back(rig, 1, RIG_VA + 512 * PAGE, 512, HUGE, true);
    rig->huge = true;
    rig->batch = 512;
    atomic_store(&rig->scattered, true);
    rig_put(rig, 1, A, bytes, LEN);
    c = run((struct secmmu_desc) {
        .opcode = SECMMU_OP_COPY, .src = A, .dst = B + 100, .len = LEN,
    });
    CHECK_EQ(c.status, SECMMU_STATUS_OK);
    check_bytes(B + 100, bytes, LEN);
    stop();
}

static const Case cases[] = {
    CASE(nop), CASE(fill), CASE(copy), CASE(copy_overlap), CASE(compare),
    CASE(crc32c), CASE(reduce), CASE(atomics), CASE(list_walk),
    CASE(gather_scatter), CASE(saxpy), CASE(gemm), CASE(scattered),
};

TEST_MAIN(cases)
