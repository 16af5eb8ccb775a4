// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * check-json FILE [PATH OP VALUE]...: is FILE one JSON object, and do these hold
 * of it? PATH is a JSON pointer (/devices/0/engines). OP is =, > or < for numbers,
 * "is" for a string, true, false or null, "has" for the length of an array,
 * "begins" for how a string begins. Each PATH that does not hold is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

static int is_number(json_object *value)
{
	return json_object_is_type(value, json_type_int) ||
	       json_object_is_type(value, json_type_double);
}

static int holds(json_object *value, const char *op, const char *want)
{
	double number = strtod(want, NULL);

	if (!strcmp(op, "is"))
		return !strcmp(value && json_object_is_type(value,
							    json_type_string) ?
			       json_object_get_string(value) :
			       json_object_to_json_string(value), want);
	if (!strcmp(op, "begins"))
		return json_object_is_type(value, json_type_string) &&
		       !strncmp(json_object_get_string(value), want,
				strlen(want));
	if (!strcmp(op, "has"))
		return json_object_is_type(value, json_type_array) &&
		       json_object_array_length(value) == (size_t)number;
	if (!is_number(value))
		return 0;
	switch (*op) {
	case '=': return json_object_get_double(value) == number;
	case '>': return json_object_get_double(value) > number;
	case '<': return json_object_get_double(value) < number;
	}
	fprintf(stderr, "check-json: what is '%s'?\n", op);
	exit(2);
}

int main(int argc, char **argv)
{
	json_object *top, *value;
	int bad = 0;

	if (argc < 2 || argc % 3 != 2)
		return 2;
	top = json_object_from_file(argv[1]);
	if (!json_object_is_type(top, json_type_object)) {
		printf("%s is no JSON object: %s\n", argv[1],
		       json_util_get_last_err() ? json_util_get_last_err() : "");
		return 1;
	}
	for (int i = 2; i < argc; i += 3) {
		if (json_pointer_get(top, argv[i], &value)) {
			printf("there is no %s\n", argv[i]);
			bad = 1;
		} else if (!holds(value, argv[i + 1], argv[i + 2])) {
			printf("%s is %s; wanted: %s %s\n", argv[i],
			       json_object_to_json_string(value), argv[i + 1],
			       argv[i + 2]);
			bad = 1;
		}
	}
	json_object_put(top);
	return bad;
}
