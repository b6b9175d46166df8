/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: plans. */
#ifndef TESTS_UNIT_PLAN_BED_H
#define TESTS_UNIT_PLAN_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/plan.h"

#define BED_OWN	    0x08000000
#define BED_CAPTURE 0x04000000

/* TCP and UDP of the interface lan0. */
static inline struct plan plan_bed(const char *name, enum steering steering)
{
	struct plan p = { .steering = steering,
			  .tcp = true,
			  .udp = true,
			  .port = 7893,
			  .own_mark = BED_OWN,
			  .capture_mark = BED_CAPTURE,
			  .table = 7893,
			  .priority = 4800 };

	snprintf(p.name, sizeof(p.name), "%s", name);
	p.interfaces = calloc(1, sizeof(*p.interfaces));
	assert_non_null(p.interfaces);
	strcpy(p.interfaces[0], "lan0");
	p.n_interfaces = 1;
	return p;
}

static inline void plan_bed_add(struct prefix_list *l, const char *text)
{
	struct prefix one;

	assert_int_equal(prefix_parse(text, strlen(text), &one), 0);
	assert_int_equal(prefix_list_add(l, &one), 0);
	prefix_list_normal(l);
}

static inline void plan_bed_port(struct plan *p, uint8_t protocol, uint16_t first, uint16_t last)
{
	p->bypass_ports =
		reallocarray(p->bypass_ports, p->n_bypass_ports + 1, sizeof(*p->bypass_ports));
	assert_non_null(p->bypass_ports);
	p->bypass_ports[p->n_bypass_ports++] = (struct port_range){ protocol, first, last };
}

static inline void plan_bed_source(struct plan *p, const char *from, struct port_range ports)
{
	struct bypass_source *s;

	p->bypass_sources = reallocarray(p->bypass_sources, p->n_bypass_sources + 1,
					 sizeof(*p->bypass_sources));
	assert_non_null(p->bypass_sources);
	s = &p->bypass_sources[p->n_bypass_sources++];
	s->ports = ports;
	assert_int_equal(prefix_parse(from, strlen(from), &s->from), 0);
}

#endif
