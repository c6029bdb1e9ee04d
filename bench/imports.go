package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/xuri/excelize/v2"
)

// importSize is the number of rows of an imported file, of which one in 100 has another price.
const importSize = 20_000

// importPreview times previews of an edited export: ours by the API, which compares every cell, and by hand only reading the
// cells of the file with the same library, and the same products of the mirror.
type importPreview struct {
	format string // of the file
	edit   func(exported []byte) ([]byte, error)
	read   func(file []byte) (rows int, err error)
}

var (
	workbookPreview = importPreview{"xlsx", editWorkbook, readWorkbook}
	csvPreview      = importPreview{"csv", editCSV, readCSV}
)

func (c importPreview) measure(ctx context.Context, a *arena, m measure) (figures, error) {
	s, err := a.served(ctx)
	if err != nil {
		return figures{}, err
	}
	exported, _, err := s.fetch(ctx, apiPath+"/products/export."+c.format)
	if err != nil {
		return figures{}, err
	}
	file, err := c.edit(exported)
	if err != nil {
		return figures{}, err
	}
	conn, err := pgx.Connect(ctx, a.server.URL(a.ours))
	if err != nil {
		return figures{}, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing to flush
	var ours, theirs []time.Duration
	for round := range m.runs + 1 { // the first one warms up disk buffers and prepares statements
		us, err := s.previewImport(ctx, file)
		if err != nil {
			return figures{}, err
		}
		start := time.Now()
		if err := readBoth(ctx, conn, file, c.read); err != nil {
			return figures{}, err
		}
		them := time.Since(start)
		if round > 0 {
			ours, theirs = append(ours, us), append(theirs, them)
			a.bench.say("%s, run %d of %d: %.4f s; %s: %.4f s", m.name, round, m.runs, us.Seconds(), m.against, them.Seconds())
		}
	}
	return figures{1000 * median(ours).Seconds(), 1000 * median(theirs).Seconds()}, nil
}

// previewImport sends a file and checks that its changes are found.
func (s *site) previewImport(ctx context.Context, file []byte) (time.Duration, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "products")
	if err == nil {
		_, err = part.Write(file)
	}
	if err := errors.Join(err, form.Close()); err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+apiPath+"/products/import", &body)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	start := time.Now()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	elapsed := time.Since(start)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Data struct {
			Counts struct {
				Unchanged int `json:"unchanged"`
				Changed   int `json:"changed"`
			} `json:"counts"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Data.Counts.Changed != importSize/100 || answer.Data.Counts.Unchanged != importSize-importSize/100 {
		return 0, fmt.Errorf("import preview: %s %.1000s", response.Status, text)
	}
	return elapsed, nil
}

// readBoth reads the cells of a file and the products in it.
func readBoth(ctx context.Context, conn *pgx.Conn, file []byte, read func([]byte) (int, error)) error {
	count, err := read(file)
	if err != nil {
		return err
	}
	rows, err := conn.Query(ctx, `SELECT p.*, segmen, stage, kategori FROM tbl_produk_lifecycle p LEFT JOIN tbl_segmen_lifecycle s ON s.id = id_segmen
		LEFT JOIN tbl_stage_lifecycle t ON t.id = id_stage LEFT JOIN tbl_kategori_lifecycle k ON k.id = id_kategori`)
	if err != nil {
		return err
	}
	for rows.Next() {
		if _, err := rows.Values(); err != nil {
			return err
		}
		count--
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if count != 1 { // the headings
		return fmt.Errorf("the file has %d rows more than the mirror", count)
	}
	return nil
}

func editCSV(exported []byte) ([]byte, error) {
	records, err := csv.NewReader(bytes.NewReader(exported)).ReadAll()
	if err != nil {
		return nil, err
	}
	price := slices.Index(records[0], "Price")
	for i := 1; i < len(records); i += 100 {
		records[i][price] = strconv.Itoa(i)
	}
	var out bytes.Buffer
	err = csv.NewWriter(&out).WriteAll(records)
	return out.Bytes(), err
}

func readCSV(file []byte) (rows int, err error) {
	reader := csv.NewReader(bytes.NewReader(file))
	for {
		if _, err := reader.Read(); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return 0, err
		}
		rows++
	}
}

func editWorkbook(exported []byte) ([]byte, error) {
	book, err := excelize.OpenReader(bytes.NewReader(exported))
	if err != nil {
		return nil, err
	}
	defer func() { _ = book.Close() }()
	found, err := book.SearchSheet("products", "Price")
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("the heading Price is in %v: %w", found, err)
	}
	column, _, err := excelize.CellNameToCoordinates(found[0])
	if err != nil {
		return nil, err
	}
	for i := 1; i < importSize; i += 100 {
		cell, err := excelize.CoordinatesToCellName(column, i+1)
		if err == nil {
			err = book.SetCellInt("products", cell, int64(i))
		}
		if err != nil {
			return nil, err
		}
	}
	out, err := book.WriteToBuffer()
	if err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func readWorkbook(file []byte) (rows int, err error) {
	book, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	found, err := book.Rows("products")
	if err != nil {
		return 0, err
	}
	for found.Next() {
		if _, err := found.Columns(excelize.Options{RawCellValue: true}); err != nil {
			return 0, err
		}
		rows++
	}
	return rows, errors.Join(found.Error(), found.Close())
}
