package models

import (
	"context"
	"slices"
	"time"
)

// Actor is who did something: the subject of a token and its display name, the user of the operating system on the command
// line, or one of the actors below.
type Actor struct {
	ID   string `gorm:"column:id" json:"id"`
	Name string `gorm:"column:name" json:"name"`
}

// The system actors. LocalActor is the user of a server without tokens.
const (
	LocalActor    = "local"
	ScheduleActor = "schedule"
	RealtimeActor = "realtime"
)

// PersonID returns the actor id of a person. An id that belongs to a system actor gets a prefix, so that no person can pose as it.
func PersonID(id string) string {
	if IsSystemActor(id) {
		return "user:" + id
	}
	return id
}

// IsSystemActor reports whether an id belongs to an actor that is no person.
func IsSystemActor(id string) bool {
	return slices.Contains([]string{LocalActor, ScheduleActor, RealtimeActor}, id)
}

// Channel is where an action came from.
type Channel string

// The channels.
const (
	APIChannel     Channel = "api"
	ConsoleChannel Channel = "console"
	CommandChannel Channel = "command"
	BulkChannel    Channel = "bulk"
	ImportChannel  Channel = "import"
	UndoChannel    Channel = "undo"
	SyncChannel    Channel = "sync"
)

// Author is an actor with the channel of the action.
type Author struct {
	Actor
	Channel Channel
}

type authorKey struct{}

// WithAuthor attaches the author of later actions to a context.
func WithAuthor(ctx context.Context, author Author) context.Context {
	return context.WithValue(ctx, authorKey{}, author)
}

// WithChannel replaces the channel of the author in a context.
func WithChannel(ctx context.Context, channel Channel) context.Context {
	author := AuthorOf(ctx)
	author.Channel = channel
	return WithAuthor(ctx, author)
}

// AuthorOf returns the author in a context, LocalActor if there is none.
func AuthorOf(ctx context.Context) Author {
	author, known := ctx.Value(authorKey{}).(Author)
	if !known {
		return Author{Actor: Actor{ID: LocalActor}, Channel: CommandChannel}
	}
	return author
}

// The actions of activities.
const (
	CreateAction       = "create" // of a product
	UpdateAction       = "update"
	DeleteAction       = "delete"
	MoveAction         = "move"          // recorded in the stage history
	CorrectAction      = "correct"       // of a stage history record
	DeleteRecordAction = "delete-record" // from the stage history
	UploadAction       = "upload"        // of attachments
	DeleteFileAction   = "delete-file"
	UndoAction         = "undo"
	RestoreAction      = "restore" // of rows that were deleted in lifecycle_db
	SyncAction         = "sync"    // changes made directly in lifecycle_db, mirrored by a run
	CancelAction       = "cancel"  // of a run
	ExportAction       = "export"
	SaveViewAction     = "save-view"   // of a shared view
	DeleteViewAction   = "delete-view" // of a shared view
)

// Activity is one action of one actor, with every row it changed, stored in pmo_db. It is pending until lifecycle_db has committed it.
type Activity struct {
	ID          int64     `gorm:"column:id;primaryKey"`
	At          time.Time `gorm:"column:at"`
	Actor       Actor     `gorm:"embedded;embeddedPrefix:actor_"`
	Channel     Channel   `gorm:"column:channel"`
	Action      string    `gorm:"column:action"`
	Pending     bool      `gorm:"column:pending"`
	WriteID     *string   `gorm:"column:write_id"`   // of its outbox entry
	SourceXID   *int64    `gorm:"column:source_xid"` // its transaction in lifecycle_db; nil on SQLite
	RunID       *int64    `gorm:"column:run_id"`     // a run's changes are in its change log
	ChangeCount int64     `gorm:"column:change_count"`
	Undoes      *int64    `gorm:"column:undoes"`
	UndoneBy    *int64    `gorm:"column:undone_by"`
	Detail      JSON      `gorm:"column:detail"` // of an export: format and size; of a view: id, name and whether it is shared
}

// TableName is the table in pmo_db.
func (Activity) TableName() string { return "lifecycle_activities" }

// AttachmentTable is the name of attachments in activities.
const AttachmentTable = "attachments"

// ActivityChange is a row that an activity changed: the changed columns before and after an update, or the whole row.
type ActivityChange struct {
	ActivityID       int64  `gorm:"column:activity_id;primaryKey" json:"-"`
	Position         int    `gorm:"column:position;primaryKey;autoIncrement:false" json:"-"`
	Table            string `gorm:"column:table_name"`
	RowID            int64  `gorm:"column:row_id"`
	ProductID        *int64 `gorm:"column:product_id"`
	Before           JSON   `gorm:"column:before"`             // nil for a new row
	After            JSON   `gorm:"column:after"`              // nil for a deleted row
	RowCreatedAt     JSON   `gorm:"column:row_created_at"`     // of an updated row: a later row with the same id has another one
	ProductCreatedAt JSON   `gorm:"column:product_created_at"` // of a stage history record: when its product was created
	Mirrored         bool   `gorm:"column:mirrored"`
	LogID            int64  `gorm:"column:log_id;->"` // of the change log, if the change is in it
}

// TableName is the table in pmo_db.
func (ActivityChange) TableName() string { return "lifecycle_activity_changes" }
