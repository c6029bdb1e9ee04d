.DEFAULT_GOAL := help
.PHONY: help run build test test-long screenshots fuzz cover bench lint clean

# Pure Go: no C compiler is needed, here or on the machine that runs it.
export CGO_ENABLED := 0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ROWS    ?= 1000000
TESTS   ?= ./...
TIME    ?= 10s

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Synchronise and serve (embedded databases, unless .env says otherwise)
	go run .

build: ## Build ./lifecycle-sync, one static binary
	go build -trimpath -ldflags '-s -w -X lifecycle-sync/app.version=$(VERSION)' -o lifecycle-sync .

test: ## Run all tests, on SQLite and PostgreSQL (TESTS=./services/... for some)
	test/with-postgres go test $(TESTS)

test-long: ## Run what takes hours: thousands of interleavings, every mutant, a soak
	test/with-postgres test/long

screenshots: ## Take pictures of every page of the console: light, dark, phone (into screenshots/)
	go test ./test/browser -count=1 -run '^TestScreenshots$$' -screenshots '$(CURDIR)/screenshots'

fuzz: ## Run each fuzz target for some seconds (TIME=10s)
	test/fuzz $(TIME)

cover: ## Run all tests and print the coverage of each function
	test/with-postgres go test -coverpkg=./... -coverprofile=coverage.out $(TESTS)
	go tool cover -func=coverage.out

bench: ## Measure the sync and the API against the usual ways to do the same (ROWS=1000000 products)
	ROWS=$(ROWS) go run ./bench

lint: ## Run gofmt, go vet and golangci-lint
	.ci/lint

clean: ## Remove what the other targets made, the embedded databases excepted
	rm -rf lifecycle-sync coverage.out screenshots
