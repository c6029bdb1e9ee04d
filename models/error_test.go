package models_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"lifecycle-sync/models"
)

func TestAsError_ClassifiesAndHidesText(t *testing.T) {
	t.Parallel()
	busy := models.NewError(models.Busy, "run.busy", models.Params{"run": 7})
	for want, err := range map[models.Class]error{
		models.Busy:     fmt.Errorf("around: %w", busy),
		models.Canceled: fmt.Errorf("around: %w", context.Canceled),
		models.Timeout:  context.DeadlineExceeded,
		models.Internal: errors.New("password=rahasia"),
	} {
		if e := models.AsError(err); e.Class != want || e.Error() == err.Error() {
			t.Errorf("%v is %s: %v", err, e.Class, e)
		}
	}
	if models.AsError(nil) != nil {
		t.Error("nil is an error")
	}
	if busy.Error() != "busy: run.busy run=7" || !errors.Is(&models.Error{Cause: context.Canceled}, context.Canceled) {
		t.Error("AsError must keep the text and the cause")
	}
}
