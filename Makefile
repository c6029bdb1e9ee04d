.DEFAULT_GOAL := help
.PHONY: help run build test test-long screenshots fuzz cover bench lint clean

# Pure Go: building and running need no C compiler and no C libraries.
export CGO_ENABLED := 0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ROWS    ?= 1000000
# The slow packages come first, so that they do not run alone at the end.
TESTS   ?= ./services/mirror ./test/browser ./app ./test/api ./test/faults ./services/realtime ./...
# Vet runs in make lint. Linking without symbols takes half of the time.
FLAGS   := -vet=off -ldflags=-s -timeout 20m
# Tests mostly wait for databases, processes and browsers, so more packages run at once than there are processors.
AT_ONCE ?= 4
TIME    ?= 10s

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Sync and serve, on embedded databases unless .env names others
	go run .

build: ## Build ./lifecycle-sync, one static binary
	go build -trimpath -ldflags '-s -w -X lifecycle-sync/app.version=$(VERSION)' -o lifecycle-sync .

test: ## Run the tests on SQLite and PostgreSQL, except slow ones (TESTS=./services/... for some)
	test/tools
	test/with-postgres go test $(FLAGS) -p $(AT_ONCE) $(TESTS)

test-long: ## Run the slow tests, which take hours: rare cases, random interleavings, every mutant, a soak
	test/tools
	test/with-postgres test/long

screenshots: ## Take screenshots of every console page: light, dark, phone (into screenshots/)
	test/tools
	go test ./test/browser -count=1 -run '^TestScreenshots$$' -screenshots '$(CURDIR)/screenshots'

fuzz: ## Run each fuzz target (TIME=10s)
	test/fuzz $(TIME)

cover: ## Run the same tests and print the coverage of each function
	test/tools
	test/with-postgres go test $(FLAGS) -p $(AT_ONCE) -coverpkg=./... -coverprofile=coverage.out $(TESTS)
	go tool cover -func=coverage.out

bench: ## Measure the sync and the API against alternatives, as ratios (ROWS=1000000 products)
	ROWS=$(ROWS) go run ./bench

lint: ## Run gofmt, go vet and golangci-lint
	.ci/lint

clean: ## Remove what the other targets made, except the embedded databases
	rm -rf lifecycle-sync coverage.out test.log screenshots
