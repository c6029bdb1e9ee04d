package alerts

import (
	"fmt"
	"maps"
	"time"
)

// changes says what to tell when conditions that were told of are followed by those that hold now, and
// returns what has been told of then. A condition goes on as it was told of, with one exception: when the
// quarantine grows further, that is told too.
func changes(told, holding map[Event]condition, p Picture) (alerts []Alert, telling map[Event]condition) {
	telling = map[Event]condition{}
	maps.Copy(telling, told)
	for _, event := range Events() {
		was, on := told[event]
		is, holds := holding[event]
		switch {
		case holds && (!on || event == Quarantine && is.about != was.about):
			telling[event] = is
			alerts = append(alerts, is.begun(event, p.At))
		case on && !holds:
			delete(telling, event)
			alerts = append(alerts, was.ended(event, p))
		}
	}
	return alerts, telling
}

func (c condition) begun(event Event, at time.Time) Alert {
	return Alert{Event: event, State: Firing, At: at.UTC(), Message: c.message, Remedy: c.remedy, Run: c.run, Details: c.details, ID: c.id(event, Firing)}
}

func (c condition) ended(event Event, p Picture) Alert {
	message, run := over(event, p)
	return Alert{Event: event, State: Resolved, At: p.At.UTC(), Message: message, Run: run, Details: map[string]any{}, ID: c.id(event, Resolved)}
}

// over says in what way it is over, and which run has shown that.
func over(event Event, p Picture) (message string, run *int64) {
	sizes, compared, success := p.Evidence.Quarantine, p.Evidence.Compared, p.Evidence.LastSuccess
	switch {
	case event == Quarantine && len(sizes) > 0:
		last := sizes[len(sizes)-1]
		return fmt.Sprintf("The quarantine holds %d rows now", last.Rows), &last.RunID
	case event == Drift && compared != nil:
		return fmt.Sprintf("Run %d (%s) found no row of the mirror that somebody else had changed", compared.ID, compared.Mode), &compared.ID
	case event == Lag && p.Evidence.Lag != nil:
		return fmt.Sprintf("Real time has caught up: it is %s behind lifecycle_db", p.Evidence.Lag.Round(time.Second)), nil
	case success != nil:
		return fmt.Sprintf("Run %d (%s) succeeded", success.ID, success.Mode), &success.ID
	default:
		return "The runs that showed it are gone from pmo_db", nil
	}
}

// id is the same whoever tells of it.
func (c condition) id(event Event, state State) string {
	return fmt.Sprintf("%s-%s-%s", event, c.about, state)
}
