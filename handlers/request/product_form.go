package request

import (
	"maps"
	"slices"

	"lifecycle-sync/services/products"
)

// ProductForm is what the product form sends: texts, "" for what was left empty.
type ProductForm struct {
	Name        string `json:"produk"              validate:"filled,max=255"`
	Description string `json:"deskripsi"           validate:"max=65536"`
	CategoryID  string `json:"id_kategori"         validate:"required,id"`
	SegmentID   string `json:"id_segmen"           validate:"required,id"`
	StageID     string `json:"id_stage"            validate:"required,id"`
	Price       string `json:"harga"               validate:"omitempty,rupiah"`
	LaunchDate  string `json:"tanggal_launch"      validate:"omitempty,day"`
	Customer    string `json:"pelanggan"           validate:"max=255"`
	StageStart  string `json:"tanggal_stage_start" validate:"omitempty,day"`
	StageEnd    string `json:"tanggal_stage_end"   validate:"omitempty,day"`
}

// formField is where a field of a form goes: its name as the client sends it, the name of the struct's field,
// and the field.
type formField struct {
	column, goName string
	text           *string
}

func (f *ProductForm) fields() []formField {
	return []formField{
		{"produk", "Name", &f.Name},
		{"deskripsi", "Description", &f.Description},
		{"id_kategori", "CategoryID", &f.CategoryID},
		{"id_segmen", "SegmentID", &f.SegmentID},
		{"id_stage", "StageID", &f.StageID},
		{"harga", "Price", &f.Price},
		{"tanggal_launch", "LaunchDate", &f.LaunchDate},
		{"pelanggan", "Customer", &f.Customer},
		{"tanggal_stage_start", "StageStart", &f.StageStart},
		{"tanggal_stage_end", "StageEnd", &f.StageEnd},
	}
}

// ProductColumns are the names of the form's fields.
func ProductColumns() (columns []string) {
	for _, f := range (&ProductForm{}).fields() {
		columns = append(columns, f.column)
	}
	return columns
}

// Product is what a form's fields, of which others may be among them, say of a product. Whole asks for every
// required field; else only those that were sent are looked at. Errors: validation_failed.
func (ch Checker) Product(sent map[string]string, whole bool) (products.Input, error) {
	var filled ProductForm
	given := map[string]string{} // Go's names by the columns
	for _, f := range filled.fields() {
		if text, is := sent[f.column]; is {
			*f.text = text
			given[f.column] = f.goName
		}
	}
	var err error
	switch {
	case whole:
		err = ch.Check(&filled)
	case len(given) > 0:
		err = ch.Check(&filled, slices.Collect(maps.Values(given))...)
	}
	if err != nil {
		return products.Input{}, err
	}
	return products.Input{
		Name: SomeText(filled.Name), Description: SomeText(filled.Description), Customer: SomeText(filled.Customer),
		CategoryID: SomeID(filled.CategoryID), SegmentID: SomeID(filled.SegmentID), StageID: SomeID(filled.StageID),
		Price: SomeRupiah(filled.Price), LaunchDate: SomeDay(filled.LaunchDate),
		StageStart: SomeDay(filled.StageStart), StageEnd: SomeDay(filled.StageEnd),
		Given: slices.Sorted(maps.Keys(given)),
	}, nil
}
