/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that has no device: it opens what is none, and prints the error. */
#include <errno.h>
#include <stdio.h>
#include <secmmu.h>

int main(void)
{
	struct secmmu_desc desc = { 0 };
	struct secmmu s;
	float x = 1, y = 2;

	secmmu_prep_saxpy(&desc, &y, 3, &x, 1);
	printf("%s %d\n", secmmu_strstatus(SECMMU_STATUS_OK), desc.opcode);
	return secmmu_open(&s, "/nonexistent") == -ENOENT ? 0 : 1;
}
