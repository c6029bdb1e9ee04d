// Command bench measures the sync and the API against the ways in which the same work could be done by
// hand, side by side in one run on one machine, and prints the ratio reached beside the ratio to reach.
//
//	go run ./bench
//
// Absolute times say nothing about another machine, so only ratios are judged. A missed ratio is
// printed as MISSED and is no failure; a mirror that does not equal its source is one.
//
// Environment:
//
//	ROWS                products in the large source, 1000000; there are twice as many histories
//	RUNS                runs of every measure, instead of each measure's own number
//	CHANGE              what the steps that change rows touch: "products" (default), or "all" for the
//	                    histories as well
//	ONLY                measures whose names hold this, such as "list"; else all
//	BENCH_POSTGRES_URL  superuser URL of a PostgreSQL server to work on, else TEST_POSTGRES_URL, else
//	                    a server of its own is started by pg_virtualenv; the bench makes databases of
//	                    its own there and drops them
package main
