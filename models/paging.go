package models

// The number of items on a page, unless a client asks for another, and its maximum.
const (
	defaultLimit = 12
	maxLimit     = 100
)

// Paging is the page that a client asks for; a zero field was not given.
type Paging struct{ Page, Limit int64 }

// Pagination describes a page of a list. TotalPages is 0 for an empty list.
type Pagination struct {
	CurrentPage int64 `json:"currentPage"`
	TotalPages  int64 `json:"totalPages"`
	TotalItems  int64 `json:"totalItems"`
	Limit       int64 `json:"limit"`
}

// Bounded fills in the defaults and enforces the maximum limit.
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
