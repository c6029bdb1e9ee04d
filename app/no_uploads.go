package app

import (
	"context"
	"io"

	"lifecycle-sync/models"
)

// noUploads refuses files.
type noUploads struct{}

// Stage refuses.
func (noUploads) Stage(context.Context, string, io.Reader) (models.Upload, error) {
	return models.Upload{}, &models.Error{Class: models.Unavailable, Message: "Files cannot be kept yet"}
}

// Discard has nothing to do.
func (noUploads) Discard(context.Context, []models.Upload) {}

// Delete has nothing to do.
func (noUploads) Delete(context.Context, string) error { return nil }
