package lifecycle

import (
	"context"
	"iter"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// Filling is what Seed puts into one table: Count rows, ids included, as the cells of
// models.Row, with timestamps in RFC 3339, UTC and six digits. A row is used before the next is
// asked for.
type Filling struct {
	Table *models.Table
	Rows  iter.Seq[models.Row]
	Count int64
}

// Seed fills an empty lifecycle_db, in one transaction: it creates the tables that are not there, and
// leaves ids ready for the next INSERT. progress, when not nil, is called from one goroutine at a
// time with the rows sent so far and their total. Errors: constraint when any of the tables holds a
// row, schema when a table is not as the model says, permission, connection, canceled.
func (s *Source) Seed(ctx context.Context, fillings []Filling, progress func(done, total int64)) error {
	conn, err := s.db.BeginConn(ctx, database.Write)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := s.claimEmpty(ctx, conn, fillings); err != nil {
		return err
	}
	sd := &seeding{conn: conn, progress: progress}
	for _, f := range fillings {
		sd.total += f.Count
	}
	fill := sd.insert
	if s.Features().Copy {
		fill = sd.copy
	}
	for _, f := range fillings {
		if err := fill(ctx, f); err != nil {
			return err
		}
	}
	if !s.Features().Server {
		return conn.Commit(ctx)
	}
	return sd.finish(ctx, fillings)
}

// claimEmpty creates what is missing, keeps other writers out until the transaction ends, and makes
// sure that nothing is there.
func (s *Source) claimEmpty(ctx context.Context, conn *database.Conn, fillings []Filling) error {
	tables := make([]*models.Table, len(fillings))
	for i, f := range fillings {
		tables[i] = f.Table
	}
	// Before anything else, so that a database in use is refused whatever its tables look like.
	if err := refuseFilled(ctx, conn, tables); err != nil {
		return err
	}
	if err := s.createTables(ctx, conn, tables); err != nil {
		return err
	}
	if err := conn.LockForWriting(ctx, sourceNames(tables)...); err != nil {
		return err
	}
	return refuseFilled(ctx, conn, tables)
}

func refuseFilled(ctx context.Context, conn *database.Conn, tables []*models.Table) error {
	filled, err := filledTables(ctx, conn, tables)
	if err != nil || len(filled) == 0 {
		return err
	}
	return models.NewError(models.Constraint, "lifecycle.not_empty", models.Params{"tables": filled}).WithRemedy("lifecycle.not_empty_remedy", nil)
}
