package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
)

// view is a saved view of the list.
type view struct {
	ID                        int64
	Name, Query, Owner        string
	Columns                   []string
	Shared, BuiltIn, Editable bool
}

// as returns the site for a caller with a role.
func (s *site) as(role string) *site {
	s.t.Helper()
	other := *s
	other.token = s.Token(role)
	return &other
}

// views lists the views that the caller sees.
func (s *site) views() []view {
	s.t.Helper()
	return decode[[]view](s.t, s.get("/views"))
}

// names are the names of the stored views that the caller sees.
func (s *site) viewNames() (names []string) {
	s.t.Helper()
	for _, v := range s.views() {
		if !v.BuiltIn {
			names = append(names, v.Name)
		}
	}
	return names
}

func (s *site) createView(body string) view {
	s.t.Helper()
	return decode[view](s.t, s.send(http.MethodPost, "/views", body).want(s.t, http.StatusCreated))
}

// TestViews_BelongToTheirOwners: personal views are private, managers share views, and the owner or an Admin changes them.
func TestViews_BelongToTheirOwners(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		staff, manager, admin := s.as("Staff"), s.as("Project Manager"), s.as("Admin")
		for _, caller := range []*site{staff, manager, admin} {
			if got := caller.viewNames(); got != nil {
				t.Errorf("views at the beginning: %q", got)
			}
		}
		body := `{"name": "  Growth ", "query": "stageId=2,3&search=&sort=-harga&segmentId=1", "columns": ["harga", "produk"]}`
		a := staff.send(http.MethodPost, "/views", body, "Idempotency-Key", "one").want(t, http.StatusCreated)
		own := decode[view](t, a)
		if own.Name != "Growth" || own.Query != "segmentId=1&sort=-harga&stageId=2%2C3" || !slices.Equal(own.Columns, []string{"harga", "produk"}) || own.Shared || !own.Editable || own.BuiltIn ||
			a.location() != fmt.Sprintf("/views/%d", own.ID) {
			t.Errorf("created %s at %s", a.body, a.location())
		}
		if again := staff.send(http.MethodPost, "/views", body, "Idempotency-Key", "one").want(t, http.StatusCreated); string(again.body) != string(a.body) || again.location() != a.location() {
			t.Errorf("the second answer is %s, the first was %s", again.body, a.body)
		}
		staff.send(http.MethodPost, "/views", `{"name": "Growth", "query": ""}`).want(t, http.StatusConflict, "conflict")
		staff.send(http.MethodPost, "/views", `{"name": "Shared", "shared": true}`).want(t, http.StatusForbidden, "forbidden")
		shared := manager.createView(`{"name": "Growth", "query": "overdue=true", "shared": true}`)
		personal := manager.createView(`{"name": "Private"}`)
		if shared.Columns == nil || personal.Query != "" {
			t.Errorf("%+v, %+v", shared, personal)
		}

		for caller, want := range map[*site][]string{staff: {"Growth", "Growth"}, manager: {"Growth", "Private"}, admin: {"Growth"}} {
			if got := caller.viewNames(); !slices.Equal(got, want) {
				t.Errorf("the caller sees %q, want %q", got, want)
			}
		}
		for _, v := range staff.views() {
			if v.Editable != (v.ID == own.ID) || v.BuiltIn != (v.ID < 0) {
				t.Errorf("for the staff: %+v", v)
			}
		}
		path := func(v view) string { return fmt.Sprintf("/views/%d", v.ID) }
		staff.send(http.MethodPut, path(shared), `{"name": "x"}`).want(t, http.StatusForbidden, "forbidden")
		staff.send(http.MethodPut, path(personal), `{"name": "x"}`).want(t, http.StatusNotFound, "not_found")
		staff.send(http.MethodPut, path(own), `{"shared": true}`).want(t, http.StatusForbidden, "forbidden")
		staff.do(http.MethodDelete, base+path(shared), nil).want(t, http.StatusForbidden, "forbidden")
		staff.do(http.MethodDelete, base+path(personal), nil).want(t, http.StatusNotFound, "not_found")
		manager.do(http.MethodDelete, base+path(own), nil).want(t, http.StatusNotFound, "not_found")
		manager.send(http.MethodPut, path(personal), `{"name": "Growth"}`).want(t, http.StatusConflict, "conflict")

		renamed := decode[view](t, staff.send(http.MethodPut, path(own), `{"name": "Growth 2"}`).want(t, http.StatusOK))
		if renamed.Name != "Growth 2" || renamed.Query != own.Query || !slices.Equal(renamed.Columns, own.Columns) {
			t.Errorf("renamed to %+v", renamed)
		}
		byAdmin := decode[view](t, admin.send(http.MethodPut, path(shared), `{"shared": false, "columns": []}`).want(t, http.StatusOK))
		if byAdmin.Shared || byAdmin.Query != "overdue=true" {
			t.Errorf("changed by an Admin to %+v", byAdmin)
		}
		if got := staff.viewNames(); !slices.Equal(got, []string{"Growth 2"}) {
			t.Errorf("no longer shared, but the staff sees %q", got)
		}
		if got := s.as("Officer").viewNames(); got != nil {
			t.Errorf("another reader sees %q", got)
		}
		manager.do(http.MethodDelete, base+path(shared), nil).want(t, http.StatusOK)
		admin.do(http.MethodDelete, base+path(personal), nil).want(t, http.StatusOK)
		if got := manager.viewNames(); got != nil {
			t.Errorf("deleted, but the manager sees %q", got)
		}
		manager.do(http.MethodDelete, base+path(shared), nil).want(t, http.StatusNotFound, "not_found")
	}, withTokens...)
}

// TestViews_RecordWhoSharedThem: an owner who is no longer a manager cannot share a view. What was done to shared views is recorded
// with its author and cannot be undone; personal views are private.
func TestViews_RecordWhoSharedThem(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		manager, admin := s.as("Project Manager"), s.as("Admin")
		path := func(v view) string { return fmt.Sprintf("/views/%d", v.ID) }
		manager.createView(`{"name": "Private"}`)
		demoted := s.as("Staff") // the manager has lost the role
		demoted.token = strings.TrimSpace(s.Command("token", "--role", "Staff", "--subject", "test of Project Manager"))
		reshared := manager.createView(`{"name": "Kept", "shared": true}`)
		demoted.send(http.MethodPut, path(reshared), `{"name": "x"}`).want(t, http.StatusForbidden, "forbidden")
		demoted.send(http.MethodPut, path(reshared), `{"name": "x", "shared": true}`).want(t, http.StatusForbidden, "forbidden")
		demoted.send(http.MethodPut, path(reshared), `{"name": "Own", "shared": false}`).want(t, http.StatusOK)
		demoted.send(http.MethodPut, path(reshared), `{"query": "stageId=1"}`).want(t, http.StatusOK)
		demoted.do(http.MethodDelete, base+path(reshared), nil).want(t, http.StatusOK)
		again := manager.createView(`{"name": "Again", "shared": true}`)
		admin.do(http.MethodDelete, base+path(again), nil).want(t, http.StatusOK)

		saved, deleted := admin.activities("action=save-view"), admin.activities("action=delete-view")
		if len(saved) != 3 || len(deleted) != 1 {
			t.Fatalf("saved: %+v, deleted: %+v", saved, deleted)
		}
		for i, want := range []string{"Again", "Own", "Kept"} { // newest first
			if a := saved[i]; a.Detail.Name != want || a.Detail.Shared != (want != "Own") || a.Channel != "api" || a.ChangeCount != 0 || a.Actor.ID != "test of Project Manager" {
				t.Errorf("activity %d is %+v", i, a)
			}
		}
		if a := deleted[0]; a.Detail.Name != "Again" || a.Actor.ID != "test of Admin" {
			t.Errorf("deleted: %+v", a)
		}
		admin.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", deleted[0].ID), "").want(t, http.StatusConflict, "conflict")
	}, withTokens...)
}

// TestViews_AreValidatedWhenSaved: the query as by the list, the columns, the name, and the number of views.
func TestViews_AreValidatedWhenSaved(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		for _, v := range s.views() {
			if !v.BuiltIn || v.ID >= 0 || v.Editable || v.Name == "" || strings.Contains(v.Name, ".") {
				t.Errorf("built in: %+v", v)
			}
			a := s.get("/products?limit=100&" + v.Query)
			if a.json.Pagination == nil {
				t.Errorf("%s: %s", v.Name, a.body)
			}
			s.refuses("id integer", http.MethodPut, fmt.Sprintf("/views/%d", v.ID), `{"name": "x"}`)
			s.refuses("id integer", http.MethodDelete, fmt.Sprintf("/views/%d", v.ID), "")
		}
		if got := len(s.views()); got != 4 {
			t.Errorf("%d built-in views", got)
		}
		for body, fields := range map[string]string{
			`{}`: "name required", `{"name": "  "}`: "name required", `{"name": "` + strings.Repeat("é", 101) + `"}`: "name too_long", `{"name": 7}`: "name type", `{"name": "a\u0000"}`: "name encoding",
			`{"name": "x", "query": "page=1"}`: "query unknown", `{"name": "x", "query": "stageId=x&sort=nama"}`: "query integer", `{"name": "x", "query": "sort=nama"}`: "query unknown",
			`{"name": "x", "query": "priceFrom=2&priceTo=1"}`: "query range", `{"name": "x", "query": "?overdue=true"}`: "query unknown", `{"name": "x", "query": "search=%00"}`: "query encoding",
			`{"name": "x", "query": "overdue=true&overdue=true"}`: "query duplicate", `{"name": "x", "query": "` + strings.Repeat("a", 2001) + `"}`: "query too_long",
			`{"name": "x", "columns": ["id_stage"]}`: "columns unknown", `{"name": "x", "columns": ["harga", "harga"]}`: "columns duplicate", `{"name": "x", "columns": "harga"}`: "columns type",
			`{"name": "x", "columns": [null]}`: "columns unknown", `{"name": "x", "shared": "yes"}`: "shared boolean", `{"name": "x", "id": 1}`: "id unknown",
		} {
			s.refuses(fields, http.MethodPost, "/views", body)
		}
		s.send(http.MethodPut, "/views/9", `{"name": "x"}`).want(t, http.StatusNotFound, "not_found")
		s.do(http.MethodPost, base+"/views", strings.NewReader("name=x"), "Content-Type", "application/x-www-form-urlencoded").want(t, http.StatusUnsupportedMediaType, "unsupported_type")
		s.refuses("x", http.MethodGet, "/views?x=1", "")

		const name = `"><script>alert(1)</script> énergie 100%`
		saved := s.createView(fmt.Sprintf(`{"name": %q, "query": "search=a%%26b;c", "columns": ["harga"], "shared": true}`, name))
		if saved.Name != name || saved.Query != "search=a%26b%3Bc" {
			t.Errorf("saved as %+v", saved)
		}
		s.refuses("name required", http.MethodPut, fmt.Sprintf("/views/%d", saved.ID), `{"name": ""}`)
		s.refuses("query integer", http.MethodPut, fmt.Sprintf("/views/%d", saved.ID), `{"query": "stageId=0"}`)
		all, _ := json.Marshal(models.ViewColumns())
		s.send(http.MethodPut, fmt.Sprintf("/views/%d", saved.ID), `{"columns": `+string(all)+`}`).want(t, http.StatusOK)
		for i := range 99 {
			s.createView(fmt.Sprintf(`{"name": "view %d"}`, i))
		}
		s.send(http.MethodPost, "/views", `{"name": "one too many"}`).want(t, http.StatusConflict, "conflict")
	})
}
