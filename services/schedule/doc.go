// Package schedule makes runs at the times that cron expressions name. Several processes may keep the same
// schedule for one mirror: what is due is then made once, by whichever comes first.
package schedule
