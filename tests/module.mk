# SPDX-License-Identifier: GPL-2.0-or-later
# Tests: every tests/unit/test_*.c is a cmocka program, every tests/fuzz/fuzz_*.c a corpus replay and a libFuzzer.
# Each check prints 'N passed, N failed, N skipped' as its last line; tools/dev/test adds them up.
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_SHARED := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
UNIT := $(UNIT_SRC:%.c=$(B)/%)
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SHARED := $(filter-out tests/fuzz/fuzz_%.c tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))
REPLAY := $(FUZZ_NAMES:%=$(B)/fuzz/replay_%)
FUZZ_SECONDS ?= 60

$(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o $(UNIT_SHARED:%.c=$(B)/%.o) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs cmocka)

# Has HMACs fail.
$(B)/tests/unit/test_wire_record_fails: LDFLAGS += -Wl,--wrap=EVP_MAC_final
# Has acknowledgements come between two system calls.
$(B)/tests/unit/test_wire_kernel_held: LDFLAGS += -Wl,--wrap=getsockopt
# Has flows end as the test wants.
$(B)/tests/unit/test_transparent: LDFLAGS += -Wl,--wrap=flow_connect,--wrap=flow_cancel,--wrap=flow_wants_domain
# Has keys refused.
$(B)/tests/unit/test_wire_kernel_refused: LDFLAGS += -Wl,--wrap=setsockopt
# Has memory run out.
$(B)/tests/unit/test_stream_in: LDFLAGS += -Wl,--wrap=buf_append
# Has each step of a set-up fail.
$(B)/tests/unit/test_setup_crash: LDFLAGS += -Wl,--wrap=rtnl_apply -Wl,--wrap=nft_run -Wl,--wrap=journal_write

$(B)/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(FUZZ_SHARED:%.c=$(B)/%.o) $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(FUZZ_SHARED:%.c=$(B)/%.o) $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)

# The relay of the shaping tests.
TAP := $(B)/tests/shaping/tap
$(TAP): $(TAP).o $(B)/tools/bench/sock.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

# Our end of the records suite; it chooses the suites, which Go leaves to its peer.
RECORD_PEER := $(B)/tests/interop/record_peer
$(RECORD_PEER): $(B)/tests/interop/record_peer.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--wrap=tls_client_ssl,--wrap=tls_server_ssl -o $@ $^ $(LIBS)

tests: $(UNIT) $(REPLAY) $(TAP) $(RECORD_PEER) ## build the unit tests and the corpus replays

RUN_LINT = CC='$(CC)' CFLAGS='$(PKG_CFLAGS)' tests/lint/run
check-lint lint: ## layers, headers, sizes, leftovers, scripts, man pages
	@$(RUN_LINT)
check-unit: $(UNIT) ## run the unit tests
	@tools/dev/run-unit $(UNIT)
check-corpus: $(REPLAY) ## replay the fuzz corpora
	@tools/dev/run-corpus $(REPLAY)

RUN_UNIT = unit 'tools/dev/run-unit $(UNIT)'
RUN_CORPUS = corpus 'tools/dev/run-corpus $(REPLAY)'
STAGES = LOGS=$(B)/log tools/dev/stages
check: $(UNIT) $(REPLAY) ## lint, unit tests and corpora: what a commit needs
	@$(STAGES) lint "$(RUN_LINT)" $(RUN_UNIT) $(RUN_CORPUS)
check-run: $(UNIT) $(REPLAY)
	@$(STAGES) $(RUN_UNIT) $(RUN_CORPUS)

# The same sources in other dress, each in a folder of its own.
HARD := -O1 -g -fno-omit-frame-pointer -U_FORTIFY_SOURCE
ASAN := B=$(B)/asan CFLAGS='$(HARD) -fsanitize=address,undefined -fno-sanitize-recover=all'
TSAN := B=$(B)/tsan CFLAGS='$(HARD) -fsanitize=thread'
FUZZ := B=$(B)/libfuzzer CC=$(CLANG) CFLAGS='$(HARD) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'
COVER := B=$(B)/coverage CFLAGS='-O0 -g --coverage -fprofile-update=atomic -U_FORTIFY_SOURCE'
SUB = +@$(MAKE) --no-print-directory

asan: ## build daemon and tests with ASan and UBSan, in B/asan
	$(SUB) $(ASAN) all tests
tsan: ## build daemon and tests with TSan, in B/tsan
	$(SUB) $(TSAN) all tests
check-asan: ## unit tests and corpora under ASan and UBSan
	$(SUB) $(ASAN) all
	$(SUB) $(ASAN) check-run
check-tsan: ## unit tests and corpora under TSan
	$(SUB) $(TSAN) all
	$(SUB) $(TSAN) check-run
check-gcc: ## build everything with gcc, warnings as errors
	$(SUB) CC=gcc WERROR=-Werror all tests bench-tools
	@echo '1 passed, 0 failed, 0 skipped'
check-clang: ## build everything with clang, warnings as errors
	$(SUB) B=$(B)/clang CC=$(CLANG) WERROR=-Werror all tests bench-tools
	@echo '1 passed, 0 failed, 0 skipped'

# The daemon from outside: the suites take it from ANYTLSD. Sanitizer builds are slow: they move less in the loss test.
DAEMON = ANYTLSD=$(abspath $(1))/anytlsd
SANITIZED = $(DAEMON) tools/dev/run-sanitized $(1)/reports

check-scenarios: $(B)/anytlsd $(B)/anytlsctl ## both roles over loopback: scripted peers, faults, limits
	@$(call DAEMON,$(B)) tests/scenarios/run
check-scenarios-asan: asan ## the same, daemon under ASan and UBSan
	@$(call SANITIZED,$(B)/asan) tests/scenarios/run
check-scenarios-tsan: tsan ## the same, daemon under TSan
	@$(call SANITIZED,$(B)/tsan) tests/scenarios/run
check-netns: $(B)/anytlsd $(B)/anytlsctl ## a gateway between network namespaces, every way of steering; needs root
	@$(call DAEMON,$(B)) tests/netns/run
check-netns-asan: asan ## the same, daemon under ASan and UBSan
	@$(call SANITIZED,$(B)/asan) tests/netns/run
check-netns-tsan: tsan ## the same, daemon under TSan
	@$(call SANITIZED,$(B)/tsan) tests/netns/run
check-shaping: $(B)/anytlsd $(TAP) ## record sizes of 15,000 sessions against their padding schemes
	@$(call DAEMON,$(B)) SHAPING_TAP=$(abspath $(TAP)) tests/shaping/run
check-interop: $(B)/anytlsd ## against sing-box and sing-anytls
	@$(call DAEMON,$(B)) tests/interop/run
check-interop-asan: asan ## the same, daemon under ASan and UBSan
	@$(call SANITIZED,$(B)/asan) tests/interop/run
check-interop-tsan: tsan ## the same, daemon under TSan
	@$(call SANITIZED,$(B)/tsan) tests/interop/run
check-records: $(RECORD_PEER) ## our records against crypto/tls, both roles
	@RECORD_PEER=$(abspath $(RECORD_PEER)) tests/interop/run-records
check-records-asan: asan ## the same, our end under ASan and UBSan
	@RECORD_PEER=$(abspath $(B)/asan/tests/interop/record_peer) tools/dev/run-sanitized $(B)/asan/reports tests/interop/run-records
check-records-tsan: tsan ## the same, our end under TSan
	@RECORD_PEER=$(abspath $(B)/tsan/tests/interop/record_peer) tools/dev/run-sanitized $(B)/tsan/reports tests/interop/run-records
check-face: $(B)/anytlsd ## beside nginx: JARM, probes, how and when connections end; the ClientHello beside OpenSSL's
	@$(call DAEMON,$(B)) tests/face/run
check-loss: $(B)/anytlsd ## 1 GiB each way over 64 streams, with pauses and resets
	@$(call DAEMON,$(B)) tests/interop/loss
check-loss-asan: asan ## 128 MiB of it, daemon under ASan and UBSan
	@$(call SANITIZED,$(B)/asan) tests/interop/loss -mib 128
check-loss-tsan: tsan ## 64 MiB of it, daemon under TSan
	@$(call SANITIZED,$(B)/tsan) tests/interop/loss -mib 64

check-vm: $(B)/anytlsd $(B)/anytlsctl $(UNIT) ## kernel TLS and every engine, on stock kernels in virtual machines
	@tests/vm/check $(B)
check-vm-all: $(B)/anytlsd $(B)/anytlsctl $(UNIT) ## all of it on all three kernels, 32 MiB a case; an hour
	@tests/vm/check -a $(B)

$(FUZZ_NAMES:%=fuzz-%): fuzz-%: ## fuzz-NAME: libFuzzer on one parser for FUZZ_SECONDS=60
	$(SUB) $(FUZZ) $(B)/libfuzzer/fuzz/fuzz_$*
	@mkdir -p $(B)/libfuzzer/corpus/$* tests/fuzz/corpus/$*
	$(B)/libfuzzer/fuzz/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix=$(B)/libfuzzer/ $(B)/libfuzzer/corpus/$* tests/fuzz/corpus/$*

coverage: ## lines run by unit tests and corpora, a line a file
	$(SUB) $(COVER) tests
	@find $(B)/coverage -name '*.gcda' -delete
	$(SUB) $(COVER) check-run
	@tools/dev/coverage $(B)/coverage

.PHONY: tests lint check check-lint check-unit check-corpus check-run asan tsan check-asan check-tsan check-gcc check-clang \
	check-shaping check-face check-vm check-vm-all $(foreach s,scenarios netns interop records loss,check-$(s) check-$(s)-asan check-$(s)-tsan) coverage $(FUZZ_NAMES:%=fuzz-%)
