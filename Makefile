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
SAN := $(SAN_$(FLAVOUR))

PLATEAU_CPPFLAGS := -I. -D_GNU_SOURCE -DPLATEAU_VERSION='"$(VERSION)"'
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

all: build/plateau build/leaky

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

UNIT_ALL :=
define unit_rule
UNIT_$1 := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/$1/test_*.c))
UNIT_ALL += $$(UNIT_$1)
$$(UNIT_$1): $(O)/unit/%: $(O)/tests/unit/%.o $(foreach b,$(BELOW_$1),$(call layer_lib,$b))
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(PLATEAU_CFLAGS) $$(LDFLAGS) $$(PLATEAU_LDFLAGS) -o $$@ $$^ \
		-lcmocka $(LIBS_$1)
endef
$(foreach l,$(LAYERS),$(eval $(call unit_rule,$l)))

unit: $(UNIT_ALL)

# `make check-unit LAYER=analyzers` builds and runs one layer's unit tests.
check-unit: $(if $(LAYER),$(UNIT_$(LAYER)),$(UNIT_ALL))
	@set -e; for t in $^; do $$t; done

clean:
	rm -rf build

.PHONY: all unit check-unit clean FORCE
FORCE:
.SECONDARY:

-include $(shell find $(O) -name '*.d' 2>/dev/null)
