/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program's name and version, in one place. */
#ifndef APP_VERSION_H
#define APP_VERSION_H

#define PROGRAM_NAME	"anytlsd"
#define PROGRAM_VERSION "0.1.0"

#endif
