// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl trace: record the driver's tracepoints while a command runs, or for a
 * while. Lives here: options, the tracing instance (our own, so that nobody
 * else's tracing is touched, and gone at the end however that comes), taking
 * events out of it. Not here: what they come to (trace-sum.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tracefs.h>

#include "trace.h"

/* How often events are taken out of the kernel's buffers. */
#define DRAIN_NS	100000000

/* Between two looks, while events are taken out, whether it is over. */
#define TAKEN_AT_ONCE	256

static const char help[] =
"usage: secmmuctl trace [OPTION...] [-- COMMAND [ARGUMENT...]]\n\n"
"  -t, --time SECONDS   so long; without it and a command, until control-C\n"
"  -r, --raw FILE       the events too, a line each (- is standard output)\n"
"  -j, --json           the summary for programs\n"
"  -b, --buffer KIB     of kernel memory for each CPU (4096)\n"
"  -D, --device WHICH   not the first has to be there: secmmuN, N, a PCI address\n"
"  -h, --help           this\n\n"
"Records the driver's events while COMMAND runs and sums them up: faults and how soon\n"
"they were answered, invalidated ranges, shootdowns, who and where. All processes'\n"
"events, and all devices'. For root. The exit status is the command's.\n";

/**
 * struct recorder - a recording under way
 * @instance: our own, or NULL.
 * @tep: knows the events' formats.
 * @events: @nr of them.
 * @keep_text: for --raw.
 * @child: the command, or 0.
 * @status: how the command ended.
 * @told: the signal that the command was sent, or 0.
 * @until: when to stop by the clock (ctl_now()), or 0.
 * @over: nothing more is recorded.
 */
static struct recorder {
	struct tracefs_instance *instance;
	struct tep_handle *tep;
	struct trace_event *events;
	size_t nr;
	bool keep_text;
	struct trace_seq text;
	pid_t child;
	int status, told;
	double until;
	bool over;
} rec;

static volatile sig_atomic_t ended;

static void on_end(int signal)
{
	ended = signal;
}

/* At any exit. Recording stops first: a buffer in use stays. */
static void remove_instance(void)
{
	if (!rec.instance)
		return;
	tracefs_trace_off(rec.instance);
	tracefs_event_disable(rec.instance, "secmmu", NULL);
	tracefs_instance_destroy(rec.instance);
	tracefs_instance_free(rec.instance);
	rec.instance = NULL;
}

/* Once; then it is the command's turn to end. */
static void tell_child(int signal)
{
	if (!rec.told)
		kill(rec.child, rec.told = signal);
}

/* The command has ended, the time is over, or there was a signal. */
static void look_if_over(void)
{
	bool late = rec.until && ctl_now() >= rec.until;

	if (rec.over)
		return;
	if (rec.child) {
		rec.over = waitpid(rec.child, &rec.status, WNOHANG) == rec.child;
		if (!rec.over && (ended || late))
			tell_child(ended ? ended : SIGTERM);
	} else {
		rec.over = ended || late;
	}
	if (rec.over)
		tracefs_trace_off(rec.instance);
}

static struct trace_event *new_event(void)
{
	if (!(rec.nr & (rec.nr - 1))) {
		rec.events = realloc(rec.events, (rec.nr ? 2 * rec.nr : 1) *
						 sizeof(*rec.events));
		if (!rec.events)
			die_of(CTL_FAILED, "out of memory for events");
	}
	memset(&rec.events[rec.nr], 0, sizeof(*rec.events));
	return &rec.events[rec.nr++];
}

static uint64_t field(struct tep_event *event, struct tep_record *record,
		      const char *name)
{
	unsigned long long value = 0;

	if (!tep_find_any_field(event, name) ||
	    tep_get_field_val(NULL, event, name, record, &value, 0))
		return 0;
	return value;
}

static enum trace_type type_of(const char *name)
{
	static const char *const names[] = {
#define T(name) "secmmu_" #name,
		TRACE_TYPES(T)
#undef T
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return i;
	return TRACE_NR;
}

static int take(struct tep_event *event, struct tep_record *record, int cpu,
		void *unused)
{
	enum trace_type type = type_of(event->name);
	struct trace_event *ev;

	if (type == TRACE_NR)
		return 0;
	/* Events may come as fast as they are taken out, for ever. */
	if (rec.nr % TAKEN_AT_ONCE == 0)
		look_if_over();
	ev = new_event();
	ev->ns = record->ts;
	ev->type = type;
	ev->pid = tep_data_pid(rec.tep, record);
	ev->asid = field(event, record, "asid");
	ev->queue = field(event, record, "queue");
	ev->begins = field(event, record, "begins");
	ev->start = field(event, record, type == TRACE_fault ? "va" : "start");
	ev->end = field(event, record, "end");
	ev->id = field(event, record, type == TRACE_shootdown ||
				      type == TRACE_drained ? "ticket" : "seq");
	switch (type) {
	case TRACE_fault: ev->value = field(event, record, "flags"); break;
	case TRACE_response: ev->value = field(event, record, "code"); break;
	case TRACE_map: ev->value = field(event, record, "pages"); break;
	case TRACE_queue:
		snprintf(ev->command, sizeof(ev->command), "%s",
			 tep_data_comm_from_pid(rec.tep, ev->pid));
		break;
	default: break;
	}
	if (rec.keep_text) {
		trace_seq_reset(&rec.text);
		record->cpu = cpu;
		tep_print_event(rec.tep, &rec.text, record,
				"%16s-%-7d [%03d] %6.1000d: %s: %s",
				TEP_PRINT_COMM, TEP_PRINT_PID, TEP_PRINT_CPU,
				TEP_PRINT_TIME, TEP_PRINT_NAME,
				TEP_PRINT_INFO);
		trace_seq_terminate(&rec.text);
		ev->text = strdup(rec.text.buffer);
	}
	return 0;
}

/* Whose the ASIDs are now; a process that ends takes its name with it. */
static void note_owners(const struct ctl_device *dev)
{
	char path[96], line[256], command[64];
	struct timespec now;
	FILE *asids, *comm;

	snprintf(path, sizeof(path), "/sys/kernel/debug/secmmu/%s/asids",
		 dev->name);
	asids = fopen(path, "re");
	if (!asids)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	while (fgets(line, sizeof(line), asids)) {
		struct trace_event *ev;
		unsigned int asid;
		int pid;

		if (sscanf(line, "%u %*s %d", &asid, &pid) != 2)
			continue;
		ev = new_event();
		ev->type = TRACE_owner;
		ev->ns = now.tv_sec * 1000000000ull + now.tv_nsec;
		ev->asid = asid;
		ev->pid = pid;
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		comm = fopen(path, "re");
		if (!comm || !fgets(command, sizeof(command), comm))
			strcpy(command, "?");
		if (comm)
			fclose(comm);
		command[strcspn(command, "\n")] = 0;
		snprintf(ev->command, sizeof(ev->command), "%.15s", command);
	}
	fclose(asids);
}

static void drain(const struct ctl_device *dev)
{
	note_owners(dev);
	tracefs_load_cmdlines(NULL, rec.tep);
	tracefs_iterate_raw_events(rec.tep, rec.instance, NULL, 0, take, NULL);
}

static uint64_t lost_events(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t lost = 0;
	char file[64];

	for (long cpu = 0; cpu < cpus; cpu++) {
		char *stats, *at;

		snprintf(file, sizeof(file), "per_cpu/cpu%ld/stats", cpu);
		stats = tracefs_instance_file_read(rec.instance, file, NULL);
		at = stats ? strstr(stats, "overrun: ") : NULL;
		if (at)
			lost += strtoull(at + strlen("overrun: "), NULL, 10);
		free(stats);
	}
	return lost;
}

static void set_up(size_t buffer_kib)
{
	static const char *const systems[] = { "secmmu", NULL };
	char name[64];

	if (!tracefs_tracing_dir() ||
	    access(tracefs_tracing_dir(), R_OK | W_OK | X_OK)) {
		if (geteuid())
			die_of(CTL_NO_PERMISSION,
			       "no permission: recording is root's (the kernel's tracefs)");
		die_of(CTL_FAILED, "no tracefs here: %m");
	}
	snprintf(name, sizeof(name), "secmmuctl-%d", getpid());
	rec.tep = tracefs_local_events_system(NULL, systems);
	if (!rec.tep)
		die_of(CTL_FAILED, "the formats of the driver's events cannot be read");
	trace_seq_init(&rec.text);
	rec.instance = tracefs_instance_create(name);
	if (!rec.instance)
		die_of(CTL_FAILED, "no tracing instance: %m");
	atexit(remove_instance);
	tracefs_trace_off(rec.instance);
	/* One clock for all CPUs, and the one that note_owners() reads. */
	if (tracefs_instance_file_write(rec.instance, "trace_clock", "mono") < 0 ||
	    tracefs_instance_set_buffer_size(rec.instance, buffer_kib, -1) < 0 ||
	    tracefs_event_enable(rec.instance, "secmmu", NULL))
		die_of(CTL_FAILED, "the tracing instance cannot be set up: %m");
}

static pid_t start(char **command)
{
	int pipes[2], error = 0;
	pid_t child;

	/* Tells of an exec that failed; closed by one that does not. */
	if (pipe2(pipes, O_CLOEXEC))
		die_of(CTL_FAILED, "%m");
	child = fork();
	if (child < 0)
		die_of(CTL_FAILED, "no process for '%s': %m", command[0]);
	if (child == 0) {
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		execvp(command[0], command);
		error = errno;
		if (write(pipes[1], &error, sizeof(error)) < 0)
			error = 0;
		_exit(127);
	}
	close(pipes[1]);
	if (read(pipes[0], &error, sizeof(error)) == sizeof(error)) {
		waitpid(child, NULL, 0);
		die_of(CTL_FAILED, "'%s' cannot be run: %s", command[0],
		       strerror(error));
	}
	close(pipes[0]);
	return child;
}

/* Until it is over. Returns a status. */
static int record(const struct ctl_device *dev, char **command, double seconds)
{
	const struct timespec step = { .tv_nsec = DRAIN_NS };
	double began = ctl_now();

	rec.until = seconds ? began + seconds : 0;
	tracefs_trace_on(rec.instance);
	if (command)
		rec.child = start(command);
	do {
		nanosleep(&step, NULL);
		look_if_over();
		drain(dev);
		/* The terminal is the command's, if there is one. */
		if (seconds && !command)
			ctl_progress(began, (ctl_now() - began) / seconds);
	} while (!rec.over);
	ctl_progress_end();
	/* What came while the last one was under way. */
	drain(dev);
	if (!rec.child)
		return CTL_OK;
	return WIFSIGNALED(rec.status) ? 128 + WTERMSIG(rec.status) :
					 WEXITSTATUS(rec.status);
}

static void write_raw(const char *path)
{
	FILE *to = strcmp(path, "-") ? fopen(path, "we") : stdout;

	if (!to)
		die_of(CTL_FAILED, "%s: %m", path);
	for (size_t i = 0; i < rec.nr; i++)
		if (rec.events[i].text)
			fprintf(to, "%s\n", rec.events[i].text);
	if (to != stdout && (ferror(to) | fclose(to)))
		die_of(CTL_FAILED, "%s: %m", path);
}

int cmd_trace(int argc, char **argv)
{
	static const struct option options[] = {
		{ "time", required_argument, NULL, 't' },
		{ "raw", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "buffer", required_argument, NULL, 'b' },
		{ "device", required_argument, NULL, 'D' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct sigaction end = { .sa_handler = on_end };
	const char *which = NULL, *raw = NULL;
	double seconds = 0, began;
	struct trace_sum sum = { 0 };
	struct ctl_device dev;
	size_t buffer = 4096;
	bool json = false;
	int c, status;

	/* What follows the command is the command's. */
	while ((c = getopt_long(argc, argv, "+t:r:jb:D:h", options,
				NULL)) != -1)
		switch (c) {
		case 't':
			seconds = ctl_number("--time", optarg, 0.1, 86400);
			break;
		case 'r': raw = optarg; break;
		case 'j': json = true; break;
		case 'b':
			buffer = ctl_number("--buffer", optarg, 4, 1 << 20);
			break;
		case 'D': which = optarg; break;
		case 'h': fputs(help, stdout); return CTL_OK;
		default: ctl_usage_error("trace");
		}
	ctl_device(&dev, which, true);
	ctl_check_version(&dev);
	/* It has no events. */
	if (ctl_is_lost(&dev))
		die_of(CTL_LOST, "%s: the device is lost", dev.path);
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	rec.keep_text = raw;
	set_up(buffer);
	began = ctl_now();
	status = record(&dev, optind < argc ? argv + optind : NULL, seconds);
	sum.seconds = ctl_now() - began;
	sum.lost = lost_events();
	remove_instance();

	trace_sum(&sum, rec.events, rec.nr);
	if (raw)
		write_raw(raw);
	if (json)
		trace_json(&sum);
	else
		trace_text(&sum);
	trace_sum_free(&sum);
	for (size_t i = 0; i < rec.nr; i++)
		free(rec.events[i].text);
	free(rec.events);
	trace_seq_destroy(&rec.text);
	tep_free(rec.tep);
	if (ctl_is_lost(&dev)) {
		warn_that("%s: the device is lost", dev.path);
		/* The command's own status says more. */
		if (!rec.child)
			status = CTL_LOST;
	}
	return status;
}
