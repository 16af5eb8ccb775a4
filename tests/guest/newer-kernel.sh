# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by fetch-kernel: headers of a newer Debian than this one, made fit for
# the compiler and the C library that are here. Both do nothing where there is
# nothing to do.
#
# Not with a compiler and a C library of theirs: several times as much to fetch,
# and each program of it (compiler, assembler, linker, ...) would have to be
# started through their C library, not only the few that the headers bring.
#
# The caller has die() and apt().

# older_compiler HEADERS: the compiler that the kernel was built with is not
# here; the machine's own is taken.
older_compiler() {
	vars=$1/.kernelvariables
	cc=$(sed -n 's/^CC = .*\(gcc-[0-9]*\)$/\1/p' "$vars")
	if [ -z "$cc" ] || command -v "$cc" >/dev/null; then
		return 0
	fi
	sed -i "s/^\(CC = .*\)$cc\$/\1gcc/" "$vars"
	# What the kernel's configuration found of the other one. Without this
	# option Kbuild takes -falign-functions, which older ones know as well.
	if ! gcc -Werror -fmin-function-alignment=16 -x c -c -o /dev/null \
		/dev/null 2>/dev/null; then
		sed -i '/CC_HAS_MIN_FUNCTION_ALIGNMENT/d' \
			"$1/include/config/auto.conf"
		sed -i 's/.*define CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT.*//' \
			"$1/include/generated/autoconf.h"
	fi
}

# elves DIR: the programs in it that are not scripts.
elves() {
	find "$1" -type f -perm -1 | while read -r program; do
		[ "$(head -c 4 "$program" | tail -c 3)" != ELF ] ||
			echo "$program"
	done
}

# older_libc PART DIR: some of the headers' own programs (modpost, objtool, ...)
# want a C library that is newer than the machine's. That one is put beside them,
# and they are started through it. PART will be DIR.
older_libc() {
	for kbuild in "$1"/usr/lib/linux-kbuild-*; do
		break
	done
	programs=$(elves "$kbuild" | while read -r program; do
		! ldd "$program" 2>&1 | grep -q 'GLIBC_.* not found' ||
			echo "$program"
	done)
	[ -n "$programs" ] || return 0
	mkdir -p "$1/libc"
	(cd "$1/libc" && apt apt-get download libc6 >log 2>&1) ||
		{ cat "$1/libc/log" >&2; die "no libc6 to go with the headers"; }
	dpkg -x "$1"/libc/libc6_*.deb "$1/libc"
	rm "$1"/libc/libc6_*.deb
	loader=''
	for place in usr/lib64 lib64; do
		[ ! -e "$1/libc/$place/ld-linux-x86-64.so.2" ] ||
			loader=libc/$place/ld-linux-x86-64.so.2
	done
	[ -n "$loader" ] || die "no loader in libc6"
	for program in $programs; do
		mv "$program" "$program.elf"
		cat >"$program" <<-TXT
		#!/bin/sh
		exec '$2/$loader' --argv0 "\$0" --library-path \\
			'$2/libc/usr/lib/x86_64-linux-gnu:$2/libc/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu' \\
			'$2${program#"$1"}.elf' "\$@"
		TXT
		chmod +x "$program"
	done
}
