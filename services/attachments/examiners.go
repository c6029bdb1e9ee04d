package attachments

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
)

// examiner reads a whole file as it passes and then says whether its content matches its extension. Write never fails.
type examiner interface {
	io.Writer
	valid() bool
}

// unexamined is for types that the first bytes identify.
type unexamined struct{ io.Writer }

func (unexamined) valid() bool { return true }

// plainText detects binary content. UTF-16, which starts with a byte order mark, may contain any byte.
type plainText struct{ begun, utf16, binary bool }

// Write implements io.Writer.
func (p *plainText) Write(b []byte) (int, error) {
	if !p.begun && len(b) > 0 {
		p.begun = true
		p.utf16 = bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff"))
	}
	const controls = "\x00\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1c\x1d\x1e\x1f"
	p.binary = p.binary || !p.utf16 && bytes.ContainsAny(b, controls)
	return len(b), nil
}

func (p *plainText) valid() bool { return !p.binary }

// officeArchive recognizes an Office document by its ZIP directory, which is at the end of the file. Documents with macros
// have another extension.
type officeArchive struct {
	folder string // that every such document contains
	size   int64
	tail   []byte // the last bytes, at least tailSize if there are that many
}

const tailSize = 256 << 10

// Write implements io.Writer.
func (o *officeArchive) Write(b []byte) (int, error) {
	o.size += int64(len(b))
	o.tail = append(o.tail, b...)
	if surplus := len(o.tail) - tailSize; surplus > tailSize {
		o.tail = append(o.tail[:0], o.tail[surplus:]...)
	}
	return len(b), nil
}

// ReadAt implements io.ReaderAt on the tail.
func (o *officeArchive) ReadAt(p []byte, offset int64) (int, error) {
	at := offset - (o.size - int64(len(o.tail)))
	if at < 0 || offset > o.size {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, o.tail[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (o *officeArchive) valid() bool {
	archive, err := zip.NewReader(o, o.size)
	if err != nil {
		return false
	}
	var types, folder, macros bool
	for _, f := range archive.File {
		types = types || f.Name == "[Content_Types].xml"
		folder = folder || strings.HasPrefix(f.Name, o.folder)
		macros = macros || strings.HasSuffix(f.Name, "/vbaProject.bin")
	}
	return types && folder && !macros
}

// compoundFile recognizes an Office document from before 2007 by the streams of its compound file. The directory may be
// anywhere, in entries of 128 bytes.
type compoundFile struct {
	streams []string // one of which must exist
	block   []byte   // the part of the current entry read so far
	found   bool
}

const entrySize = 128

// Write implements io.Writer.
func (f *compoundFile) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		take := min(entrySize-len(f.block), len(b))
		f.block, b = append(f.block, b[:take]...), b[take:]
		if len(f.block) == entrySize {
			f.found = f.found || slices.Contains(f.streams, streamName(f.block))
			f.block = f.block[:0]
		}
	}
	return n, nil
}

// streamName returns the name in the directory entry of a stream, "" for any other entry.
func streamName(entry []byte) string {
	const nameBytes, stream = 64, 2
	length := int(binary.LittleEndian.Uint16(entry[nameBytes:])) // including the final NUL
	if entry[nameBytes+2] != stream || length < 4 || length > nameBytes || length%2 != 0 {
		return ""
	}
	units := make([]uint16, length/2-1)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(entry[2*i:])
	}
	return string(utf16.Decode(units))
}

func (f *compoundFile) valid() bool { return f.found }
