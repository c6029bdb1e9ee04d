package imports

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"path"
	"strings"

	"github.com/xuri/excelize/v2"

	"lifecycle-sync/models"
)

func (r *tableReader) readWorkbook(content []byte) error {
	parts, err := checkParts(content)
	if err != nil {
		return err
	}
	book, err := excelize.OpenReader(bytes.NewReader(content), excelize.Options{UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxInMemory, RawCellValue: true})
	if err != nil {
		return fileError("import.damaged", nil).WithCause(err)
	}
	defer func() { _ = book.Close() }()
	sheet, err := chooseSheet(book)
	if err != nil {
		return err
	}
	kinds, err := readKinds(parts, partOf(book, sheet))
	if err != nil {
		return err
	}
	found, err := book.Rows(sheet)
	if err != nil {
		return fileError("import.damaged", nil).WithCause(err)
	}
	defer func() { _ = found.Close() }()
	for line := 1; found.Next(); line++ {
		cells, err := found.Columns()
		if err != nil {
			return fileError("import.damaged", nil).WithCause(err)
		}
		if err := r.add(line, cells, kinds[line]); err != nil {
			return err
		}
	}
	if found.Error() != nil {
		return fileError("import.damaged", nil).WithCause(found.Error())
	}
	return nil
}

// chooseSheet returns the sheet named as in exports, otherwise the only visible one. Errors: validation_failed.
func chooseSheet(book *excelize.File) (string, error) {
	var visible []string
	for _, name := range book.GetSheetList() {
		if shown, err := book.GetSheetVisible(name); err != nil || !shown {
			continue
		}
		if name == "products" {
			visible = []string{name}
			break
		}
		visible = append(visible, name)
	}
	props, err := book.GetWorkbookProps()
	switch {
	case err == nil && props.Date1904 != nil && *props.Date1904:
		return "", fileError("import.date_1904", nil)
	case len(visible) != 1:
		return "", fileError("import.sheets", models.Params{"count": len(visible)})
	default:
		return visible[0], nil
	}
}

// checkParts returns the parts of a workbook. It rejects what cannot be read correctly before the workbook is unpacked: the sizes in
// the archive bind its reader. Errors: validation_failed.
func checkParts(content []byte) ([]*zip.File, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fileError("import.damaged", nil).WithCause(err)
	}
	var size uint64
	isWorkbook := false
	for _, part := range archive.File {
		switch name := strings.ToLower(part.Name); {
		case strings.HasSuffix(name, "vbaproject.bin"):
			return nil, fileError("import.macros", nil)
		case strings.HasSuffix(name, "xl/workbook.bin"), strings.HasPrefix(name, "content.xml"):
			return nil, fileError("import.other_workbook", nil)
		case name == "xl/workbook.xml":
			isWorkbook = true
		}
		size = min(size+min(part.UncompressedSize64, maxUnzipped+1), 2*maxUnzipped)
	}
	if size > maxUnzipped || len(archive.File) > maxParts {
		return nil, fileError("import.bomb", models.Params{"limit": int64(maxUnzipped)})
	}
	if !isWorkbook {
		return nil, fileError("import.not_a_table", nil)
	}
	return archive.File, nil
}

// partOf returns the name of a sheet's part, "" if it cannot be found.
func partOf(book *excelize.File, sheet string) string {
	var links struct {
		Relationship []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		}
	}
	if content, ok := book.Pkg.Load("xl/_rels/workbook.xml.rels"); ok {
		_ = xml.Unmarshal(content.([]byte), &links) //nolint:forcetypeassert // parts are bytes; without links no part is found
	}
	for _, s := range book.WorkBook.Sheets.Sheet {
		for _, link := range links.Relationship {
			if s.Name == sheet && s.ID == link.ID {
				return "xl/worksheets/" + path.Base(link.Target)
			}
		}
	}
	return ""
}
