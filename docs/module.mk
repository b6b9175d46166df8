# SPDX-License-Identifier: GPL-2.0-or-later
# Man pages, from reStructuredText where rst2man is installed.
MANDIR ?= $(PREFIX)/share/man
RST2MAN ?= $(shell command -v rst2man 2>/dev/null)
MAN_SRC := $(wildcard docs/man/*.rst)
MAN := $(if $(RST2MAN),$(MAN_SRC:docs/man/%.rst=$(B)/man/%))

$(B)/man/%: docs/man/%.rst
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(RST2MAN) --halt=warning $< $@

man: $(MAN) ## build the man pages
	$(if $(RST2MAN),,@echo 'man: no rst2man (Debian: python3-docutils): no man pages' >&2)

install-man: man
	$(foreach m,$(MAN),install -D -m 644 $(m) $(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m)) &&) true

uninstall-man:
	rm -f $(foreach m,$(MAN_SRC:docs/man/%.rst=%),$(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/$(m))
.PHONY: man install-man uninstall-man
