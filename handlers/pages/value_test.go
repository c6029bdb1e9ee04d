package pages

import (
	"fmt"
	"strings"
	"testing"

	"lifecycle-sync/models"
)

func TestValuesOf_Documents(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	long := strings.Repeat("é", maxValueLength+1)
	for document, want := range map[string][]Value{
		"":                     nil,
		"{}":                   {},
		"null":                 {{IsNull: true}},
		" [1, {\"a\": 1.00}] ": {{Text: `[1,{"a":1.00}]`}},
		`{"b": 1e400, "a": null, "c": "", "d": "x\u0001<b>"}`: {{Name: "b", Text: "1e400", IsNumber: true}, {Name: "a", IsNull: true}, {Name: "c"}, {Name: "d", Text: "x\u0001<b>"}},
		`"` + long + `"`:        {{Start: long[:2*lineLength], Text: long[:2*maxValueLength], Truncated: true}},
		deep:                    {{Start: deep[:lineLength], Text: deep[:maxValueLength], Truncated: true}},
		`{"broken`:              {{Text: `{"broken`}},
		"{\"bytes\": \"\xff\"}": {{Name: "bytes", Text: "�"}},
	} {
		got := ValuesOf(models.JSON(document))
		if len(got) != len(want) {
			t.Errorf("%.60q: %+v", document, got)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%.60q: %+v, want %+v", document, got[i], want[i])
			}
		}
	}
	many := "{"
	for i := range 100 {
		many += fmt.Sprintf(`"k%d": %d,`, i, i)
	}
	if got := ValuesOf(models.JSON(many + `"last": 1}`)); len(got) != maxValues+1 || got[maxValues] != (Value{Omitted: 101 - maxValues}) {
		t.Errorf("of many values: %+v", got)
	}
	if ValuesOf(nil) != nil {
		t.Error("nothing has values")
	}
}
