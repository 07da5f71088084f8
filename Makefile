# Licet: one server binary, its tests and its papers.  `make help` lists the
# targets.  Everything that is made lands in build/, build-san/ (address and
# undefined behaviour sanitizers) and build-fuzz/ (clang, libFuzzer); say
# BUILD=/tmp/mine to work beside somebody else in the same tree.

export BUILD ?= build
SAN	= $(BUILD)-san
FUZZ	= $(BUILD)-fuzz
GEN	= $(BUILD)/gen
PREFIX	?= /usr/local
KORE	?= /usr/share/kore

CC	= gcc
CLANG	?= clang
WARN	= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	  -Wpointer-arith -Wwrite-strings -Wconversion -Wno-sign-conversion \
	  -Werror
CPPFLAGS = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I$(GEN) -Isrc \
	  -isystem $(KORE)/include -isystem /usr/include/postgresql
CFLAGS	= -std=gnu11 -g -fstack-protector-strong $(WARN)
PLAIN	= -O2 -D_FORTIFY_SOURCE=2
# What gcc guesses to be uninitialized under sanitizers is often wrong; the
# plain build keeps that warning.
SANITIZERS = -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	  -fno-omit-frame-pointer -Wno-maybe-uninitialized
FUZZERS	= -O1 -g -std=gnu11 -fsanitize=fuzzer-no-link,address,undefined \
	  -fno-sanitize-recover=all -fno-omit-frame-pointer
# Test files define functions that only a test runner or libFuzzer calls.
TESTS	= -Wno-missing-prototypes -Wno-unused-parameter
LIBS	= -lpq -ljansson -lsodium -lbsd -lcurl -lfido2 -lssl -lcrypto -lsqlite3 \
	  -lqrencode
UNITLIBS = -ljansson -lsodium -lbsd -lpq -lqrencode -lfido2 -lcrypto

SRC	:= $(sort $(wildcard src/*/*.c) $(wildcard src/main.c))
SQL	:= $(sort $(wildcard sql/*.sql))
MIGRATIONS := $(sort $(wildcard migrations/[0-9]*.sql))
TEMPLATES := $(sort $(wildcard assets/templates/*.html))
LETTERS	:= $(sort $(wildcard assets/mail/*.html assets/mail/*.txt))
ASSETS	:= $(sort $(wildcard assets/css/* assets/js/* assets/img/*))
PARTS	:= $(wildcard assets/css/*/*)
GENERATED = sql migrations templates letters assets

# What does no I/O of its own: unit tests and fuzzers link this alone.  libpq
# comes with src/db/rows.c, which only reads results.
PURE	:= $(sort $(wildcard src/base/*.c src/crypto/*.c src/domain/*.c \
	  src/pay/*.c src/mail/*.c src/serve/header.c src/serve/normalise.c \
	  src/serve/refusal.c src/net/address.c src/db/array.c \
	  src/db/rows.c src/db/sqlstate.c src/flow/body.c src/flow/fail.c \
	  src/flow/template.c src/pages/input.c src/pages/qr.c \
	  src/pages/value.c))
UNITS	:= $(patsubst tests/unit/test_%.c,%,$(sort \
	  $(wildcard tests/unit/test_*.c)))
FUZZED	:= $(patsubst tests/fuzz/fuzz_%.c,%,$(sort \
	  $(wildcard tests/fuzz/fuzz_*.c)))

OBJ	= $(SRC:src/%.c=obj/%.o) $(GENERATED:%=obj/gen/%.o)
GENH	= $(GENERATED:%=$(GEN)/%.h)
FUZZ_RUNS ?= 200000

# `make SANITIZE=address,undefined` builds the sanitized binary alone.
OUT	= $(if $(SANITIZE),$(SAN),$(BUILD))
Q	= $(if $(V),,@)

all: $(OUT)/licet $(OUT)/licetctl ## build the server (SANITIZE=address,undefined: into build-san/)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | \
	    awk -F'|' '{ printf("%-16s %s\n", $$1, $$2) }'

# --- the server, plain and sanitized ---

$(BUILD)/licet: $(OBJ:%=$(BUILD)/%) $(BUILD)/obj/kore_conf.o $(BUILD)/kore/features
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(PLAIN) -rdynamic -o $@.tmp $(filter %.o,$^) \
	    $(BUILD)/kore/*.o $$(cat $(BUILD)/kore/ldflags) $(LIBS)
	$(Q)mv $@.tmp $@

$(SAN)/licet: $(OBJ:%=$(SAN)/%) $(SAN)/obj/kore_conf.o $(SAN)/kore/features
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(SANITIZERS) -rdynamic -o $@.tmp $(filter %.o,$^) \
	    $(SAN)/kore/*.o $$(cat $(SAN)/kore/ldflags) $(LIBS)
	$(Q)mv $@.tmp $@

%/licetctl: %/licet
	$(Q)ln -sf licet $@

# Kore's own Makefile builds its objects from the Debian package and writes
# nowhere but OBJDIR.  It must not see this Makefile's variables.
KOREMAKE = env -u MAKEFLAGS -u MAKEOVERRIDES -u MFLAGS -u CFLAGS -u PREFIX \
	  $(MAKE) -s -j2 -C $(KORE) objects KORE_SINGLE_BINARY=1 CURL=1 CC=$(CC)

$(BUILD)/kore/features: $(KORE)/Makefile
	@echo "  KORE  $(@D)"
	$(Q)mkdir -p $(@D)
	$(Q)$(KOREMAKE) OBJDIR=$(abspath $(@D))

$(SAN)/kore/features: $(KORE)/Makefile
	@echo "  KORE  $(@D)"
	$(Q)mkdir -p $(@D)
	$(Q)$(KOREMAKE) OBJDIR=$(abspath $(@D)) SANITIZE=address,undefined

$(KORE)/Makefile:
	@echo "Kore's sources are missing: run 'make deps' first." >&2; exit 1

# An empty built-in configuration: src/main.c configures from the environment.
$(GEN)/kore_conf.c: | $(GEN)
	$(Q)printf '%s\n' '#include <stdint.h>' \
	    'uint8_t asset_builtin_kore_conf[1];' \
	    'uint32_t asset_len_builtin_kore_conf;' > $@

$(BUILD)/obj/%.o: src/%.c $(BUILD)/flags | $(GENH) $(BUILD)/kore/features
	@echo "  CC    $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(PLAIN) $(CPPFLAGS) $$(cat $(BUILD)/kore/features) \
	    -MMD -MP -c -o $@ $<

$(SAN)/obj/%.o: src/%.c $(BUILD)/flags | $(GENH) $(BUILD)/kore/features
	@echo "  CC    $< (sanitized)"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZERS) $(CPPFLAGS) \
	    $$(cat $(BUILD)/kore/features) -MMD -MP -c -o $@ $<

$(BUILD)/obj/gen/%.o: $(GEN)/%.c $(BUILD)/flags | $(GENH)
	@echo "  CC    $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(PLAIN) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(SAN)/obj/gen/%.o: $(GEN)/%.c $(BUILD)/flags | $(GENH)
	@echo "  CC    $< (sanitized)"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZERS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

%/obj/kore_conf.o: $(GEN)/kore_conf.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -c -o $@ $<

# --- generated sources ---

$(GEN):
	$(Q)mkdir -p $@

$(GEN)/sql.c: tools/embed-sql.awk $(SQL) $(BUILD)/inputs | $(GEN)
	@echo "  GEN   $@"
	$(Q)awk -v out=$(GEN)/sql -f tools/embed-sql.awk $(SQL) </dev/null

$(GEN)/migrations.c: tools/embed-migrations $(MIGRATIONS) $(BUILD)/inputs | $(GEN)
	@echo "  GEN   $@"
	$(Q)tools/embed-migrations $(GEN)/migrations $(MIGRATIONS)

$(GEN)/templates.c: $(BUILD)/tmplc $(TEMPLATES) $(GEN)/assets.c $(BUILD)/inputs | $(GEN)
	@echo "  GEN   $@"
	$(Q)$(BUILD)/tmplc -a $(GEN)/assets.map $(GEN)/templates $(TEMPLATES)

$(GEN)/letters.c: $(BUILD)/tmplc $(LETTERS) $(BUILD)/inputs | $(GEN)
	@echo "  GEN   $@"
	$(Q)$(BUILD)/tmplc -p letter $(GEN)/letters $(LETTERS)

$(GEN)/assets.c: tools/embed-assets $(ASSETS) $(PARTS) $(BUILD)/inputs | $(GEN)
	@echo "  GEN   $@"
	$(Q)tools/embed-assets $(GEN)/assets $(ASSETS)

$(GENH): %.h: %.c ;

$(BUILD)/tmplc: tools/tmplc.c $(BUILD)/flags
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS) $(PLAIN) -D_GNU_SOURCE -o $@ $< -lbsd

# These two change only when their text does: a new flag rebuilds every
# object, a file added or removed rebuilds what is generated from it.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(PLAIN) $(SANITIZERS) $(CPPFLAGS)' > $@.$$$$; \
	    cmp -s $@ $@.$$$$ && rm $@.$$$$ || mv $@.$$$$ $@

$(BUILD)/inputs: FORCE
	@mkdir -p $(@D)
	@echo '$(SQL) $(MIGRATIONS) $(TEMPLATES) $(LETTERS) $(ASSETS) $(PARTS)' > $@.$$$$; \
	    cmp -s $@ $@.$$$$ && rm $@.$$$$ || mv $@.$$$$ $@

# --- unit tests and fuzzers: only the pure parts, always sanitized ---

$(SAN)/pure.a: $(PURE:src/%.c=$(SAN)/obj/%.o)
	$(Q)rm -f $@ && ar rcs $@ $^

$(SAN)/unit/test_%: tests/unit/test_%.c $(SAN)/pure.a $(BUILD)/flags | $(GENH)
	@echo "  CC    $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZERS) $(TESTS) $(CPPFLAGS) -MMD -MP \
	    -o $@ $< $(EXTRA_$*) $(SAN)/pure.a -lcmocka $(UNITLIBS)

units: $(UNITS:%=$(SAN)/unit/test_%)

unit: units ## unit tests alone (one of them: make unit-NAME)
	$(Q)for t in $(UNITS); do $(SAN)/unit/test_$$t || exit 1; done

unit-%: $(SAN)/unit/test_%
	$<

# The template test renders compiled templates of its own.
EXTRA_template = $(GEN)/test_templates.c
$(SAN)/unit/test_template: $(GEN)/test_templates.c
$(GEN)/test_templates.c: $(BUILD)/tmplc $(wildcard tests/unit/templates/*) | $(GEN)
	$(Q)$(BUILD)/tmplc $(GEN)/test_templates $(filter tests/%,$^)

# Providers name the sandbox's statements.
EXTRA_btcpay = $(GEN)/sql.c
EXTRA_provider = $(GEN)/sql.c

$(FUZZ)/obj/%.o: src/%.c $(BUILD)/flags | $(GENH)
	@echo "  CLANG $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZERS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(FUZZ)/pure.a: $(PURE:src/%.c=$(FUZZ)/obj/%.o)
	$(Q)rm -f $@ && ar rcs $@ $^

$(FUZZ)/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ)/pure.a
	@echo "  CLANG $<"
	$(Q)$(CLANG) $(FUZZERS) -fsanitize=fuzzer $(CPPFLAGS) -MMD -MP -o $@ $< \
	    $(FUZZ)/pure.a $(UNITLIBS)

fuzzers: $(FUZZED:%=$(FUZZ)/fuzz_%)

# New inputs are kept under build-fuzz/; one worth keeping is copied by hand.
fuzz: fuzzers ## run every fuzzer FUZZ_RUNS times (default 200000)
	$(Q)tools/run-fuzz $(FUZZ) $(FUZZ_RUNS) $(FUZZED)

# --- what the benchmark needs beside the server ---

LOAD	= bare seed statement stub

$(BUILD)/load/%: tests/load/%.c $(BUILD)/licet
	@echo "  CC    $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(PLAIN) $(CPPFLAGS) $$(cat $(BUILD)/kore/features) \
	    -rdynamic -o $@ $< $(LOAD_$*) $(LIBS)

LOAD_bare = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/base/*.c \
	  src/net/*.c src/serve/*.c)) $(BUILD)/obj/kore_conf.o \
	  $(BUILD)/kore/*.o $$(cat $(BUILD)/kore/ldflags)
LOAD_stub = $(LOAD_bare)
LOAD_seed = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/base/*.c \
	  src/crypto/*.c))
LOAD_statement = $(BUILD)/obj/gen/sql.o

# --- what a developer runs ---

run: deps ## server and private PostgreSQL under .dev/, with sandbox payments
	@$(MAKE) --no-print-directory all
	@tools/dev-run

test: ## everything: lint, units, API, replicas, faults, a short fuzz; ends with a count
	@tools/run-tests

lint: $(BUILD)/licet $(BUILD)/licetctl $(BUILD)/tmplc ## layers, lengths, banned calls, format, stale pages, cppcheck
	@tests/lint/run

bench: all $(LOAD:%=$(BUILD)/load/%) ## the hot path and renewals, each against what bounds it; webhooks, import, pages, open checkouts
	@tests/load/bench.sh
	@LICET_BIN=$(BUILD)/licet tests/load/webhooks.py
	@LICET_BIN=$(BUILD)/licet tests/load/import.py
	@LICET_BIN=$(BUILD)/licet tests/load/pages.py
	@LICET_BIN=$(BUILD)/licet tests/load/streams.py

screenshots: all ## every page of the dashboard, light and dark, desk and phone, into build/screenshots/
	@tools/install-deps test
	@LICET_BIN=$(BUILD)/licet tools/screenshots $(BUILD)/screenshots

docs: $(BUILD)/licetctl ## regenerate the pages that come from the code's tables
	$(Q)tools/generate-docs docs conf

format: ## put the C files into the house's form
	tools/format $(SRC) $(wildcard src/*/*.h tools/*.c tests/unit/*.c \
	    tests/fuzz/*.c)

deps: ## install the Debian packages that building and running need
	@tools/install-deps build

deps-test: ## install the Debian packages that the tests need
	@tools/install-deps test

install: all ## install under PREFIX (/usr/local), DESTDIR respected
	install -D -m 755 $(BUILD)/licet $(DESTDIR)$(PREFIX)/bin/licet
	ln -sf licet $(DESTDIR)$(PREFIX)/bin/licetctl
	install -D -m 644 conf/licet.env.example \
	    $(DESTDIR)$(PREFIX)/share/licet/licet.env.example
	install -D -m 644 conf/haproxy.cfg \
	    $(DESTDIR)$(PREFIX)/share/licet/haproxy.cfg
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/bin/|$(PREFIX)/bin/|' conf/systemd/licet.service \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/licet.service

clean: ## remove what was built (.dev/ stays)
	rm -rf $(BUILD) $(SAN) $(FUZZ)

FORCE:

.PHONY: all help units unit fuzzers fuzz run test lint bench screenshots docs \
	format deps deps-test install clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:

-include $(OBJ:%.o=$(BUILD)/%.d) $(OBJ:%.o=$(SAN)/%.d)
-include $(PURE:src/%.c=$(FUZZ)/obj/%.d)
-include $(UNITS:%=$(SAN)/unit/test_%.d) $(FUZZED:%=$(FUZZ)/fuzz_%.d)
