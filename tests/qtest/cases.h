/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cases of cases.def, as functions.
 *
 * A case returns when it has passed; checks that fail do not return.
 */
#ifndef SECMMU_QTEST_CASES_H
#define SECMMU_QTEST_CASES_H

#define QTEST_CASE(name) void test_##name(void);
#define QTEST_CASE_ONCE(name) QTEST_CASE(name)
#include "cases.def"
#undef QTEST_CASE
#undef QTEST_CASE_ONCE

/* --file of the command line: what it is depends on the case. */
extern const char *case_file;

#endif
