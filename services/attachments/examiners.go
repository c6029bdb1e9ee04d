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

// examiner is shown all of a content as it passes, and says at the end whether it is what it promised.
// Its Write never fails.
type examiner interface {
	io.Writer
	right() bool
}

// unexamined is for kinds that their beginning tells.
type unexamined struct{ io.Writer }

func (unexamined) right() bool { return true }

// plainText finds whether a text is binary further on. UTF-16, which has a mark at its beginning, may hold
// any byte.
type plainText struct {
	begun, wide, binary bool
}

// Write implements io.Writer.
func (p *plainText) Write(b []byte) (int, error) {
	if !p.begun && len(b) > 0 {
		p.begun = true
		p.wide = bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff"))
	}
	const controls = "\x00\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1c\x1d\x1e\x1f"
	p.binary = p.binary || !p.wide && bytes.ContainsAny(b, controls)
	return len(b), nil
}

func (p *plainText) right() bool { return !p.binary }

// officeArchive finds out from a ZIP archive's directory, which stands at its end, whether it is a
// document of Office. One with macros goes by another extension.
type officeArchive struct {
	folder string // that such a document has
	size   int64
	tail   []byte // at least the last tailSize bytes, if there are as many
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

func (o *officeArchive) right() bool {
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

// compoundFile finds the streams of a compound file (the Office documents of before 2007) by which their
// kind is known. Its directory may stand anywhere, in entries of 128 bytes.
type compoundFile struct {
	wanted []string
	block  []byte // what there is of the entry that is passing
	found  bool
}

const entrySize = 128

// Write implements io.Writer.
func (f *compoundFile) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		take := min(entrySize-len(f.block), len(b))
		f.block, b = append(f.block, b[:take]...), b[take:]
		if len(f.block) == entrySize {
			f.found = f.found || slices.Contains(f.wanted, streamName(f.block))
			f.block = f.block[:0]
		}
	}
	return n, nil
}

// streamName is the name in a directory's entry for a stream, "" for anything else.
func streamName(entry []byte) string {
	const nameBytes, stream = 64, 2
	length := int(binary.LittleEndian.Uint16(entry[nameBytes:])) // with the NUL behind it
	if entry[nameBytes+2] != stream || length < 4 || length > nameBytes || length%2 != 0 {
		return ""
	}
	units := make([]uint16, length/2-1)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(entry[2*i:])
	}
	return string(utf16.Decode(units))
}

func (f *compoundFile) right() bool { return f.found }
