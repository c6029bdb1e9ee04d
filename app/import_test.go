package app_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
)

// digestOf returns the digest in the command that a preview prints.
func (s *site) digestOf(e ended) string {
	s.Helper()
	found := regexp.MustCompile(`--apply ([0-9a-f]{32})`).FindStringSubmatch(e.stdout)
	if found == nil {
		s.Fatalf("no digest: %s", e)
	}
	return found[1]
}

func TestImport_PreviewsAndAppliesAFile(t *testing.T) {
	t.Parallel()
	eachSeeded(t, func(t *testing.T, s *site) {
		s.exec(s.source, "UPDATE tbl_produk SET harga = 5, produk = 'Satu' WHERE id <= 2")
		s.must(0, "sync")
		file := filepath.Join(t.TempDir(), "harga baru.csv")
		write := func(text string) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		price := func() int64 { return kit.One[int64](t, s.source, "SELECT harga FROM tbl_produk WHERE id = 1") }
		contains := func(e ended, texts ...string) {
			t.Helper()
			for _, text := range texts {
				if !strings.Contains(e.stdout+e.stderr, text) {
					t.Errorf("%q is missing: %s", text, e)
				}
			}
		}

		write("ID,Price,Remark\n1,7,x\n2,5,x\n3,mahal,\x1b[2J\n")
		shown := s.must(0, "import", file)
		contains(shown, "1 changed, 0 new, 1 unchanged, 1 invalid, 0 in conflict", `Column "Remark" is unknown`, `~ line 2: product 1 "Satu" harga: "5" → "7"`,
			"! line 4: product 3", "invalid harga:", "--skip-problems", "'"+file+"'")
		if strings.Contains(shown.stdout, "--apply") || price() != 5 {
			t.Errorf("price %d: %s", price(), shown)
		}
		skipping := s.digestOf(s.must(0, "import", file, "--skip-problems"))
		contains(s.must(1, "import", file, "--apply", skipping), "(conflict)")
		if price() != 5 {
			t.Errorf("price %d", price())
		}
		contains(s.must(0, "import", file, "--skip-problems", "--apply", skipping), "0 products created, 1 changed")
		if price() != 7 {
			t.Errorf("price %d", price())
		}
		author := kit.One[string](t, s.target, "SELECT channel || ' ' || coalesce(actor_id, '') FROM lifecycle_activities ORDER BY id DESC LIMIT 1")
		if channel, actor, _ := strings.Cut(author, " "); channel != "import" || actor == "" {
			t.Errorf("recorded %q", author)
		}

		// The digest is stale as soon as a product that it changes is another one.
		write("ID,Price\n1,8\n")
		stale := s.digestOf(s.must(0, "import", file))
		s.exec(s.source, "UPDATE tbl_produk SET harga = 6 WHERE id = 1")
		refused := s.must(1, "import", file, "--apply", stale)
		contains(refused, "(conflict)", `harga: "6" → "8"`)
		if price() != 6 || s.digestOf(refused) == stale {
			t.Errorf("price %d: %s", price(), refused)
		}
		s.must(0, "import", file, "--apply", s.digestOf(refused))
		contains(s.must(0, "import", file), "1 unchanged", "nothing to apply")

		var many bytes.Buffer
		many.WriteString("Product name,Segment,Stage,Category\n")
		for i := range 60 {
			fmt.Fprintf(&many, "Baru %d,,,\n", i)
		}
		write(many.String())
		contains(s.must(0, "import", file), "60 invalid", "and 10 more")

		write("%PDF-1.4")
		contains(s.must(1, "import", file), "(validation_failed)")
		s.must(2, "import", file, "--apply", "x")
		s.must(2, "import", filepath.Join(t.TempDir(), "missing.csv"))
		s.must(2, "import")
		s.must(0, "verify")
	})
}
