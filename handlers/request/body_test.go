package request

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
)

// memoryUploads keeps the keys of files.
type memoryUploads struct{ keys sync.Map }

func (s *memoryUploads) Save(_ context.Context, name string, content io.Reader) (models.Upload, error) {
	n, err := io.Copy(io.Discard, content)
	if err == nil && n == 0 {
		err = Invalid(FilesField, "empty", "request.required", nil)
	}
	if err != nil {
		return models.Upload{}, err
	}
	key := rand.Text()
	s.keys.Store(key, true)
	return models.Upload{Key: key, Name: name, Size: n}, nil
}

func (s *memoryUploads) Discard(_ context.Context, files []models.Upload) {
	for _, f := range files {
		s.keys.Delete(f.Key)
	}
}

func (s *memoryUploads) count() (n int) {
	s.keys.Range(func(any, any) bool { n++; return true })
	return n
}

// echoServer is a server that responds with the request that it has parsed.
type echoServer struct {
	address string
	uploads *memoryUploads
}

func newEchoServer(t testing.TB) *echoServer {
	t.Helper()
	s := &echoServer{uploads: &memoryUploads{}}
	web := fiber.New(fiber.Config{DisableStartupMessage: true, StreamRequestBody: true, DisablePreParseMultipartForm: true, ErrorHandler: respondWithError})
	limits := FormLimits{Files: 3, Bytes: 1 << 20}
	echo := func(path string, read func(c *fiber.Ctx) (any, error)) {
		web.Post(path, func(c *fiber.Ctx) error {
			parsed, err := read(c)
			if err != nil {
				return err
			}
			return c.JSON(parsed)
		})
	}
	echo("/form", func(c *fiber.Ctx) (any, error) { return ReadForm(c, limits, s.uploads, "produk", "harga") })
	echo("/fields", func(c *fiber.Ctx) (any, error) { return ReadFields(c, limits, s.uploads, "produk", "harga") })
	echo("/json", func(c *fiber.Ctx) (any, error) {
		return readObject(c, jsonLimit, false, []string{"produk", "harga", "id_produk", "performance_metrics", "any"})
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- web.Listener(listener) }()
	t.Cleanup(func() {
		if err := web.Shutdown(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return s
}

// respondWithError is the error handler.
func respondWithError(c *fiber.Ctx, err error) error {
	if specific, ok := errors.AsType[*fiber.Error](err); ok {
		return c.SendStatus(specific.Code)
	}
	e := models.AsError(err)
	statuses := map[models.Class]int{models.Invalid: http.StatusBadRequest, models.TooLarge: http.StatusRequestEntityTooLarge, models.UnsupportedType: http.StatusUnsupportedMediaType}
	return c.Status(cmp.Or(statuses[e.Class], http.StatusInternalServerError)).JSON(fiber.Map{"message": e.Error(), "errors": e.Fields})
}

// result is a response.
type result struct {
	status int
	body   string
}

// post sends a body whose length is known.
func (s *echoServer) post(t testing.TB, path, kind, body string, headers ...string) result {
	t.Helper()
	return s.send(t, path, kind, strings.NewReader(body), headers...)
}

// send sends a body, in chunks unless its length is known.
func (s *echoServer) send(t testing.TB, path, kind string, body io.Reader, headers ...string) result {
	t.Helper()
	if kind != "" {
		headers = append(headers, "Content-Type", kind)
	}
	r, err := kit.NewRequest(http.MethodPost, "http://"+s.address+path, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	response, all, err := kit.Send(r) //nolint:bodyclose // Send has closed it
	if err != nil {
		t.Fatal(err)
	}
	return result{response.StatusCode, string(all)}
}

// raw sends bytes, half-closes the connection, and reads the response, if any.
func (s *echoServer) raw(t testing.TB, request string) result {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, request)
	_ = conn.(*net.TCPConn).CloseWrite()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return result{}
	}
	defer func() { _ = response.Body.Close() }()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return result{response.StatusCode, string(all)}
}

func (a result) want(t testing.TB, name string, status int, field string) {
	t.Helper()
	if a.status != status || field != "" && !strings.Contains(a.body, `"Field":"`+field+`"`) {
		t.Errorf("%.60q…%q: %d %s, want %d naming %q", name, name[max(0, len(name)-30):], a.status, a.body, status, field)
	}
}

const formType = "multipart/form-data; boundary=X"

// part is one part of a form whose boundary is X.
func part(disposition, content string) string {
	return "--X\r\nContent-Disposition: " + disposition + "\r\n\r\n" + content + "\r\n"
}

func field(name, value string) string { return part(`form-data; name="`+name+`"`, value) }

func file(name, content string) string {
	return part(`form-data; name="files"; filename="`+name+`"`, content)
}

const end = "--X--\r\n"

func TestReadForm_FieldsAndFiles(t *testing.T) {
	t.Parallel()
	s := newEchoServer(t)
	body := field("produk", "Kopi ☕\r\n") + field("harga", "") + part(`form-data; name="files"; filename=""`, "") + field("files", "") + file("a.pdf", "one") + file("ü.txt", "two\r\n--Xnot") + end
	for range 2 { // the connection is used again
		a := s.post(t, "/form", formType, body)
		if want := `{"Fields":{"harga":"","produk":"Kopi ☕\r\n"},"Files":[{"Key":`; a.status != http.StatusOK || !strings.HasPrefix(a.body, want) || !strings.Contains(a.body, `"ü.txt"`) {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	s.send(t, "/form", formType, io.MultiReader(strings.NewReader(body))).want(t, "chunked", http.StatusOK, "") // unknown length
	s.post(t, "/form", formType, end).want(t, "an empty form", http.StatusOK, "")
	s.post(t, "/form", `Multipart/Form-Data; boundary="X"`, end).want(t, "an empty form", http.StatusOK, "")
	if got := s.uploads.count(); got != 6 {
		t.Errorf("%d files are stored", got)
	}
}

func TestReadForm_RejectsInvalidFormsAndLeavesNoFile(t *testing.T) {
	t.Parallel()
	s := newEchoServer(t)
	validFile := file("good.pdf", "content")
	for _, c := range []struct {
		body   string
		status int
		field  string
	}{
		{validFile + field("segmen", "1") + end, 400, "segmen"},
		{validFile + field("a[999999999]", "1") + end, 400, "a[999999999]"},
		{validFile + field("Produk", "1") + end, 400, "Produk"},
		{validFile + field("", "1") + end, 400, ""},
		{validFile + part("attachment", "1") + end, 400, ""},
		{validFile + part("form-data; name=\xff", "1") + end, 400, ""},
		{validFile + field("produk", "a") + field("produk", "b") + end, 400, "produk"},
		{validFile + field("produk", "a\x00") + end, 400, "produk"},
		{validFile + field("produk", "\xff") + end, 400, "produk"},
		{validFile + part(`form-data; name="produk"; filename="x.txt"`, "a") + end, 400, "produk"},
		{validFile + part(`form-data; name="files"; filename=""`, "a") + end, 400, "files"},
		{validFile + field("files", "a") + end, 400, "files"},
		{validFile + file("empty.pdf", "") + end, 400, "files"},
		{validFile + file("\xff.pdf", "a") + end, 400, ""},
		{validFile + field("produk", strings.Repeat("a", fieldLimit+1)) + end, 413, ""},
		{validFile + validFile + validFile + validFile + end, 413, ""},
		{validFile + field("produk", "a") + strings.Repeat(part(`form-data; name="files"; filename=""`, ""), 1001) + end, 413, ""},
		{validFile + file("large.pdf", strings.Repeat("a", 1<<20)) + end, 413, ""},
		{validFile + "--X\r\nContent-Disposition: form-data; name=\"" + strings.Repeat("a", partHeaderLimit) + "\"\r\n\r\n", 400, ""},
		{strings.Repeat("preamble\r\n", 10000) + validFile + end, 400, ""},
		{validFile + end + strings.Repeat("behind the end ", 10000), 400, ""},
		{validFile, 400, ""}, // is truncated
		{validFile + "--X\r\nContent-Disposition", 400, ""},
		{validFile + "--X\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.pdf\"\r\n\r\nhalf a fi", 400, ""},
		{validFile + "--X", 400, ""},
		{strings.ReplaceAll(validFile+end, "--X", "--Y"), 400, ""},
		{"no form", 400, ""},
		{"", 400, ""},
	} {
		s.post(t, "/form", formType, c.body).want(t, c.body, c.status, c.field)
		s.send(t, "/form", formType, io.MultiReader(strings.NewReader(c.body))).want(t, "in chunks: "+c.body, c.status, c.field)
		if got := s.uploads.count(); got != 0 {
			t.Fatalf("%.60q: %d files are left", c.body, got)
		}
	}
	for _, kind := range []string{"", "multipart/form-data", "multipart/form-data; boundary=" + strings.Repeat("X", 71), "multipart/form-data; boundary=\"", "multipart/mixed; boundary=X", "application/json", "application/x-www-form-urlencoded", "text/plain"} {
		want := http.StatusUnsupportedMediaType
		if strings.HasPrefix(kind, "multipart/form-data") && !strings.HasSuffix(kind, `"`) {
			want = http.StatusBadRequest
		}
		s.post(t, "/form", kind, validFile+end).want(t, kind, want, "")
	}
	s.post(t, "/form", formType, validFile+end, "Content-Encoding", "gzip").want(t, "compressed", http.StatusUnsupportedMediaType, "")
	a := s.post(t, "/form", formType, field("nama", "1")+end)
	if !strings.Contains(a.body, "[produk harga files]") {
		t.Errorf("the known fields are not listed: %s", a.body)
	}
	if got := s.uploads.count(); got != 0 {
		t.Errorf("%d files are left", got)
	}
}

func TestReadForm_TruncatedBodies(t *testing.T) {
	t.Parallel()
	s := newEchoServer(t)
	head := "POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: " + formType + "\r\n"
	body := file("a.pdf", "content") + field("produk", "a") + end
	for i := range len(body) {
		s.raw(t, fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body[:i])).want(t, body[:i], http.StatusBadRequest, "")
		s.raw(t, fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", head, len(body), body[:i])).want(t, "in chunks: "+body[:i], http.StatusBadRequest, "")
		if got := s.uploads.count(); got != 0 {
			t.Fatalf("after %d bytes %d files are left", i, got)
		}
	}
	s.raw(t, "POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{}").want(t, "{}", http.StatusBadRequest, "")
	for _, path := range []string{"/form", "/json"} {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
			for {
				if _, err := io.WriteString(conn, "10000\r\n"+strings.Repeat("a", 1<<16)+"\r\n"); err != nil {
					return
				}
			}
		}()
		got, _ := bufio.NewReader(conn).ReadString('\n') // the connection may break before the response is read
		if got != "" && !strings.Contains(got, "415") {
			t.Errorf("an endless body: %q", got)
		}
		_ = conn.Close()
	}
}

func TestReadObject_KeepsDigitsAndRejectsInvalidJSON(t *testing.T) {
	t.Parallel()
	s := newEchoServer(t)
	const kind = "application/json"
	a := s.post(t, "/json", kind+"; charset=UTF-8", ` {"produk": "a\n☕\ud83d\ude00\\u0000", "harga": 9007199254740993.10, "id_produk": 9223372036854775807, "performance_metrics": {"n": 1.00, "e": 1e400}, "any": [1]} `)
	if want := `{"any":[1],"harga":9007199254740993.10,"id_produk":9223372036854775807,"performance_metrics":{"n":1.00,"e":1e400},"produk":"a\n☕\ud83d\ude00\\u0000"}`; a.status != http.StatusOK || a.body != want {
		t.Errorf("%d %s", a.status, a.body)
	}
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		body   string
		status int
		field  string
	}{
		{`{}`, 200, ""},
		{`{"any": ` + deep(jsonDepth) + `}`, 200, ""},
		{`{"any": ` + deep(jsonDepth+1) + `}`, 400, "any"},
		{`{"any": ` + deep(20000) + `}`, 400, ""},
		{strings.Repeat("[", 100000), 400, ""},
		{``, 400, ""}, {`null`, 400, ""}, {`[]`, 400, ""}, {`{`, 400, ""}, {`{} {}`, 400, ""}, {`{}x`, 400, ""}, {`"x"`, 400, ""}, {"\ufeff{}", 400, ""},
		{`{"Produk": "a"}`, 400, "Produk"}, {`{"role": "admin"}`, 400, "role"}, {`{"a[999999999]": 1}`, 400, "a[999999999]"}, {`{"": 1}`, 400, ""},
		{`{"produk": "a", "produk": "b"}`, 400, "produk"}, {`{"produk": "a", "produ\u006b": "b"}`, 400, "produk"},
		{`{"any": {"a": 1, "b": [{"c": 1, "c": 2}]}}`, 400, "any"}, {`{"any": {"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": 1}]}}`, 200, ""},
		{`{"any": {"a": "a", "b": "a"}}`, 200, ""}, {`{"any": ["a", "a"]}`, 200, ""},
		{`{"produk": "\u0000"}`, 400, "produk"}, {`{"any": {"\u0000": 1}}`, 400, "any"}, {"{\"produk\": \"\xff\"}", 400, "produk"}, {`{"produk": "\ud800"}`, 400, "produk"},
		{`{"produk": "\ud800\u0041"}`, 400, "produk"}, {`{"produk": "\udc00"}`, 400, "produk"}, {`{"produk": "\ud800x"}`, 400, "produk"}, {"{\"\x00\": 1}", 400, ""},
		{`{"id_produk": NaN}`, 400, ""},
		{`{"produk": "` + strings.Repeat("a", jsonLimit) + `"}`, 413, ""},
	} {
		s.post(t, "/json", kind, c.body).want(t, c.body, c.status, c.field)
		s.send(t, "/json", kind, io.MultiReader(strings.NewReader(c.body))).want(t, "in chunks: "+c.body, c.status, c.field)
	}
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/json; charset", formType} {
		s.post(t, "/json", contentType, "{}").want(t, contentType, http.StatusUnsupportedMediaType, "")
	}
}

func TestReadFields_FormAndJSONAreEqual(t *testing.T) {
	t.Parallel()
	s := newEchoServer(t)
	a := s.post(t, "/fields", formType, field("produk", "")+field("harga", "1500.00")+end)
	b := s.post(t, "/fields", "application/json", `{"harga": 1500.00, "produk": null}`)
	if a.status != http.StatusOK || a.body != b.body {
		t.Errorf("%s and %s", a.body, b.body)
	}
	s.post(t, "/fields", "application/json", `{"harga": true}`).want(t, "true", http.StatusBadRequest, "harga")
	s.post(t, "/fields", "application/json", `{"produk": 7}`).want(t, "a number for a text", http.StatusBadRequest, "produk")
	s.post(t, "/fields", "application/json", `{"files": []}`).want(t, "files", http.StatusBadRequest, "files")
	s.post(t, "/fields", "text/plain", "").want(t, "text", http.StatusUnsupportedMediaType, "")
}
