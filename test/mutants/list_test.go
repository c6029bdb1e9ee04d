package mutants

// mutants are ways to break the engine and the console, by what each does.
var mutants = map[string]mutant{
	"drops a row": {
		"services/mirror/apply.go",
		"tx.Upsert(ctx, t, b.upserts)", "tx.Upsert(ctx, t, b.upserts[:max(0, len(b.upserts)-1)])",
		"./services/mirror", "TestSync_EveryTable/segments",
	},
	"drops a row and does not look again": {
		"services/mirror/apply.go",
		"return d.prove(ctx, tx)", "return ctx.Err()",
		"./services/mirror", "TestSync_FailsWhenATriggerAltersRows",
	},
	"ignores a column": {
		"services/mirror/diff.go",
		"for i := range c.After.Cells {", "for i := range c.After.Cells[:len(c.After.Cells)-1] {",
		"./services/mirror", "TestSync_ComparesEveryColumn",
	},
	"ignores a column in the hash": {
		"repositories/database/hash.go",
		"values := make([]string, len(t.Columns))\n\tfor i, c := range t.Columns {\n\t\tvalue", "values := make([]string, len(t.Columns)-1)\n\tfor i, c := range t.Columns[:len(t.Columns)-1] {\n\t\tvalue",
		"./services/mirror", "TestSync_ComparesEveryColumn",
	},
	"deletes one row more": {
		"repositories/pmo/mirror/tx.go",
		`return tx.s.DeleteIDs(ctx, t.Mirror+" WHERE id", ids)`, `return tx.s.DeleteIDs(ctx, t.Mirror+" WHERE id", append(ids, func() (more []int64) {
		for _, id := range ids {
			more = append(more, id+1)
		}
		return more
	}()...))`,
		"./services/mirror", "TestSync_EveryTable/stage_history",
	},
	"skips ties of the horizon": {
		"repositories/lifecycle/delta.go",
		"age(s.xmin) <= age(", "age(s.xmin) < age(",
		"./services/mirror", "TestIncremental_FindsWhatUpdatedAtMisses",
	},
	"takes the newest transaction for the horizon": {
		"repositories/lifecycle/source.go",
		`const bounds = "SELECT pg_snapshot_xmin(`, `const bounds = "SELECT pg_snapshot_xmax(`,
		"./services/mirror", "TestIncremental_FindsWhatUpdatedAtMisses",
	},
	"trusts updated_at": {
		"repositories/lifecycle/delta.go",
		"age(s.xmin) <= age('%d'::xid) AS newer", "age(s.xmin) <= age('%d'::xid) AND s.updated_at > now() - interval '1 day' AS newer",
		"./services/mirror", "TestIncremental_FindsWhatUpdatedAtMisses",
	},
	"counts ids and does not compare them": {
		"services/mirror/candidates.go",
		"left.Rows != right.Rows || left.Hash != right.Hash || right.Quarantined > 0 {", "left.Rows != right.Rows || right.Quarantined > 0 {",
		"./services/mirror", "TestIncremental_FindsReplacedIDs",
	},
	"advances the watermark when a run fails": {
		"repositories/pmo/journal/recording.go",
		"	run.Fail(cause)\n", "	_ = j.s.Gorm(ctx).Exec(\"UPDATE lifecycle_sync_watermark SET horizon = ? WHERE horizon IS NOT NULL\", run.Horizon).Error\n	run.Fail(cause)\n",
		"./services/mirror", "TestGuard_StopsMassDelete|TestSync_CancelRollsBack/segments",
	},
	"never tries quarantined rows again": {
		"services/mirror/candidates.go",
		" || right.Quarantined > 0 {", " {",
		"./services/mirror", "TestIncremental_FollowsParents",
	},
	"forgets the children of rows that leave": {
		"services/mirror/candidates.go",
		"for _, id := range orphans {\n\t\tadd(", "for _, id := range orphans[:0] {\n\t\tadd(",
		"./services/mirror", "TestIncremental_FollowsParents",
	},
	"lets any number of rows leave": {
		"services/mirror/guard.go",
		"n > guardRows && n*100 > s.before*guardPercent", "n > guardRows && n*100 > s.before*guardPercent && s.before < 0",
		"./services/mirror", "TestGuard_StopsMassDelete|TestGuard_Boundaries",
	},
	"applies what has changed since the preview": {
		"services/mirror/apply.go",
		"p.Digest != req.Digest {", "p.Digest != req.Digest && p.Found < 0 {",
		"./services/mirror", "TestDigest_RefusesOutdatedPreview",
	},
	"leaves new values out of the digest": {
		"services/mirror/digest.go",
		"	s.buffer = appendCells(s.buffer, c.After, c.Columns)\n", "",
		"./services/mirror", "TestDigest_DiffersForEveryChange|TestDigest_RefusesOutdatedPreview",
	},
	"lets any number of rows leave in real time": {
		"services/mirror/attribution.go",
		"if n*100 > before*guardPercent {", "if n*100 > before*guardPercent && before < 0 {",
		"./services/realtime", "TestGuard_StopsRealTime",
	},
	"counts all transactions of a step as one": {
		"services/mirror/attribution.go",
		"	by := a.attribute(c)\n", "	by := a.attribute(c)[:1:1]\n	by[0] = 0\n",
		"./services/realtime", "TestGuard_AllowsManySmallDeletes",
	},
	"acknowledges before it has committed": {
		"repositories/lifecycle/stream.go",
		"arrived, applied := pglogrepl.LSN(s.position), pglogrepl.LSN(s.applied)", "arrived, applied := pglogrepl.LSN(s.position), pglogrepl.LSN(s.position)",
		"./app", "TestFollowerKilled",
	},
	"brings what has arrived without waiting for the rest": {
		"services/mirror/stream.go",
		"pending, position, err := a.await(ctx, visibility.Flushed, lockedTimeout)", "pending, position, err := a.await(ctx, 0, lockedTimeout)",
		"./services/realtime", "TestFollow_AppliesWholeTransactions|TestFollow_NoInterleavingLosesAChange|TestFollow_WritesDuringRuns",
	},
	"forgets transactions that it did not see": {
		"repositories/lifecycle/stream.go",
		"if !isDone(tx) {", "if !isDone(tx) && s.ids < 0 {",
		"./services/realtime", "TestFollow_AppliesWholeTransactions|TestFollow_WritesDuringRuns|TestFollow_Reconnects",
	},
	"forgets what has arrived since it looked": {
		"services/mirror/stream.go",
		"return t.End <= position && visibility.Sees(t)", "return visibility.Sees(t)",
		"./services/realtime", "TestFollow_AsynchronousCommits",
	},
	"does not look whether the source is the same": {
		"services/mirror/incremental.go",
		"	return sourceChange(then, now)\n", "	_ = sourceChange(then, now)\n	return \"\"\n",
		"./services/mirror", "TestIncremental_FallsBackToFullRun",
	},
	"makes no run when the slot was lost": {
		"services/realtime/session.go",
		"case slot.Created:", "case slot.Created && slot.Name == \"\":",
		"./services/realtime", "TestFollow_ComparesEveryRowAfterSlotLoss",
	},
	"goes on from a restored mirror": {
		"services/realtime/session.go",
		"case *last.LSN < slot.Confirmed:", "case *last.LSN < 0:",
		"./services/realtime", "TestFollow_ComparesEveryRowAfterRestore",
	},
	"lets a manager delete a product in the console": {
		"routes/pages.go",
		`{post, "/products/:id/delete", admin,`, `{post, "/products/:id/delete", manager,`,
		"./test/console", "TestRolesAtProducts",
	},
	"takes forms of other sites": {
		"routes/cross_site.go",
		`c.Method() != fiber.MethodHead && !sameSite {`, `c.Method() != fiber.MethodHead && !sameSite && site == "none" {`,
		"./test/console", "TestFormsOfOtherSites",
	},
	"lets the cookie write at the API": {
		"routes/auth.go",
		`if token == "" && acceptsSession(c) {`, `if token == "" && (acceptsSession(c) || token == "") {`,
		"./test/console", "TestTheCookieAtTheAPI",
	},
	"shows a page that was kept for another role": {
		"handlers/pages/site.go",
		`key := "page " + role.String() + " " +`, `key := "page " +`,
		"./test/console", "TestTwoSessions",
	},
	"deletes a product that has changed since it was shown": {
		"handlers/pages/products/delete.go",
		"models.RowVersions{version}", `nil`,
		"./test/console", "TestDeleteAProduct",
	},
	"applies whatever a full run finds, not what was shown": {
		"handlers/request/run.go",
		`digest := sent["digest"]; digest != "" {`, `digest := sent["digest"]; digest == "none" {`,
		"./test/console", "TestPreviewIsApplied",
	},
	"leads to another site after signing in": {
		"handlers/pages/session/session.go",
		` || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||`, ` || !strings.HasPrefix(next, "/") ||`,
		"./test/console", "TestWaysBack",
	},
}
