// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * secmmuctl: the command line. Lives here: choosing the command, the words for
 * errors, what all options have in common. Not here: any command.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "ctl.h"
#include "version.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{ "info", cmd_info, "what devices there are, with or without the driver" },
	{ "top", cmd_top, "who uses a device, and how" },
	{ "trace", cmd_trace, "record the driver's events and sum them up" },
	{ "selftest", cmd_selftest, "does the device do what it should?" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void say(const char *fmt, va_list args)
{
	fflush(stdout);
	fputs("secmmuctl: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

void warn_that(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void die_of(enum ctl_status status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	exit(status);
}

void ctl_print_json(struct json_object *json)
{
	puts(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY |
						  JSON_C_TO_STRING_SPACED |
						  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(json);
}

double ctl_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

#define BAR	40

static bool has_bar;

void ctl_progress(double began, double part)
{
	double so_far = ctl_now() - began;
	int full = part * BAR;

	if (!isatty(STDERR_FILENO) || so_far < 2 || part <= 0 || part >= 1)
		return;
	fprintf(stderr, "\r[%.*s%*s] %3.0f%%, %.0f s left ", full,
		"########################################", BAR - full, "",
		100 * part, so_far / part - so_far);
	fflush(stderr);
	has_bar = true;
}

void ctl_progress_end(void)
{
	if (!has_bar)
		return;
	fprintf(stderr, "\r%*s\r", BAR + 24, "");
	fflush(stderr);
	has_bar = false;
}

double ctl_number(const char *option, const char *text, double least,
		  double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !isfinite(value) || value < least ||
	    value > most)
		die_of(CTL_USAGE, "%s wants a number from %g to %g, not '%s'",
		       option, least, most, text);
	return value;
}

void ctl_usage_error(const char *command)
{
	fprintf(stderr, "Try 'secmmuctl %s --help'.\n", command);
	exit(CTL_USAGE);
}

static void usage(FILE *to)
{
	fputs("usage: secmmuctl COMMAND [OPTION...]\n\n", to);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].what);
	fputs("\n"
	      "  secmmuctl COMMAND --help   its options\n"
	      "  secmmuctl --version\n\n"
	      "Exit status: 0 done; 1 failed; 2 wrong usage; 3 no device; 4 no driver;\n"
	      "5 no permission; 6 wrong version; 7 the device is lost. See secmmuctl(1).\n",
	      to);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	int status;

	if (!strcmp(name, "--help") || !strcmp(name, "-h") ||
	    !strcmp(name, "help")) {
		usage(stdout);
		return CTL_OK;
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		puts("secmmuctl " SECMMU_CTL_VERSION);
		return CTL_OK;
	}
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(name, commands[i].name))
			continue;
		status = commands[i].run(argc - 1, argv + 1);
		/* What nobody could read was not done. */
		if (fflush(stdout) || ferror(stdout))
			die_of(CTL_FAILED, "standard output: %m");
		return status;
	}
	if (*name)
		warn_that("there is no command '%s'", name);
	usage(stderr);
	return CTL_USAGE;
}
