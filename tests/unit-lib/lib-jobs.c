/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsecmmu in front of the device core: what prep functions and helpers ask
 * for is what the device does, checked against the CPU. Memory is whatever
 * malloc() gives. Not here: the core's own corner cases (tests/unit).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "machine.h"

static struct secmmu s;
static struct secmmu_queue q;

static void begin(unsigned entries)
{
    fake_reset();
    machine_start(2);
    fake_open(&s, &q, entries);
}

static void end(void)
{
    fake_close(&s, &q);
    machine_stop();
}

static void *filled(Random *rnd, size_t len)
{
    uint8_t *p = malloc(len);

    CHECK(p);
    for (size_t i = 0; i < len; i++) {
        p[i] = random_next(rnd) >> 32;
    }
    return p;
}

static void bytes(void)
{
    static const size_t lens[] = { 0, 1, 7, 8, 9, 63, 4095, 4096, 4097, 70000 };
    Random rnd = { test_seed() };

    begin(8);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        size_t len = lens[i], diff = 77;
        uint8_t *a = filled(&rnd, len + 2), *b = filled(&rnd, len + 2);
        uint8_t first = b[0], last = b[len + 1];

        CHECK_EQ(secmmu_copy(&q, b + 1, a + 1, len), 0);
        CHECK(!memcmp(b + 1, a + 1, len));
        CHECK_EQ(secmmu_compare(&q, a + 1, b + 1, len, &diff), 0);
        CHECK_EQ(diff, len);
        if (len) {
            size_t at = random_below(&rnd, len);

            b[1 + at] ^= 0x40;
            CHECK_EQ(secmmu_compare(&q, a + 1, b + 1, len, &diff), 0);
            CHECK_EQ(diff, at);
        }
        CHECK_EQ(secmmu_fill(&q, b + 1, 0x8877665544332211, len), 0);
        for (size_t k = 0; k < len; k++) {
            CHECK_EQ(b[1 + k], 0x11 * (k % 8 + 1));
        }
        CHECK_EQ(b[0], first);
        CHECK_EQ(b[len + 1], last);
        if (len > 2) {
            /* One byte up, as memmove() does it. */
            uint8_t *c = malloc(len);

            CHECK(c);
            memcpy(c, a + 1, len);
            memmove(c + 1, c, len - 1);
            CHECK_EQ(secmmu_copy(&q, a + 2, a + 1, len - 1), 0);
            CHECK(!memcmp(c, a + 1, len));
            free(c);
        }
        free(a);
        free(b);
    }
    CHECK(machine_faults());
    end();
}

static uint32_t crc32c_cpu(uint32_t crc, const uint8_t *p, size_t len)
{
    crc = ~crc;
    while (len--) {
        crc ^= *p++;
        for (unsigned i = 0; i < 8; i++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    return ~crc;
}

static void sums(void)
{
    Random rnd = { test_seed() };
    const size_t n = 10001;
    uint64_t *u = filled(&rnd, n * sizeof(*u)), want = 0, sum;
    float *f = malloc(n * sizeof(*f));
    double dwant = 0, dsum;
    uint32_t crc = 0;

    CHECK(f);
    begin(8);
    CHECK_EQ(secmmu_crc32c(&q, "123456789", 9, &crc), 0);
    CHECK_EQ(crc, 0xe3069283);
    crc = 0;
    CHECK_EQ(secmmu_crc32c(&q, u, 12345, &crc), 0);
    CHECK_EQ(secmmu_crc32c(&q, (char *)u + 12345, 54321, &crc), 0);
    CHECK_EQ(crc, crc32c_cpu(0, (void *)u, 12345 + 54321));
    for (size_t i = 0; i < n; i++) {
        want += u[i];
        f[i] = (int)random_below(&rnd, 2000) - 1000 + 0.25f;
        dwant += f[i];
    }
    CHECK_EQ(secmmu_reduce_u64(&q, u, n, &sum), 0);
    CHECK_EQ(sum, want);
    CHECK_EQ(secmmu_reduce_f32(&q, f, n, &dsum), 0);
    CHECK(dsum == dwant);
    end();
    free(u);
    free(f);
}

static void words(void)
{
    uint64_t word = UINT64_MAX - 1, old;
    uint32_t half[2] = { UINT32_MAX, 5 };

    begin(8);
    CHECK_EQ(secmmu_atomic_add(&q, &word, 8, 3, &old), 0);
    CHECK_EQ(old, UINT64_MAX - 1);
    CHECK_EQ(word, 1);
    CHECK_EQ(secmmu_atomic_add(&q, &half[0], 4, 2, &old), 0);
    CHECK_EQ(old, UINT32_MAX);
    CHECK_EQ(half[0], 1);
    CHECK_EQ(half[1], 5);
    CHECK_EQ(secmmu_atomic_cas(&q, &word, 8, 1, 99, &old), 0);
    CHECK_EQ(old, 1);
    CHECK_EQ(word, 99);
    CHECK_EQ(secmmu_atomic_cas(&q, &word, 8, 1, 100, &old), 0);
    CHECK_EQ(old, 99);
    CHECK_EQ(word, 99);
    CHECK_EQ(secmmu_atomic_cas(&q, &half[1], 4, 5, 6, NULL), 0);
    CHECK_EQ(half[1], 6);
    /* Not aligned, no such width. */
    CHECK_EQ(secmmu_atomic_add(&q, (char *)&word + 1, 4, 1, &old), -EINVAL);
    CHECK_EQ(secmmu_atomic_add(&q, &word, 2, 1, &old), -EINVAL);
    CHECK_EQ(word, 99);
    end();
}

typedef struct Node {
    char pad[40];
    struct Node *next;
    uint64_t payload;
} Node;

static void lists(void)
{
    uint64_t sum, nodes, want = 0;
    Node *head = NULL;

    begin(8);
    for (unsigned i = 0; i < 5000; i++) {
        Node *node = malloc(sizeof(*node));

        CHECK(node);
        *node = (Node) { .next = head, .payload = i * 0x123456789ull };
        want += node->payload;
        head = node;
    }
    CHECK_EQ(secmmu_list_walk(&q, head, offsetof(Node, next),
                              offsetof(Node, payload), 5000, &sum, &nodes), 0);
    CHECK_EQ(sum, want);
    CHECK_EQ(nodes, 5000);
    CHECK_EQ(secmmu_list_walk(&q, head, offsetof(Node, next),
                              offsetof(Node, payload), 4999, &sum, &nodes),
             -E2BIG);
    CHECK_EQ(sum, want);                /* the last one's payload is 0 */
    CHECK_EQ(nodes, 4999);
    CHECK_EQ(secmmu_list_walk(&q, NULL, 0, 8, 10, &sum, &nodes), 0);
    CHECK_EQ(sum, 0);
    CHECK_EQ(nodes, 0);
    CHECK_EQ(secmmu_list_walk(&q, head, 4096, 0, 10, &sum, NULL), -EINVAL);
    while (head) {
        Node *node = head;

        head = node->next;
        free(node);
    }
    end();
}

static void indexed(void)
{
    Random rnd = { test_seed() };
    const size_t n = 500, size = 24;
    uint8_t *a = filled(&rnd, n * size * 2), *b = malloc(n * size);
    uint64_t *addrs = malloc(n * sizeof(*addrs));

    CHECK(b && addrs);
    begin(8);
    for (size_t i = 0; i < n; i++) {
        addrs[i] = (uintptr_t)a + (n - 1 - i) * 2 * size;
    }
    CHECK_EQ(secmmu_gather(&q, b, addrs, size, n), 0);
    for (size_t i = 0; i < n; i++) {
        CHECK(!memcmp(b + i * size, (void *)(uintptr_t)addrs[i], size));
    }
    for (size_t i = 0; i < n * size; i++) {
        b[i] = ~b[i];
    }
    CHECK_EQ(secmmu_scatter(&q, addrs, b, size, n), 0);
    for (size_t i = 0; i < n; i++) {
        CHECK(!memcmp(b + i * size, (void *)(uintptr_t)addrs[i], size));
    }
    CHECK_EQ(secmmu_gather(&q, b, addrs, 4097, 1), -EINVAL);
    end();
    free(a);
    free(b);
    free(addrs);
}

static void floats(void)
{
    enum { N = 1000, M = 7, K = 5, L = 9 };
    float *x = malloc(N * sizeof(float)), *y = malloc(N * sizeof(float));
    float want[N], a[M * K], b[K * L], c[M * L];

    CHECK(x && y);
    begin(8);
    for (unsigned i = 0; i < N; i++) {
        x[i] = i * 0.37f;
        y[i] = 1000 - i * 0.11f;
        want[i] = y[i];
    }
    for (unsigned i = 0; i < N; i++) {
        volatile float product = 1.7f * x[i];

        want[i] += product;
    }
    CHECK_EQ(secmmu_saxpy(&q, y, 1.7f, x, N), 0);
    CHECK(!memcmp(y, want, sizeof(want)));

    for (unsigned i = 0; i < M * K; i++) {
        a[i] = (int)(i % 11) - 5;
    }
    for (unsigned i = 0; i < K * L; i++) {
        b[i] = (int)(i % 13) - 6;
    }
    CHECK_EQ(secmmu_gemm(&q, c, a, b, M, L, K), 0);
    for (unsigned i = 0; i < M; i++) {
        for (unsigned j = 0; j < L; j++) {
            float sum = 0;

            for (unsigned k = 0; k < K; k++) {
                sum += a[i * K + k] * b[k * L + j];
            }
            CHECK(c[i * L + j] == sum);
        }
    }
    CHECK_EQ(secmmu_gemm(&q, c, a, b, 0, L, K), -EINVAL);
    end();
    free(x);
    free(y);
}

/* A page that this process may read only, and one that it may not touch. */
static void faults(void)
{
    struct secmmu_completion c;
    struct secmmu_desc *d;
    uint64_t sum;
    char *p;

    begin(8);
    p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    memset(p, 1, 4 * 4096);
    CHECK(!mprotect(p + 8192, 4096, PROT_READ));
    CHECK(!mprotect(p + 12288, 4096, PROT_NONE));
    CHECK_EQ(secmmu_fill(&q, p + 4000, 2, 8192), -EFAULT);
    CHECK_EQ(secmmu_reduce_u64(&q, (void *)p, 2048, &sum), -EFAULT);
    CHECK_EQ(secmmu_reduce_u64(&q, (void *)(p + 8192), 512, &sum), 0);
    CHECK_EQ(secmmu_copy(&q, p, p + 12288, 1), -EFAULT);

    secmmu_prep_fill(secmmu_get_desc(&q), p + 4000, 3, 8192);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(c.status, SECMMU_STATUS_FAULT);
    CHECK_EQ(c.fault_addr, (uintptr_t)p + 8192);
    CHECK_EQ(c.bytes, 4192);

    /* A job that must not wait tells how far it came, and goes on from there. */
    CHECK(!munmap(p, 4 * 4096));
    p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    memset(p, 1, 4 * 4096);
    CHECK_EQ(secmmu_fill(&q, p, 0, 4096), 0);
    d = secmmu_get_desc(&q);
    secmmu_prep_fill(d, p, 0x0505050505050505, 8192);
    secmmu_desc_set_flags(d, SECMMU_DESC_NO_BLOCK);
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_wait(&q, &c), 0);
    CHECK_EQ(c.status, SECMMU_STATUS_PARTIAL);
    CHECK_EQ(c.fault_addr, (uintptr_t)p + 4096);
    CHECK_EQ(c.bytes, 4096);
    CHECK(p[4095] == 5 && p[4096] == 1);
    CHECK_EQ(secmmu_fill(&q, p + c.bytes, 0x0505050505050505, 4096), 0);
    CHECK(p[8191] == 5 && p[8192] == 1);
    CHECK(!munmap(p, 4 * 4096));
    end();
}

static void answers_of_the_driver(void)
{
    static const struct {
        uint32_t status;
        int ret;
    } answers[] = {
        { SECMMU_STATUS_FAULT, -EFAULT },
        { SECMMU_STATUS_NO_MEMORY, -ENOMEM },
        { SECMMU_STATUS_POISONED, -EHWPOISON },
        { SECMMU_STATUS_BUS_ERROR, -EIO },
    };
    uint64_t *p = aligned_alloc(4096, 8192), sum;

    CHECK(p);
    p[0] = 3;
    begin(8);
    /* Ring and record are mapped, so that the next fault is the operand's. */
    CHECK_EQ(secmmu_fill(&q, &sum, 0, 8), 0);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        machine_fail_next(answers[i].status);
        CHECK_EQ(secmmu_reduce_u64(&q, p, 1, &sum), answers[i].ret);
    }
    CHECK_EQ(secmmu_reduce_u64(&q, p, 1, &sum), 0);
    CHECK_EQ(sum, 3);
    end();
    free(p);
}

/* A ring and a record that the device cannot reach. */
static void queue_errors(void)
{
    struct secmmu_completion c;
    struct secmmu_desc *d;
    static const char constant[64];
    uint32_t error;
    uint64_t addr;

    begin(64);                          /* its descriptors fill a page */
    secmmu_prep_nop(secmmu_get_desc(&q));
    CHECK(!mprotect(q.ring, 4096, PROT_NONE));
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_wait(&q, &c), -EFAULT);
    CHECK_EQ(secmmu_queue_status(&q, &error, &addr), 0);
    CHECK_EQ(error, SECMMU_QUEUE_RING_FAULT);
    CHECK_EQ(addr, (uintptr_t)q.ring);
    end();

    begin(64);
    d = secmmu_get_desc(&q);
    secmmu_prep_nop(d);
    d->completion = ((uintptr_t)constant + 31) & -32;
    CHECK_EQ(secmmu_submit(&q), 1);
    CHECK_EQ(secmmu_wait(&q, &c), -EFAULT);
    CHECK_EQ(secmmu_queue_status(&q, &error, &addr), 0);
    CHECK_EQ(error, SECMMU_QUEUE_COMPLETION_FAULT);
    CHECK_EQ(addr, ((uintptr_t)constant + 31) & -32);
    end();

    begin(64);
    secmmu_prep_nop(secmmu_get_desc(&q));
    CHECK_EQ(secmmu_submit(&q), 1);
    *q.doorbell = 66;
    CHECK_EQ(secmmu_wait(&q, &c), -EPROTO);
    end();
}

#define ARENA   40000

/* Random jobs in batches; a model of the memory runs them one by one. */
static void random_batches(void)
{
    Random rnd = { test_seed() };
    uint8_t *mem = filled(&rnd, ARENA), *model = malloc(ARENA);
    struct secmmu_completion c;

    CHECK(model);
    memcpy(model, mem, ARENA);
    begin(32);
    for (unsigned round = 0; round < 200; round++) {
        unsigned n = 1 + random_below(&rnd, 32);
        uint64_t want[32];
        uint32_t crc;

        for (unsigned i = 0; i < n; i++) {
            struct secmmu_desc *d = secmmu_get_desc(&q);
            size_t len = random_below(&rnd, ARENA / 4);
            size_t to = random_below(&rnd, ARENA - len);
            size_t from = random_below(&rnd, ARENA - len);
            uint64_t word, val = random_next(&rnd);

            CHECK(d);
            want[i] = 0;
            switch (random_below(&rnd, 5)) {
            case 0:
                secmmu_prep_fill(d, mem + to, val, len);
                for (size_t k = 0; k < len; k++) {
                    model[to + k] = val >> 8 * (k % 8);
                }
                break;
            case 1:
                secmmu_prep_copy(d, mem + to, mem + from, len);
                memmove(model + to, model + from, len);
                break;
            case 2:
                secmmu_prep_compare(d, mem + to, mem + from, len);
                while (want[i] < len &&
                       model[to + want[i]] == model[from + want[i]]) {
                    want[i]++;
                }
                break;
            case 3:
                crc = val;
                secmmu_prep_crc32c(d, mem + from, len, crc);
                want[i] = crc32c_cpu(crc, model + from, len);
                break;
            case 4:
                to &= -8;
                secmmu_prep_atomic_add(d, mem + to, 8, val);
                memcpy(&word, model + to, 8);
                want[i] = word;
                word += val;
                memcpy(model + to, &word, 8);
                break;
            }
            secmmu_desc_set_data(d, round * 100 + i);
        }
        CHECK_EQ(secmmu_submit(&q), n);
        for (unsigned i = 0; i < n; i++) {
            CHECK_EQ(secmmu_wait(&q, &c), 0);
            CHECK_EQ(c.status, SECMMU_STATUS_OK);
            CHECK_EQ(c.user_data, round * 100 + i);
            CHECK_EQ(c.result, want[i]);
        }
        CHECK(!memcmp(mem, model, ARENA));
    }
    end();
    free(mem);
    free(model);
}

static const Case cases[] = {
    CASE(bytes), CASE(sums), CASE(words), CASE(lists), CASE(indexed),
    CASE(floats), CASE(faults), CASE(answers_of_the_driver),
    CASE(queue_errors), CASE(random_batches),
};
TEST_MAIN(cases)
