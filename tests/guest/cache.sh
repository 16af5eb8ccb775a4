# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced: sets $cache, the directory for what is fetched and kept, and a locale
# in which the output of apt can be read by a script.
export LC_ALL=C
# depmod and modprobe, which are not in everybody's path.
PATH=$PATH:/usr/sbin:/sbin
cache=${SECMMU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/secmmu}
case $cache in
*[[:space:]]*)
	echo "the cache '$cache' has a space in its path, which Kbuild cannot" \
	     "handle: set SECMMU_CACHE" >&2
	exit 1 ;;
esac
