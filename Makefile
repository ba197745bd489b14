# Palimpsest: `make help` lists what can be made. Every target works on a fresh machine.

SHELL      := bash
GO         ?= go
BIN        := bin
PLUGINS    := ocr regions omr table molecule cxr
CACHE      := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/palimpsest
VENV       := $(CACHE)/venv
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# No C library is linked, so the program runs on any Linux of its architecture.
export CGO_ENABLED ?= 0

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z_\/-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install what is missing on this machine (PostgreSQL on Debian; says what to do elsewhere)
	@bash scripts/setup

.PHONY: build
build: ## build the program and its plugins into bin/
	@mkdir -p $(BIN)
	$(GO) build -ldflags "-s -w" -o $(BIN)/palimpsest ./cmd/palimpsest
	@for p in $(PLUGINS); do $(GO) build -ldflags "-s -w" -o $(BIN)/palimpsest-task-$$p ./plugins/$$p || exit 1; done

.PHONY: demo
demo: setup build ## process the bundled samples through queue, store, engine and plugins; print the rows
	$(BIN)/palimpsest demo

.PHONY: up
up: setup build ## start everything on this machine
	$(BIN)/palimpsest up

.PHONY: test
test: setup build vet test/unit test/race test/purego ## everything that must hold, under 30 minutes on two cores

.PHONY: test/unit
test/unit: ## unit and integration tests with the assembly kernels
	$(GO) test -timeout 20m ./...

# The kernels and the tokenizer are loops over numbers and bytes without a goroutine of their own; under the race
# detector they take minutes and can find nothing.
.PHONY: test/race
test/race: ## the same under the race detector, without the kernels' long loops
	CGO_ENABLED=1 $(GO) test -race -timeout 25m $$($(GO) list ./... | grep -v -e /engine/kernel -e /engine/tokenizer -e /samples/)

.PHONY: test/purego
test/purego: ## the engine without assembly
	$(GO) test -tags purego -timeout 20m ./engine/kernel ./engine/gemma ./engine/siglip ./engine

.PHONY: test/arm64
test/arm64: ## the kernels of ARM processors, run by qemu-aarch64 (Debian's package qemu-user)
	GOARCH=arm64 PALIMPSEST_KERNEL_REQUIRE=neon $(GO) test -exec 'qemu-aarch64 -cpu max' -timeout 20m -run 'Formats|SameBits|Extremes|NotFinite' ./engine/kernel

# Printed: every kill and freeze with the jobs it met, then the counts and the digest of what is stored in the end.
.PHONY: chaos
chaos: setup ## kill and freeze workers, plugins, Postgres and the S3 server under load (SEED=1); compare with a run in peace
	PALIMPSEST_CHAOS_SEED=$(or $(SEED),1) $(GO) test -count=1 -timeout 60m -run '^TestChaosLong$$' -v ./cmd/palimpsest

# The golden table is render/testdata/robustness.golden; `make test` runs the core of the set against it.
.PHONY: robustness
robustness: ## open every hostile file of the robustness set; print the outcomes and the share that yields pages
	PALIMPSEST_ROBUSTNESS=all $(GO) test -count=1 -timeout 30m -run '^TestHostileFiles$$' -v ./render

.PHONY: fuzz
fuzz: ## run every fuzz target in turn (FUZZTIME=10m each)
	@bash scripts/fuzz $(or $(FUZZTIME),10m)

.PHONY: vet
vet: ## go vet and staticcheck, both clean
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

.PHONY: verapdf
verapdf: ## fetch veraPDF and have it judge the searchable PDFs (needs Java and Maven)
	@bash scripts/verapdf
	$(GO) test -count=1 -run VeraPDF -v ./ingest/pdfa

.PHONY: alto
alto: ## fetch the schema of ALTO 4.4 and have xmllint judge what the tests write
	@bash scripts/alto
	$(GO) test -count=1 -run ThePublishedSchema -v ./plugins/ocr/alto

.PHONY: bench
bench: build ## speed of ingestion, queue and model on this machine
	$(BIN)/palimpsest bench

.PHONY: bench/quality
bench/quality: build ## every weight format against float32, stage by stage: normal weights in the widths of 3B, four layers; minutes
	$(BIN)/palimpsest bench --quality --shape 3b --resolution 224 --layers 4

# Random weights of the true shape; docs/engine.md has the report's figures beside ours.
.PHONY: bench/report
bench/report: build ## the workload of Table 9 of the PaliGemma 2 report: 3B, 224 pixels, a prefix of 260 tokens, 11 steps
	@for w in bf16 int8 int4; do $(BIN)/palimpsest bench --shape 3b --resolution 224 --weights $$w --prompt 4 --steps 11 || exit 1; done


# What is measured and against which scores: eval/baselines. Data that is not there is skipped, which is said.
.PHONY: eval
eval: build ## accuracy of the default model on labelled data; fails on a clear drop below eval/baselines
	@bash scripts/eval

.PHONY: generate
generate: ## rewrite generated code: queries and the plugin protocol
	cd store && $(GO) run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1 generate
	$(GO) generate ./task/...

.PHONY: samples
samples: ## draw the bundled sample documents anew
	$(GO) run ./samples/generate

.PHONY: train/setup
train/setup: ## fonts and Python packages for training
	bash training/setup

.PHONY: train
train: ## start or resume training of the small default model
	nice -n 10 $(VENV)/bin/python -m training.train

.PHONY: sweep
sweep: ## sizes, resolutions and learning rates of small models against one another (hours; goes on where it stopped)
	nice -n 10 $(VENV)/bin/python -m training.sweep --part 0/2 & nice -n 10 $(VENV)/bin/python -m training.sweep --part 1/2; wait
	$(VENV)/bin/python -m training.sweep.plots

.PHONY: finetune
finetune: ## fine-tune BASE on labels: LABELS=labels/MANIFEST.jsonl OUT=models/mine TASK=ocr FLAGS="--lora 16 --bf16"; see docs/finetuning.md
	@test -n "$(LABELS)" -a -n "$(OUT)" || { echo "say LABELS=labels/MANIFEST.jsonl and OUT=folder (and BASE=models/mini, TASK=ocr); docs/finetuning.md" >&2; exit 2; }
	nice -n 10 $(VENV)/bin/python -m training.finetune $(or $(BASE),models/mini) $(LABELS) $(OUT) --task $(or $(TASK),ocr) $(FLAGS)

.PHONY: test/training
test/training: ## the trainer's own tests (needs train/setup)
	$(VENV)/bin/python -m pytest -q training/tests

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN)
