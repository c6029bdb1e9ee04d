// Package models holds the rows of both databases, the value types they are made of, the
// description of every mirrored table, and the errors a person may see. It imports nothing of ours.
package models
