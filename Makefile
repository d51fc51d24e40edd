# Plateau's one makefile. `make help` lists what it does.
#
# Our own flags live in variables of their own (PLATEAU_*), so that
# `make CFLAGS=-O0` changes optimisation and loses nothing. Flavours build side
# by side in build/<flavour>; the release program is build/plateau.

CC ?= cc
AR ?= ar
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
DESTDIR ?=
FLAVOUR ?= release

VERSION := 0.1.0
O := build/$(FLAVOUR)

WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wundef -Wvla -Wformat -Wformat-security -Werror
SAN_asan := -fsanitize=address,undefined -fno-omit-frame-pointer \
	-fno-sanitize-recover=all
SAN_tsan := -fsanitize=thread
SAN_cover := --coverage -O0
# libFuzzer's runtime is linked into the fuzz targets alone.
SAN_fuzz := -fsanitize=fuzzer-no-link,address,undefined -Wno-error
SAN := $(SAN_$(FLAVOUR))

# inih tells its version to pkg-config only.
INIH_VERSION := $(shell sed -n 's/^Version: *//p' \
	/usr/lib/*/pkgconfig/inih.pc /usr/lib/pkgconfig/inih.pc 2>/dev/null)

PLATEAU_CPPFLAGS := -I. -D_GNU_SOURCE -DPLATEAU_VERSION='"$(VERSION)"' \
	-DPLATEAU_INIH_VERSION='"$(or $(INIH_VERSION),unknown)"'
PLATEAU_CFLAGS := -std=c11 -fno-strict-aliasing -ffp-contract=off -pthread \
	$(WARN) $(SAN)
PLATEAU_LDFLAGS := -pthread $(SAN)
ALL_CFLAGS = $(PLATEAU_CPPFLAGS) $(CPPFLAGS) $(CFLAGS) $(PLATEAU_CFLAGS)

# Layers, from the top of the house to its foundation (ARCHITECTURE.md).
LAYERS := cli reports analyzers load target sampler import model base
DIR_cli := harness/cli
DIR_reports := reports
DIR_analyzers := analyzers
DIR_load := harness/load
DIR_target := harness/target
DIR_sampler := harness/sampler
DIR_import := harness/import
DIR_model := harness/model
DIR_base := harness/base

layer_src = $(wildcard $(DIR_$1)/*.c $(DIR_$1)/*/*.c)
layer_obj = $(patsubst %.c,$(O)/%.o,$(call layer_src,$1))
layer_lib = $(O)/lib$1.a

LIBS_FULL := -lcurl -lnghttp2 -lssl -lcrypto -luv -linih -ljansson -lm
LIBS_MODEL := -linih -ljansson -lm

all: build/plateau build/leaky ## the program and the patient (default)

# One rule per layer: its objects into its archive.
define layer_rule
$(call layer_lib,$1): $(call layer_obj,$1) $(O)/flags
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(AR) rcs $$@ $(call layer_obj,$1)
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$l)))

$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# Structs own their strings (char *); tests fill them with literals.
# Private: what they are made from, $(O)/flags too, is made as for all others.
$(O)/tests/unit/%.o: private PLATEAU_CFLAGS += -Wno-write-strings

# The agent's text is a part of the program (agent.c includes its bytes).
$(O)/harness/sampler/agent/agent.o: harness/sampler/agent/plateau_agent.py

# Changed flags rebuild everything.
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(LDFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(ALL_CFLAGS) $(LDFLAGS)' > $@

$(O)/plateau: $(O)/harness/main.o $(foreach l,$(LAYERS),$(call layer_lib,$l))
	$(CC) $(CFLAGS) $(PLATEAU_CFLAGS) $(LDFLAGS) $(PLATEAU_LDFLAGS) -o $@ $^ \
		$(LIBS_FULL)

build/plateau: build/release/plateau
	@cp -f $< $@.tmp && mv -f $@.tmp $@

# The patient: a small server that leaks on request (tests/server/README.md).
$(O)/leaky: $(patsubst %.c,$(O)/%.o,$(wildcard tests/server/*.c))
	$(CC) $(CFLAGS) $(PLATEAU_CFLAGS) $(LDFLAGS) $(PLATEAU_LDFLAGS) -o $@ $^

build/leaky: build/release/leaky
	@cp -f $< $@.tmp && mv -f $@.tmp $@

# Whatever the flavour, the release program and the patient are tests' tools.
ifneq ($(FLAVOUR),release)
build/release/plateau: FORCE
	+@$(SUBMAKE) -s FLAVOUR=release $@
build/release/leaky: build/release/plateau FORCE
	+@$(SUBMAKE) -s FLAVOUR=release $@
endif

# Unit tests: tests/unit/<layer>/test_<module>.c, one program each, linked with
# the layers at and below its own. Analyzer and report tests link neither libuv
# nor libcurl: the linker proves that those layers are pure.
BELOW_base := base
BELOW_model := model base
BELOW_target := target model base
BELOW_load := load model base
BELOW_sampler := sampler model base
BELOW_import := import model base
BELOW_analyzers := analyzers model base
BELOW_reports := reports analyzers model base
BELOW_cli := $(LAYERS)
LIBS_base := -lm
LIBS_model := $(LIBS_MODEL)
LIBS_analyzers := $(LIBS_MODEL)
LIBS_reports := $(LIBS_MODEL)
LIBS_target := $(LIBS_FULL)
LIBS_load := $(LIBS_FULL)
LIBS_sampler := $(LIBS_FULL)
LIBS_import := $(LIBS_FULL)
LIBS_cli := $(LIBS_FULL)

# One unit test judges generated series.
calibrate_obj = $(patsubst %,$(O)/tests/calibrate/%.o,$1)
$(O)/unit/analyzers/test_calibration: \
	$(call calibrate_obj,generate healthy undecided leaking unusual)
$(O)/unit/analyzers/test_block_rates: $(call calibrate_obj,sim)
$(O)/unit/analyzers/test_forecast: $(call calibrate_obj,sim)

UNIT_ALL :=
define unit_rule
UNIT_$1 := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/$1/test_*.c))
UNIT_ALL += $$(UNIT_$1)
$$(UNIT_$1): $(O)/unit/%: $(O)/tests/unit/%.o $(foreach b,$(BELOW_$1),$(call layer_lib,$b))
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(PLATEAU_CFLAGS) $$(LDFLAGS) $$(PLATEAU_LDFLAGS) -o $$@ \
		$$(filter %.o,$$^) $$(filter %.a,$$^) \
		-lcmocka $(LIBS_$1)
endef
$(foreach l,$(LAYERS),$(eval $(call unit_rule,$l)))

unit: $(UNIT_ALL)

# `make check-unit LAYER=analyzers` builds and runs one layer's unit tests.
check-unit: $(if $(LAYER),$(UNIT_$(LAYER)),$(UNIT_ALL))
	@set -e; for t in $^; do $$t; done

# Fuzz targets: tests/fuzz/fuzz_<what>.c with LLVMFuzzerTestOneInput. `check`
# replays each one's corpus with a plain main (tests/fuzz/replay.c); `fuzz`
# builds them with libFuzzer and lets each run for FUZZ_SECONDS.
FUZZ_NAMES := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 60
FUZZ_LIBS = $(foreach l,$(filter-out cli,$(LAYERS)),$(call layer_lib,$l))
REPLAYS := $(addprefix $(O)/replay/,$(FUZZ_NAMES))
$(REPLAYS): $(O)/replay/%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/replay.o $(FUZZ_LIBS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(PLATEAU_CFLAGS) $(LDFLAGS) $(PLATEAU_LDFLAGS) -o $@ $^ \
		$(LIBS_FULL)

FUZZERS := $(addprefix $(O)/fuzzer/,$(FUZZ_NAMES))
$(FUZZERS): $(O)/fuzzer/%: $(O)/tests/fuzz/%.o $(FUZZ_LIBS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(PLATEAU_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) \
		$(PLATEAU_LDFLAGS) -o $@ $^ $(LIBS_FULL)

fuzzers: $(FUZZERS)

# Everything one flavour's tests need.
tests: $(UNIT_ALL) $(REPLAYS) $(O)/plateau build/plateau build/leaky

PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
RUN_TESTS = $(PYTHON) tests/run.py --flavour $(FLAVOUR) $(if $(T),--only '$T')
JOBS ?= 2
SUBMAKE = $(MAKE) --no-print-directory

setup: ## install what building and testing need (Debian, as root)
	@tests/setup.sh build
	@tests/setup.sh check

demo: ## the bundled server leaks; Plateau says so, in under a minute
	@tests/setup.sh build
	@$(SUBMAKE) -s -j$(JOBS) all
	@build/plateau demo; s=$$?; \
	echo "exit status $$s (1 is right: the bundled server does leak)"; \
	test $$s -eq 1

check: ## every test; T=REGEX runs the tests whose names match
	@tests/setup.sh check
	@$(SUBMAKE) -s -j$(JOBS) tests
	@$(RUN_TESTS)

check-asan: ## the same under AddressSanitizer and UBSan
	@tests/setup.sh check
	@$(SUBMAKE) -s -j$(JOBS) FLAVOUR=asan tests
	@PLATEAU_TEST_SLOW=4 ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 \
		UBSAN_OPTIONS=print_stacktrace=1 \
		$(SUBMAKE) -s FLAVOUR=asan run-tests

check-tsan: ## the same under ThreadSanitizer
	@tests/setup.sh check
	@$(SUBMAKE) -s -j$(JOBS) FLAVOUR=tsan tests
	@PLATEAU_TEST_SLOW=4 TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 \
		setarch -R $(SUBMAKE) -s FLAVOUR=tsan run-tests

patients: ## real services with planted leaks: the matrix, into RESULTS.md
	@tests/setup.sh check
	@$(SUBMAKE) -s -j$(JOBS) all
	@build/venv/bin/pip install -q -r tests/patients/requirements.txt
	@$(PYTHON) tests/patients/run.py --write

check-patients: ## the same, without writing the table
	@tests/setup.sh check
	@$(SUBMAKE) -s -j$(JOBS) all
	@build/venv/bin/pip install -q -r tests/patients/requirements.txt
	@$(PYTHON) tests/patients/run.py

kinds: ## twenty kinds of request, some leak: which are named, into KINDS.md
	@tests/setup.sh build
	@$(SUBMAKE) -s -j$(JOBS) all
	@$(PYTHON) tests/patients/kinds.py --write

check-valgrind: ## the unit tests under valgrind
	@tests/setup.sh valgrind
	@$(SUBMAKE) -s -j$(JOBS) tests
	@PLATEAU_TEST_SLOW=20 $(RUN_TESTS) --kinds unit --wrap \
		'valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible --fair-sched=yes'

run-tests:
	@$(RUN_TESTS)

readme: build/plateau ## write the key reference into README.md
	@$(PYTHON) tests/lint/lint.py --write-keys

format: ## let clang-format decide (.clang-format)
	@clang-format -i $(shell git ls-files "*.c" "*.h")

lint: ## layers, style, headers, formatting, static analysis
	@tests/setup.sh lint
	@$(PYTHON) tests/lint/lint.py --all

cover: ## line coverage of the whole check, in build/cover/coverage.txt
	@tests/setup.sh cover
	@$(SUBMAKE) -s -j$(JOBS) FLAVOUR=cover tests
	@$(SUBMAKE) -s FLAVOUR=cover run-tests
	@gcovr -r . --object-directory build/cover -e tests/ \
		-o build/cover/coverage.txt
	@tail -n 3 build/cover/coverage.txt

fuzz: ## each parser under libFuzzer for FUZZ_SECONDS (60)
	@tests/setup.sh fuzz
	@$(SUBMAKE) -s -j$(JOBS) CC=clang FLAVOUR=fuzz fuzzers
	@set -e; for f in $(patsubst fuzz_%,%,$(FUZZ_NAMES)); do \
		echo "fuzz: $$f, $(FUZZ_SECONDS) s"; \
		mkdir -p build/fuzz/corpus/$$f tests/fuzz/corpus/$$f; \
		build/fuzz/fuzzer/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) \
			-print_final_stats=1 -verbosity=0 \
			-artifact_prefix=build/fuzz/ \
			build/fuzz/corpus/$$f tests/fuzz/corpus/$$f; done

# The load generator beside wrk, h2load, hey and ab (tests/bench).
$(O)/bench/load_bench: $(O)/tests/bench/load_bench.o \
		$(foreach b,$(BELOW_load),$(call layer_lib,$b))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(PLATEAU_CFLAGS) $(LDFLAGS) $(PLATEAU_LDFLAGS) -o $@ $^ \
		$(LIBS_load)

$(O)/bench/comb $(O)/bench/floor: $(O)/bench/%: $(O)/tests/bench/%.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(PLATEAU_CFLAGS) $(LDFLAGS) $(PLATEAU_LDFLAGS) -o $@ $^

$(O)/bench/count_alloc.so: tests/bench/count_alloc.c \
		tests/bench/count_alloc.h $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -shared $(LDFLAGS) -o $@ $<

bench: ## what things cost, beside wrk, h2load, hey, ab; B="rate h2": some
	@tests/setup.sh build
	@$(SUBMAKE) -s -j$(JOBS) all $(O)/bench/load_bench $(O)/bench/comb \
		$(O)/bench/floor $(O)/bench/count_alloc.so
	@$(PYTHON) tests/bench/bench.py --build $(O)/bench $(BENCH_ARGS) $(B)

# Programs that simulate, judge and count; each prints a section of
# tests/calibrate/RESULTS.md. Their sources beside <program>.c:
CALIBRATE := samples blocks forecast continued
CALIBRATE_samples := generate healthy undecided leaking unusual
CALIBRATE_blocks := sim rates
CALIBRATE_forecast := sim rates
CALIBRATE_continued := generate healthy undecided leaking unusual rates
CALIBRATE_SERIES ?= 16
CALIBRATE_SEED ?= 9001
define calibrate_rule
$(O)/calibrate/$1: $(call calibrate_obj,$1 $(CALIBRATE_$1)) \
		$(foreach b,$(BELOW_analyzers),$(call layer_lib,$b))
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(PLATEAU_CFLAGS) $$(LDFLAGS) $$(PLATEAU_LDFLAGS) -o $$@ $$^ \
		$(LIBS_analyzers)
endef
$(foreach c,$(CALIBRATE) corpus_judge,$(eval $(call calibrate_rule,$c)))

calibrate: ## error rates of the verdicts, by simulation, into RESULTS.md
	@tests/setup.sh build
	@$(SUBMAKE) -s -j$(JOBS) $(patsubst %,$(O)/calibrate/%,$(CALIBRATE) corpus_judge)
	@{ cat tests/calibrate/RESULTS.head; \
	set -e; for c in $(CALIBRATE); do echo; \
		$(O)/calibrate/$$c -n $(CALIBRATE_SERIES) -s $(CALIBRATE_SEED); \
	done; } > $(O)/calibrate/RESULTS.md
	@cp $(O)/calibrate/RESULTS.md tests/calibrate/RESULTS.md
	@sed -n '/^| rate/,/^$$/p' tests/calibrate/RESULTS.md

mutants: ## break the analyzers on purpose; each time a test must go red
	@tests/setup.sh check
	@$(PYTHON) tests/mutants/run.py -j $(JOBS) $(MUTANTS_ARGS) \
		$(if $(T),'$T')

same-bytes: ## the same verdicts from gcc and clang, -O0 and -O3 (FILES=...)
	@tests/setup.sh fuzz
	@$(PYTHON) tests/calibrate/same_bytes.py -j $(JOBS) $(FILES)

# PREFIX/libexec/plateau/leaky is where an installed `plateau demo` looks.
# Quoted: a folder's name may hold a space, and uninstall removes folders.
install: all ## into $(DESTDIR)$(PREFIX)
	install -d '$(DESTDIR)$(PREFIX)/bin' \
		'$(DESTDIR)$(PREFIX)/libexec/plateau' \
		'$(DESTDIR)$(PREFIX)/share/plateau/scenarios' \
		'$(DESTDIR)$(PREFIX)/share/doc/plateau'
	install -m 755 build/plateau '$(DESTDIR)$(PREFIX)/bin/plateau'
	install -m 755 build/leaky '$(DESTDIR)$(PREFIX)/libexec/plateau/leaky'
	install -m 644 scenarios/*.ini scenarios/*.csv scenarios/README.md \
		'$(DESTDIR)$(PREFIX)/share/plateau/scenarios/'
	install -m 644 README.md LICENSE CHANGELOG.md \
		'$(DESTDIR)$(PREFIX)/share/doc/plateau/'

uninstall: ## what install put there
	rm -f '$(DESTDIR)$(PREFIX)/bin/plateau'
	rm -rf '$(DESTDIR)$(PREFIX)/libexec/plateau' \
		'$(DESTDIR)$(PREFIX)/share/plateau' \
		'$(DESTDIR)$(PREFIX)/share/doc/plateau'

clean: ## remove build/
	rm -rf build

help: ## this list
	@echo "usage: make [TARGET] [CC=... CFLAGS=... PREFIX=... DESTDIR=...]"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 18

.PHONY: patients check-patients kinds calibrate mutants same-bytes all unit check-unit tests fuzzers setup demo check check-asan check-tsan \
	check-valgrind run-tests readme format lint cover fuzz bench install uninstall clean help FORCE
FORCE:
.SECONDARY:

-include $(shell find $(O) -name '*.d' 2>/dev/null)
