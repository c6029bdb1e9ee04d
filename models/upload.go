package models

// Upload is a file that was received with a request: its content is kept under Key, and belongs to
// nothing yet.
type Upload struct {
	Key    string // where the content lies
	Name   string // as the client calls it, without folders
	Type   string // media type, by name and content
	Size   int64  // bytes
	SHA256 string // of the content, in hexadecimal
}
