package attachments

import (
	"bytes"
	"io"
	"maps"
	"regexp"
	"slices"

	"github.com/gabriel-vasile/mimetype"
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
