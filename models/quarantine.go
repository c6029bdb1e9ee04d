package models

import (
	"encoding/json"
	"fmt"
	"time"
)

// The reasons why a row cannot be mirrored.
const (
	DanglingReference = "dangling_reference" // the column refers to a row that does not exist
	ParentQuarantined = "parent_quarantined" // the referenced row cannot be mirrored either
	UnfitValue        = "unfit_value"        // the column's value is not supported
	InvalidText       = "invalid_text"       // the column's text is not valid UTF-8
)

// QuarantineReason says why a row cannot be mirrored. It is zero for a row that can.
type QuarantineReason struct {
	Code   string `gorm:"column:reason_code" json:"code"`
	Column string `gorm:"column:reason_column" json:"column"` // of a LegacyText: the text
}

// IsZero reports whether there is no reason.
func (r QuarantineReason) IsZero() bool { return r.Code == "" }

// String returns the reason as the API and the command line show it: "dangling_reference(id_segmen)".
func (r QuarantineReason) String() string {
	switch r.Code {
	case "":
		return ""
	case LegacyText:
		return r.Column
	default:
		return r.Code + "(" + r.Column + ")"
	}
}

// Text returns the reason as data.
func (r QuarantineReason) Text() Text {
	params := Params{"column": r.Column}
	switch r.Code {
	case DanglingReference:
		return NewText("quarantine.dangling_reference", params)
	case ParentQuarantined:
		return NewText("quarantine.parent_quarantined", params)
	case UnfitValue:
		return NewText("quarantine.unfit_value", params)
	case InvalidText:
		return NewText("quarantine.invalid_text", params)
	default:
		return NewText(LegacyText, Params{"text": r.String()})
	}
}

// Quarantined is a source row that cannot be mirrored, with the reason and the row itself.
type Quarantined struct {
	Table      string           `gorm:"column:table_name;primaryKey"`
	RowID      int64            `gorm:"column:row_id;primaryKey"`
	Reason     QuarantineReason `gorm:"embedded"`
	Payload    JSON             `gorm:"column:payload"`
	SourceHash int64            `gorm:"column:source_hash"`
	RunID      int64            `gorm:"column:run_id"`
	Since      time.Time        `gorm:"column:since"`
}

// HeldBack returns the error for a request for the row.
func (q Quarantined) HeldBack() *Error {
	reason := q.Reason.Text()
	if _, ok := reason.Params["column"]; ok {
		reason.Params["column"] = FieldName(q.Reason.Column)
	}
	return NewError(HeldBack, "quarantine.held_back_"+q.Table, Params{"id": q.RowID, "reason": reason}).WithRemedy("quarantine.held_back_remedy", nil)
}

// TableName is the table in pmo_db.
func (Quarantined) TableName() string { return "lifecycle_sync_quarantine" }

// Unfit describes a row that a dry run would quarantine. It is stored as the After of a LoggedChange.
type Unfit struct {
	Code   string `json:"reason_code"`
	Column string `json:"reason_column"`
	Row    JSON   `json:"row"` // of lifecycle_db
}

// Reason returns why the row would be quarantined.
func (u Unfit) Reason() QuarantineReason { return QuarantineReason{Code: u.Code, Column: u.Column} }

// NewUnfit encodes an Unfit with the row's original bytes.
func NewUnfit(reason QuarantineReason, row JSON) JSON {
	return fmt.Appendf(nil, `{"reason_code":%q,"reason_column":%q,"row":%s}`, reason.Code, reason.Column, row)
}

// Unfit returns why the row would be quarantined; false for any other change and if the reason was not stored.
func (c LoggedChange) Unfit() (u Unfit, ok bool) {
	ok = c.Action == "quarantine" && json.Unmarshal(c.After, &u) == nil
	return u, ok
}
