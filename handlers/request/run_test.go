package request

import (
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

// FuzzRun wants a run that is possible, or to be told which field is wrong.
func FuzzRun(f *testing.F) {
	for _, seed := range []string{
		`{"mode":"full","dryRun":false,"allowDeletes":0}`, `{"mode":"incremental"}`, `{"allowDeletes":9223372036854775807}`, `{"allowDeletes":1e3}`, `{"allowDeletes":-1}`,
		`{"dryRun":null}`, `{"mode":"FULL"}`, `{"mode":"\u0066ull"}`, `{}`,
		`{"digest":"0123456789abcdef0123456789abcdef"}`, `{"digest":"0123456789ABCDEF0123456789ABCDEF"}`, `{"digest":"0123456789abcdef0123456789abcdef","dryRun":true}`,
	} {
		f.Add([]byte(seed))
	}
	ch := NewChecker()
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := parseFields(text, fieldNames(runBody{}))
		if err != nil {
			return
		}
		body := runBody{Mode: models.FullRun}
		r, err := ch.run(&body, bindJSON(values, &body))
		switch e := models.AsError(err); {
		case e != nil && (e.Class != models.Invalid || len(e.Fields) == 0):
			t.Errorf("%q: %v", text, err)
		case e != nil:
			for _, wrong := range e.Fields {
				if _, given := values[wrong.Field]; !given || wrong.Text.Params["field"] != wrong.Field {
					t.Errorf("%q: %+v", text, wrong)
				}
			}
		case r.Mode != models.FullRun && r.Mode != models.IncrementalRun, r.AllowDeletes != nil && *r.AllowDeletes <= 0,
			r.Digest != "" && (r.DryRun || r.Mode != models.FullRun || !mirror.IsDigest(r.Digest)):
			t.Errorf("%q: %+v", text, r)
		}
	})
}
