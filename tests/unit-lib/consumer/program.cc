// SPDX-License-Identifier: GPL-2.0-or-later
// As program.c, with a vector's memory.
#include <secmmu.h>
#include <cerrno>
#include <cstdio>
#include <vector>

int main()
{
	std::vector<float> x(4, 1.0f), y(4, 2.0f);
	struct secmmu_desc desc = {};
	struct secmmu s;

	secmmu_prep_saxpy(&desc, y.data(), 3, x.data(), x.size());
	std::printf("%s %d\n", secmmu_strstatus(SECMMU_STATUS_OK), desc.opcode);
	return secmmu_open(&s, "/nonexistent") == -ENOENT ? 0 : 1;
}
