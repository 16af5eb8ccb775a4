# SPDX-License-Identifier: GPL-2.0-or-later
#
# The machines that secmmu's tests run on, and the least that goes with them.
CONFIG_I440FX=y
CONFIG_Q35=y
CONFIG_VTD=y
CONFIG_PCIE_PORT=y
CONFIG_SERIAL_ISA=y
CONFIG_SECMMU=y
# 10.2 does not link without: its ACPI tables call what these bring in.
CONFIG_PXB=y
CONFIG_CXL=y
CONFIG_CXL_MEM_DEVICE=y
