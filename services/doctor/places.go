package doctor

import (
	"context"

	"lifecycle-sync/repositories/files"
)

// leastRoom is how many bytes a place must have left: some uploads of the largest size, and what a
// database writes before anybody notices.
const leastRoom = 100_000_000

func (e *examination) places() []check {
	return []check{
		{name: "machine.uploads", look: func(ctx context.Context) ([]Finding, error) { return judgePlace(ctx, e.Uploads, "UPLOADS_URL") }},
		{name: "machine.data", look: func(ctx context.Context) ([]Finding, error) { return judgePlace(ctx, e.Data, "DATA_DIR") }},
		{name: "machine.alerts", look: e.alerts},
	}
}

// alerts only looks whether there is a webhook: nothing is sent to it.
func (e *examination) alerts(context.Context) ([]Finding, error) {
	if e.Alerts {
		return []Finding{ok("ALERT_WEBHOOK_URL is told what goes wrong")}, nil
	}
	return []Finding{note("nobody is told what goes wrong: ALERT_WEBHOOK_URL is not set", "Set it, unless somebody watches exit codes or /metrics.")}, nil
}

func judgePlace(ctx context.Context, place Place, setting string) ([]Finding, error) {
	room, err := place.Check(ctx)
	switch {
	case err != nil:
		return nil, err
	case room == files.Unlimited:
		return []Finding{ok(setting + " can be written")}, nil
	case room < leastRoom:
		return []Finding{problem(setting+" has only "+size(room)+" left", "Make room there: below "+size(leastRoom)+" uploads and exports may fail.")}, nil
	default:
		return []Finding{ok(setting + " can be written, and has " + size(room) + " left")}, nil
	}
}
