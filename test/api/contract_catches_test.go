package api_test

import (
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
)

const (
	aProduct = `{"id":7,"produk":"Kabel","deskripsi":null,"id_kategori":1,"id_segmen":2,"id_stage":1,"harga":9223372036854775807,"tanggal_launch":"2026-03-01",` +
		`"pelanggan":null,"created_at":"2026-02-11T03:12:45.000123Z","updated_at":null,"tanggal_stage_start":null,"tanggal_stage_end":null,"segmen":"Distribusi",` +
		`"stage":"Introduction","kategori":"Hardware","attachments_count":0,"version":"2jmj7l5rSw0yVb-v"}`
	aPage    = `{"success":true,"data":[` + aProduct + `],"pagination":{"currentPage":1,"totalPages":1,"totalItems":1,"limit":12}}`
	aFailure = `{"success":false,"message":"No.","code":"not_found","requestId":"r1"}`
	aWrite   = `{"success":true,"message":"Done.","data":` + aProduct + `}`
)

// exchange is a request with its response, whose headers are changed by pairs of name and value.
type exchange struct {
	method, path, contentType, sent string
	status                          int
	got                             string
	headers                         []string
}

func (e exchange) check(t *testing.T) error {
	t.Helper()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	r, err := kit.NewRequest(e.method, "http://localhost"+e.path, strings.NewReader(e.sent), "Content-Type", e.contentType)
	if err != nil {
		t.Fatal(err)
	}
	response := &http.Response{StatusCode: e.status, Header: http.Header{
		"X-Request-Id": {"r1"}, "Content-Type": {"application/json"}, "Etag": {`"x"`}, "Link": {`</x?page=1>; rel="first", </x?page=1>; rel="last"`},
	}}
	for i := 0; i < len(e.headers); i += 2 {
		if response.Header.Set(e.headers[i], e.headers[i+1]); e.headers[i+1] == "" {
			response.Header.Del(e.headers[i])
		}
	}
	return c.check(r, response, []byte(e.got))
}

func list(got string, headers ...string) exchange {
	return fail(http.MethodGet, base+"/products", http.StatusOK, got, headers...)
}

func fail(method, path string, status int, got string, headers ...string) exchange {
	return exchange{method: method, path: path, status: status, got: got, headers: headers}
}

func create(contentType, sent string, headers ...string) exchange {
	return exchange{http.MethodPost, base + "/products", contentType, sent, http.StatusCreated, aWrite, append([]string{"Location", base + "/products/7"}, headers...)}
}

func form(fields ...string) string {
	var b strings.Builder
	for i := 0; i < len(fields); i += 2 {
		b.WriteString("--b\r\nContent-Disposition: form-data; name=\"" + fields[i] + "\"")
		if fields[i] == "files" {
			b.WriteString("; filename=\"x.pdf\"\r\nContent-Type: application/pdf")
		}
		b.WriteString("\r\n\r\n" + fields[i+1] + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

const inJSON, inForm = "application/json", "multipart/form-data; boundary=b"

// TestContract_CatchesDeviations: that the check accepts what is documented, every other scenario shows.
func TestContract_CatchesDeviations(t *testing.T) {
	t.Parallel()
	swapped := func(from, to string) exchange {
		if !strings.Contains(aPage, from) {
			t.Fatalf("%s is not in the page", from)
		}
		return list(strings.Replace(aPage, from, to, 1))
	}
	for name, c := range map[string]struct {
		e    exchange
		says string
	}{
		"undocumented status":       {fail(http.MethodGet, base+"/products", http.StatusTeapot, aFailure), "not documented"},
		"500":                       {fail(http.MethodGet, base+"/products", http.StatusInternalServerError, aFailure), "not documented"},
		"success without route":     {fail(http.MethodGet, base+"/nothing", http.StatusOK, aPage), "not in the document"},
		"success of another method": {fail(http.MethodPatch, base+"/products", http.StatusOK, aPage), "not in the document"},
		"405 without Allow":         {fail(http.MethodPatch, base+"/products", http.StatusMethodNotAllowed, aFailure), "Allow"},
		"no envelope":               {fail(http.MethodGet, base+"/nothing", http.StatusNotFound, `{"message":"No."}`), "missing"},
		"success in a failure":      {fail(http.MethodGet, base+"/products/7", http.StatusNotFound, strings.Replace(aFailure, "false", "true", 1)), "false"},
		"data in a failure":         {fail(http.MethodGet, base+"/products/7", http.StatusNotFound, strings.Replace(aFailure, `{`, `{"data":1,`, 1)), "data"},
		"another code of 412": {fail(http.MethodPut, base+"/products/7", http.StatusPreconditionFailed,
			`{"success":false,"message":"No.","code":"conflict","requestId":"r1","data":`+aProduct+`}`), "precondition_failed"},
		"412 without product":      {fail(http.MethodPut, base+"/products/7", http.StatusPreconditionFailed, strings.Replace(aFailure, "not_found", "precondition_failed", 1)), "data"},
		"busy without a run":       {fail(http.MethodPost, base+"/sync", http.StatusConflict, strings.Replace(aFailure, "not_found", "busy", 1)), "data"},
		"missing field":            {swapped(`"stage":"Introduction",`, ``), "stage"},
		"extra field":              {swapped(`"id":7`, `"id":7,"password":"x"`), "password"},
		"missing pagination":       {list(`{"success":true,"data":[]}`), "pagination"},
		"extra next to data":       {swapped(`"success":true`, `"success":true,"message":"Hello."`), "message"},
		"not a success":            {swapped(`"success":true`, `"success":false`), "true"},
		"text for a number":        {swapped(`"harga":9223372036854775807`, `"harga":"1500"`), "harga"},
		"fraction":                 {swapped(`"id":7`, `"id":7.5`), "id"},
		"number for a text":        {swapped(`"produk":"Kabel"`, `"produk":1`), "produk"},
		"null for an id":           {swapped(`"id":7`, `"id":null`), "id"},
		"null for a count":         {swapped(`"attachments_count":0`, `"attachments_count":null`), "attachments_count"},
		"no such day":              {swapped(`2026-03-01`, `2026-02-30`), "tanggal_launch"},
		"timestamp for a day":      {swapped(`2026-03-01`, `2026-03-01T00:00:00Z`), "tanggal_launch"},
		"milliseconds":             {swapped(`45.000123Z`, `45.000Z`), "created_at"},
		"another zone":             {swapped(`45.000123Z`, `45.000123+07:00`), "created_at"},
		"limit over 100":           {swapped(`"limit":12`, `"limit":101`), "limit"},
		"two JSON values":          {list(aPage + aPage), "behind"},
		"broken JSON":              {list(aPage[:50]), "EOF"},
		"no JSON":                  {list(aPage, "Content-Type", "text/plain"), "text/plain"},
		"no ETag":                  {list(aPage, "ETag", ""), "ETag"},
		"weak ETag":                {list(aPage, "ETag", "W/x"), "ETag"},
		"no Link":                  {list(aPage, "Link", ""), "Link"},
		"no request id":            {list(aPage, "X-Request-Id", ""), "X-Request-Id"},
		"HEAD without ETag":        {fail(http.MethodHead, base+"/products", http.StatusOK, "", "ETag", ""), "ETag"},
		"304 without ETag":         {fail(http.MethodGet, base+"/products", http.StatusNotModified, "", "ETag", ""), "ETag"},
		"304 with a body":          {fail(http.MethodGet, base+"/products", http.StatusNotModified, "x"), "body"},
		"503 without a time":       {fail(http.MethodGet, base+"/products", http.StatusServiceUnavailable, aFailure), "Retry-After"},
		"503 with a date":          {fail(http.MethodGet, base+"/products", http.StatusServiceUnavailable, aFailure, "Retry-After", "Sun, 01 Mar 2026 00:00:00 GMT"), "Retry-After"},
		"401 without a hint":       {fail(http.MethodGet, base+"/products", http.StatusUnauthorized, aFailure), "WWW-Authenticate"},
		"unknown parameter":        {fail(http.MethodGet, base+"/products?q=1", http.StatusOK, aPage), `"q"`},
		"repeated parameter":       {fail(http.MethodGet, base+"/products?page=1&page=2", http.StatusOK, aPage), "2 times"},
		"page 0":                   {fail(http.MethodGet, base+"/products?page=0", http.StatusOK, aPage), "page"},
		"sort by anything":         {fail(http.MethodGet, base+"/products?sort=deskripsi", http.StatusOK, aPage), "sort"},
		"segment of no id":         {fail(http.MethodGet, base+"/products?segmentId=x", http.StatusOK, aPage), "segmentId"},
		"id 0":                     {fail(http.MethodDelete, base+"/products/0", http.StatusOK, `{"success":true,"message":"Done.","data":{"id":1,"produk":null}}`), "id"},
		"export as JSON":           {fail(http.MethodGet, base+"/products/export.csv", http.StatusOK, "{}", "Content-Disposition", "attachment"), "application/json"},
		"no Location":              {create(inJSON, `{"produk":"Kabel","id_kategori":1,"id_segmen":1,"id_stage":1}`, "Location", ""), "Location"},
		"accepted without a stage": {create(inJSON, `{"produk":"Kabel","id_kategori":1,"id_segmen":1}`), "id_stage"},
		"accepted mass assignment": {create(inJSON, `{"id":1,"produk":"Kabel","id_kategori":1,"id_segmen":1,"id_stage":1}`), "id"},
		"accepted fraction":        {create(inJSON, `{"produk":"Kabel","id_kategori":1,"id_segmen":1,"id_stage":1,"harga":1500.5}`), "harga"},
		"accepted empty name":      {create(inJSON, `{"produk":"","id_kategori":1,"id_segmen":1,"id_stage":1}`), "produk"},
		"accepted nothing":         {create(inJSON, ``), "required"},
		"accepted XML":             {create("application/xml", `<x/>`), "xml"},
		"accepted form fraction":   {create(inForm, form("produk", "Kabel", "id_kategori", "1", "id_segmen", "1", "id_stage", "1", "harga", "1500.50")), "harga"},
		"accepted form field":      {create(inForm, form("produk", "Kabel", "id_kategori", "1", "id_segmen", "1", "id_stage", "1", "id", "1")), "id"},
		"accepted field twice":     {create(inForm, form("produk", "Kabel", "produk", "Kabel", "id_kategori", "1", "id_segmen", "1", "id_stage", "1")), "twice"},
		"accepted without a name":  {create(inForm, form("id_kategori", "1", "id_segmen", "1", "id_stage", "1")), "produk"},
		"body where none is":       {exchange{method: http.MethodDelete, path: base + "/products/1", status: http.StatusOK, sent: "{}", got: `{"success":true,"message":"Done.","data":{"id":1,"produk":null}}`}, "body"},
	} {
		if err := c.e.check(t); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
