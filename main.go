// Command lifecycle-sync keeps the mirror in pmo_db equal to lifecycle_db, proves that it is equal,
// and serves the product-lifecycle API.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"lifecycle-sync/app"
)

func main() {
	keepFilesPrivate()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the process at once
	}()
	os.Exit(app.Main(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
