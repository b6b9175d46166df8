# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon: every layer in one archive, and the program; where they are installed.
LIB_SRC := $(filter-out userspace/app/main.c,$(wildcard userspace/*/*.c))
LIB := $(B)/libanytlsd.a
BINDIR ?= $(PREFIX)/bin
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d

$(LIB): $(LIB_SRC:%.c=$(B)/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/anytlsd: $(B)/userspace/app/main.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

all: $(B)/anytlsd

install: $(B)/anytlsd install-man ## install program, unit file and man pages (PREFIX, DESTDIR)
	install -D -m 755 $(B)/anytlsd $(DESTDIR)$(BINDIR)/anytlsd
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@BINDIR@|$(BINDIR)|' tools/systemd/anytlsd.service >$(DESTDIR)$(UNITDIR)/anytlsd.service
	install -D -m 644 tools/systemd/anytlsd.sysusers $(DESTDIR)$(SYSUSERSDIR)/anytlsd.conf

uninstall: uninstall-man ## remove what install put there
	rm -f $(DESTDIR)$(BINDIR)/anytlsd $(DESTDIR)$(UNITDIR)/anytlsd.service $(DESTDIR)$(SYSUSERSDIR)/anytlsd.conf
.PHONY: install uninstall
