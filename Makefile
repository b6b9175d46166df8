# SPDX-License-Identifier: GPL-2.0-or-later
# anytlsd: `make help` lists the targets. One non-recursive make; each folder adds its module.mk.
B ?= build
CC ?= gcc
CLANG ?= clang
PREFIX ?= /usr/local
V ?= 0
Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2))

PKGS := openssl libcares jansson liburiparser libcap-ng
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wno-sign-conversion
ALL_CFLAGS = -std=gnu11 $(WARN) -Werror -D_GNU_SOURCE -Iuserspace -Itools -I$(B)/gen -fno-strict-aliasing \
	-fstack-protector-strong -D_FORTIFY_SOURCE=2 $(shell pkg-config --cflags $(PKGS)) $(CFLAGS) -MMD -MP -pthread
LIBS = $(shell pkg-config --libs $(PKGS)) -pthread

.DELETE_ON_ERROR:
.SECONDARY:
all: ## build the programs
.PHONY: all

include $(sort $(wildcard userspace/module.mk tools/module.mk tests/module.mk bpf/module.mk docs/module.mk))

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

clean: ## remove the build folder
	rm -rf $(B)
help: ## this list
	@awk -F':.*## ' '/^[a-z_-]+:.*## / { printf "%-18s %s\n", $$1, $$2 }' Makefile */module.mk
.PHONY: clean help

-include $(shell find $(B) -name '*.d' 2>/dev/null)
