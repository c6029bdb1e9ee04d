package attachments

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/gabriel-vasile/mimetype"

	"lifecycle-sync/models"
)

// headSize is the number of bytes examined before a file is stored.
const headSize = 4096

// fileType is an accepted type of file.
type fileType struct {
	mediaType  string
	startsWith func(head []byte) bool // reports whether such a file may start like this
	examine    func() examiner        // of the whole file
}

// fileTypes returns the accepted types by file extension.
func fileTypes() map[string]fileType {
	const office = "application/vnd.openxmlformats-officedocument."
	anything := func() examiner { return unexamined{io.Discard} }
	compound := func(mediaType string, streams ...string) fileType {
		return fileType{mediaType, detected("application/x-ole-storage"), func() examiner { return &compoundFile{streams: streams} }}
	}
	archive := func(mediaType, folder string) fileType {
		return fileType{office + mediaType, detected("application/zip"), func() examiner { return &officeArchive{folder: folder} }}
	}
	image := func(mediaType string) fileType {
		return fileType{mediaType, func(head []byte) bool { return detected(mediaType)(head) && !hasMarkup(head) }, anything}
	}
	return map[string]fileType{
		".pdf":  {"application/pdf", func(head []byte) bool { return bytes.HasPrefix(head, []byte("%PDF-")) && !hasMarkup(head) }, anything},
		".doc":  compound("application/msword", "WordDocument"),
		".xls":  compound("application/vnd.ms-excel", "Workbook", "Book"),
		".ppt":  compound("application/vnd.ms-powerpoint", "PowerPoint Document"),
		".docx": archive("wordprocessingml.document", "word/"),
		".xlsx": archive("spreadsheetml.sheet", "xl/"),
		".pptx": archive("presentationml.presentation", "ppt/"),
		".txt":  {"text/plain", isPlain, func() examiner { return &plainText{} }},
		".jpg":  image("image/jpeg"),
		".jpeg": image("image/jpeg"),
		".png":  image("image/png"),
		".gif":  image("image/gif"),
	}
}

// Extensions lists the accepted file extensions, each with its full stop.
func Extensions() []string { return slices.Sorted(maps.Keys(fileTypes())) }

// detected returns a test whether content has a media type or one based on it.
func detected(mediaType string) func(head []byte) bool {
	return func(head []byte) bool {
		for m := mimetype.Detect(head); m != nil; m = m.Parent() {
			if m.Is(mediaType) {
				return true
			}
		}
		return false
	}
}

// isPlain reports whether content is text that no program renders as a page or drawing.
func isPlain(head []byte) bool {
	if !detected("text/plain")(head) || hasMarkup(head[:min(len(head), 256)]) {
		return false
	}
	for _, page := range []string{"text/html", "text/xml", "image/svg+xml", "application/xhtml+xml", "message/rfc822"} {
		if detected(page)(head) {
			return false
		}
	}
	return true
}

// markup is the start of a page or drawing, which another type of file may hide.
var markup = regexp.MustCompile(`(?i)<(!doctype|html|head|body|script|iframe|svg|\?xml)[\s>/]`)

// hasMarkup searches the bytes by which programs guess a media type.
func hasMarkup(head []byte) bool { return markup.Match(head[:min(len(head), 1024)]) }

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

const (
	maxName  = 255 // characters of a stored file name
	maxShown = 60  // characters of a file name in a message
)

// CleanName returns the last part of a client's file name, without invisible characters and those with a meaning in file
// systems, shortened to 255 characters before its extension. It is shown and offered for saving; content is never stored
// under it. The result may be "".
func CleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar, strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r), r == '\u200b', r == '\ufeff':
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(name, "_"))
	name = strings.TrimRight(strings.Join(strings.Fields(name), " "), ". ")
	extension := path.Ext(name)
	stem := []rune(strings.TrimRight(strings.TrimSuffix(name, extension), ". "))
	if len(stem) == 0 && extension != "" {
		stem = []rune("file")
	}
	room := maxName - len([]rune(extension))
	if room <= 0 {
		return ""
	}
	return strings.TrimRight(string(stem[:min(len(stem), room)]), ". ") + extension
}

// refusal returns the error for a file that is not accepted.
func refusal(code, name string) error {
	if runes := []rune(name); len(runes) > maxShown {
		name = string(runes[:maxShown]) + "…"
	}
	return models.NewError(models.UnsupportedType, code, models.Params{"file": name}).
		WithRemedy("attachments.unsupported_type_remedy", models.Params{"extensions": strings.Join(Extensions(), " ")})
}
