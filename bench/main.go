package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run runs all measures, on the configured server or on a temporary one.
func run(ctx context.Context) error {
	cfg, err := configure(os.Getenv)
	if err != nil {
		return err
	}
	if cfg.server == nil {
		return underVirtualenv(ctx)
	}
	b, err := newBench(ctx, cfg)
	if err != nil {
		return err
	}
	defer b.close()
	results, err := b.measureAll(ctx)
	if err != nil {
		return err
	}
	return printTable(ctx, os.Stdout, cfg, results)
}
