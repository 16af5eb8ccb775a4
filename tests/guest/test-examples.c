// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The examples and the Python module, as a user starts them: programs with the
 * shared library. What each prints goes to the console, where check-examples
 * compares it with docs/examples.md. Here: that they end as they should, that
 * the device did the work, and that bad use ends with a clear line.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-test.h"

#define MAX_ARGS	8

static char output[4096];

/* Runs a program, and keeps what it prints in @output. Returns its status. */
static int start(const char *program, ...)
{
	char *argv[MAX_ARGS] = { (char *)program };
	size_t used = 0;
	int pipes[2], status, nr = 1;
	va_list args;
	ssize_t got;
	pid_t child;

	va_start(args, program);
	while (nr < MAX_ARGS - 1 && (argv[nr] = va_arg(args, char *)))
		nr++;
	va_end(args);
	CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
	child = fork();
	CHECK(child >= 0);
	if (!child) {
		dup2(pipes[1], 1);
		dup2(pipes[1], 2);
		execvp(program, argv);
		_exit(127);
	}
	close(pipes[1]);
	while ((got = read(pipes[0], output + used,
			   sizeof(output) - 1 - used)) > 0)
		used += got;
	output[used] = 0;
	close(pipes[0]);
	CHECK_EQ(waitpid(child, &status, 0), child);
	printf("$");
	for (int i = 0; i < nr; i++)
		printf(" %s", argv[i]);
	printf("\n%s", output);
	fflush(stdout);
	if (WIFSIGNALED(status))
		note("%s died of signal %d: %s", program, WTERMSIG(status),
		     output);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A program that succeeds, by at least @jobs of the device. */
#define WORKS(jobs_, ...) \
	do { \
		unsigned long long before_ = jobs(); \
		int status_ = start(__VA_ARGS__, NULL); \
		if (status_) \
			note("it says: %s", output); \
		CHECK_EQ(status_, 0); \
		CHECK(jobs() >= before_ + (jobs_)); \
	} while (0)

static unsigned long long jobs(void)
{
	struct secmmu_stats s;
	struct secmmu ctx;

	CHECK_EQ(secmmu_open(&ctx, NULL), 0);
	CHECK_EQ(secmmu_stats(&ctx, &s), 0);
	secmmu_close(&ctx);
	return s.jobs;
}

static void make_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, data, len), len);
	close(fd);
}

/* By bits, as slow and as simple as it gets. */
static uint32_t crc32c(const unsigned char *p, size_t len)
{
	uint32_t crc = ~0u;

	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

void test_example_saxpy(void)
{
	WORKS(3, "saxpy");
}

void test_example_vector(void)
{
	WORKS(10, "vector");
}

void test_example_tree(void)
{
	WORKS(4, "tree");
}

void test_example_checksum(void)
{
	size_t len = 3 * MIB + 12345;
	unsigned char *big = anon(len);
	char want[32];

	/* The check value that every description of CRC-32C names. */
	make_file("/tmp/nine", "123456789", 9);
	make_file("/tmp/empty", "", 0);
	WORKS(3, "checksum", "/tmp/nine", "/tmp/empty");
	CHECK(strstr(output, "e3069283  /tmp/nine\n"));
	CHECK(strstr(output, "00000000  /tmp/empty\n"));

	fill_noise(big, len, 1);
	make_file("/tmp/big", big, len);
	WORKS(4, "checksum", "/tmp/big");
	snprintf(want, sizeof(want), "%08x  /tmp/big\n", crc32c(big, len));
	CHECK(strstr(output, want));
}

/* 12 MiB of matrices with 8 MiB of memory: the tiles go out and come back. */
void test_example_matmul(void)
{
	long long before;

	swap_on_zram(256 * MIB);
	before = read_key("/proc/vmstat", "pswpin");
	cgroup_enter("matmul", 8 * MIB);
	WORKS(1024, "matmul", "1024");
	CHECK_EQ(read_key(cgroup_file("matmul", "memory.events"), "oom_kill"),
		 0);
	cgroup_leave("matmul");
	note("%lld pages came back from swap",
	     read_key("/proc/vmstat", "pswpin") - before);
	CHECK(read_key("/proc/vmstat", "pswpin") > before);
}

void test_example_pipeline(void)
{
	WORKS(2000, "pipeline");
}

void test_example_python(void)
{
	WORKS(17, "/usr/bin/python3", "/bin/example.py");
}

/* Moves the node away for as long as a program runs without it. */
void test_example_errors(void)
{
	static const char *const programs[][2] = {
		{ "saxpy" }, { "vector" }, { "tree" },
		{ "checksum", "/bin/checksum" }, { "matmul" }, { "pipeline" },
	};

	CHECK_EQ(start("checksum", NULL), 2);
	CHECK(strstr(output, "usage:"));
	CHECK_EQ(start("checksum", "/tmp/no such file", NULL), 1);
	CHECK(strstr(output, "No such file"));
	CHECK_EQ(start("matmul", "100", NULL), 2);
	CHECK(strstr(output, "multiple of 128"));

	CHECK_EQ(rename("/dev/secmmu0", "/dev/elsewhere"), 0);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		CHECK_EQ(start(programs[i][0], programs[i][1], NULL), 1);
		CHECK(strstr(output, "No such file or directory"));
	}
	CHECK_EQ(start("/usr/bin/python3", "/bin/example.py", NULL), 1);
	CHECK(strstr(output, "FileNotFoundError"));
	CHECK_EQ(rename("/dev/elsewhere", "/dev/secmmu0"), 0);
}
