package lifecycle

import (
	"context"
	"fmt"

	"lifecycle-sync/models"
)

// lockWait bounds the wait for a session that alters or truncates a table.
const lockWait = "10s"

// hold keeps the tables as they are for as long as the snapshot is read: nobody can drop, alter or truncate
// one, and everybody can read and write. Each connection holds them for itself, because whoever waits to alter
// one stands in the way of those who come later; lock_timeout stays set, so that they do not wait for each
// other for ever. Errors: timeout (names the table that another session holds).
func (s *Snapshot) hold(ctx context.Context) error {
	statements, held := []string{"SET LOCAL lock_timeout = '" + lockWait + "'"}, []*models.Table{nil}
	for _, t := range s.Tables {
		if !s.Infos[t.Source].Keyless { // a view or foreign table
			statements, held = append(statements, "LOCK TABLE "+t.Source+" IN ACCESS SHARE MODE"), append(held, t)
		}
	}
	done, err := s.conn.ExecAll(ctx, statements...)
	if e := models.AsError(err); err != nil && e.Class == models.Timeout && ctx.Err() == nil && done > 0 && done < len(held) {
		e.Message = fmt.Sprintf("lifecycle_db: %s was locked by another session for more than %s", held[done].Source, lockWait)
	}
	return err
}
