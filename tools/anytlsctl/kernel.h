/* SPDX-License-Identifier: GPL-2.0-or-later */
/* anytlsctl kernel [-j]: what this kernel can do for the daemon. */
#ifndef ANYTLSCTL_KERNEL_H
#define ANYTLSCTL_KERNEL_H

/* argv[0] is "kernel". Returns the exit status: 0 if a report could be made and printed. */
int ctl_kernel(int argc, char **argv);

#endif
