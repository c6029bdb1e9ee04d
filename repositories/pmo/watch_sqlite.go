package pmo

import "context"

// followSQLite lends the watch a connection that never writes: data_version tells a connection of the
// commits of all others. A file that cannot be opened is reported, and then nobody knows its state.
func (w *Watch) followSQLite(ctx context.Context, report func(error)) {
	conn, err := w.store.DB.Conn(ctx)
	if err != nil {
		report(err)
		return
	}
	defer conn.Close()
	w.lend(func(version *int64) error {
		return conn.QueryRow(context.WithoutCancel(ctx), "PRAGMA data_version", nil, version)
	})
	defer w.lend(nil)
	report(nil)
	<-ctx.Done()
}

// lend sets how data_version is read, and begins a new epoch: another connection counts differently.
func (w *Watch) lend(look func(*int64) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.epoch++
	w.look = look
}

func (w *Watch) lookNow() (Mark, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.look == nil {
		return Mark{}, false
	}
	mark := Mark{epoch: w.epoch}
	return mark, w.look(&mark.version) == nil
}
