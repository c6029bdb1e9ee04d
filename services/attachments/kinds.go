package attachments

import (
	"bytes"
	"io"
	"maps"
	"regexp"
	"slices"

	"github.com/gabriel-vasile/mimetype"
)

// headSize is how many bytes of a file are looked at before it is taken in.
const headSize = 4096

// kind is what a file's extension promises of its content.
type kind struct {
	mediaType string
	begins    func(head []byte) bool // whether a content of this kind may begin so
	whole     func() examiner        // sees all of it
}

// kinds are the files that are taken, by their extensions.
func kinds() map[string]kind {
	const office = "application/vnd.openxmlformats-officedocument."
	anything := func() examiner { return unexamined{io.Discard} }
	compound := func(mediaType string, streams ...string) kind {
		return kind{mediaType, detected("application/x-ole-storage"), func() examiner { return &compoundFile{wanted: streams} }}
	}
	archive := func(mediaType, folder string) kind {
		return kind{office + mediaType, detected("application/zip"), func() examiner { return &officeArchive{folder: folder} }}
	}
	image := func(mediaType string) kind {
		return kind{mediaType, func(head []byte) bool { return detected(mediaType)(head) && !hasMarkup(head) }, anything}
	}
	return map[string]kind{
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

// Extensions are those of the files that are taken, each with its full stop.
func Extensions() []string { return slices.Sorted(maps.Keys(kinds())) }

// detected returns a test whether a content is, or is based on, a media type.
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

// isPlain reports whether a content is text that no program takes for a page or a drawing.
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

// markup is how a page or a drawing begins, which a content of another kind may hide.
var markup = regexp.MustCompile(`(?i)<(!doctype|html|head|body|script|iframe|svg|\?xml)[\s>/]`)

// hasMarkup looks where programs look that go by the content.
func hasMarkup(head []byte) bool { return markup.Match(head[:min(len(head), 1024)]) }
