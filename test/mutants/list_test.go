package mutants

// mutants breaks the engine and the console, by what each mutant does.
var mutants = map[string]mutant{
	"omits the last row of a batch": {
		file:   "services/mirror/apply.go",
		before: "tx.Upsert(ctx, t, b.upserts)", after: "tx.Upsert(ctx, t, b.upserts[:max(0, len(b.upserts)-1)])",
		tests: "./services/mirror", run: "TestSync_EveryTable",
	},
	"skips the proof": {
		file:   "services/mirror/apply.go",
		before: "return d.prove(ctx, tx)", after: "return ctx.Err()",
		tests: "./services/mirror", run: "TestSync_FailsWhenATriggerAltersRows",
	},
	"ignores the last column when comparing rows": {
		file:   "services/mirror/diff.go",
		before: "for i := range c.After.Cells {", after: "for i := range c.After.Cells[:len(c.After.Cells)-1] {",
		tests: "./services/mirror", run: "TestSync_ComparesEveryColumn",
	},
	"leaves the last column out of row hashes": {
		file:   "repositories/database/postgres.go",
		before: "values := make([]string, len(t.Columns))\n\tfor i, c := range t.Columns {\n\t\tvalue", after: "values := make([]string, len(t.Columns)-1)\n\tfor i, c := range t.Columns[:len(t.Columns)-1] {\n\t\tvalue",
		tests: "./services/mirror", run: "TestSync_ComparesEveryColumn",
	},
	"also deletes the next row": {
		file:   "repositories/pmo/mirror/tx.go",
		before: `return tx.s.DeleteIDs(ctx, t.Mirror+" WHERE id", ids)`, after: `return tx.s.DeleteIDs(ctx, t.Mirror+" WHERE id", append(ids, func() (more []int64) {
		for _, id := range ids {
			more = append(more, id+1)
		}
		return more
	}()...))`,
		tests: "./services/mirror", run: "TestSync_QuarantinesOrphansUntilParentReturns",
	},
	"skips rows written at the horizon": {
		file:   "repositories/lifecycle/rows.go",
		before: "SELECT s.id, age(s.xmin) <= age(", after: "SELECT s.id, age(s.xmin) < age(",
		tests: "./services/mirror", run: "TestIncremental_FindsWhatUpdatedAtMisses",
	},
	"uses the newest transaction as the horizon": {
		file:   "repositories/lifecycle/source.go",
		before: `const bounds = "SELECT pg_snapshot_xmin(`, after: `const bounds = "SELECT pg_snapshot_xmax(`,
		tests: "./services/mirror", run: "TestIncremental_FindsWhatUpdatedAtMisses",
	},
	"relies on updated_at": {
		file:   "repositories/lifecycle/rows.go",
		before: "age(s.xmin) <= age('%d'::xid) AS newer", after: "age(s.xmin) <= age('%d'::xid) AND s.updated_at > now() - interval '1 day' AS newer",
		tests: "./services/mirror", run: "TestIncremental_FindsWhatUpdatedAtMisses",
	},
	"compares the number of ids but not the ids": {
		file:   "services/mirror/incremental.go",
		before: "left.Rows != right.Rows || left.Hash != right.Hash || right.Quarantined > 0", after: "left.Rows != right.Rows || right.Quarantined > 0",
		tests: "./services/mirror", run: "TestIncremental_FindsReplacedIDs",
	},
	"advances the watermark when a run fails": {
		file:   "repositories/pmo/journal/journal.go",
		before: "	run.Fail(cause)\n", after: "	_ = j.s.Gorm(ctx).Exec(\"UPDATE lifecycle_sync_watermark SET horizon = ? WHERE horizon IS NOT NULL\", run.Horizon).Error\n	run.Fail(cause)\n",
		tests: "./services/mirror", run: "TestGuard_StopsMassDelete|TestSync_CancelRollsBack",
	},
	"never retries quarantined rows": {
		file:   "services/mirror/incremental.go",
		before: " || right.Quarantined > 0", after: "",
		tests: "./services/mirror", run: "TestIncremental_FollowsParents",
	},
	"ignores the children of deleted rows": {
		file:   "services/mirror/incremental.go",
		before: "for _, id := range orphans {\n\t\tadd(", after: "for _, id := range orphans[:0] {\n\t\tadd(",
		tests: "./services/mirror", run: "TestIncremental_FollowsParents",
	},
	"disables the mass-delete guard": {
		file:   "services/mirror/guard.go",
		before: "n > guardRows && n*100 > s.before*guardPercent", after: "n > guardRows && n*100 > s.before*guardPercent && s.before < 0",
		tests: "./services/mirror", run: "TestGuard_StopsMassDelete|TestGuard_Boundaries",
	},
	"ignores the digest of the dry run": {
		file:   "services/mirror/apply.go",
		before: "p.Digest != req.Digest {", after: "p.Digest != req.Digest && p.Found < 0 {",
		tests: "./services/mirror", run: "TestDigest_RefusesOutdatedDryRun",
	},
	"leaves new values out of the digest": {
		file:   "services/mirror/dry_run.go",
		before: "	s.buffer = appendCells(s.buffer, c.After, c.Columns)\n", after: "",
		tests: "./services/mirror", run: "TestDigest_DiffersForEveryChange|TestDigest_RefusesOutdatedDryRun",
	},
	"disables the mass-delete guard of real-time sync": {
		file:   "services/mirror/guard.go",
		before: "if n*100 > before*guardPercent {", after: "if n*100 > before*guardPercent && before < 0 {",
		tests: "./services/realtime", run: "TestGuard_StopsRealTime",
	},
	"counts all deletes of a step as one transaction": {
		file:   "services/mirror/guard.go",
		before: "	by := a.attribute(c)\n", after: "	by := a.attribute(c)[:1:1]\n	by[0] = 0\n",
		tests: "./services/realtime", run: "TestGuard_AllowsManySmallDeletes",
	},
	"acknowledges WAL before the commit": {
		file:   "repositories/lifecycle/stream.go",
		before: "arrived, applied := pglogrepl.LSN(s.position), pglogrepl.LSN(s.applied)", after: "arrived, applied := pglogrepl.LSN(s.position), pglogrepl.LSN(s.position)",
		tests: "./test/faults", run: "TestFollow_KilledDuringAStep",
		rare: true,
	},
	"applies a step before the stream has caught up with the snapshot": {
		file:   "services/mirror/stream.go",
		before: "pending, reached, err = a.stream.Await(ctx, a.awaited, lockedTimeout)", after: "pending, reached, err = a.stream.Await(ctx, 0, lockedTimeout)",
		tests: "./services/realtime", run: "TestFollow_StalledStream",
	},
	"forgets transactions that the snapshot does not see": {
		file:   "repositories/lifecycle/stream.go",
		before: "if !isDone(tx) {", after: "if !isDone(tx) && s.ids < 0 {",
		tests: "./services/realtime", run: "TestFollow_AppliesWholeTransactions|TestFollow_WritesDuringRuns|TestFollow_Reconnects",
		rare: true,
	},
	"gives the files of a replaced product to the new one": {
		file:   "services/mirror/apply.go",
		before: "tx.Attachments.Close(ctx, d.deleted)", after: "tx.Attachments.Close(ctx, nil)",
		tests: "./services/realtime", run: "TestFollow_SeesThatAProductWasReplaced",
	},
	"closes the files of quarantined products": {
		file:   "repositories/pmo/attachments/attachments.go",
		before: "q.row_id = a.id_produk)", after: "q.row_id < 0)",
		tests: "./services/mirror", run: "TestAttachments_FollowTheirProducts",
	},
	"signs links without the product": {
		file:   "services/attachments/links.go",
		before: `"download %d %d %d", link.ProductID, link.ID`, after: `"download %d %d", link.ID`,
		tests: "./services/attachments", run: "TestLinks_AreValidForOneFileAndALimitedTime",
	},
	"does not check the identity of the source": {
		file:   "services/mirror/incremental.go",
		before: "	return sourceChange(then, now)\n", after: "	_ = sourceChange(then, now)\n	return models.Text{}\n",
		tests: "./services/mirror", run: "TestIncremental_FallsBackToFullRun",
	},
	"skips the run after the slot was lost": {
		file:   "services/realtime/session.go",
		before: "case slot.Created:", after: "case slot.Created && slot.Name == \"\":",
		tests: "./services/realtime", run: "TestFollow_ComparesEveryRow",
	},
	"continues after the mirror was restored": {
		file:   "services/realtime/session.go",
		before: "case *last.LSN < slot.Confirmed:", after: "case *last.LSN < 0:",
		tests: "./services/realtime", run: "TestFollow_ComparesEveryRow",
	},
	"allows managers to delete products in the console": {
		file:   "routes/pages.go",
		before: `{post, "/products/:id/delete", admin,`, after: `{post, "/products/:id/delete", manager,`,
		tests: "./test/console", run: "TestProducts_OfferOnlyWhatTheRoleMayDo",
	},
	"accepts cross-site forms": {
		file:   "routes/middleware.go",
		before: `c.Method() != fiber.MethodHead && !sameSite {`, after: `c.Method() != fiber.MethodHead && !sameSite && site == "none" {`,
		tests: "./test/console", run: "TestForms_OfOtherSitesAreRejected",
	},
	"accepts the session cookie for API writes": {
		file:   "routes/auth.go",
		before: `if token == "" && acceptsSession(c) {`, after: `if token == "" && (acceptsSession(c) || token == "") {`,
		tests: "./test/console", run: "TestSession_CookieOnlyReadsAtTheAPI",
	},
	"serves a page that was cached for another role": {
		file:   "handlers/pages/site.go",
		before: `key := "page " + language + " " + role.String() + " " +`, after: `key := "page " + language + " " +`,
		tests: "./test/console", run: "TestSession_UsersAreSeparate",
	},
	"deletes a product without checking its row version": {
		file:   "handlers/pages/products/edit.go",
		before: "models.RowVersions{version}", after: `nil`,
		tests: "./test/console", run: "TestProducts_DeleteAsksAgainAfterAChange",
	},
	"applies a full run instead of the confirmed dry run": {
		file:   "handlers/request/run.go",
		before: `digest := fields["digest"]; digest != "" {`, after: `digest := fields["digest"]; digest == "none" {`,
		tests: "./test/console", run: "TestSync_AppliesExactlyTheDryRun",
	},
	"redirects to another site after sign-in": {
		file:   "handlers/pages/session/session.go",
		before: ` || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||`, after: ` || !strings.HasPrefix(next, "/") ||`,
		tests: "./test/console", run: "TestSession_ReturnsOnlyToThisSite",
	},
}
