package demo_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/demo"
)

// A product's moves lead from stage to stage in time, and end in the product's current stage.
func TestGenerate_HistoryMatchesProducts(t *testing.T) {
	t.Parallel()
	jakarta := time.FixedZone("WIB", 7*60*60)
	for _, volume := range volumes {
		d := generate(t, volume[0], volume[1])
		products := map[int64]models.Product{}
		for _, p := range rows[models.Product](t, d, "products") {
			products[p.ID] = p
		}
		last, entered := map[int64]models.StageHistory{}, map[int64]models.Date{}
		for _, h := range rows[models.StageHistory](t, d, "stage_history") {
			before, seen := last[*h.ProductID]
			switch {
			case seen && (*h.PreviousStageID != *before.StageID || !h.ChangedAt.Time().After(before.ChangedAt.Time())):
				t.Fatalf("%v: record %d does not follow record %d", volume, h.ID, before.ID)
			case h.PreviousStageID != nil && (*h.StageID < *h.PreviousStageID || *h.StageID > *h.PreviousStageID+1):
				t.Fatalf("%v: record %d leads from stage %d to %d", volume, h.ID, *h.PreviousStageID, *h.StageID)
			case h.ChangedAt.Time().Format(time.DateOnly) < products[*h.ProductID].LaunchDate.String():
				t.Fatalf("%v: record %d is before its product's launch", volume, h.ID)
			}
			if h.PreviousStageID == nil || *h.StageID != *h.PreviousStageID {
				entered[*h.ProductID] = models.NewDate(h.ChangedAt.Time().In(jakarta).Date())
			}
			last[*h.ProductID] = h
		}
		for id, h := range last {
			p := products[id]
			if *p.StageID != *h.StageID || *p.StageStart != entered[id] {
				t.Fatalf("%v: product %d is in stage %d since %s, its history says %d since %s",
					volume, id, *p.StageID, p.StageStart, *h.StageID, entered[id])
			}
		}
	}
}

func TestGenerate_DatesAreInOrder(t *testing.T) {
	t.Parallel()
	for _, volume := range volumes {
		years := map[string]bool{}
		for _, p := range rows[models.Product](t, generate(t, volume[0], volume[1]), "products") {
			if p.LaunchDate == nil {
				continue
			}
			launch := p.LaunchDate.String()
			years[launch[:4]] = true
			switch {
			case launch < "2017-01-01" || launch > "2026-06-15":
				t.Fatalf("product %d was launched on %s", p.ID, launch)
			case p.StageStart != nil && (p.StageStart.String() < launch || p.StageStart.String() > "2026-06-30"):
				t.Fatalf("product %d, launched on %s, is in its stage since %s", p.ID, launch, p.StageStart)
			case p.StageEnd != nil && p.StageEnd.String() <= p.StageStart.String():
				t.Fatalf("product %d is in its stage from %s to %s", p.ID, p.StageStart, p.StageEnd)
			}
		}
		if volume[0] == demo.Products && len(years) != 10 {
			t.Errorf("%v: launches in %d years", volume, len(years))
		}
	}
}

func TestGenerate_SomeProductsHaveSeveralMoves(t *testing.T) {
	t.Parallel()
	perProduct, several, decimals := map[int64]int{}, 0, false
	for _, h := range rows[models.StageHistory](t, generate(t, demo.Products, demo.Histories), "stage_history") {
		if perProduct[*h.ProductID]++; perProduct[*h.ProductID] == 2 {
			several++
		}
		decimals = decimals || strings.Contains(string(h.Metrics), `0}`)
		if h.Metrics != nil && !json.Valid(h.Metrics) {
			t.Errorf("record %d: %s", h.ID, h.Metrics)
		}
	}
	if several < 5 || !decimals {
		t.Errorf("%d products with several moves, decimals that end in 0: %t", several, decimals)
	}
}
