# Needs Go, git, make and bash; the race detector also needs a C compiler, and the tests of pages need Chromium.

# Packages that start goroutines; a test holds this list against the sources. Everything else is one goroutine by design, which
# another test guards, and has nothing to race.
RACE_PACKAGES ?= ./spec/check ./harness/boundary ./harness/campaign ./harness/campaign/coverage ./harness/campaign/fleet ./harness/campaign/fuzz ./harness/campaign/watch ./harness/exhaustive ./harness/failure/shrink ./harness/failure/where ./harness/grade ./harness/grade/class ./harness/grade/labs ./harness/grade/sandbox ./harness/grade/students ./harness/killtable ./harness/mutation/... ./linearizability
# What the failpoint build runs: the tests of the nodes that have points, then the kill table with its unbroken runs, whose files
# carry the tag, since without the points they can tell nothing. Elsewhere the overlay changes no line.
FAULT_PACKAGES ?= ./impl/control ./impl/objects ./impl/reader ./impl/segment ./impl/writer
KILL_PACKAGES ?= ./harness/campaign/guide ./harness/killtable/... ./harness/exhaustive ./harness/transitions ./harness/failure/retell ./harness/failure/why ./harness/grade/labs
FAULT_TAG ?= failpoints
OVERLAY ?= build/overlay

# What `make mutants` makes mistakes in, and how many runs each of them survives at most.
MUTANT_PACKAGES ?= impl/segment impl/writer impl/control impl/reader
MUTANT_FLAGS ?=
MUTANTS_ARGUED ?= harness/mutation/argued.tsv

RUN_FLAGS ?=
TEST_FLAGS ?=
RACE_FLAGS ?= -short
BENCH ?= .
BENCH_FLAGS ?=

# Which planted bugs `make why-table` explains failures of, where their lines are kept and the table is written.
WHY_BUGS ?= all
WHY_KEEP ?= build/why
WHY_TABLE ?= $(WHY_KEEP)/table.txt
WHY_FLAGS ?=

# What `make guide-table` compares: which planted bugs, with how many searches each, of a corpus of how many runs; where its lines are kept.
GUIDE_BUGS ?= all
GUIDE_SEEDS ?= 30
GUIDE_CORPUS ?= 3000
GUIDE_KEEP ?= build/guide

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help run build typescript test test-race overlay test-faults why-table guide-table mutants bench lint vet staticcheck format clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

run: build ## the main job: check the model, its broken variants, and simulated runs of the implementation
	build/firstgap run $(RUN_FLAGS)

build: ## build/firstgap
	go build -o build/firstgap ./cmd/firstgap

typescript: ## the TypeScript compiler that tests and submissions use, below build
	mkdir -p build/npm
	cp harness/lines/clients/typescript/package.json harness/lines/clients/typescript/package-lock.json build/npm/
	npm ci --no-audit --no-fund --prefix build/npm

# The examples are a module of their own, which requires this one: go's ./... ends at it.
test: ## all tests, those of the examples too
	go test -timeout 10m $(TEST_FLAGS) ./...
	cd examples && go build ./... && go test -timeout 20m $(TEST_FLAGS) ./...
	cd examples && go test $(TEST_FLAGS) -tags with_tla ./rafttrace

test-race: ## the packages with goroutines under the race detector
	CGO_ENABLED=1 go test -race -timeout 30m $(RACE_FLAGS) $(TEST_FLAGS) $(RACE_PACKAGES)

overlay: ## turn the gofail comments in impl into a build overlay
	go run ./faults/buildoverlay -o $(OVERLAY) impl

test-faults: overlay ## the failpoint build: every planted bug must be found
	go test -overlay=$(OVERLAY)/overlay.json -count=1 -timeout 10m -tags=$(FAULT_TAG) $(TEST_FLAGS) $(FAULT_PACKAGES)
	go test -overlay=$(OVERLAY)/overlay.json -count=1 -timeout 30m -tags=$(FAULT_TAG) -v $(KILL_PACKAGES)

why-table: overlay ## what a failure of each planted bug shrinks to and how long that takes; interrupted, its last command goes on
	go test -overlay=$(OVERLAY)/overlay.json -count=1 -timeout 12h -tags=$(FAULT_TAG) -v -run TestEveryPlantedBugIsExplained ./harness/failure/why \
		-firstgap.why-bugs=$(WHY_BUGS) -firstgap.why-keep=$(abspath $(WHY_KEEP)) -firstgap.why-table=$(abspath $(WHY_TABLE)) $(WHY_FLAGS)

guide-table: overlay ## guided campaigns against plain ones, over all planted bugs; for hours, and interrupted, its last command goes on
	go test -overlay=$(OVERLAY)/overlay.json -count=1 -timeout 12h -tags=$(FAULT_TAG) -v -run TestGuidanceAgainstChance ./harness/campaign/guide \
		-firstgap.guide-bugs=$(GUIDE_BUGS) -firstgap.guide-seeds=$(GUIDE_SEEDS) -firstgap.guide-corpus=$(GUIDE_CORPUS) -firstgap.guide-keep=$(abspath $(GUIDE_KEEP))

mutants: ## how many small mistakes in the nodes simulated runs notice; for hours, and interrupted, its last command goes on
	go run ./faults/buildmutants -o build/mutants $(MUTANT_PACKAGES)
	go build -overlay=build/mutants/overlay.json -o build/mutate ./harness/mutation/mutate
	build/mutate -argued $(MUTANTS_ARGUED) $(MUTANT_FLAGS) build/mutants

bench: ## all benchmarks with their metrics
	mkdir -p build
	go test -run '^$$' -bench '$(BENCH)' -timeout 30m $(BENCH_FLAGS) ./... | tee build/bench.txt
	@grep -q '^Benchmark' build/bench.txt || { echo 'bench: expected a benchmark that matches $(BENCH), found none' >&2; exit 2; }

lint: vet staticcheck format ## vet, staticcheck and the formatting check

vet:
	go vet -tags=$(FAULT_TAG) ./...
	cd examples && go vet ./...

staticcheck:
	go tool staticcheck -tags=$(FAULT_TAG) ./...
	staticcheck="$$(go tool -n staticcheck)"; cd examples && "$$staticcheck" ./...

format:
	@found="$$("$$(go env GOROOT)/bin/gofmt" -l *_test.go cmd examples faults harness impl linearizability spec)"; \
	if [ -n "$$found" ]; then printf 'not formatted; run gofmt -w on:\n%s\n' "$$found" >&2; exit 1; fi

clean: ## remove what was built
	rm -rf build
