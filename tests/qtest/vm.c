/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QEMU under test, see vm.h.
 *
 * Sockets are socketpairs and RAM and log are memfds, handed down as open
 * files: there is nothing in the file system to be cleaned up. A child gets
 * SIGKILL when the test dies.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "vm.h"

#define MAX_ARGS 64

const char *vm_qemu = "qemu-system-x86_64";
const char *vm_plugin;
const char *vm_plugin_option = "";

static struct vm *all_vms;

/* -------------------------------------------------------------- starting */

struct args {
    char *word[MAX_ARGS + 1];
    int n;
};

static void arg(struct args *args, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void arg(struct args *args, const char *fmt, ...)
{
    va_list ap;

    CHECK(args->n < MAX_ARGS);
    va_start(ap, fmt);
    if (vasprintf(&args->word[args->n], fmt, ap) < 0) {
        FAIL("out of memory");
    }
    va_end(ap);
    args->n++;
    args->word[args->n] = NULL;
}

static void free_args(struct args *args)
{
    for (int i = 0; i < args->n; i++) {
        free(args->word[i]);
    }
}

/* A file name as a value on QEMU's command line: commas are doubled. */
static void arg_file(struct args *args, const char *key, const char *file,
                     const char *more)
{
    char value[8192];
    size_t n = 0;

    for (; *file; file++) {
        CHECK(n + 2 < sizeof(value));
        if (*file == ',') {
            value[n++] = ',';
        }
        value[n++] = *file;
    }
    value[n] = 0;
    arg(args, "%s%s%s", key, value, more);
}

static pid_t spawn(struct args *args, int out)
{
    pid_t parent = getpid(), pid = fork();

    if (pid < 0) {
        FAIL("fork: %s", strerror(errno));
    }
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(126);
        }
        dup2(null, 0);
        dup2(out < 0 ? 2 : out, 1);
        dup2(out < 0 ? 2 : out, 2);
        execvp(args->word[0], args->word);
        fprintf(stderr, "cannot run %s: %s\n", args->word[0], strerror(errno));
        _exit(127);
    }
    return pid;
}

static void common_args(struct args *args, const char *machine,
                        const char *plugin, const char *device)
{
    arg(args, "%s", vm_qemu);
    arg(args, "-M");
    arg(args, "%s", machine);
    arg(args, "-accel");
    arg(args, "tcg");
    arg(args, "-S");
    arg(args, "-nodefaults");
    arg(args, "-no-user-config");
    arg(args, "-display");
    arg(args, "none");
    if (plugin) {
        arg(args, "-plugin");
        arg_file(args, "file=", plugin, vm_plugin_option);
    }
    if (device) {
        arg(args, "-device");
        arg(args, "%s", device);
    }
}

static int memfd(const char *name, off_t size)
{
    int fd = memfd_create(name, 0);

    if (fd < 0 || ftruncate(fd, size) < 0) {
        FAIL("memfd: %s", strerror(errno));
    }
    return fd;
}

/* One end for us, one that the child inherits. */
static void pair(int *ours, int *childs)
{
    int fd[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0) {
        FAIL("socketpair: %s", strerror(errno));
    }
    fcntl(fd[0], F_SETFD, FD_CLOEXEC);
    *ours = fd[0];
    *childs = fd[1];
}

static char *qmp_line(struct vm *vm, int timeout_ms);

static void send_all(struct vm *vm, int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            FAIL("QEMU (pid %d) does not listen any more", (int)vm->pid);
        }
        text += n;
        len -= n;
    }
}

struct vm *vm_start(const char *machine, const char *device,
                    const char *const *extra)
{
    struct vm *vm = calloc(1, sizeof(*vm));
    struct args args = { .n = 0 };
    int qtest, qmp;

    CHECK(vm);
    vm->ram_fd = memfd("guest-ram", VM_RAM_SIZE);
    vm->log_fd = memfd("qemu-log", 0);
    vm->ram = mmap(NULL, VM_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                   vm->ram_fd, 0);
    CHECK(vm->ram != MAP_FAILED);
    pair(&vm->qtest, &qtest);
    pair(&vm->qmp, &qmp);

    common_args(&args, machine, vm_plugin, device);
    arg(&args, "-m");
    arg(&args, "%lluM", (unsigned long long)(VM_RAM_SIZE >> 20));
    arg(&args, "-object");
    arg(&args, "memory-backend-file,id=ram,share=on,size=%lluM,"
        "mem-path=/proc/self/fd/%d", (unsigned long long)(VM_RAM_SIZE >> 20),
        vm->ram_fd);
    arg(&args, "-machine");
    arg(&args, "memory-backend=ram");
    arg(&args, "-chardev");
    arg(&args, "socket,id=qtest,fd=%d", qtest);
    arg(&args, "-qtest");
    arg(&args, "chardev:qtest");
    arg(&args, "-qtest-log");
    arg(&args, "none");
    arg(&args, "-chardev");
    arg(&args, "socket,id=qmp,fd=%d", qmp);
    arg(&args, "-mon");
    arg(&args, "chardev=qmp,mode=control");
    arg(&args, "-d");
    arg(&args, "guest_errors");
    arg(&args, "-D");
    arg(&args, "/proc/self/fd/%d", vm->log_fd);
    for (; extra && *extra; extra++) {
        arg(&args, "%s", *extra);
    }
    vm->pid = spawn(&args, -1);
    free_args(&args);
    close(qtest);
    close(qmp);
    fcntl(vm->ram_fd, F_SETFD, FD_CLOEXEC);
    fcntl(vm->log_fd, F_SETFD, FD_CLOEXEC);
    vm->next = all_vms;
    all_vms = vm;

    if (!strstr(qmp_line(vm, PATIENCE_MS), "\"QMP\"")) {
        FAIL("QEMU sent no greeting");
    }
    vm_qmp_ok(vm, "{\"execute\":\"qmp_capabilities\"}");
    return vm;
}

static void free_vm(struct vm *vm)
{
    struct vm **p = &all_vms;

    while (*p != vm) {
        p = &(*p)->next;
    }
    *p = vm->next;
    close(vm->qtest);
    close(vm->qmp);
    close(vm->ram_fd);
    close(vm->log_fd);
    munmap(vm->ram, VM_RAM_SIZE);
    free(vm->qmp_buf);
    free(vm);
}

/* Waits for the end of a child. Returns its wait status; -1: still there. */
static int wait_end(pid_t pid, unsigned limit_ms)
{
    uint64_t end = now_ms() + limit_ms;
    int status;

    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);

        if (got == pid) {
            return status;
        }
        if (now_ms() > end) {
            return -1;
        }
        a_moment();
    }
}

void vm_end(struct vm *vm)
{
    int status;

    /* It may be gone before its answer is. */
    send_all(vm, vm->qmp, "{\"execute\":\"quit\"}\n", 19);
    status = wait_end(vm->pid, PATIENCE_MS);
    if (status == -1) {
        FAIL("QEMU does not end");
    }
    vm->pid = 0;
    free_vm(vm);
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        FAIL("QEMU ended with wait status 0x%x", status);
    }
}

void vm_kill_all(void)
{
    while (all_vms) {
        struct vm *vm = all_vms;

        if (vm->pid > 0) {
            kill(vm->pid, SIGKILL);
            waitpid(vm->pid, NULL, 0);
        }
        if (vm_log_size(vm) > 0) {
            char text[4096];
            ssize_t n = pread(vm->log_fd, text, sizeof(text), 0);

            fprintf(stderr, "QEMU's log:\n%.*s\n", n > 0 ? (int)n : 0, text);
        }
        free_vm(vm);
    }
}

int vm_run_to_end(const char *plugin, const char *device,
                  const char *const *extra, char *output)
{
    struct args args = { .n = 0 };
    int out = memfd("output", 0), status;
    ssize_t n;
    pid_t pid;

    common_args(&args, "q35", plugin, device);
    for (; extra && *extra; extra++) {
        arg(&args, "%s", *extra);
    }
    pid = spawn(&args, out);
    free_args(&args);
    status = wait_end(pid, PATIENCE_MS);
    if (status == -1) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    n = pread(out, output, 4095, 0);
    output[n > 0 ? n : 0] = 0;
    close(out);
    if (status == -1 || !WIFEXITED(status)) {
        FAIL("QEMU did not end by itself (wait status 0x%x): %s", status,
             output);
    }
    return WEXITSTATUS(status);
}

/* -------------------------------------------------------------- the qtest */

static ssize_t receive(struct vm *vm, int fd, char *buf, size_t size,
                       int timeout_ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    ssize_t n;

    do {
        n = poll(&p, 1, timeout_ms);
    } while (n < 0 && errno == EINTR);
    if (n == 0) {
        FAIL("QEMU (pid %d) does not answer", (int)vm->pid);
    }
    n = recv(fd, buf, size, 0);
    if (n <= 0) {
        FAIL("QEMU (pid %d) has gone away", (int)vm->pid);
    }
    return n;
}

/* Sends a command; returns what follows "OK" in the answer. */
static uint64_t qtest(struct vm *vm, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static uint64_t qtest(struct vm *vm, const char *fmt, ...)
{
    char line[256];
    size_t n = 0;
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
    va_end(ap);
    CHECK(len > 0 && len < (int)sizeof(line) - 1);
    line[len++] = '\n';
    send_all(vm, vm->qtest, line, len);
    do {
        CHECK(n < sizeof(line) - 1);
        n += receive(vm, vm->qtest, line + n, sizeof(line) - 1 - n,
                     PATIENCE_MS);
    } while (line[n - 1] != '\n');
    line[n] = 0;
    if (strncmp(line, "OK", 2)) {
        FAIL("qtest: %s", line);
    }
    return n > 4 ? strtoull(line + 3, NULL, 0) : 0;
}

uint8_t vm_readb(struct vm *vm, uint64_t addr)
{
    return qtest(vm, "readb 0x%" PRIx64, addr);
}

uint16_t vm_readw(struct vm *vm, uint64_t addr)
{
    return qtest(vm, "readw 0x%" PRIx64, addr);
}

uint32_t vm_readl(struct vm *vm, uint64_t addr)
{
    return qtest(vm, "readl 0x%" PRIx64, addr);
}

uint64_t vm_readq(struct vm *vm, uint64_t addr)
{
    return qtest(vm, "readq 0x%" PRIx64, addr);
}

void vm_writeb(struct vm *vm, uint64_t addr, uint8_t val)
{
    qtest(vm, "writeb 0x%" PRIx64 " 0x%x", addr, val);
}

void vm_writew(struct vm *vm, uint64_t addr, uint16_t val)
{
    qtest(vm, "writew 0x%" PRIx64 " 0x%x", addr, val);
}

void vm_writel(struct vm *vm, uint64_t addr, uint32_t val)
{
    qtest(vm, "writel 0x%" PRIx64 " 0x%x", addr, val);
}

void vm_writeq(struct vm *vm, uint64_t addr, uint64_t val)
{
    qtest(vm, "writeq 0x%" PRIx64 " 0x%" PRIx64, addr, val);
}

uint32_t vm_inl(struct vm *vm, uint16_t port)
{
    return qtest(vm, "inl 0x%x", port);
}

void vm_outl(struct vm *vm, uint16_t port, uint32_t val)
{
    qtest(vm, "outl 0x%x 0x%x", port, val);
}

/* ------------------------------------------------------------------- QMP */

/* The next line, valid up to the next call. */
static char *qmp_line(struct vm *vm, int timeout_ms)
{
    static char line[65536];
    char *end;

    for (;;) {
        end = vm->qmp_len ? memchr(vm->qmp_buf, '\n', vm->qmp_len) : NULL;
        if (end) {
            break;
        }
        vm->qmp_buf = realloc(vm->qmp_buf, vm->qmp_len + 4096);
        CHECK(vm->qmp_buf && vm->qmp_len < sizeof(line) - 4096);
        vm->qmp_len += receive(vm, vm->qmp, vm->qmp_buf + vm->qmp_len, 4096,
                               timeout_ms);
    }
    memcpy(line, vm->qmp_buf, end - vm->qmp_buf);
    line[end - vm->qmp_buf] = 0;
    end++;
    vm->qmp_len -= end - vm->qmp_buf;
    memmove(vm->qmp_buf, end, vm->qmp_len);
    return line;
}

static bool note_event(struct vm *vm, const char *line)
{
    const char *name = strstr(line, "\"event\": \"");

    if (!name || strstr(line, "\"return\"")) {
        return false;
    }
    snprintf(vm->event[vm->nr_events++ % 16], sizeof(vm->event[0]), "%s",
             name);
    return true;
}

const char *vm_qmp(struct vm *vm, const char *command)
{
    const char *line;

    /* In one piece: QEMU acts at the last brace, and may be gone after it. */
    char text[1024];
    int len = snprintf(text, sizeof(text), "%s\n", command);

    CHECK(len < (int)sizeof(text));
    send_all(vm, vm->qmp, text, len);
    do {
        line = qmp_line(vm, PATIENCE_MS);
    } while (note_event(vm, line));
    return line;
}

const char *vm_qmp_ok(struct vm *vm, const char *command)
{
    const char *reply = vm_qmp(vm, command);

    if (!strstr(reply, "\"return\"")) {
        FAIL("%s: %s", command, reply);
    }
    return reply;
}

void vm_qmp_event(struct vm *vm, const char *name)
{
    char start[128];

    snprintf(start, sizeof(start), "\"event\": \"%s\"", name);
    for (;;) {
        for (int i = 0; i < 16; i++) {
            if (!strncmp(vm->event[i], start, strlen(start))) {
                vm->event[i][0] = 0;
                return;
            }
        }
        note_event(vm, qmp_line(vm, PATIENCE_MS));
    }
}

/* --------------------------------------------------------------- the log */

off_t vm_log_size(struct vm *vm)
{
    return lseek(vm->log_fd, 0, SEEK_END);
}

void vm_log_forget(struct vm *vm)
{
    CHECK(!ftruncate(vm->log_fd, 0));
}

char *vm_log_text(struct vm *vm)
{
    off_t size = vm_log_size(vm);
    char *log = malloc(size + 1);

    CHECK(log && pread(vm->log_fd, log, size, 0) == size);
    log[size] = 0;
    return log;
}

bool vm_log_has(struct vm *vm, const char *text)
{
    char *log = vm_log_text(vm);
    bool found = strstr(log, text);

    free(log);
    return found;
}
