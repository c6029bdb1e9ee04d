package request

import (
	"bytes"
	"encoding/json"
	"testing"

	"lifecycle-sync/models"
)

func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{"produk":"a"}`, `{"any":{"a":[1,{"b":null}]}}`, `{"produk":"\ud83d\ude00\u0000"}`, `{"any":1e400}`, `{"any":{"a":1,"a":2}}`, "{\"any\":\"\xff\"}", `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		object, err := parseFields(text, []string{"produk", "any"})
		if err != nil {
			if models.AsError(err).Class != models.Invalid {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for name, value := range object {
			var back any
			if _ = json.Unmarshal(value, &back); !json.Valid(value) || !isText(name) || !isText(string(value)) {
				t.Errorf("%q: %s: %q", text, name, value)
			}
			if s, ok := back.(string); ok && !isText(s) {
				t.Errorf("%q holds NUL", text)
			}
		}
	})
}

func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		field("produk", "a") + end, file("a.pdf", "x") + file("b.pdf", "y") + end, part(`form-data; name="files"; filename=""`, "") + end, end, "--X\r\n\r\n--X--",
		file("a.pdf", "x"), "--X\r\nContent-Disposition: form-data; name*=utf-8''produk\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--X--",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := &shelf{content: map[string]string{}}
		read := formReader{files: s, known: []string{"produk"}, limits: FormLimits{Files: 2, Bytes: 1 << 16}, form: Form{Fields: map[string]string{}}}
		read.body = &limited{from: bytes.NewReader(body), limit: 1 << 16, announced: -1, budget: noBudget}
		err := read.read(t.Context(), "X")
		if len(read.form.Files) != s.held() || len(read.form.Files) > 2 {
			t.Errorf("%q: %d files known, %d held", body, len(read.form.Files), s.held())
		}
		for name, value := range read.form.Fields {
			if name != "produk" || !isText(value) || len(value) > fieldLimit {
				t.Errorf("%q: %q = %q", body, name, value)
			}
		}
		if err == nil && !bytes.Contains(body, []byte("--X--")) {
			t.Errorf("%q has no end and was taken", body)
		}
	})
}
