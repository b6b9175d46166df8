# SPDX-License-Identifier: GPL-2.0-or-later
# anytlsd: `make help` lists the targets. One non-recursive make; each folder adds its module.mk.
B ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
PREFIX ?= /usr/local
V ?= 0
Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2))

PKGS := openssl libbpf libcares jansson liburiparser libcap-ng libnl-3.0 libnl-route-3.0 libnftables
MISSING := $(shell pkg-config --print-errors --short-errors --exists $(PKGS) 2>&1 || echo .)
ifneq ($(MISSING),)
ifeq ($(filter clean help format,$(MAKECMDGOALS)),)
$(error tools/dev/install build installs what is missing: $(MISSING))
endif
endif

# What only a developer's build refuses; packagers pass WERROR= to keep warnings what they are.
WERROR ?= -Werror
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wno-sign-conversion
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
ALL_CFLAGS = -std=gnu11 $(WARN) $(WERROR) -D_GNU_SOURCE -Iuserspace -Itools -I. -I$(B)/gen -fno-strict-aliasing \
	-fstack-protector-strong -D_FORTIFY_SOURCE=2 $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -pthread
LIBS = $(PKG_LIBS) -pthread

.DELETE_ON_ERROR:
.SECONDARY:
all: ## build the programs
.PHONY: all

# userspace/ comes first: the others name its archive.
include userspace/module.mk
include $(wildcard bpf/module.mk tools/module.mk tools/*/module.mk tests/module.mk docs/module.mk)

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

C_FILES = $(wildcard bpf/*.[ch] bpf/probe/*.[ch] userspace/*/*.[ch] tools/*/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] \
	tests/shaping/*.[ch] tests/interop/*.c)

format: ## lay the C files out by .clang-format
	clang-format -i $(C_FILES)

# The source named once a file, as language servers want it.
compile_commands.json: Makefile ## for language servers
	@printf '%s' '$(foreach f,$(filter %.c,$(C_FILES)),{"directory":"$(CURDIR)","file":"$(f)","command":"$(CC) $(ALL_CFLAGS) -c $(f)"})' \
		| sed 's/} *{/},\n{/g; s/^/[/; $$s/$$/]\n/' | sed '2,$$s/^\[//' >$@
	@printf '  %-7s %s\n' GEN $@

clean: ## remove the build folder
	rm -rf $(B)
help: ## this list
	@awk -F':.*## ' '/^[a-z_.-]+:.*## / { printf "%-22s %s\n", $$1, $$2 }' Makefile */module.mk
	@printf '\n%s\n' 'B=folder to build in, CC=, CFLAGS=, WERROR= (warnings only), V=1 (show commands), PREFIX=, DESTDIR='
.PHONY: format clean help

-include $(shell find $(B)/userspace $(B)/tools $(B)/tests -name '*.d' 2>/dev/null)
