# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034 # for those who source it
#
# Sourced, after cache.sh: what differs between the architectures of guests. An
# architecture has Debian's name.

# arch_table ARCH: sets
#
#   arch_qemu     its QEMU
#   arch_machine  QEMU's options for a machine
#   arch_cpu      its processor
#   arch_kernel   in the folder that fetch-kernel makes, what QEMU boots
#   arch_console  where its kernel talks
#   arch_append   more for the kernel's command line
#   arch_tcg      and that which only a guest under TCG gets
#   arch_ports    QEMU's options that connect the chardevs console and results
#                 to the guest's ttyS0 and ttyS1, and kernel to arch_console
#   arch_iommu    QEMU's options for an IOMMU before the device
#   arch_translate  for the kernel's command line, to have it used
#   arch_expect   ERE, guest errors that any kernel makes on that machine
#   arch_cross    the compiler's prefix
arch_table() {
	arch=$1 arch_append='' arch_tcg='' arch_expect='' arch_cross=''
	case $arch in
	amd64)
		arch_qemu=qemu-system-x86_64
		arch_machine='-M q35'
		arch_cpu=max
		arch_kernel=vmlinux
		arch_console=ttyS2
		arch_append='no_timer_check'
		# All kernels give it up there, new ones by a watchdog that may
		# stop them: "Known limits" in docs/driver.md.
		arch_tcg='tsc=unstable'
		arch_ports='-serial chardev:console -serial chardev:results -serial chardev:kernel'
		arch_iommu='-device intel-iommu,intremap=off,aw-bits=48'
		arch_translate='intel_iommu=on'
		;;
	arm64)
		arch_qemu=qemu-system-aarch64
		# The third version of its interrupt controller takes MSI-X.
		arch_machine='-M virt,gic-version=3'
		# Real pointer authentication costs more than all the rest.
		arch_cpu=max,pauth-impdef=on
		arch_kernel=Image
		arch_console=ttyAMA0
		arch_ports='-serial chardev:kernel -device pci-serial-2x,chardev1=console,chardev2=results'
		arch_iommu='-M iommu=smmuv3'
		arch_translate='iommu.passthrough=0 iommu.strict=1'
		arch_expect='^gicv3_dist_read: invalid guest read at offset 000000000000000c'
		arch_cross=aarch64-linux-gnu-
		;;
	*)
		echo "no guests of architecture '$arch'" >&2
		exit 2
		;;
	esac
}

# arch_apt TOOL ARG...: apt-get or apt-cache, as it is on a machine of that
# architecture: the machine's own, or one with lists in the cache, a day old at
# most.
arch_apt() {
	if [ "$arch" = amd64 ]; then
		"$@" -q -o APT::Sandbox::User=root
		return
	fi
	apt_dir=$cache/apt-$arch apt_arch=$arch
	# One at a time; the others find the lists new.
	mkdir -p "$apt_dir"
	exec 8>"$apt_dir/lock"
	flock 8
	if [ -z "$(find "$apt_dir/updated" -mtime -1 2>/dev/null)" ]; then
		rm -rf "$apt_dir/sources"
		apt_suites deb
		apt_ours apt-get update >"$apt_dir/log" 2>&1 8>&- ||
			{ cat "$apt_dir/log" >&2; die "apt-get update failed"; }
		touch "$apt_dir/updated"
	fi
	exec 8>&-
	apt_ours "$@"
}
