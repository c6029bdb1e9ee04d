package migrations

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// reasonsVersion converts the texts of runs and the quarantine into codes with parameters.
const reasonsVersion = 6

// reasonsMigration skips tables that are converted already: all migrations run again to recreate a lost table.
func reasonsMigration(db *database.DB) *goose.Migration {
	jsonType := db.Features().DocumentType
	return goose.NewGoMigration(reasonsVersion, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		session := db.Session(&gorm.Session{NewDB: true, Context: ctx})
		session.Statement.ConnPool = tx
		m := mapping{tx: session, columnExists: db.ColumnExists}
		if m.has("lifecycle_sync_runs", "reason") {
			m.alter("runs ADD COLUMN reasons "+jsonType, "runs ADD COLUMN error "+jsonType, "runs ADD COLUMN changes_kept bigint", "runs ADD COLUMN changes_found bigint")
			m.runs()
			m.alter("runs DROP COLUMN reason", "runs DROP COLUMN error_message", "runs DROP COLUMN error_remedy")
		}
		if m.has("lifecycle_sync_quarantine", "reason") {
			m.alter("quarantine ADD COLUMN reason_code text NOT NULL DEFAULT '"+models.LegacyText+"'", "quarantine ADD COLUMN reason_column text NOT NULL DEFAULT ''")
			m.quarantine()
			m.alter("quarantine DROP COLUMN reason")
		}
		m.previews()
		return m.err
	}}, nil)
}

// mapping rewrites stored texts in one transaction. After an error it does nothing.
type mapping struct {
	tx           *gorm.DB
	columnExists func(table, column string) string
	err          error
}

// alter changes tables of ours; each change begins with the table's name after lifecycle_sync_.
func (m *mapping) alter(changes ...string) {
	for _, change := range changes {
		m.exec("ALTER TABLE lifecycle_sync_" + change)
	}
}

// has reports whether a table has a column.
func (m *mapping) has(table, column string) (exists bool) {
	m.read(m.columnExists(table, column), &exists)
	return exists
}

func (m *mapping) exec(statement string, args ...any) {
	if m.err == nil {
		m.err = m.tx.Exec(statement, args...).Error
	}
}

func (m *mapping) read(query string, into any) {
	if m.err == nil {
		m.err = m.tx.Raw(query).Scan(into).Error
	}
}

// json encodes a value, nil as NULL.
func (m *mapping) json(value any) models.JSON {
	text, err := json.Marshal(value)
	m.err = cmp.Or(m.err, err)
	if string(text) == "null" {
		return nil
	}
	return text
}

func (m *mapping) runs() {
	var runs []struct {
		ID                                            int64
		Reason, ErrorClass, ErrorMessage, ErrorRemedy sql.NullString
	}
	m.read("SELECT id, reason, error_class, error_message, error_remedy FROM lifecycle_sync_runs WHERE reason IS NOT NULL OR error_class IS NOT NULL", &runs)
	for _, run := range runs {
		kept, found, partly := changesKept(run.Reason.String)
		var reasons models.Texts
		if run.Reason.Valid && !partly {
			reasons = runReasons(run.Reason.String)
		}
		var failure *models.Failure
		if run.ErrorClass.Valid {
			failure = &models.Failure{Text: legacy(run.ErrorMessage.String)}
			if run.ErrorRemedy.String != "" {
				failure.Remedy = &models.Remedy{Text: legacy(run.ErrorRemedy.String)}
			}
		}
		m.exec("UPDATE lifecycle_sync_runs SET reasons = ?, error = ?, changes_kept = ?, changes_found = ? WHERE id = ?",
			m.json(reasons), m.json(failure), kept, found, run.ID)
	}
}

func (m *mapping) quarantine() {
	var texts []string
	m.read("SELECT DISTINCT reason FROM lifecycle_sync_quarantine", &texts)
	for _, text := range texts {
		reason := quarantineReason(text)
		m.exec("UPDATE lifecycle_sync_quarantine SET reason_code = ?, reason_column = ? WHERE reason = ?", reason.Code, reason.Column, text)
	}
}

// previews rewrites the reasons of rows that dry runs would quarantine.
func (m *mapping) previews() {
	var stored []struct {
		RunID, ID int64
		After     models.JSON
	}
	m.read("SELECT run_id, id, after FROM lifecycle_sync_changes WHERE action = 'quarantine' AND after IS NOT NULL", &stored)
	for _, change := range stored {
		var old struct {
			Reason *string     `json:"reason"`
			Row    models.JSON `json:"row"`
		}
		if json.Unmarshal(change.After, &old) == nil && old.Reason != nil {
			m.exec("UPDATE lifecycle_sync_changes SET after = ? WHERE run_id = ? AND id = ?",
				models.NewUnfit(quarantineReason(*old.Reason), old.Row), change.RunID, change.ID)
		}
	}
}

// legacy is the text of a sentence that no code is known for.
func legacy(text string) models.Text {
	return models.NewText(models.LegacyText, models.Params{"text": text})
}

var oldQuarantineReason = regexp.MustCompile(`^(dangling_reference|parent_quarantined|unfit_value|invalid_text)\((\w+)\)$`)

func quarantineReason(text string) models.QuarantineReason {
	if parts := oldQuarantineReason.FindStringSubmatch(text); parts != nil {
		return models.QuarantineReason{Code: parts[1], Column: parts[2]}
	}
	return models.QuarantineReason{Code: models.LegacyText, Column: text}
}

var oldChangesKept = regexp.MustCompile(`^the first (\d+) of (\d+) changes are kept$`)

// changesKept recognises that the change log has only a part of a preview's changes.
func changesKept(text string) (kept, found *int64, ok bool) {
	parts := oldChangesKept.FindStringSubmatch(text)
	if parts == nil {
		return nil, nil, false
	}
	k, keptErr := strconv.ParseInt(parts[1], 10, 64)
	f, foundErr := strconv.ParseInt(parts[2], 10, 64)
	return &k, &f, keptErr == nil && foundErr == nil
}

// oldRunReasons are the sentences that runs kept as their reasons, and their codes. Groups are parameters.
var oldRunReasons = []struct { //nolint:gochecknoglobals // a table
	text *regexp.Regexp
	code string
}{
	{regexp.MustCompile(`^every row was compared: SQLite does not tell which rows are new$`), "reason.sqlite"},
	{regexp.MustCompile(`^every row was compared: there is no earlier run to go on from$`), "reason.no_earlier_run"},
	{regexp.MustCompile(`^every row was compared: a trigger or rule in pmo_db may change any mirrored row$`), "reason.trigger"},
	{regexp.MustCompile(`^every row was compared: foreign keys are missing in pmo_db$`), "reason.keys_missing"},
	{regexp.MustCompile(`^every row was compared: the two servers hash rows in different ways$`), "reason.hashes_differ"},
	{regexp.MustCompile(`^every row was compared: lifecycle_db's transactions have gone back: it was restored$`), "reason.source_restored"},
	{regexp.MustCompile(`^every row was compared: the last horizon lies more than (?P<limit>\d+) transactions back$`), "reason.horizon_too_old"},
	{regexp.MustCompile(`^every row was compared: what lifecycle_db was at the last run cannot be read$`), "reason.source_unknown"},
	{regexp.MustCompile(`^every row was compared: lifecycle_db is another cluster than before$`), "reason.other_cluster"},
	{regexp.MustCompile(`^every row was compared: lifecycle_db is another database than before$`), "reason.other_database"},
	{regexp.MustCompile(`^every row was compared: lifecycle_db was failed over or restored \(timeline (?P<now>\d+) instead of (?P<before>\d+)\)$`), "reason.timeline"},
	{regexp.MustCompile(`^every row was compared: lifecycle_db is a standby and was none, or the other way round$`), "reason.standby_changed"},
	{regexp.MustCompile(`^every row was compared: lifecycle_db's server was started anew and may have been restored$`), "reason.server_restarted"},
	{regexp.MustCompile(`^every row was compared: (?P<table>\w+) is no ordinary table$`), "reason.table_not_ordinary"},
	{regexp.MustCompile(`^every row was compared: (?P<table>\w+) is new$`), "reason.table_new"},
	{regexp.MustCompile(`^every row was compared: (?P<table>\w+) is another table than before, was written anew, or has other columns$`), "reason.table_changed"},
	{regexp.MustCompile(`^the replication slot was lost: every row was compared$`), "reason.slot_lost"},
	{regexp.MustCompile(`^pmo_db was restored or copied: every row was compared$`), "reason.pmo_restored"},
	{regexp.MustCompile(`^real time had fallen behind$`), "reason.real_time_behind"},
	{regexp.MustCompile(`^lifecycle_db's tables or publication have changed$`), "reason.source_changed"},
	{regexp.MustCompile(`(?s)^foreign keys are missing, which only the tables' owner can add: (?P<statements>.+)$`), "reason.keys_need_owner"},
}

const oldKeysReason = "foreign keys are missing, which only"

// runReasons splits and recognises the reasons of a run.
func runReasons(text string) (reasons models.Texts) {
	if before, _, joined := strings.Cut(text, "; "+oldKeysReason); joined {
		return append(runReasons(before), runReasons(strings.TrimPrefix(text, before+"; "))...)
	}
	for _, old := range oldRunReasons {
		groups := old.text.FindStringSubmatch(text)
		if groups == nil {
			continue
		}
		params := models.Params{}
		for i, name := range old.text.SubexpNames() {
			if number, err := strconv.ParseInt(groups[i], 10, 64); name != "" && err == nil {
				params[name] = number
			} else if name != "" {
				params[name] = groups[i]
			}
		}
		return models.Texts{models.NewText(old.code, params)}
	}
	return models.Texts{legacy(text)}
}
