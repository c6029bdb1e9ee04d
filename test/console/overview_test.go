package console_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"html"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/web/messages"
)

// figures are those of the API's dashboard that the scenarios hold the page against.
type figures struct {
	Statistics struct {
		TotalProducts        int64
		TotalValue           *big.Int
		LaunchedLast12Months int64
		Overdue              int64
		Completeness         struct{ MissingSegment, MissingStage, MissingCategory, MissingPrice, MissingLaunchDate int64 }
	}
	Charts         struct{ LaunchesByMonth, TransitionsByMonth []struct{ Count int64 } }
	RecentProducts []struct {
		ID     int64
		Produk *string
	}
}

func (s *site) figures(query string) figures {
	s.t.Helper()
	var d struct{ Data figures }
	if err := json.Unmarshal([]byte(s.get(api+"/dashboard?"+query).body), &d); err != nil {
		s.t.Fatal(err)
	}
	return d.Data
}

// tile is a single figure of the page, and where it leads.
type tile struct{ figure, address string }

// tiles reads the page's tiles, by their texts.
func tiles(page string) map[string]tile {
	all := map[string]tile{}
	for _, m := range regexp.MustCompile(`<(?:a|div) class="card stat[^"]*"(?: href="([^"]*)")?><span class="value[^"]*">([^<]*)</span> <span>([^<]*)</span>`).FindAllStringSubmatch(page, -1) {
		all[m[3]] = tile{m[2], html.UnescapeString(m[1])}
	}
	return all
}

// leadsTo are the addresses of the product list that a page leads to, with their links' texts.
func leadsTo(page string) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`<a href="(/products\?[^"]*)">([^<]*)</a>`).FindAllStringSubmatch(page, -1) {
		all[html.UnescapeString(m[1])] = m[2]
	}
	return all
}

// TestOverview holds the page against the API's figures, all and filtered, and its links against the lists
// that they lead to.
func TestOverview(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(source *sql.DB) {
		exec(t, source, "UPDATE tbl_produk SET id_segmen = NULL WHERE id % 9 = 0", "UPDATE tbl_produk SET id_stage = NULL WHERE id % 7 = 0", "UPDATE tbl_produk SET harga = NULL WHERE id % 5 = 0")
	})
	for _, query := range []string{"", "search=a", "stageId=2&search=&segmentId=", "stage=Growth&search=an", "missing=price", "overdue=true"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			(&site{t: t, Program: s.Program}).holdsOverview(query)
		})
	}
}

func (s *site) holdsOverview(query string) {
	s.t.Helper()
	want, page := s.figures(query), s.page("/?"+query, http.StatusOK, "Products by stage", "Products by segment and stage", "Time in stage", "Recent moves").body
	shown, d := tiles(page), want.Statistics
	for text, figure := range map[string]string{
		"products": indonesian().Number(d.TotalProducts), "total value": indonesian().Rupiah(d.TotalValue), "launched in the last 12 months": indonesian().Number(d.LaunchedLast12Months),
		"overdue":    indonesian().Number(d.Overdue),
		"No segment": indonesian().Number(d.Completeness.MissingSegment), "No stage": indonesian().Number(d.Completeness.MissingStage),
		"No category": indonesian().Number(d.Completeness.MissingCategory), "No price": indonesian().Number(d.Completeness.MissingPrice),
		"No launch date": indonesian().Number(d.Completeness.MissingLaunchDate),
	} {
		if shown[text].figure != figure {
			s.t.Errorf("%q %s, want %q", shown[text].figure, text, figure)
		}
	}
	for _, tile := range shown {
		if tile.address != "" {
			s.holdsLink(query, tile.address, tile.figure)
			s.page(tile.address, http.StatusOK, "Products")
		}
	}
	links := leadsTo(page)
	for address, text := range links {
		if regexp.MustCompile(`^[0-9.]+$`).MatchString(text) {
			s.holdsLink(query, address, text)
		}
	}
	if len(links) < 5 {
		s.t.Errorf("%d links", len(links))
	}
	for _, p := range want.RecentProducts {
		if link := fmt.Sprintf(`<a href="/products/%d">%s</a>`, p.ID, html.EscapeString(*p.Produk)); !strings.Contains(page, link) {
			s.t.Errorf("there is no %s", link)
		}
	}
	launches := int64(0)
	for _, month := range want.Charts.LaunchesByMonth {
		launches += month.Count
	}
	if heading := fmt.Sprintf(`Launches by month <span class="muted">· %d in 24 months`, launches); !strings.Contains(page, heading) {
		s.t.Errorf("there is no %s", heading)
	}
}

// holdsLink holds a link of a page that has filters against the list: it keeps them, and the list is as long
// as the figure says.
func (s *site) holdsLink(query, address, figure string) {
	s.t.Helper()
	_, asked, _ := strings.Cut(address, "?")
	filters, _ := url.ParseQuery(query)
	for name, values := range filters {
		if kept, _ := url.ParseQuery(asked); values[0] != "" && !slices.Equal(kept[name], values) {
			s.t.Errorf("%s loses %s=%s", address, name, values[0])
		}
	}
	if got := indonesian().Number(s.total(asked)); got != figure {
		s.t.Errorf("%s lists %s, want %s", address, got, figure)
	}
}

// TestFiltersOfTheOverview are in the form and in the address, and each can be taken away.
func TestFiltersOfTheOverview(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*sql.DB) {})
	s.page("/?search=an&stageId=2&kategori=Energi+Bersih&segmentId=", http.StatusOK,
		`name="search" type="search" maxlength="200" value="an"`, `<option value="2" selected>Growth</option>`, `<input type="hidden" name="kategori" value="Energi Bersih">`,
		`href="/?kategori=Energi&#43;Bersih&amp;stageId=2">Search: an`, `href="/?kategori=Energi&#43;Bersih&amp;search=an">Stage: Growth`, `href="/?search=an&amp;stageId=2">Category: Energi Bersih`)
	s.page("/?search=%3Cscript%3E", http.StatusOK, "Search: &lt;script&gt;", "No products found", `<a class="button" href="/">Show all</a>`)
	for _, wrong := range []string{"stageId=abc", "missing=nonsense", "overdue=yes", "page=2", "search=" + strings.Repeat("a", 201)} {
		s.page("/?"+wrong, http.StatusUnprocessableEntity, "Invalid filters")
	}
}

// TestOverviewOfNothing says so.
func TestOverviewOfNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(source *sql.DB) { exec(t, source, "DELETE FROM tbl_stage_histori", "DELETE FROM tbl_produk") })
	s.page("/", http.StatusOK, "No products yet", `href="/sync"`)
}

// TestOddRowsInTheOverview have no names, or such as must not be taken for markup, and prices that are huge
// or negative.
func TestOddRowsInTheOverview(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(source *sql.DB) {
		exec(t, source, "DELETE FROM tbl_stage_histori", "UPDATE tbl_stage SET stage = NULL WHERE id = 1", "UPDATE tbl_segmen SET segmen = '<b>&' WHERE id = 1",
			"UPDATE tbl_produk SET produk = '<i>' || id, harga = 9223372036854775807, id_stage = 1, id_segmen = 1",
			"UPDATE tbl_produk SET produk = NULL, harga = -1, id_stage = NULL, id_segmen = NULL WHERE id % 2 = 0")
	})
	page := s.page("/", http.StatusOK, "#1", "No stage", "No segment", "&lt;b&gt;&amp;", "&lt;i&gt;", "None of these products has moved yet.", indonesian().Rupiah(s.figures("").Statistics.TotalValue)).body
	if strings.Contains(page, "<b>") || strings.Contains(page, "<i>") {
		t.Error(page)
	}
}

// indonesian writes figures as the console does.
func indonesian() *messages.Format { return messages.NewFormat(messages.Indonesian, time.UTC) }
