package models

// A page holds defaultLimit items unless a client asks for another number; more than maxLimit it never
// gets.
const (
	defaultLimit = 12
	maxLimit     = 100
)

// Paging is the page a client asks for; zero is what it left out.
type Paging struct{ Page, Limit int64 }

// Pagination says which page a list's answer is. TotalPages is 0 when there is nothing to list.
type Pagination struct {
	CurrentPage int64 `json:"currentPage"`
	TotalPages  int64 `json:"totalPages"`
	TotalItems  int64 `json:"totalItems"`
	Limit       int64 `json:"limit"`
}

// Bounded fills in what was left out and lowers a limit that is too high.
func (p Paging) Bounded() Paging {
	if p.Limit == 0 {
		p.Limit = defaultLimit
	}
	return Paging{Page: max(p.Page, 1), Limit: min(p.Limit, maxLimit)}
}

// Offset is the number of items before the page.
func (p Paging) Offset() int { return int((p.Page - 1) * p.Limit) }

// Of returns the pagination of a list with the given total.
func (p Paging) Of(total int64) Pagination {
	return Pagination{CurrentPage: p.Page, TotalPages: (total + p.Limit - 1) / p.Limit, TotalItems: total, Limit: p.Limit}
}
