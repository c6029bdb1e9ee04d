package reports

import (
	"cmp"
	"slices"
)

// Label names what a figure belongs to. Both are nil for what belongs to nothing.
type Label struct {
	ID   *int64  `json:"id"`
	Name *string `json:"label"`
}

// axis is the stages, segments or categories along which figures stand: those that the mirror lists, in
// the order of its lists, then by id others that rows name all the same, then what names none.
type axis struct {
	labels []Label
	places map[int64]int
	others []int64
	none   bool
}

func newAxis() *axis { return &axis{labels: []Label{}, places: map[int64]int{}} }

func (a *axis) add(id *int64, name *string) {
	if id != nil {
		a.places[*id] = len(a.labels)
	}
	a.labels = append(a.labels, Label{id, name})
}

// see makes room for an id that a row has.
func (a *axis) see(id *int64) {
	switch {
	case id == nil:
		a.none = true
	case !a.has(*id) && !slices.Contains(a.others, *id):
		a.others = append(a.others, *id)
	}
}

func (a *axis) has(id int64) bool { _, ok := a.places[id]; return ok }

// at is the place of an id that was seen, and of nil the last.
func (a *axis) at(id *int64) int {
	if id == nil {
		return len(a.labels) - 1
	}
	return a.places[*id]
}

// complete lists what was seen behind what is listed.
func (a *axis) complete() {
	slices.SortFunc(a.others, cmp.Compare[int64])
	for _, id := range a.others {
		a.add(&id, nil)
	}
	if a.none {
		a.add(nil, nil)
	}
}
