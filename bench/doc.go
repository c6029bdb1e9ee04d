// Command bench compares the sync and the API with other ways to do the same work, in one run on one machine, and prints the
// ratio reached next to the ratio to reach.
//
//	go run ./bench
//
// Absolute times depend on the machine, so only ratios count. A missed ratio is printed as MISSED and is not a failure; a
// mirror that differs from its source is.
//
// Environment:
//
//	ROWS                products in the large source, 1000000; there are twice as many histories
//	RUNS                runs of every measure, instead of its own number
//	CHANGE              the rows that are changed: "products" (default), or "all" for histories, too
//	ONLY                substring of the measures to run, such as "list"
//	BENCH_POSTGRES_URL  superuser URL of the PostgreSQL server; default TEST_POSTGRES_URL, or a temporary server of
//	                    pg_virtualenv. The bench creates its own databases there and drops them
package main
