package models

import (
	"database/sql/driver"
	"encoding/json"
	"maps"
	"slices"
)

// MaxNamedProducts is the greatest number of products that a change of the mirror names; a larger one concerns all.
const MaxNamedProducts = 1000

// ChangedProducts are the products that a change of the mirror concerns: named by their ids, or all of them. The zero value is none.
type ChangedProducts struct { //nolint:recvcheck // values are stored and encoded
	ids map[int64]struct{}
	all bool
}

// ProductsOf returns the products with some ids.
func ProductsOf(ids ...int64) (p ChangedProducts) {
	p.Add(ids...)
	return p
}

// AllProducts returns all products.
func AllProducts() ChangedProducts { return ChangedProducts{all: true} }

// Add adds products.
func (p *ChangedProducts) Add(ids ...int64) {
	for _, id := range ids {
		if p.all {
			return
		}
		if p.ids == nil {
			p.ids = map[int64]struct{}{}
		}
		if p.ids[id] = struct{}{}; len(p.ids) > MaxNamedProducts {
			p.AddAll()
		}
	}
}

// AddAll adds all products.
func (p *ChangedProducts) AddAll() { *p = AllProducts() }

// AddFrom adds the products of another change.
func (p *ChangedProducts) AddFrom(other ChangedProducts) {
	if other.all {
		p.AddAll()
		return
	}
	p.Add(slices.Collect(maps.Keys(other.ids))...)
}

// All reports whether all products are concerned.
func (p ChangedProducts) All() bool { return p.all }

// Len returns the number of named products.
func (p ChangedProducts) Len() int { return len(p.ids) }

// IsNone reports whether no product is concerned.
func (p ChangedProducts) IsNone() bool { return !p.all && len(p.ids) == 0 }

// MarshalJSON returns the ids in ascending order, null for all products.
func (p ChangedProducts) MarshalJSON() ([]byte, error) {
	if p.all {
		return []byte("null"), nil
	}
	return json.Marshal(append([]int64{}, slices.Sorted(maps.Keys(p.ids))...))
}

// UnmarshalJSON reads what MarshalJSON returns.
func (p *ChangedProducts) UnmarshalJSON(b []byte) error {
	var ids []int64
	if err := json.Unmarshal(b, &ids); err != nil {
		return err
	}
	*p = ChangedProducts{all: ids == nil}
	p.Add(ids...)
	return nil
}

// Value stores the JSON. All products are not NULL, because GORM does not pass NULL to Scan.
func (p ChangedProducts) Value() (driver.Value, error) {
	ids, err := json.Marshal(p)
	return string(ids), err
}

// Scan reads what Value stores.
func (p *ChangedProducts) Scan(src any) error {
	var stored JSON
	if err := stored.Scan(src); err != nil {
		return err
	}
	return p.UnmarshalJSON(stored)
}

// MirrorChange is a version of the mirror and what changed with it. It is kept for a day.
type MirrorChange struct {
	Version  int64           `gorm:"column:version;primaryKey;autoIncrement:false"`
	Products ChangedProducts `gorm:"column:products"`
}

// TableName is the table in pmo_db.
func (MirrorChange) TableName() string { return "lifecycle_mirror_changes" }

// Concerned adds the products that a change of a row concerns, given the row before and after. Rows of the other tables, such as
// segments, concern all products.
func (t *Table) Concerned(p *ChangedProducts, id int64, rows ...Row) {
	switch {
	case t.Name == productTable:
		p.Add(id)
	case slices.ContainsFunc(t.Columns, func(c Column) bool { return c.References == productSource }):
		for _, row := range rows {
			if product := t.ProductOf(row); product != nil {
				p.Add(*product)
			}
		}
	default:
		p.AddAll()
	}
}
