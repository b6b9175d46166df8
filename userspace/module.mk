# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon: every layer in one archive, and the program.
LIB_SRC := $(filter-out userspace/app/main.c,$(wildcard userspace/*/*.c))
LIB := $(B)/libanytlsd.a

$(LIB): $(LIB_SRC:%.c=$(B)/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/anytlsd: $(B)/userspace/app/main.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

all: $(B)/anytlsd
