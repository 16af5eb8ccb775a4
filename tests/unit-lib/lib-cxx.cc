// SPDX-License-Identifier: GPL-2.0-or-later
//
// The headers in C++: every prep function, the loop, containers' memory. What the
// jobs then do is for lib-jobs.c.
#include <cerrno>
#include <cstddef>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <secmmu.h>

extern "C" {
#include "fake.h"
}

// What the "device" says of each job: its opcode.
static void exec(const struct secmmu_desc *d, struct secmmu_completion *c)
{
    c->result = d->opcode;
}

int main()
{
    struct secmmu s;
    struct secmmu_queue q;
    std::vector<float> x(16, 1.0f), y(16), z(16);
    std::vector<uint64_t> addrs(2, reinterpret_cast<uintptr_t>(x.data()));
    const struct secmmu_completion *done;
    struct secmmu_stats now = {}, difference;
    uint64_t word = 0;
    static const unsigned opcodes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 7 };
    unsigned i;

    fake_reset();
    fake.exec = exec;
    CHECK_EQ(secmmu_open(&s, nullptr), 0);
    CHECK_EQ(secmmu_queue_init(&q, &s, 16, 0), 0);
    auto get = [&q] { return secmmu_get_desc(&q); };
    secmmu_prep_nop(get());
    secmmu_prep_fill(get(), y.data(), 0, 64);
    secmmu_prep_copy(get(), y.data(), x.data(), 64);
    secmmu_prep_compare(get(), y.data(), x.data(), 64);
    secmmu_prep_crc32c(get(), x.data(), 64, 0);
    secmmu_prep_reduce(get(), x.data(), 64, SECMMU_REDUCE_F32);
    secmmu_prep_atomic_add(get(), &word, 8, 1);
    secmmu_prep_list_walk(get(), &word, 0, 8, 1);
    secmmu_prep_gather(get(), y.data(), addrs.data(), 8, 16);
    secmmu_prep_scatter(get(), addrs.data(), y.data(), 8, 16);
    secmmu_prep_saxpy(get(), y.data(), 2, x.data(), 16);
    secmmu_prep_gemm(get(), z.data(), x.data(), y.data(), 4, 4, 4);
    struct secmmu_desc *last = get();
    secmmu_prep_atomic_cas(last, &word, 8, 0, 1);
    secmmu_desc_set_data(last, 99);
    secmmu_desc_set_flags(last, SECMMU_DESC_INTERRUPT);
    struct secmmu_desc again = *last;
    secmmu_prep_desc(last, &again);
    CHECK_EQ(secmmu_submit_and_wait(&q, 13, -1), 13);
    secmmu_for_each_done(&q, i, done) {
        CHECK_EQ(done->result, opcodes[i]);
    }
    CHECK_EQ(i, 13);
    CHECK_EQ(secmmu_done_at(&q, 12)->user_data, 99);
    secmmu_advance(&q, i);
    CHECK_EQ(secmmu_stats(&s, &now), 0);
    secmmu_stats_since(&now, &now, &difference);
    CHECK_EQ(difference.jobs, 0);
    secmmu_queue_exit(&q);
    secmmu_close(&s);
    CHECK(fake_is_clean());
    std::puts("ok");
    return 0;
}
