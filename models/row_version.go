package models

import "slices"

// RowVersions are the row versions in which a write may happen; nil means any version. A row version is opaque.
type RowVersions []string

// Allow reports whether the row's current version permits the write.
func (v RowVersions) Allow(current string) bool { return v == nil || slices.Contains(v, current) }
