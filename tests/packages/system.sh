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

# begin "$0" "$@": as root, through sudo if need be, since the files of a system
# belong to many users; and one at a time, since the cache has apt's archives.
begin() {
	mkdir -p "$cache"
	if [ "$(id -u)" -ne 0 ]; then
		sudo -n true 2>/dev/null ||
			die "a fresh Debian system needs root, or sudo without a password"
		exec sudo -n SECMMU_CACHE="${cache%/debian-*}" "$@"
	fi
	exec 9>"$cache/lock"
	flock 9
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
