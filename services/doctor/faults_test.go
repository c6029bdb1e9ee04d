package doctor_test

import (
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/services/doctor"
)

// fault is something wrong, brought about by statements in which READER and KEEPER are the roles and SLOT is pmo_db's, the one
// finding that it must lead to, and how it is mended: by the remedy's own statement, unless mend says
// otherwise.
type fault struct {
	name           string
	source, target string
	finding        string
	status         doctor.Status
	says, remedy   string
	also           []string     // checks that find something in consequence
	mend           func(l *lab) // where the remedy is no statement
	before, after  func(l *lab) // what cannot be said in SQL, and taking it back
}

func (f fault) test(l *lab) {
	l.Helper()
	names := strings.NewReplacer("READER", l.reader, "KEEPER", l.keeper, "SLOT", l.slot)
	if f.before != nil {
		f.before(l)
	}
	if f.source != "" {
		l.inSource(names.Replace(f.source))
	}
	if f.target != "" {
		l.inTarget(names.Replace(f.target))
	}
	findings := l.examine()
	var seen *doctor.Finding
	for _, found := range sick(findings) {
		expected := found.Name == f.finding && found.Status == f.status && strings.Contains(found.Message, names.Replace(f.says)) && strings.Contains(found.Remedy, names.Replace(f.remedy))
		switch {
		case expected && seen == nil:
			seen = &found
		case expected, !slices.Contains(f.also, found.Name):
			l.Errorf("unexpected: %+v", found)
		}
	}
	if seen == nil {
		l.Fatalf("not found; the check says %+v", named(findings, f.finding))
	}
	if f.mend != nil {
		f.mend(l)
	} else {
		l.follow(seen.Remedy)
	}
	if f.after != nil {
		f.after(l)
	}
	l.healthy()
}

// tests go through faults one after the other in one lab, which each leaves in health.
func tests(t *testing.T, faults []fault, prepare func(l *lab)) {
	t.Helper()
	l := newLab(t)
	if prepare != nil {
		prepare(l)
	}
	l.healthy()
	for _, f := range faults {
		mended := t.Run(f.name, func(t *testing.T) {
			one := *l
			one.TB = t
			f.test(&one)
			l.options = one.options
		})
		if !mended {
			t.FailNow() // the lab is no longer in health
		}
	}
}
