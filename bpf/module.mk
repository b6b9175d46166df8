# SPDX-License-Identifier: GPL-2.0-or-later
# Programs for the kernel: bpf/*.bpf.c and bpf/probe/*.bpf.c become objects with BTF and headers that carry them:
# bpf/x.bpf.c is loaded through "bpf/x.skel.h", bpf/probe/y.bpf.c through "bpf/y.skel.h".
BPF_CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
BPF_SRC := $(wildcard bpf/*.bpf.c bpf/probe/*.bpf.c)
BPF_OBJ := $(BPF_SRC:%.c=$(B)/%.o)
BPF_SKEL := $(patsubst %.bpf.c,$(B)/gen/bpf/%.skel.h,$(notdir $(BPF_SRC)))
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror -I. -idirafter /usr/include/$(shell gcc -print-multiarch)
vpath %.bpf.o $(B)/bpf $(B)/bpf/probe

$(BPF_OBJ): $(B)/%.o: %.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

# bpftool's code is not held to our warnings.
$(B)/gen/bpf/%.skel.h: %.bpf.o
	$(call say,SKEL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)(echo '#pragma GCC system_header'; $(BPFTOOL) gen skeleton $< name $*) >$@

# No object of ours is compiled before they are there; -MMD knows who needs which.
$(LIB_SRC:%.c=$(B)/%.o): | $(BPF_SKEL)
-include $(BPF_OBJ:.o=.d)
