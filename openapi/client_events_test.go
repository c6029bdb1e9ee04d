package openapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

// follower is a program of a user of the client: it prints every change until its input ends.
const follower = `
import { ApiError, Client } from "./client.js";
const [base, token, after] = process.argv.slice(2);
const closing = new AbortController();
process.stdin.on("end", () => closing.abort()).resume();
try {
  for await (const change of new Client(base, token).changes(closing.signal, after && Number(after))) console.log(JSON.stringify(change));
  console.log("closed");
} catch (error) {
  console.log(error instanceof ApiError ? String(error.status) : error);
}
process.stdin.destroy();
`

// reader is a running follower.
type reader struct {
	t     *testing.T
	lines *bufio.Scanner
	close func()
	ended func() error
}

// follow runs the client in Node.js.
func follow(t *testing.T, dir string, args ...string) *reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "node", append([]string{filepath.Join(dir, "built", "follower.js")}, args...)...)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return &reader{t, bufio.NewScanner(output), func() { _ = input.Close() }, cmd.Wait}
}

// says reads the next line.
func (r *reader) says() string {
	r.t.Helper()
	if !r.lines.Scan() {
		r.t.Fatalf("the client has ended: %v, %v", r.lines.Err(), r.ended())
	}
	return r.lines.Text()
}

// next reads the next change.
func (r *reader) next() (change struct {
	Version  int64
	Products []int64
}) {
	r.t.Helper()
	line := r.says()
	if err := json.Unmarshal([]byte(line), &change); err != nil {
		r.t.Fatalf("%s: %v", line, err)
	}
	return change
}

// changes reads until a product has changed.
func (r *reader) changes(id int64) (version int64) {
	r.t.Helper()
	change := r.next()
	for len(change.Products) == 0 && change.Products != nil { // the run at the start has changed nothing
		change = r.next()
	}
	if !slices.Equal(change.Products, []int64{id}) {
		r.t.Errorf("products %v, want %d", change.Products, id)
	}
	return change.Version
}

// closes ends the client, which must say so.
func (r *reader) closes() {
	r.t.Helper()
	r.close()
	said := r.says()
	for said != "closed" {
		said = r.says() // of changes
	}
	if err := r.ended(); err != nil {
		r.t.Error(err)
	}
}

// silentLink forwards connections to an address. After silence, the first connection stays open and transfers nothing.
func silentLink(t *testing.T, to string) (address string, silence func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	silent := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() {
				defer server.Close()
				_, _ = io.Copy(server, client)
			}()
			go func() {
				defer client.Close()
				for buffer := make([]byte, 4096); ; {
					n, err := server.Read(buffer)
					if err != nil {
						return
					}
					select {
					case <-silent:
						if first {
							continue
						}
					default:
					}
					if _, err := client.Write(buffer[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String(), func() { close(silent) }
}

// TestClient_ResumesChanges runs the client's reader of GET /events in Node.js, while the server is stopped and started again.
func TestClient_ResumesChanges(t *testing.T) {
	t.Parallel()
	dir := clientFolder(t)
	if _, err := exec.LookPath("node"); err != nil {
		kit.Missing(t, "Node.js is not installed")
	}
	if out, err := run(dir, "node_modules/.bin/tsc", "--noCheck", "--noEmit", "false", "--outDir", "built"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "built", "follower.js"), []byte(follower), 0o600); err != nil {
		t.Fatal(err)
	}
	p := program.New(t, "AUTH_JWT_SECRET="+strings.Repeat("rahasia ", 6))
	source, _ := p.Databases(testdb.SQLite)
	p.Seed(20, 12)
	address := kit.FreeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	p.Set("PORT=" + port)
	base, admin, staff := "http://"+address+"/api/product-lifecycle", p.Token("Admin"), p.Token("Staff")
	start := func() (stop func()) {
		t.Helper()
		server := p.Begin("serve")
		server.Address()
		return func() { server.Cancel(); server.Ends(0) }
	}
	set := func(product, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, base+"/products/"+product, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+admin)
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(answer.Body)
			t.Fatalf("%d %s", answer.StatusCode, text)
		}
	}
	stop := start()
	live := follow(t, dir, base, staff)
	if first := live.next(); first.Products == nil || len(first.Products) > 0 {
		t.Errorf("first: %+v", first)
	}
	set("4", `{"harga":1}`)
	seen := live.changes(4)
	stop()
	kit.Exec(t, source, "UPDATE tbl_produk SET harga = 2 WHERE id = 5")
	p.Command("sync")
	stop = start()
	live.changes(5)
	set("6", `{"harga":3}`)
	live.changes(6)

	later := follow(t, dir, base, staff, "999999")
	if missed := later.next(); missed.Products != nil {
		t.Errorf("after an unknown version: %+v", missed)
	}
	later.closes()
	resumed := follow(t, dir, base, staff, strconv.FormatInt(seen, 10))
	if missed := resumed.next(); !slices.Equal(missed.Products, []int64{5, 6}) {
		t.Errorf("resumed: %+v", missed)
	}
	if refused := follow(t, dir, base, staff+"x").says(); refused != "401" {
		t.Errorf("with an invalid token: %s", refused)
	}
	if kit.IsLong() {
		through, silence := silentLink(t, address)
		behind := follow(t, dir, strings.Replace(base, address, through, 1), staff)
		behind.next()
		silence()
		set("7", `{"harga":4}`)
		behind.changes(7) // through a new connection
		behind.closes()
	}
	live.closes()
	stop()
	resumed.closes() // while it waits to connect again
}
