# SPDX-License-Identifier: GPL-2.0-or-later
# anytlsctl, which looks into a running daemon; only what it needs of the daemon's archive is linked.
CTL_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tools/anytlsctl/*.c))
SBINDIR ?= $(PREFIX)/sbin

$(B)/anytlsctl: $(CTL_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(CTL_OBJ) $(LIB) -Wl,--as-needed $(LIBS)

all: $(B)/anytlsctl

install: install-ctl
install-ctl: $(B)/anytlsctl
	install -D -m 755 $(B)/anytlsctl $(DESTDIR)$(SBINDIR)/anytlsctl
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@SBINDIR@|$(SBINDIR)|' tools/systemd/anytlsd-rules.service >$(DESTDIR)$(UNITDIR)/anytlsd-rules.service

uninstall: uninstall-ctl
uninstall-ctl:
	rm -f $(DESTDIR)$(SBINDIR)/anytlsctl $(DESTDIR)$(UNITDIR)/anytlsd-rules.service
.PHONY: install-ctl uninstall-ctl
