package outbox

import (
	"context"
	"encoding/json"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/activities"
)

// Recorded is an activity as its write has recorded it.
type Recorded struct {
	models.Activity

	Changes []models.ActivityChange // all; nil in the result of a repeated request
}

// newActivity returns the activity of a write by the author in ctx.
func newActivity(ctx context.Context, c Change, changes []models.ActivityChange, at time.Time) models.Activity {
	author := models.AuthorOf(ctx)
	activity := models.Activity{At: at, Actor: author.Actor, Channel: author.Channel, Action: c.As}
	if activity.Action == "" {
		activity.Action = actionOf(changes)
	}
	return activity
}

// actionOf names what changed rows mean. A record of the stage history comes with the move of its product.
func actionOf(changes []models.ActivityChange) string {
	action := models.UpdateAction
	for _, c := range changes {
		isProduct, isRecord := c.Table == models.TableNamed(lifecycle.ProductTable).Name, c.Table == models.TableNamed(lifecycle.HistoryTable).Name
		switch {
		case isProduct && c.Before == nil:
			return models.CreateAction
		case isProduct && c.After == nil:
			return models.DeleteAction
		case isRecord && c.Before == nil:
			action = models.MoveAction
		case isRecord && c.After == nil:
			action = models.DeleteRecordAction
		case isRecord:
			action = models.CorrectAction
		}
	}
	return action
}

// uploads describes files that a write attaches.
func uploads(files []models.Attachment) (changes []models.ActivityChange) {
	for _, f := range files {
		changes = append(changes, models.ActivityChange{Table: models.AttachmentTable, RowID: f.ID, ProductID: &f.ProductID, After: FileDocument(f), Mirrored: true})
	}
	return changes
}

// RecordFiles records, in a transaction of pmo_db, that the author in ctx has uploaded or deleted files. Errors: connection,
// timeout.
func RecordFiles(ctx context.Context, tx *pmo.Session, action string, files []models.Attachment) (activity models.Activity, err error) {
	changes := uploads(files)
	if action == models.DeleteFileAction {
		for i := range changes {
			changes[i].Before, changes[i].After = changes[i].After, nil
		}
	}
	activity = newActivity(ctx, Change{As: action}, changes, time.Time{})
	return activity, activities.New(tx).Add(ctx, &activity, changes)
}

// FileDocument is what an activity keeps of a file, under the names of the API.
func FileDocument(f models.Attachment) models.JSON {
	document, err := json.Marshal(map[string]any{"id": f.ID, "id_produk": f.ProductID, "nama_file": f.Name, "tipe_file": f.Type, "ukuran_file": f.Size})
	if err != nil { // plain values always marshal
		panic(err)
	}
	return document
}
