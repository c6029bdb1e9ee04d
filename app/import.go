package app

import (
	"encoding/json"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/services/imports"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

type importCommand struct {
	File         string `arg:"" type:"existingfile" help:"A workbook (.xlsx) or CSV file, such as an edited export, of up to 10 MB and 20,000 rows."`
	Apply        string `placeholder:"DIGEST" help:"Apply exactly the changes of the preview with this digest, or nothing if they no longer match."`
	SkipProblems bool   `help:"Leave out the rows that are invalid or in conflict, in the preview and when it is applied."`
}

// Run previews what a spreadsheet changes, or applies it.
func (c *importCommand) Run(env *environment) error {
	if c.Apply != "" && !mirror.IsDigest(c.Apply) {
		return models.NewError(models.Config, "cli.import_digest", nil)
	}
	content, err := c.read()
	if err != nil {
		return models.NewError(models.Config, "cli.import_unreadable", models.Params{"file": c.File}).WithCause(err)
	}
	return env.withApp(func(a *App) error {
		out := env.terminal(false)
		defer out.close()
		importer := a.importer(products.NewWriter(a.writer, a.apiStore, a.zone))
		owner, file := models.AuthorOf(env.ctx).ID, imports.File{Content: content, SkipProblems: c.SkipProblems}
		out.line("🔍 Comparing %s with the products...", c.File)
		if c.Apply == "" {
			preview, err := importer.Preview(env.ctx, owner, file)
			if err == nil {
				c.print(out, preview)
			}
			return err
		}
		out.line("🔄 Importing, all or nothing...")
		result, err := importer.Apply(env.ctx, owner, c.Apply, file, outbox.Request{})
		if preview, changed := models.Data[imports.Preview](err); changed {
			c.print(out, preview)
		}
		if err != nil {
			return err
		}
		return printImported(out, result)
	})
}

// read returns the content of the file, cut where the service finds it too large.
func (c *importCommand) read() (content []byte, err error) {
	file, err := os.Open(c.File)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(file, imports.MaxBytes+1))
}

// printImported prints what an import has written. Errors: an unreadable result.
func printImported(out *terminal, result outbox.Result) error {
	var done products.Imported
	if err := json.Unmarshal(result.Data, &done); err != nil {
		return err
	}
	out.line("✅ Imported: %d products created, %d changed", done.Created, done.Changed)
	if !result.MirrorUpToDate {
		out.line("⏳ The mirror shows the changes after the next sync")
	}
	return nil
}

// maxListed is the number of rows that a preview lists of each kind.
const maxListed = 50

// print prints a preview and the command that applies it.
func (c *importCommand) print(out *terminal, p imports.Preview) {
	out.line("📋 %d changed, %d new, %d unchanged, %d invalid, %d in conflict", p.Counts.Changed, p.Counts.New, p.Counts.Unchanged, p.Counts.Invalid, p.Counts.Conflict)
	for _, heading := range p.UnknownColumns {
		out.line("⚠️ Column %s is unknown and ignored", quoted(&heading))
	}
	list(out, p.Rows, func(r imports.Row) bool { return r.Status == imports.Changed || r.Status == imports.New })
	list(out, p.Rows, func(r imports.Row) bool { return r.HasProblems() })
	problems := p.Counts.Invalid + p.Counts.Conflict
	command := "lifecycle-sync import " + shellWord(c.File)
	switch {
	case p.Digest != nil && c.SkipProblems:
		out.line("🔍 To apply exactly this, without the %d rows with problems: %s --skip-problems --apply %s", problems, command, *p.Digest)
	case p.Digest != nil:
		out.line("🔍 To apply exactly this: %s --apply %s", command, *p.Digest)
	case problems > 0 && !c.SkipProblems:
		out.line("⚠️ %d rows have problems. Correct them in the file, or leave them out: %s --skip-problems", problems, command)
	default:
		out.line("🔍 There is nothing to apply")
	}
}

// list prints the selected rows of a preview, one line each.
func list(out *terminal, rows []imports.Row, selected func(r imports.Row) bool) {
	n := 0
	for _, r := range rows {
		if !selected(r) {
			continue
		}
		if n++; n <= maxListed {
			out.line("%s", describeRow(out.printer, r))
		}
	}
	if n > maxListed {
		out.line("  and %d more", n-maxListed)
	}
}

// describeRow formats a row of a preview as one line. Texts of the file are quoted, because they may hold control characters.
func describeRow(printer *messages.Printer, r imports.Row) string {
	sign := map[imports.Status]string{imports.New: "+", imports.Changed: "~", imports.Invalid: "!", imports.Conflict: "!"}[r.Status]
	line := sign + " line " + strconv.Itoa(r.Line) + ": "
	if r.ID != nil {
		line += "product " + strconv.FormatInt(*r.ID, 10) + " "
	}
	line += quoted(r.Name)
	var parts []string
	for _, change := range r.Changes {
		parts = append(parts, change.Field+": "+quoted(change.Before)+" → "+quoted(change.After))
	}
	for _, problem := range r.Errors {
		parts = append(parts, string(r.Status)+" "+problem.Field+": "+printer.Text(problem.Text))
	}
	return line + " " + strings.Join(parts, ", ")
}

// quoted returns a text of a file for the terminal.
func quoted(text *string) string {
	if text == nil {
		return "(empty)"
	}
	return strconv.Quote(messages.Shortened(*text))
}

var plainWord = regexp.MustCompile(`^[\w./+:@-]+$`)

// shellWord quotes a file name for a shell.
func shellWord(name string) string {
	if plainWord.MatchString(name) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
