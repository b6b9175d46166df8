# SPDX-License-Identifier: GPL-2.0-or-later
# Programs around the daemon: the benchmark.
BENCH_SRC := $(filter-out %/refuse_no_pad.c,$(wildcard tools/bench/*.c))
BENCH_OBJ := $(BENCH_SRC:%.c=$(B)/%.o)
BENCH_BIN := $(B)/bench/floor $(B)/bench/load $(B)/bench/shake $(B)/bench/shake_own $(B)/bench/peer $(B)/bench/packets \
	$(B)/bench/refuse_no_pad.so
ROUNDS ?= 9
KERNELS ?= bookworm

$(B)/bench/floor: $(filter %/floor.o %/sock.o,$(BENCH_OBJ))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcrypto

$(B)/bench/shake: $(filter %/shake.o %/sock.o,$(BENCH_OBJ))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lssl -lcrypto

# The daemon's handshake, without the rest of it.
$(B)/bench/shake_own: $(filter %/shake_own.o %/sock.o,$(BENCH_OBJ)) $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Both neighbours of a daemon, of its own wires.
PEER_OBJ := $(filter %/sock.o $(B)/tools/bench/peer%,$(BENCH_OBJ))
$(B)/bench/peer: $(PEER_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Datagrams.
PACKETS_OBJ := $(filter %/sock.o %/place.o $(B)/tools/bench/packets%,$(BENCH_OBJ))
$(B)/bench/packets: $(PACKETS_OBJ)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(B)/bench/%.so: tools/bench/%.c
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -fPIC -o $@ $<

$(B)/bench/load: $(filter-out %/floor.o %/shake.o %/shake_own.o $(B)/tools/bench/peer% $(B)/tools/bench/packets%,$(BENCH_OBJ))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

bench-tools: $(BENCH_BIN) ## build the programs of the benchmark
bench: $(B)/anytlsd $(B)/anytlsctl $(BENCH_BIN) ## compare with the floor and sing-box (ROUNDS=9)
	tools/bench/bench --build $(B) --rounds $(ROUNDS)
bench-memory: $(B)/anytlsd $(BENCH_BIN) ## memory after a peak and after many waves, added to the figures of `make bench`
	tools/bench/bench --build $(B) --only peak,waves --contenders anytlsd --keep
bench-instructions: $(B)/anytlsd $(BENCH_BIN) ## the same as instruction counts, in a virtual machine
	tools/dev/install vm
	tools/bench/instructions --build $(B)
bench-vm: $(B)/anytlsd $(B)/anytlsctl $(BENCH_BIN) ## compare the engines by instruction counts, on kernels with kernel TLS (KERNELS=bookworm)
	tools/dev/install vm
	tools/bench/vm --build $(B) --kernels $(KERNELS)
bench-gateway: $(B)/anytlsd $(BENCH_BIN) ## gateways in network namespaces: beside sing-box and plain forwarding (ROUNDS=9)
	tools/bench/gateway --build $(B) --rounds $(ROUNDS)
bench-gateway-instructions: $(B)/anytlsd $(BENCH_BIN) ## the same as instruction counts, in a virtual machine
	tools/dev/install vm
	tools/bench/gateway_instructions --build $(B)
bench-profile: $(B)/anytlsd $(BENCH_BIN) ## perf by function, both roles, both directions
	tools/dev/install bench
	tools/bench/profile all --build $(B) | tee $(B)/bench/profile.md
bench-docs: ## put the last figures of these into docs/
	tools/bench/bench --build $(B) --docs docs
.PHONY: bench bench-tools bench-memory bench-instructions bench-vm bench-gateway bench-gateway-instructions bench-profile bench-docs
