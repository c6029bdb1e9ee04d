package outbox

import (
	"context"
	"encoding/json"

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

// record adds an activity by the author in ctx, with the given changes and those of the files of the activity that it undoes. Without
// any change there is no activity.
func record(ctx context.Context, tx *pmo.Session, activity models.Activity, undoes *models.Activity, changes []models.ActivityChange) (recorded Recorded, err error) {
	author := models.AuthorOf(ctx)
	activity.Actor, activity.Channel = author.Actor, author.Channel
	if undoes != nil {
		activity.Undoes, activity.Channel = &undoes.ID, models.UndoChannel
		files, err := activities.New(tx).FileChanges(ctx, *undoes)
		if err != nil {
			return recorded, err
		}
		changes = append(changes, files...)
	}
	if len(changes) == 0 {
		return recorded, nil
	}
	if activity.Action == "" {
		activity.Action = actionOf(changes)
	}
	err = activities.New(tx).Add(ctx, &activity, changes)
	return Recorded{activity, changes}, err
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

// removals describes files that a write deletes.
func removals(files []models.Attachment) []models.ActivityChange {
	changes := uploads(files)
	for i := range changes {
		changes[i].Before, changes[i].After = changes[i].After, nil
	}
	return changes
}

// FileDocument is what an activity keeps of a file, under the names of the API.
func FileDocument(f models.Attachment) models.JSON {
	document, err := json.Marshal(map[string]any{"id": f.ID, "id_produk": f.ProductID, "nama_file": f.Name, "tipe_file": f.Type, "ukuran_file": f.Size})
	if err != nil { // plain values always marshal
		panic(err)
	}
	return document
}
