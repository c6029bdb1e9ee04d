package models

// Remedy is what to do about a problem: an explanation and, where one exists, the command that fixes it.
type Remedy struct {
	Text

	Command string `json:"command,omitempty"` // SQL or a shell command, ready to copy
}

// NewRemedy returns a remedy without a command.
func NewRemedy(code string, params Params) *Remedy { return &Remedy{Text: NewText(code, params)} }

// NewCommand returns a remedy that is carried out by running a command.
func NewCommand(code string, params Params, command string) *Remedy {
	return &Remedy{Text: NewText(code, params), Command: command}
}

// NewSQL returns a remedy that is carried out by running a statement in a database.
func NewSQL(database, statement string) *Remedy {
	return NewCommand("remedy.run_sql", Params{"database": database}, statement)
}

// Problem is one thing that is wrong and, where known, what to do about it.
type Problem struct {
	Text

	Remedy *Remedy `json:"remedy,omitempty"`
}
