package testdb

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
)

// account runs the server when the test runs as root: PostgreSQL refuses to run as root.
const account = "postgres"

// Cluster is a PostgreSQL server of one test, which can stop, restart and copy it.
type Cluster struct {
	t       testing.TB
	bin     string // the folder of PostgreSQL's programs
	lib     string // the folder of its libraries, "" for the system's
	dir     string // the server's files, owned by its account
	address string
}

// The oldest and the newest supported PostgreSQL.
const (
	Oldest = 14
	Newest = 18
)

// NewCluster starts a server on loopback, until the test ends. settings are lines of postgresql.conf such as
// "max_connections=20". It needs an installed PostgreSQL.
func NewCluster(t testing.TB, settings ...string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, bin: programs(t), dir: ownFolder(t)}
	c.create(settings)
	return c
}

// NewClusterOf is NewCluster with PostgreSQL 14, 16, 17 or 18, which test/tools installs. Without it the test is skipped, and fails in CI.
func NewClusterOf(t testing.TB, major int, settings ...string) *Cluster {
	t.Helper()
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	native := filepath.Join(kit.NodeModules(t, filepath.Join(filepath.Dir(string(module)), "test/postgres/package-lock.json")), fmt.Sprintf("postgres-%d/native", major))
	if _, err := os.Stat(native); err != nil {
		kit.Missing(t, fmt.Sprintf("PostgreSQL %d is not installed: it is for x64 Linux", major))
	}
	c := &Cluster{t: t, dir: ownFolder(t)}
	if os.Getuid() == 0 { // the server's account cannot reach root's cache
		if out, err := exec.Command("cp", "-a", native, c.dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		native = filepath.Join(c.dir, "native")
	}
	c.bin, c.lib = filepath.Join(native, "bin"), filepath.Join(native, "lib")
	c.create(settings)
	return c
}

// create creates the server's files and starts it.
func (c *Cluster) create(settings []string) {
	c.t.Helper()
	c.run("initdb", "--pgdata", c.data(), "--username", account, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	c.begin(settings)
}

// Standby starts a hot standby of the server.
func (c *Cluster) Standby(t testing.TB, settings ...string) *Cluster {
	t.Helper()
	s := &Cluster{t: t, bin: c.bin, lib: c.lib, dir: ownFolder(t)}
	s.run("pg_basebackup", "--pgdata", s.data(), "--dbname", c.server().String(), "--checkpoint", "fast", "--write-recovery-conf", "--no-sync")
	s.begin(settings)
	return s
}

// begin configures the server, on a free port, and starts it for the first time.
func (c *Cluster) begin(settings []string) {
	c.t.Helper()
	c.address = kit.FreeAddress(c.t)
	_, port, _ := net.SplitHostPort(c.address)
	lines := append([]string{
		"", "listen_addresses='127.0.0.1'", "unix_socket_directories=''", "port=" + port, "fsync=off", "wal_level=logical", "shared_buffers=16MB",
	}, settings...)
	conf := filepath.Join(c.data(), "postgresql.conf")
	text, err := os.ReadFile(conf)
	if err == nil {
		err = os.WriteFile(conf, append(text, strings.Join(lines, "\n")+"\n"...), 0)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.Start()
	c.t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(c.data(), "postmaster.pid")); !errors.Is(err, fs.ErrNotExist) {
			c.Stop("immediate")
		}
	})
}

// Start starts the server and returns once it accepts connections.
func (c *Cluster) Start() {
	c.t.Helper()
	c.run("pg_ctl", "start", "--pgdata", c.data(), "--wait", "--silent", "--log", filepath.Join(c.dir, "log"))
}

// Stop stops the server. mode is "fast", which disconnects its clients properly, or "immediate", which is a crash.
func (c *Cluster) Stop(mode string) {
	c.t.Helper()
	c.run("pg_ctl", "stop", "--pgdata", c.data(), "--wait", "--silent", "--mode", mode)
}

// Promote makes a standby the primary of a new timeline.
func (c *Cluster) Promote() {
	c.t.Helper()
	c.run("pg_ctl", "promote", "--pgdata", c.data(), "--wait", "--silent")
}

// Database creates an empty database and returns its URL.
func (c *Cluster) Database(t testing.TB, options ...string) string {
	t.Helper()
	return create(t, c.server(), strings.Join(append([]string{plain}, options...), " "))
}

// At is the URL of the database of the same name on this server.
func (c *Cluster) At(database string) string {
	c.t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		c.t.Fatal(err)
	}
	u.Host = c.server().Host
	return u.String()
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) server() *url.URL {
	return &url.URL{
		Scheme: "postgres", User: url.User(account), Host: c.address, Path: "/postgres", RawQuery: "sslmode=disable",
	}
}

// run runs one of PostgreSQL's programs, as the server's account if the test runs as root. Its output goes to a file, because
// a server that inherits a pipe keeps it open.
func (c *Cluster) run(program string, args ...string) {
	c.t.Helper()
	line := append([]string{filepath.Join(c.bin, program)}, args...)
	if os.Getuid() == 0 {
		line = append([]string{"runuser", "-u", account, "--"}, line...)
	}
	output, err := os.CreateTemp(c.dir, program)
	if err != nil {
		c.t.Fatal(err)
	}
	defer output.Close()
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, output, output
	if c.lib != "" {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+c.lib)
	}
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(output.Name())
		log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		c.t.Fatalf("%s: %v\n%s\n%s", program, err, text, log)
	}
}

// programs is the folder of the newest installed PostgreSQL's programs.
func programs(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian's path; the pattern is valid
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		kit.Missing(t, "PostgreSQL is not installed, so no server can be started")
	}
	return filepath.Dir(found[0])
}

func version(initdb string) int {
	n, _ := strconv.Atoi(strings.Split(initdb, "/")[4]) // 0 if it is not a number
	return n
}

// ownFolder makes a folder that the server's account owns and can reach, unlike t.TempDir's. The test's end removes it.
func ownFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lifecycle-sync-cluster") //nolint:usetesting // other accounts cannot reach t.TempDir's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	chown(t, dir)
	return dir
}

// chown makes the server's account the owner of a folder.
func chown(t testing.TB, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	uid, gid := accountIDs(t)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
}

func accountIDs(t testing.TB) (uid, gid int) {
	t.Helper()
	owner, err := user.Lookup(account)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ = strconv.Atoi(owner.Uid)
	gid, _ = strconv.Atoi(owner.Gid)
	return uid, gid
}

// SmallDisk creates a tablespace on a disk of size MiB, which resize changes.
func (c *Cluster) SmallDisk(t testing.TB, tablespace string, size int) (resize func(size int)) {
	t.Helper()
	dir := filepath.Join(c.dir, tablespace)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	resize = kit.SmallDisk(t, dir, size, func() { c.Stop("immediate") })
	chown(t, dir)
	run(t, c.server().String(), fmt.Sprintf("CREATE TABLESPACE %s LOCATION '%s'", tablespace, dir))
	return resize
}
