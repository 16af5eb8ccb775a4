// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ends of every kind in the middle of jobs, many rounds of each: what a process
 * does, and what is done to the device. Afterwards nothing of it is left.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bus.h"
#include "client.h"
#include "guest-test.h"

#define LEN	(512 * 1024ul)
#define ONES	0x0101010101010101ull
#define JOBS	12
#define PCI	"/sys/bus/pci/devices/"

/* What a client does after its jobs have begun. Its exit status. */
typedef int (*deed)(int to);

static void submit_jobs(unsigned char *p)
{
	for (unsigned int i = 0; i < JOBS; i++)
		secmmu_prep_fill(secmmu_get_desc(&queue), p, ONES * i, LEN);
	CHECK_EQ(secmmu_submit(&queue), JOBS);
}

static deed next_deed;

static int with_jobs(const struct client *me)
{
	submit_jobs(anon(LEN));
	client_tells(me);
	return next_deed(me->to);
}

/* A client that has jobs under way. */
static struct client busy_start(deed deed)
{
	next_deed = deed;
	return client_start(with_jobs);
}

/* Goes on with jobs for ever. */
static int goes_on(int to)
{
	struct secmmu_completion done;
	unsigned char *p = anon(LEN);

	for (;;) {
		for (int i = 0; i < JOBS; i++)
			if (secmmu_wait(&queue, &done))
				return 101;
		submit_jobs(p);
		if (madvise(p, LEN, MADV_DONTNEED))
			return 102;
	}
}

/* Goes on until the device is lost, and is told so; touches the doorbell. */
static int goes_on_until_lost(int to)
{
	struct secmmu_completion done;
	unsigned char *p = anon(LEN), *fresh;
	struct secmmu_stats s;
	char byte;
	int ret;

	do {
		ret = secmmu_wait(&queue, &done);
		if (!ret && secmmu_get_desc(&queue)) {
			queue.tail--;
			secmmu_prep_fill(secmmu_get_desc(&queue), p, ONES, LEN);
			secmmu_submit(&queue);
		}
	} while (!ret);
	if (ret != -ENODEV)
		return 101;
	*queue.doorbell = 1;
	if (secmmu_stats(&dev, &s) != -ENODEV)
		return 102;
	/* Nothing lands in memory from here on. */
	fresh = anon(4 * LEN);
	memset(fresh, 0x11, 4 * LEN);
	memset(p, 0x22, LEN);
	/* The other side has the device back before we close it. */
	if (read(to, &byte, 1) != 0)
		return 103;
	return !all_are(fresh, 0x11, 4 * LEN) || !all_are(p, 0x22, LEN);
}

/* A neighbour's view: the device works, and on our memory only. */
static void works(void)
{
	static unsigned char *p, value;

	if (!p)
		p = anon(LEN);
	value = (value + 1) % 100;
	CHECK_EQ(secmmu_fill(&queue, p, ONES * value, LEN), 0);
	CHECK(all_are(p, value, LEN));
}

typedef void (*round_fn)(unsigned int round);

/* @neighbour: ours is open all the time, and works after each round. */
static void rounds(round_fn one, bool neighbour, unsigned int usual)
{
	unsigned int nr = option("rounds", usual);
	struct footprint before;

	/* What is made once and kept is made now. */
	for (unsigned int i = 0; i < 3; i++)
		one(i);
	before = footprint();
	if (neighbour)
		open_device();
	for (unsigned int i = 0; i < nr; i++) {
		one(i);
		if (neighbour)
			works();
	}
	close_device();
	check_no_leak(&before, nr);
	open_device();
	works();
}

static int exits(int to)
{
	return 7;
}

static void round_exit(unsigned int round)
{
	struct client c = busy_start(exits);

	CHECK_EQ(client_end(&c), 7);
}

void test_rounds_exit(void)
{
	rounds(round_exit, true, 40);
}

static void round_kill(unsigned int round)
{
	struct client c = busy_start(goes_on);

	usleep(round * 131 % 7000);
	CHECK_EQ(kill(c.pid, SIGKILL), 0);
	CHECK_EQ(client_end(&c), 128 + SIGKILL);
}

void test_rounds_kill(void)
{
	rounds(round_kill, true, 40);
}

static int execs(int to)
{
	fcntl(dev.fd, F_SETFD, 0);
	execl("/bin/busybox", "true", NULL);
	return 1;
}

static void round_exec(unsigned int round)
{
	struct client c = busy_start(execs);

	CHECK_EQ(client_end(&c), 0);
}

void test_rounds_exec(void)
{
	rounds(round_exec, true, 40);
}

/* Sleeps in a wait for what never comes. */
static void *waits(void *arg)
{
	struct secmmu_queue_wait wait = {
		.queue = queue.id, .target = 1000000, .timeout_ns = 20000000,
	};
	long ret = ioctl(dev.fd, SECMMU_IOC_QUEUE_WAIT, &wait);

	return (void *)(ret ? (long)errno : 0);
}

static void round_close_thread(unsigned int round)
{
	struct secmmu mine = dev;
	struct secmmu_queue q = queue;
	unsigned char *p = anon(LEN);
	pthread_t thread;
	void *err;

	open_device();
	submit_jobs(p);
	CHECK_EQ(pthread_create(&thread, NULL, waits, NULL), 0);
	usleep(round * 531 % 9000);
	/*
	 * The waiter sees the queue's end; or it is the last user of a file
	 * that has been closed, and closes it. Early ones find no queue, or
	 * no file.
	 */
	if (round % 2)
		secmmu_queue_exit(&queue);
	else
		CHECK_EQ(munmap((void *)queue.doorbell, PAGE), 0);
	close(dev.fd);
	CHECK_EQ(pthread_join(thread, &err), 0);
	CHECK((long)err == EPIPE || (long)err == ETIME ||
	      (long)err == ENOENT || (long)err == EBADF);
	memset(p, 0x33, LEN);
	usleep(500);
	CHECK(all_are(p, 0x33, LEN));
	CHECK_EQ(munmap(p, LEN), 0);
	if (!(round % 2)) {
		/* What the library has still to give back. */
		queue.doorbell = MAP_FAILED;
		munmap(queue.ring, 64 * sizeof(*queue.ring));
	}
	dev = mine;
	queue = q;
}

static int closes_in_threads(int to)
{
	unsigned int nr = option("rounds", 40);

	for (unsigned int i = 0; i < nr; i++)
		round_close_thread(i);
	return 0;
}

static void round_threads(unsigned int round)
{
	struct client c = busy_start(closes_in_threads);

	CHECK_EQ(client_end(&c), 0);
}

void test_rounds_close_thread(void)
{
	struct footprint before;

	before = footprint();
	round_threads(0);
	check_no_leak(&before, option("rounds", 40));
}

/* Its child has the file still, and nothing but the right to close it. */
static int leaves_a_child(int to)
{
	struct secmmu_queue_wait wait = { .queue = queue.id };
	char byte;

	if (fork())
		return 0;
	/* Our parent is gone when its parent says so. */
	if (read(to, &byte, 1) != 0)
		_exit(1);
	if (ioctl(dev.fd, SECMMU_IOC_QUEUE_WAIT, &wait) == 0 || errno != EPERM)
		raise(SIGSEGV);
	_exit(0);
}

static void round_inherit(unsigned int round)
{
	struct client c = busy_start(leaves_a_child);
	char byte;

	CHECK_EQ(join(c.pid), 0);
	works();
	close(c.to);
	/* The end of the pipe: the grandchild, ours now, has gone too. */
	CHECK_EQ(read(c.from, &byte, 1), 0);
	close(c.from);
	CHECK_EQ(join(-1), 0);
}

static void round_inherit_first(unsigned int round)
{
	open_device();
	round_inherit(round);
	close_device();
}

void test_rounds_inherit(void)
{
	unsigned int nr = option("rounds", 40);
	struct footprint before;

	/* On some kernels what has not been waited for takes more than a task. */
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	round_inherit_first(0);
	before = footprint();
	open_device();
	for (unsigned int i = 0; i < nr; i++)
		round_inherit(i);
	close_device();
	usleep(100000);
	check_no_leak(&before, nr);
}

static int pass_socket[2];

static int passes_fd(int to)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &dev.fd, sizeof(int));
	if (sendmsg(pass_socket[1], &msg, 0) != 1)
		return 1;
	return goes_on(to);
}

static int receive_fd(void)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	CHECK_EQ(recvmsg(pass_socket[0], &msg, MSG_CMSG_CLOEXEC), 1);
	CHECK(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* The file in another process: no use there, before and after its owner. */
static void foreign_file(int fd)
{
	struct secmmu_queue_create create = { .ring = 0x10000 };
	struct secmmu_info info;

	CHECK_EQ(ioctl(fd, SECMMU_IOC_INFO, &info), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_EQ(ioctl(fd, SECMMU_IOC_QUEUE_CREATE, &create), -1);
	CHECK_EQ(errno, EPERM);
	CHECK(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, EPERM);
}

static void round_pass_fd(unsigned int round)
{
	struct client c;
	int fd = -1;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			    pass_socket), 0);
	c = busy_start(passes_fd);
	if (round % 3) {
		fd = receive_fd();
		foreign_file(fd);
	}
	CHECK_EQ(kill(c.pid, SIGKILL), 0);
	CHECK_EQ(client_end(&c), 128 + SIGKILL);
	/* In every third round it lies in the socket, and ends with that. */
	if (round % 3) {
		foreign_file(fd);
		close(fd);
	}
	close(pass_socket[0]);
	close(pass_socket[1]);
}

void test_rounds_pass_fd(void)
{
	rounds(round_pass_fd, true, 40);
}

static void opens_and_works(void)
{
	open_device();
	works();
	close_device();
}

static void round_unbind(unsigned int round)
{
	struct client c;

	bus_address();
	c = busy_start(goes_on_until_lost);
	usleep(round * 337 % 5000);
	bus_unbind();
	CHECK(access("/dev/secmmu0", F_OK) < 0);
	bus_bind();
	opens_and_works();
	CHECK_EQ(client_end(&c), 0);
}

void test_rounds_unbind(void)
{
	rounds(round_unbind, false, 30);
}

static void round_rmmod(unsigned int round)
{
	struct client c = busy_start(goes_on);

	CHECK_EQ(syscall(SYS_delete_module, "secmmu", O_NONBLOCK), -1);
	CHECK(errno == EWOULDBLOCK || errno == EBUSY);
	CHECK_EQ(kill(c.pid, SIGKILL), 0);
	CHECK_EQ(client_end(&c), 128 + SIGKILL);
	/* What SRCU has to free is still to come then. */
	unload_module();
	load_module();
	opens_and_works();
}

void test_rounds_rmmod(void)
{
	rounds(round_rmmod, false, 15);
}

static void round_reset(unsigned int round)
{
	struct client c = busy_start(goes_on_until_lost);
	char path[128];

	usleep(round * 337 % 5000);
	snprintf(path, sizeof(path), PCI "%s/reset", bus_address());
	write_file(path, "1");
	opens_and_works();
	CHECK_EQ(client_end(&c), 0);
}

void test_rounds_reset(void)
{
	char path[128], methods[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), PCI "%s/reset_method", bus_address());
	file = fopen(path, "re");
	CHECK(file && fgets(methods, sizeof(methods), file));
	fclose(file);
	CHECK(!strncmp(methods, "flr", 3));
	rounds(round_reset, false, 10);
}

static void round_suspend(unsigned int round)
{
	struct client c = busy_start(goes_on_until_lost);

	usleep(round * 337 % 5000);
	write_file("/sys/power/state", round % 2 ? "mem" : "freeze");
	opens_and_works();
	CHECK_EQ(client_end(&c), 0);
}

/*
 * All that system sleep does to devices and processes, without the sleep: every
 * device's callbacks, with the processes frozen and jobs under way.
 */
void test_rounds_suspend(void)
{
	write_file("/sys/module/suspend/parameters/pm_test_delay", "0");
	write_file("/sys/power/pm_test", "devices");
	rounds(round_suspend, false, 8);
	write_file("/sys/power/pm_test", "none");
}

static void nothing(int sig)
{
}

static void *shoots(void *arg)
{
	pthread_t target = *(pthread_t *)arg;
	uint32_t seed = 99;

	for (;;) {
		usleep(noise(&seed) % 300);
		pthread_kill(target, SIGUSR1);
		pthread_testcancel();
	}
	return NULL;
}

/*
 * Registering a notifier takes every lock of the mm, and a signal ends that: in
 * an mm with many mappings often. Open says so, and leaves nothing behind.
 */
static int opens_under_fire(int to)
{
	unsigned int nr = 5 * option("rounds", 40), interrupted = 0, ok = 0;
	pthread_t self = pthread_self(), thread;

	signal(SIGUSR1, nothing);
	close_device();
	for (int i = 0; i < 3000; i++)
		mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pthread_create(&thread, NULL, shoots, &self))
		return 1;
	for (unsigned int i = 0; i < nr || (!interrupted && i < 100 * nr); i++) {
		int fd = open("/dev/secmmu0", O_RDWR | O_CLOEXEC);

		if (fd >= 0) {
			ok++;
			close(fd);
		} else if (errno == EINTR) {
			interrupted++;
		} else {
			return 2;
		}
	}
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	note("%u opens done, %u interrupted", ok, interrupted);
	if (!interrupted)
		return 3;
	while (secmmu_open(&dev, NULL) == -EINTR)
		;
	if (secmmu_queue_init(&queue, &dev, 64, 0))
		return 4;
	works();
	return 0;
}

static void round_interrupted(unsigned int round)
{
	struct client c = busy_start(opens_under_fire);

	CHECK_EQ(client_end(&c), 0);
}

void test_rounds_interrupted(void)
{
	struct footprint before = footprint();

	round_interrupted(0);
	check_no_leak(&before, 5 * option("rounds", 40));
}
