/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu-qtest [options] CASE...: runs test cases of the device on QEMU.
 *
 * Lives here: the list of cases, checks' failing, time.
 * Not here: any case.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"
#include "check.h"
#include "dev.h"
#include "vm.h"

struct test_case {
    const char *name;
    void (*run)(void);
};

#define QTEST_CASE(name) { #name, test_##name },
#define QTEST_CASE_ONCE(name) QTEST_CASE(name)
static const struct test_case cases[] = {
#include "cases.def"
};
#undef QTEST_CASE
#undef QTEST_CASE_ONCE

#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

const char *case_file;
static const char *running;

void fail(const char *file, int line, const char *fmt, ...)
{
    const char *base = strrchr(file, '/');
    va_list ap;

    fprintf(stderr, "%s: %s:%d: ", running, base ? base + 1 : file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    vm_kill_all();
    exit(1);
}

uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void a_moment(void)
{
    nanosleep(&(struct timespec) { .tv_nsec = 50000 }, NULL);
}

void sleep_ms(unsigned ms)
{
    nanosleep(&(struct timespec) {
        .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l,
    }, NULL);
}

uint64_t random_u64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static void usage(FILE *to)
{
    fprintf(to, "usage: secmmu-qtest --plugin FILE [--qemu PROGRAM] "
            "[--file FILE] [--iommu] CASE...\n"
            "       secmmu-qtest --in-tree --qemu PROGRAM [--iommu] CASE...\n"
            "       secmmu-qtest --list\n");
}

static const struct test_case *find(const char *name)
{
    for (size_t i = 0; i < NR_CASES; i++) {
        if (!strcmp(cases[i].name, name)) {
            return &cases[i];
        }
    }
    fprintf(stderr, "secmmu-qtest: no case '%s'\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "plugin", required_argument, NULL, 'p' },
        { "in-tree", no_argument, NULL, 't' },
        { "qemu", required_argument, NULL, 'q' },
        { "file", required_argument, NULL, 'f' },
        { "iommu", no_argument, NULL, 'i' },
        { "list", no_argument, NULL, 'l' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    bool in_tree = false;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'p':
            vm_plugin = optarg;
            break;
        case 't':
            in_tree = true;
            break;
        case 'q':
            vm_qemu = optarg;
            break;
        case 'f':
            case_file = optarg;
            break;
        case 'i':
            dev_iommu = true;
            break;
        case 'l':
            for (size_t i = 0; i < NR_CASES; i++) {
                puts(cases[i].name);
            }
            return 0;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (!vm_plugin != in_tree || optind == argc) {
        usage(stderr);
        return 2;
    }
    for (; optind < argc; optind++) {
        const struct test_case *t = find(argv[optind]);
        uint64_t start = now_ms();

        running = t->name;
        t->run();
        printf("ok %s (%llu ms)\n", t->name,
               (unsigned long long)(now_ms() - start));
        fflush(stdout);
        /* What a case leaves behind would hide in the next one. */
        vm_kill_all();
    }
    return 0;
}
