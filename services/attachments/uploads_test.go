package attachments_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"path"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode"
	"unicode/utf8"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/files"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/test/kit/testfiles"
)

const limit = 2 << 20 // bytes in a file

// newUploads returns an empty storage and what stores uploads in it.
func newUploads(t testing.TB) (*attachments.Files, files.Files) {
	t.Helper()
	f, err := files.Open(testfiles.Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	return &attachments.Files{Contents: f, Limit: limit, Log: slog.New(slog.DiscardHandler)}, f
}

// stored lists what a storage has.
func stored(t testing.TB, f files.Files) (keys []string) {
	t.Helper()
	for key, err := range f.Old(t.Context(), time.Now().Add(time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

func class(err error) models.Class {
	if err == nil {
		return ""
	}
	return models.AsError(err).Class
}

const pdf = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\n%%EOF\n"

func TestSave_AcceptsEveryFileType(t *testing.T) {
	t.Parallel()
	l, contents := newUploads(t)
	const office = "application/vnd.openxmlformats-officedocument."
	for _, f := range []struct {
		name, mediaType string
		content         []byte
	}{
		{"a.pdf", "application/pdf", []byte(pdf)},
		{"A.PDF", "application/pdf", []byte(pdf)},
		{"a.docx", office + "wordprocessingml.document", officeDocument(t, "word/document.xml")},
		{"excelize.xlsx", office + "spreadsheetml.sheet", spreadsheet(t)},
		{"a.xlsx", office + "spreadsheetml.sheet", officeDocument(t, "xl/workbook.xml", "xl/media/large")},
		{"a.pptx", office + "presentationml.presentation", officeDocument(t, "ppt/presentation.xml")},
		{"a.doc", "application/msword", compoundDocument("\x05SummaryInformation", "WordDocument")},
		{"a.xls", "application/vnd.ms-excel", compoundDocument("Workbook")},
		{"old.xls", "application/vnd.ms-excel", compoundDocument("Book")},
		{"a.ppt", "application/vnd.ms-powerpoint", compoundDocument("Current User", "PowerPoint Document")},
		{"a.txt", "text/plain", []byte("x < y, and <b> is bold\n")},
		{"utf16.txt", "text/plain", []byte("\xff\xfeK\x00o\x00p\x00i\x00")},
		{"a.jpg", "image/jpeg", []byte(jpeg)},
		{"a.jpeg", "image/jpeg", []byte(jpeg)},
		{"a.png", "image/png", []byte(png)},
		{"a.gif", "image/gif", []byte(gif)},
	} {
		got, err := l.Save(t.Context(), "folder/"+f.name, iotest.HalfReader(bytes.NewReader(f.content)))
		sum := sha256.Sum256(f.content)
		if want := (models.Upload{Key: got.Key, Name: f.name, Type: f.mediaType, Size: int64(len(f.content)), SHA256: hex.EncodeToString(sum[:])}); err != nil || got != want {
			t.Errorf("%s: %+v, %v", f.name, got, err)
			continue
		}
		r, size, err := contents.Get(t.Context(), got.Key)
		if err != nil {
			t.Fatal(err)
		}
		if stored, err := io.ReadAll(r); err != nil || r.Close() != nil || !bytes.Equal(stored, f.content) || size != got.Size {
			t.Errorf("%s: %d bytes are stored, %v", f.name, len(stored), err)
		}
		l.Discard(t.Context(), []models.Upload{got})
	}
	if left := stored(t, contents); left != nil {
		t.Errorf("%v are stored", left)
	}
}

func TestSave_RejectsMismatchedContent(t *testing.T) {
	t.Parallel()
	l, contents := newUploads(t)
	html, svg := "<!DOCTYPE html><html><script>alert(1)</script>", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	word := string(officeDocument(t, "word/document.xml"))
	for _, f := range []struct{ name, content string }{
		{"x.pdf", html}, {"x.pdf", svg}, {"x.pdf", "\n" + pdf}, {"x.pdf", html + pdf}, {"x.pdf", "%PDF-1.4\n" + html}, {"x.pdf", word}, {"x.pdf", "MZ\x90\x00"}, {"x.pdf", "x"},
		{"x.svg", svg}, {"x.html", html}, {"x.exe", "MZ"}, {"x", pdf}, {"x.pdf.exe", pdf}, {"", pdf}, {"..", pdf}, {"x.pdf/", pdf}, {"x.pdf\x00.exe", pdf}, {"x.zip", word},
		{"x.txt", html}, {"x.txt", svg}, {"x.txt", " \n" + html}, {"x.txt", "\xef\xbb\xbf" + svg}, {"x.txt", `<?xml version="1.0"?><a/>`}, {"x.txt", pdf}, {"x.txt", "text " + strings.Repeat("a", 10000) + "\x00\x01"},
		{"x.png", svg}, {"x.png", gif}, {"x.jpg", html}, {"x.gif", "GIF89a" + html}, {"x.gif", "GIF8"},
		{"x.docx", string(officeDocument(t, "xl/workbook.xml"))}, {"x.xlsx", word}, {"x.docx", string(officeDocument(t, "word/document.xml", "word/vbaProject.bin"))},
		{"x.docx", string(officeDocument(t, "evil/word.xml"))}, {"x.docx", word[:len(word)-30]}, {"x.docx", html + word}, {"x.docx", "PK\x03\x04" + strings.Repeat("word/", 1000)}, {"x.docx", pdf},
		{"x.doc", string(compoundDocument("Workbook"))}, {"x.doc", string(compoundDocument("!_StringData"))}, {"x.xls", string(compoundDocument("WordDocument"))}, {"x.ppt", word}, {"x.doc", html}, {"x.doc", `{\rtf1}`},
	} {
		_, err := l.Save(t.Context(), f.name, strings.NewReader(f.content))
		if e := models.AsError(err); e == nil || e.Class != models.UnsupportedType || !strings.Contains(e.Remedy.String(), ".docx") {
			t.Errorf("%q with %.30q: %v", f.name, f.content, err)
		}
	}
	if _, err := l.Save(t.Context(), "x.pdf", strings.NewReader("")); class(err) != models.Invalid {
		t.Errorf("an empty file: %v", err)
	}
	if left := stored(t, contents); left != nil {
		t.Errorf("%v are stored", left)
	}
}

func TestSave_LimitsSize(t *testing.T) {
	t.Parallel()
	l, contents := newUploads(t)
	for size, want := range map[int]models.Class{limit: "", limit + 1: models.TooLarge, 3 * limit: models.TooLarge} {
		got, err := l.Save(t.Context(), "a.txt", strings.NewReader(strings.Repeat("a", size)))
		if class(err) != want {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err == nil {
			l.Discard(t.Context(), []models.Upload{got})
		}
	}
	for _, before := range []int{0, 10, 100_000} {
		own := errors.New("connection lost")
		_, err := l.Save(t.Context(), "a.txt", io.MultiReader(strings.NewReader(strings.Repeat("a", before)), iotest.ErrReader(own)))
		if !errors.Is(err, own) {
			t.Errorf("after %d bytes: %v", before, err)
		}
	}
	if left := stored(t, contents); left != nil {
		t.Errorf("%v are stored", left)
	}
}

func TestCleanName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 300)
	for name, want := range map[string]string{
		"a.pdf": "a.pdf", "../../x.pdf": "x.pdf", `C:\Users\me\x.pdf`: "x.pdf", "/etc/passwd": "passwd", "..": "", "": "", ".": "", ".pdf": "file.pdf", "..pdf": "file.pdf", "a.pdf. .": "a.pdf",
		" Laporan  Q3\t(akhir).pdf ": "Laporan Q3 (akhir).pdf", "résumé ☕ ملف.pdf": "résumé ☕ ملف.pdf", "a\u202efdp.exe": "afdp.exe", "a\x00b\r\n.pdf": "ab.pdf", `a"<b>:|?*.pdf`: "a__b_____.pdf", "\xff.pdf": "_.pdf",
		long + ".pdf": long[:2*251] + ".pdf", "a." + long: "", "a" + long: "a" + long[:2*254],
	} {
		if got := attachments.CleanName(name); got != want {
			t.Errorf("%.60q became %q, want %q", name, got, want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, seed := range []string{"a.pdf", "../../x", `..\..\x.pdf`, "a\x00.pdf", strings.Repeat("a", 300) + ".pdf", "\u202efdp.exe", "CON.", " . ", "\xff\xfe.pdf", "a.\u200bpdf", "é\u0301.pdf"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := attachments.CleanName(name)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 255 || strings.ContainsAny(got, "/\\\x00\r\n\"") || got == "." || got == ".." || got != strings.TrimSpace(got) {
			t.Errorf("%q became %q", name, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Errorf("%q became %q", name, got)
			}
		}
		if again := attachments.CleanName(got); again != got {
			t.Errorf("%q became %q and then %q", name, got, again)
		}
		if path.Base(got) != got && got != "" {
			t.Errorf("%q became %q", name, got)
		}
	})
}
