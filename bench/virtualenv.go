package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// virtualenvMark tells the inner process that libpq's variables name the temporary server.
const virtualenvMark = "BENCH_UNDER_VIRTUALENV"

// underVirtualenv runs this program again under Debian's pg_virtualenv, which starts a temporary server. It uses PostgreSQL's
// default settings, because pg_virtualenv's fsync=off would make the commits of the row-by-row script unrealistically cheap.
func underVirtualenv(ctx context.Context) error {
	if os.Getenv(virtualenvMark) != "" {
		return errors.New("pg_virtualenv named no server")
	}
	tool, err := exec.LookPath("pg_virtualenv")
	if err != nil {
		return errors.New("no PostgreSQL server: set BENCH_POSTGRES_URL to a superuser's URL, or install pg_virtualenv " +
			"(Debian, Ubuntu: apt-get install postgresql postgresql-common)")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"-o", "wal_level=logical", "-o", "fsync=on", self}
	if taken, _ := filepath.Glob("/etc/postgresql/*/regress"); taken != nil {
		args = append([]string{"-t"}, args...) // as root it refuses to run next to another one
	}
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Env = append(cmd.Environ(), virtualenvMark+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// In a process group of its own, an interrupt reaches both processes, and pg_virtualenv removes the server.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		return errors.New("failed under pg_virtualenv, see above")
	} else if err != nil {
		return err
	}
	return nil
}
