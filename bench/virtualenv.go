package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// virtualenvMark tells the inner process that libpq's variables speak of a server made for it.
const virtualenvMark = "BENCH_UNDER_VIRTUALENV"

// underVirtualenv runs this program again under Debian's pg_virtualenv, which makes a throw-away
// server for it. Its settings are PostgreSQL's defaults on purpose, both sides of a ratio run on them:
// pg_virtualenv's own fsync=off would make the commit that the row-by-row script waits for after each
// row nearly free, which no real server does.
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
		args = append([]string{"-t"}, args...) // as root it would refuse, because another one runs
	}
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Env = append(cmd.Environ(), virtualenvMark+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// A group of its own, so that an interrupt reaches the measuring process and pg_virtualenv alike
	// and the server is removed, instead of pg_virtualenv being killed over it.
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
