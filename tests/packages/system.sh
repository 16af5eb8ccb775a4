# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced: fresh Debian systems, in folders. The caller has set $release, the
# release's codename, and has say() and die(). Sets
#
#   $cache   what is kept of that release: the system as debootstrap made it, the
#            packages that were installed in it since, and what a build of ours
#            fetches (SECMMU_CACHE there)
#   $top     the checkout, which the systems see at the same path, read-only

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/guest/cache.sh
. "$top/tests/guest/cache.sh"
cache=$cache/debian-${release:?}

# Whoever is not root is so through sudo, or not at all: the files of a system
# belong to many users.
be_root() {
	[ "$(id -u)" -ne 0 ] || return 0
	sudo -n true 2>/dev/null ||
		die "a fresh Debian system needs root, or sudo without a password"
	exec sudo -n SECMMU_CACHE="${cache%/debian-*}" "$@"
}

# quietly COMMAND...: with its words in $log, and shown if it fails
quietly() {
	"$@" >>"${log:?}" 2>&1 ||
		{ tail -n 40 "$log" >&2; die "failed: $* (log: $log)"; }
}

# inside SYSTEM COMMAND...: as root in that system, which has processes and mounts
# of its own: none of them is left when the command has ended.
inside() {
	unshare --mount --pid --ipc --uts --fork --kill-child \
		"$here/enter" "$cache" "$top" "$@"
}
