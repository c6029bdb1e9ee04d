package main

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
)

// config is the configuration from the environment.
type config struct {
	server    *server // nil: none given
	rows      int     // products in the large source
	runs      int     // 0: each measure's own number
	only      string  // substring of the measures' names
	histories bool    // steps that change rows change histories, too
}

// configure reads the environment and reports every problem at once.
func configure(getenv func(string) string) (config, error) {
	cfg := config{only: getenv("ONLY")}
	var problems []error
	number := func(name string, least, fallback int) int {
		n, err := strconv.Atoi(cmp.Or(getenv(name), strconv.Itoa(fallback)))
		if err != nil || n < least {
			problems = append(problems, fmt.Errorf("%s must be a whole number, %d or more", name, least))
		}
		return n
	}
	cfg.rows = number("ROWS", 1000, 1_000_000)
	cfg.runs = number("RUNS", 0, 0)
	switch change := cmp.Or(getenv("CHANGE"), "products"); change {
	case "products", "all":
		cfg.histories = change == "all"
	default:
		problems = append(problems, errors.New(`CHANGE must be "products" or "all"`))
	}
	var err error
	if cfg.server, err = givenServer(getenv); err != nil {
		problems = append(problems, err)
	}
	return cfg, errors.Join(problems...)
}
