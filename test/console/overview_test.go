package console_test

import (
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

// figures holds the figures of the API's dashboard that scenarios compare with the page.
type figures struct {
	Statistics struct {
		TotalProducts        int64
		TotalValue           *big.Int
		LaunchedLast12Months int64
		Overdue              int64
		Completeness         struct{ MissingSegment, MissingStage, MissingCategory, MissingPrice, MissingLaunchDate, ImplausibleLaunchDate int64 }
	}
	Charts         struct{ LaunchesByMonth, TransitionsByMonth []struct{ Count int64 } }
	RecentProducts []struct {
		ID     int64
		Produk *string
	}
}

func (u *user) figures(query string) figures {
	u.Helper()
	var d struct{ Data figures }
	if err := json.Unmarshal([]byte(u.open(api+"/dashboard?"+query).body), &d); err != nil {
		u.Fatal(err)
	}
	return d.Data
}

// tile is a single figure of the page with its link.
type tile struct{ figure, address string }

// tiles returns the page's tiles by their texts.
func tiles(page string) map[string]tile {
	all := map[string]tile{}
	for _, m := range regexp.MustCompile(`<(?:a|div) class="card stat[^"]*"(?: href="([^"]*)")?><span class="value[^"]*">([^<]*)</span> <span>([^<]*)</span>`).FindAllStringSubmatch(page, -1) {
		all[m[3]] = tile{m[2], html.UnescapeString(m[1])}
	}
	return all
}

// productLinks returns a page's links to the product list: texts by address.
func productLinks(page string) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`<a href="(/products\?[^"]*)">([^<]*)</a>`).FindAllStringSubmatch(page, -1) {
		all[html.UnescapeString(m[1])] = m[2]
	}
	return all
}

// TestOverview_FiguresMatchAPIAndLists compares the page with the API's figures, and its links with the lists that they lead to.
func TestOverview_FiguresMatchAPIAndLists(t *testing.T) {
	t.Parallel()
	u := newSite(t, "UPDATE tbl_produk SET id_segmen = NULL WHERE id % 9 = 0", "UPDATE tbl_produk SET id_stage = NULL WHERE id % 7 = 0", "UPDATE tbl_produk SET harga = NULL WHERE id % 5 = 0",
		"UPDATE tbl_produk SET tanggal_launch = '1970-01-01' WHERE id % 2 = 0", "UPDATE tbl_produk SET tanggal_launch = NULL WHERE id % 11 = 0")
	for _, query := range []string{"", "search=a", "stageId=2&search=&segmentId=", "stage=Growth&search=an", "missing=price", "overdue=true", "implausible=launchDate"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			u.newUser(t).checkOverview(query)
		})
	}
}

func (u *user) checkOverview(query string) {
	u.Helper()
	want, page := u.figures(query), u.open("/?"+query).shows(http.StatusOK, "Products by stage", "Products by segment and stage", "Time in stage", "Recent moves").body
	shownTiles, stats := tiles(page), want.Statistics
	for text, figure := range map[string]string{
		"products": english().Number(stats.TotalProducts), "total value": english().Rupiah(stats.TotalValue), "launched in the last 12 months": english().Number(stats.LaunchedLast12Months),
		"overdue":    english().Number(stats.Overdue),
		"No segment": english().Number(stats.Completeness.MissingSegment), "No stage": english().Number(stats.Completeness.MissingStage),
		"No category": english().Number(stats.Completeness.MissingCategory), "No price": english().Number(stats.Completeness.MissingPrice),
		"No plausible launch date":        english().Number(stats.Completeness.MissingLaunchDate),
		"with an implausible launch date": english().Number(stats.Completeness.ImplausibleLaunchDate),
	} {
		if shownTiles[text].figure != figure {
			u.Errorf("%q %s, want %q", shownTiles[text].figure, text, figure)
		}
	}
	for _, tile := range shownTiles {
		if tile.address != "" {
			u.checkLink(query, tile.address, tile.figure)
			u.open(tile.address)
		}
	}
	links := productLinks(page)
	for address, text := range links {
		if regexp.MustCompile(`^[0-9.]+$`).MatchString(text) {
			u.checkLink(query, address, text)
		}
	}
	if len(links) < 5 {
		u.Errorf("%d links", len(links))
	}
	for _, p := range want.RecentProducts {
		if link := fmt.Sprintf(`<a href="/products/%d">%s</a>`, p.ID, html.EscapeString(*p.Produk)); !strings.Contains(page, link) {
			u.Errorf("no %s", link)
		}
	}
	launches := int64(0)
	for _, month := range want.Charts.LaunchesByMonth {
		launches += month.Count
	}
	if heading := fmt.Sprintf(`Launches by month <span class="muted">· %d in 24 months`, launches); !strings.Contains(page, heading) {
		u.Errorf("no %s", heading)
	}
}

// checkLink checks that a link of a filtered page keeps the filters and leads to as many products as the figure says.
func (u *user) checkLink(query, address, figure string) {
	u.Helper()
	_, linkQuery, _ := strings.Cut(address, "?")
	filters, _ := url.ParseQuery(query)
	for name, values := range filters {
		if linkFilters, _ := url.ParseQuery(linkQuery); values[0] != "" && !slices.Equal(linkFilters[name], values) {
			u.Errorf("%s loses %s=%s", address, name, values[0])
		}
	}
	if got := english().Number(u.total(linkQuery)); got != figure {
		u.Errorf("%s lists %s, want %s", address, got, figure)
	}
}

// TestOverview_Filters finds them in the form and in the address, and removes each.
func TestOverview_Filters(t *testing.T) {
	t.Parallel()
	u := newSite(t)
	u.get("/?search=an&stageId=2&kategori=Energi+Bersih&segmentId=").shows(http.StatusOK,
		`name="search" type="search" maxlength="200" value="an"`, `<option value="2" selected>Growth</option>`, `<input type="hidden" name="kategori" value="Energi Bersih">`,
		`href="/?kategori=Energi&#43;Bersih&amp;stageId=2">Search: an`, `href="/?kategori=Energi&#43;Bersih&amp;search=an">Stage: Growth`, `href="/?search=an&amp;stageId=2">Category: Energi Bersih`)
	u.get("/?search=%3Cscript%3E").shows(http.StatusOK, "Search: &lt;script&gt;", "No products found", `<a class="button" href="/">Show all</a>`)
	u.get("/products?implausible=launchDate").shows(http.StatusOK, "Implausible date: Launch date", `<input type="hidden" name="implausible" value="launchDate">`)
	for _, query := range []string{"stageId=abc", "missing=nonsense", "implausible=price", "overdue=yes", "page=2", "search=" + strings.Repeat("a", 201)} {
		u.get("/?"+query).shows(http.StatusUnprocessableEntity, "Invalid filters")
	}
}

func TestPages_WithoutProducts(t *testing.T) {
	t.Parallel()
	u := newSite(t, "DELETE FROM tbl_stage_histori", "DELETE FROM tbl_produk WHERE id > 1")
	for _, path := range []string{"/stage-history", "/stage-history/matrix"} {
		u.open(path).shows(http.StatusOK, "No product has moved yet")
	}
	u.follow(u.remove("1"), "/products", "Product deleted")
	u.open("/products").shows(http.StatusOK, "No products yet")
	u.open("/").shows(http.StatusOK, "No products yet", `href="/sync"`)
}

// TestOverview_EscapesNamesAndSumsHugePrices has rows without names, names that look like markup, and huge and negative prices.
func TestOverview_EscapesNamesAndSumsHugePrices(t *testing.T) {
	t.Parallel()
	u := newSite(t, "DELETE FROM tbl_stage_histori", "UPDATE tbl_stage SET stage = NULL WHERE id = 1", "UPDATE tbl_segmen SET segmen = '<b>&' WHERE id = 1",
		"UPDATE tbl_produk SET produk = '<i>' || id, harga = 9223372036854775807, id_stage = 1, id_segmen = 1",
		"UPDATE tbl_produk SET produk = NULL, harga = -1, id_stage = NULL, id_segmen = NULL WHERE id % 2 = 0")
	u.open("/").shows(http.StatusOK, "#1", "No stage", "No segment", "&lt;b&gt;&amp;", "&lt;i&gt;", "None of these products has moved yet.", english().Rupiah(u.figures("").Statistics.TotalValue)).lacks("<b>", "<i>")
}

// total returns the number of products that the API lists for a query.
func (u *user) total(query string) int64 {
	u.Helper()
	var list struct{ Pagination struct{ TotalItems int64 } }
	a := u.open(api + "/products?" + query)
	if err := json.Unmarshal([]byte(a.body), &list); err != nil {
		u.Fatalf("%s: %s", query, a.body)
	}
	return list.Pagination.TotalItems
}

// english returns the console's number format.
func english() *messages.Format { return messages.NewFormat(messages.English, time.UTC) }
