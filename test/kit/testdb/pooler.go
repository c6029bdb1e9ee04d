package testdb

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lifecycle-sync/test/kit"
)

// Pooler is a PgBouncer in transaction mode in front of databases.
type Pooler struct {
	t       testing.TB
	address string
}

// NewPooler starts a pooler for databases, given by their URLs, until the test ends. settings are lines of pgbouncer.ini; with
// the prefix "database:" they belong to each database. Without PgBouncer the test is skipped, and fails in CI.
func NewPooler(t testing.TB, databases []string, settings ...string) *Pooler {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // on Debian not in the path of other users than root
	}
	if _, err := os.Stat(program); err != nil {
		kit.Missing(t, "PgBouncer is not installed: run make test, or test/tools")
	}
	p := &Pooler{t: t, address: kit.FreeAddress(t)}
	dir := ownFolder(t)
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(p.configuration(databases, settings)), 0o644); err != nil {
		t.Fatal(err)
	}
	var output kit.Buffer
	cmd := exec.Command(program, file)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &output, &output
	if os.Getuid() == 0 { // PgBouncer refuses to run as root
		uid, gid := accountIDs(t)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("pgbouncer: %s", &output)
		}
	})
	kit.Eventually(t, "the pooler answers", func() bool {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, &output)
	return p
}

// configuration returns a pgbouncer.ini that logs in to the server with each URL's user, whichever user the client names.
func (p *Pooler) configuration(databases, settings []string) string {
	host, port, _ := net.SplitHostPort(p.address)
	var perDatabase []string
	general := []string{"listen_addr=" + host, "listen_port=" + port, "unix_socket_dir=", "auth_type=any", "pool_mode=transaction",
		"server_round_robin=1", // so that few statements get the session of the one before
		"log_connections=0", "log_disconnections=0"}
	for _, setting := range settings {
		if own, ok := strings.CutPrefix(setting, "database:"); ok {
			perDatabase = append(perDatabase, own)
		} else {
			general = append(general, setting)
		}
	}
	lines := []string{"[databases]"}
	for _, database := range databases {
		u := p.parse(database)
		login := "user=" + u.User.Username()
		if password, _ := u.User.Password(); password != "" { // PgBouncer accepts no empty one
			login += " password=" + password
		}
		lines = append(lines, fmt.Sprintf("%s = host=%s port=%s dbname=%[1]s %[4]s %[5]s",
			strings.TrimPrefix(u.Path, "/"), u.Hostname(), u.Port(), login, strings.Join(perDatabase, " ")))
	}
	return strings.Join(append(append(lines, "[pgbouncer]"), general...), "\n") + "\n"
}

// At returns a database's URL through the pooler.
func (p *Pooler) At(database string) string {
	p.t.Helper()
	u := p.parse(database)
	u.Host = p.address
	return u.String()
}

func (p *Pooler) parse(database string) *url.URL {
	p.t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		p.t.Fatal("the test server's URL is invalid")
	}
	return u
}
