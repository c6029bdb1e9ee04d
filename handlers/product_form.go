package handlers

import (
	"maps"
	"slices"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services"
)

// productForm is what the product form sends: texts, "" for what was left empty.
type productForm struct {
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

// formField is where a field of the form goes.
type formField struct {
	column, goName string
	text           *string
}

func (f *productForm) fields() []formField {
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

// readProduct reads a product from a form or from JSON. Whole asks for every required field; else only
// the fields that were sent are looked at. The files are the caller's. Errors: unsupported_type,
// too_large, validation_failed, unavailable; no file is then left.
func (h *ProductWrites) readProduct(c *fiber.Ctx, whole bool) (services.ProductInput, []models.Upload, error) {
	var filled productForm
	fields := filled.fields()
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.column
	}
	read, err := readFields(c, h.limits, h.files, names...)
	if err != nil {
		return services.ProductInput{}, nil, err
	}
	sent := []string{}
	for _, f := range fields {
		if text, given := read.Fields[f.column]; given {
			*f.text = text
			sent = append(sent, f.goName)
		}
	}
	if whole {
		sent = nil
	}
	if err := h.check(&filled, whole, sent); err != nil {
		h.files.Discard(c.UserContext(), read.Files)
		return services.ProductInput{}, nil, err
	}
	return services.ProductInput{
		Name: someText(filled.Name), Description: someText(filled.Description), Customer: someText(filled.Customer),
		CategoryID: someID(filled.CategoryID), SegmentID: someID(filled.SegmentID), StageID: someID(filled.StageID),
		Price: someRupiah(filled.Price), LaunchDate: someDay(filled.LaunchDate),
		StageStart: someDay(filled.StageStart), StageEnd: someDay(filled.StageEnd),
		Given: slices.Sorted(maps.Keys(read.Fields)),
	}, read.Files, nil
}

func (h *ProductWrites) check(filled *productForm, whole bool, sent []string) error {
	if !whole && len(sent) == 0 {
		return nil
	}
	return h.checker.check(filled, sent...)
}
