#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# coverage.sh SOURCE-DIR WORK-DIR CC: builds the core and its unit tests with
# gcov, runs them, prints lines and branches taken per file and in all, and fails
# below 95 % of the lines or 90 % of the branches. The CMake target core_coverage
# calls it; it is no test, since the tests run in it are tests already.
set -eu
source=$1
work=$2
cc=$3
core=$source/qemu-device/core
here=$source/tests/unit

rm -rf "$work"
mkdir -p "$work"
cd "$work"
flags="-std=gnu11 -O0 -g --coverage -fprofile-update=atomic"
for f in "$core"/*.c "$here"/rig.c "$here"/stress.c; do
    # shellcheck disable=SC2086
    "$cc" $flags -I"$core" -I"$source/uapi" -I"$here" -c "$f" \
        -o "$(basename "$f" .c).o"
done
for f in "$here"/test-*.c; do
    name=$(basename "$f" .c)
    # shellcheck disable=SC2086
    "$cc" $flags -I"$core" -I"$source/uapi" -I"$here" "$f" ./*.o -o "$name" \
        -lpthread
    echo "# $name" >&2
    "./$name" >"$name.log" 2>&1 || {
        cat "$name.log" >&2
        exit 1
    }
done
for f in "$core"/*.c; do
    gcov -b "$(basename "$f" .c).gcda" 2>/dev/null
done | awk -v core="$core/" '
    /^File / {
        name = substr($0, 7, length($0) - 7)
        ours = index(name, core) == 1 && name ~ /\.c$/
        name = substr(name, length(core) + 1)
    }
    ours && /^Lines executed/ {
        split($0, a, /[:% ]+/)
        lines[name] = a[3]; nlines[name] = a[5]
    }
    ours && /^Taken at least once/ {
        split($0, a, /[:% ]+/)
        taken[name] = a[5]; nbranches[name] = a[7]
    }
    END {
        printf "%-16s %8s %9s\n", "file", "lines %", "branches %"
        for (f in lines) {
            printf "%-16s %8.1f %9.1f\n", f, lines[f], taken[f] | "sort"
            l += lines[f] * nlines[f]; nl += nlines[f]
            b += taken[f] * nbranches[f]; nb += nbranches[f]
        }
        close("sort")
        if (!nl || !nb) {
            print "no coverage data"
            exit 1
        }
        printf "%-16s %8.1f %9.1f\n", "all", l / nl, b / nb
        exit l / nl < 95 || b / nb < 90
    }'
