package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

func TestStageHistory_HonoursIfMatch(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		created := s.send(http.MethodPost, "/stage-history", `{"id_produk":1,"stage_now":1,"tanggal_perubahan":"2001-01-01T00:00:00Z"}`).want(t, http.StatusCreated)
		path := created.location()
		etag := s.get(path).Header.Get("ETag")
		changed := s.send(http.MethodPut, path, `{"catatan":"one"}`, "If-Match", etag).want(t, http.StatusOK)
		for _, version := range []string{etag, created.Header.Get("ETag"), `"other"`, "malformed"} {
			response := s.send(http.MethodPut, path, `{"catatan":"two"}`, "If-Match", version).want(t, http.StatusPreconditionFailed, "precondition_failed")
			if got := decode[map[string]any](t, response); got["catatan"] != "one" || response.Header.Get("ETag") != changed.Header.Get("ETag") {
				t.Errorf("412 shows %s %s", response.Header.Get("ETag"), response.body)
			}
			s.do(http.MethodDelete, base+path, nil, "If-Match", version).want(t, http.StatusPreconditionFailed, "precondition_failed")
		}
		s.do(http.MethodDelete, base+path, nil, "If-Match", " ").want(t, http.StatusBadRequest, "validation_failed")
		s.do(http.MethodDelete, base+path, nil, "If-Match", s.get(path).Header.Get("ETag")).want(t, http.StatusOK)
	})
}

func TestWrites_RejectImpossibleTimes(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		move := func(stage int64, at time.Time) string {
			return fmt.Sprintf(`{"id_produk":1,"stage_now":%d,"tanggal_perubahan":%q}`, stage, at.Format(time.RFC3339))
		}
		next := *decode[product](t, s.get("/products/1")).StageID%4 + 1
		s.refuses("tanggal_perubahan future", http.MethodPost, "/stage-history", move(next, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)))
		s.refuses("tanggal_perubahan future", http.MethodPost, "/stage-history", move(next, time.Now().Add(10*time.Minute)))
		created := s.send(http.MethodPost, "/stage-history", move(next, time.Now())).want(t, http.StatusCreated) // clocks may differ a little
		s.refuses("tanggal_perubahan future", http.MethodPut, created.location(), `{"tanggal_perubahan":"2099-01-01T00:00:00Z"}`)
		if now := *decode[product](t, s.get("/products/1")).StageID; now != next {
			t.Errorf("the product is in stage %d", now)
		}

		const gardu = `{"produk":"Gardu","id_kategori":1,"id_segmen":1,"id_stage":1,`
		s.refuses("tanggal_stage_end order", http.MethodPost, "/products", gardu+`"tanggal_stage_start":"2026-03-02","tanggal_stage_end":"2026-03-01"}`)
		path := s.send(http.MethodPost, "/products", gardu+`"tanggal_stage_start":"2026-03-02","tanggal_stage_end":"2026-03-02"}`).want(t, http.StatusCreated).location()
		s.refuses("tanggal_stage_end order", http.MethodPut, path, `{"tanggal_stage_end":"2026-03-01"}`)
		s.refuses("tanggal_stage_end order", http.MethodPut, path, `{"tanggal_stage_start":"2026-03-03"}`)
		s.send(http.MethodPut, path, `{"tanggal_stage_start":"2026-03-03","tanggal_stage_end":"2026-03-04"}`).want(t, http.StatusOK)
		exec(t, s.source, "UPDATE tbl_produk SET tanggal_stage_start = '2026-05-01', tanggal_stage_end = '2026-04-01' WHERE produk = 'Gardu'")
		// What lifecycle_db holds is no fault of a request that sends it back unchanged.
		s.send(http.MethodPut, path, `{"pelanggan":"PLN","tanggal_stage_start":"2026-05-01","tanggal_stage_end":"2026-04-01"}`).want(t, http.StatusOK)
	})
}

func TestProducts_PutThatChangesNothingKeepsUpdatedAt(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		fields := map[string]string{"produk": "Gardu", "id_kategori": "1", "id_segmen": "1", "id_stage": "1", "harga": "7", "tanggal_launch": "2026-03-01"}
		created := s.form(http.MethodPost, "/products", fields).want(t, http.StatusCreated)
		path, before := created.location(), decode[product](t, created).UpdatedAt.String()
		for _, a := range []apiResponse{s.send(http.MethodPut, path, `{}`), s.form(http.MethodPut, path, fields)} {
			if now := decode[product](t, a.want(t, http.StatusOK)).UpdatedAt.String(); now != before || a.Header.Get("ETag") != created.Header.Get("ETag") {
				t.Errorf("updated_at %s became %s", before, now)
			}
		}
		if now := decode[product](t, s.send(http.MethodPut, path, `{"harga":8}`).want(t, http.StatusOK)).UpdatedAt.String(); now == before {
			t.Errorf("updated_at stays %s", now)
		}
		move := s.send(http.MethodPost, "/stage-history", `{"id_produk":1,"stage_now":1,"tanggal_perubahan":"2001-01-01T00:00:00Z","performance_metrics":{"b":1.50,"a":2}}`)
		path = move.want(t, http.StatusCreated).location()
		same := s.send(http.MethodPut, path, `{"catatan":"","tanggal_perubahan":"2001-01-01T07:00:00+07:00","performance_metrics":{"a":2,"b":1.50}}`).want(t, http.StatusOK)
		if same.Header.Get("ETag") != move.Header.Get("ETag") {
			t.Errorf("%s became %s", move.body, same.body)
		}
	})
}

// inNewestStage reports whether a product is in the stage of its newest record.
func (s *site) inNewestStage(id int64) bool {
	s.t.Helper()
	return queryOne[bool](s.t, s.source, fmt.Sprintf(`SELECT (SELECT stage_now FROM tbl_stage_histori WHERE id_produk = %[1]d AND tanggal_perubahan < '2090-01-01'
		ORDER BY tanggal_perubahan DESC, id DESC LIMIT 1) = id_stage FROM tbl_produk WHERE id = %[1]d`, id))
}

// TestMoves_ProductFollowsItsNewestRecord corrects and deletes records. What another application dated in the future does not
// count.
func TestMoves_ProductFollowsItsNewestRecord(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		created := s.send(http.MethodPost, "/products", `{"produk":"Trafo","id_kategori":1,"id_segmen":1,"id_stage":1}`).want(t, http.StatusCreated)
		id := decode[product](t, created).ID
		for _, future := range []string{"2099-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"} {
			kit.Exec(t, s.source, fmt.Sprintf("INSERT INTO tbl_stage_histori (id_produk, stage_previous, stage_now, tanggal_perubahan) VALUES (%d, 1, 4, '%s')", id, future))
		}
		jakarta, err := time.LoadLocation("Asia/Jakarta") // the default of TIMEZONE
		if err != nil {
			t.Fatal(err)
		}
		today, latest := time.Now().In(jakarta).Format(time.DateOnly), time.Now().Add(time.Minute)
		stage := func(want int64, start string) {
			t.Helper()
			p := decode[product](t, s.get(created.location()).want(t, http.StatusOK))
			if p.StageID == nil || *p.StageID != want || fmt.Sprint(p.StageStart) != start || p.StageEnd != nil {
				t.Errorf("the product is %+v, want stage %d from %q on", p, want, start)
			}
		}
		move := func(to int64) string {
			t.Helper()
			answer := s.send(http.MethodPost, "/stage-history", fmt.Sprintf(`{"id_produk":%d,"stage_now":%d}`, id, to)).want(t, http.StatusCreated)
			if at := decode[struct {
				At time.Time `json:"tanggal_perubahan"`
			}](t, answer).At; at.After(latest) {
				t.Errorf("moved at %s", at)
			}
			stage(to, today)
			return answer.location()
		}
		second, third := move(2), move(3)
		setStage := func(to int64) {
			kit.Exec(t, s.source, fmt.Sprintf("UPDATE tbl_produk SET id_stage = %d WHERE id = %d", to, id))
		}
		setStage(4) // directly: correcting a note does not move the product
		s.send(http.MethodPut, third, `{"catatan":"x"}`).want(t, http.StatusOK)
		stage(4, today)
		setStage(3)
		s.send(http.MethodPut, second, fmt.Sprintf(`{"tanggal_perubahan":%q}`, time.Now().UTC().Format(time.RFC3339Nano))).want(t, http.StatusOK)
		stage(2, today)
		s.send(http.MethodPut, second, `{"tanggal_perubahan":"2020-05-05T00:00:00Z","catatan":"x"}`).want(t, http.StatusOK)
		stage(3, today)
		s.send(http.MethodPut, created.location(), `{"tanggal_stage_end":"2090-01-01"}`).want(t, http.StatusOK)
		s.do(http.MethodDelete, base+third, nil).want(t, http.StatusOK)
		stage(2, "2020-05-05")
		s.do(http.MethodDelete, base+second, nil).want(t, http.StatusOK)
		stage(1, "<nil>")
		for range 2 { // deleting a repeated record does not change the stage, so the dates stay
			kit.Exec(t, s.source, fmt.Sprintf("INSERT INTO tbl_stage_histori (id_produk, stage_now, tanggal_perubahan) VALUES (%d, 1, '2020-01-01T00:00:00.000000Z')", id))
		}
		s.send(http.MethodPut, created.location(), `{"tanggal_stage_start":"2021-01-01"}`).want(t, http.StatusOK)
		s.Command("sync")
		s.do(http.MethodDelete, base+fmt.Sprintf("/stage-history/%d", queryOne[int](t, s.source, fmt.Sprintf("SELECT max(id) FROM tbl_stage_histori WHERE id_produk = %d", id))), nil).
			want(t, http.StatusOK)
		stage(1, "2021-01-01")
		s.Command("sync")
		s.Command("verify")
	})
}

// TestMoves_SetTheDatesOfTheStage, whether a move or a changed stage of the product moves it.
func TestMoves_SetTheDatesOfTheStage(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		fields := map[string]string{
			"produk": "Gardu", "id_kategori": "1", "id_segmen": "1", "id_stage": "1", "tanggal_stage_start": "2020-01-01", "tanggal_stage_end": "2021-01-01",
		}
		path := s.form(http.MethodPost, "/products", fields).want(t, http.StatusCreated).location()
		id := strings.TrimPrefix(path, "/products/")
		jakarta, err := time.LoadLocation("Asia/Jakarta") // the default of TIMEZONE
		if err != nil {
			t.Fatal(err)
		}
		today := time.Now().In(jakarta).Format(time.DateOnly)
		stage := func(want int64, start, end string) {
			t.Helper()
			p := decode[product](t, s.get(path))
			if *p.StageID != want || fmt.Sprint(p.StageStart) != start || fmt.Sprint(p.StageEnd) != end {
				t.Errorf("the product is in stage %d from %s to %s, want %d from %s to %s", *p.StageID, p.StageStart, p.StageEnd, want, start, end)
			}
		}
		move := func(rest string) string { return `{"id_produk":` + id + "," + rest + "}" }

		s.send(http.MethodPost, "/stage-history", move(`"stage_now":2,"tanggal_perubahan":"2024-06-30T23:30:00+07:00"`)).want(t, http.StatusCreated)
		stage(2, "2024-06-30", "<nil>")
		s.refuses("tanggal_stage_end order", http.MethodPost, "/stage-history", move(`"stage_now":3,"tanggal_stage_end":"2024-06-30"`))
		s.refuses("tanggal_stage_end date", http.MethodPost, "/stage-history", move(`"stage_now":3,"tanggal_stage_end":"soon"`))
		s.refuses("tanggal_stage_end back_dated", http.MethodPost, "/stage-history", move(`"stage_now":3,"tanggal_stage_end":"2090-01-01","tanggal_perubahan":"2023-01-01T00:00:00Z"`))
		stage(2, "2024-06-30", "<nil>")
		s.send(http.MethodPost, "/stage-history", move(`"stage_now":3,"tanggal_stage_end":"2090-01-01"`)).want(t, http.StatusCreated)
		stage(3, today, "2090-01-01")
		s.send(http.MethodPost, "/stage-history", move(`"stage_now":1,"tanggal_perubahan":"2023-01-01T00:00:00Z"`)).want(t, http.StatusCreated)
		stage(3, today, "2090-01-01")

		// Forms send every field: stored dates are those of the previous stage.
		fields["id_stage"], fields["tanggal_stage_start"], fields["tanggal_stage_end"] = "4", today, "2090-01-01"
		s.form(http.MethodPut, path, fields).want(t, http.StatusOK)
		stage(4, today, "<nil>")
		s.refuses("tanggal_stage_end order", http.MethodPut, path, `{"id_stage":1,"tanggal_stage_end":"2024-01-01"}`)
		s.send(http.MethodPut, path, `{"id_stage":1,"tanggal_stage_end":"2091-01-01"}`).want(t, http.StatusOK)
		stage(1, today, "2091-01-01")
		s.send(http.MethodPut, path, `{"id_stage":2,"tanggal_stage_start":"2020-02-02"}`).want(t, http.StatusOK)
		stage(2, "2020-02-02", "<nil>")
		s.Command("verify")
	})
}

// TestMoves_ConcurrentRequestsHaveOneWinner sends equal moves and different stages of a product at once. However they
// overlap, the product's stage is that of its newest record.
func TestMoves_ConcurrentRequestsHaveOneWinner(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		s := newSite(t, url, "RATE_LIMIT_WRITES=100000")
		created := s.send(http.MethodPost, "/products", `{"produk":"Gardu","id_kategori":1,"id_segmen":1,"id_stage":1}`).want(t, http.StatusCreated)
		id := decode[product](t, created).ID
		rounds := 6
		if kit.IsLong() {
			rounds = 60
		}
		for round := range rounds {
			from, to := 1+round%2, 2-round%2
			statuses := make([]int, 8)
			var clients sync.WaitGroup
			for i := range statuses {
				clients.Go(func() {
					statuses[i] = s.send(http.MethodPost, "/stage-history", fmt.Sprintf(`{"id_produk":%d,"stage_previous":%d,"stage_now":%d}`, id, from, to)).StatusCode
				})
			}
			clients.Wait()
			slices.Sort(statuses)
			if statuses[0] != http.StatusCreated || statuses[1] == http.StatusCreated {
				t.Fatalf("round %d: %v, want one 201", round, statuses)
			}
		}
		for round := range rounds {
			records := queryOne[string](t, s.source, fmt.Sprintf("SELECT min(id) || ' ' || max(id) FROM tbl_stage_histori WHERE id_produk = %d", id))
			oldest, newest, _ := strings.Cut(records, " ")
			var clients sync.WaitGroup
			for i := range 4 {
				clients.Go(func() { s.send(http.MethodPut, created.location(), fmt.Sprintf(`{"id_stage":%d}`, 1+(round+i)%4)) })
				clients.Go(func() {
					s.send(http.MethodPost, "/stage-history", fmt.Sprintf(`{"id_produk":%d,"stage_now":%d}`, id, 1+i%4))
				})
			}
			clients.Go(func() {
				s.send(http.MethodPut, "/stage-history/"+oldest, fmt.Sprintf(`{"tanggal_perubahan":%q}`, time.Now().UTC().Format(time.RFC3339Nano)))
			})
			clients.Go(func() { s.do(http.MethodDelete, base+"/stage-history/"+newest, nil) })
			clients.Wait()
			if !s.inNewestStage(id) {
				t.Fatalf("round %d: the product is not in the stage of its newest record", round)
			}
		}
		s.Command("verify")
	})
}

// TestWrites_RefusedForAnotherStateRefreshTheMirror: a caller whose write is refused because others have changed the row directly in
// lifecycle_db reads its current state afterwards.
func TestWrites_RefusedForAnotherStateRefreshTheMirror(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		stageOf := func(id int) int64 {
			t.Helper()
			return *decode[product](t, s.get(fmt.Sprintf("/products/%d", id))).StageID
		}
		for id := 1; id <= 3; id++ {
			exec(t, s.source, fmt.Sprintf("DELETE FROM tbl_stage_histori WHERE id_produk = %d", id))
			exec(t, s.source, fmt.Sprintf("UPDATE tbl_produk SET id_stage = 1 WHERE id = %d", id))
			exec(t, s.source, fmt.Sprintf("INSERT INTO tbl_stage_histori (id_produk, stage_now, tanggal_perubahan) VALUES (%d, 1, '2026-01-01 00:00:00')", id))
		}
		s.Command("sync")
		record := queryOne[int64](t, s.source, "SELECT id FROM tbl_stage_histori WHERE id_produk = 2")
		exec(t, s.source, "UPDATE tbl_produk SET id_stage = 3 WHERE id IN (1, 2)")
		exec(t, s.source, "DELETE FROM tbl_stage_histori WHERE id_produk IN (2, 3)")
		exec(t, s.source, "DELETE FROM tbl_produk WHERE id = 3")

		s.send(http.MethodPost, "/stage-history", `{"id_produk":1,"stage_previous":1,"stage_now":2}`).want(t, http.StatusConflict, "conflict")
		if got := stageOf(1); got != 3 {
			t.Errorf("product 1 is shown in stage %d, want 3", got)
		}
		s.send(http.MethodPost, "/stage-history", `{"id_produk":2,"stage_now":3}`).want(t, http.StatusConflict, "conflict")
		if got := stageOf(2); got != 3 {
			t.Errorf("product 2 is shown in stage %d, want 3", got)
		}
		s.do(http.MethodGet, fmt.Sprintf("%s/stage-history/%d", base, record), nil).want(t, http.StatusNotFound, "not_found")
		s.send(http.MethodPut, "/products/3", `{"harga":1}`).want(t, http.StatusNotFound, "not_found")
		s.do(http.MethodGet, base+"/products/3", nil).want(t, http.StatusNotFound, "not_found")
		s.Command("verify")
	})
}
