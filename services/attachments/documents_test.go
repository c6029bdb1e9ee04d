package attachments_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

// officeDocument is a document as Office writes it, with a preview before the document itself.
func officeDocument(t testing.TB, parts ...string) []byte {
	t.Helper()
	preview := make([]byte, 20_000)
	for i := range preview {
		preview[i] = byte(rand.Uint32())
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, name := range append([]string{"[Content_Types].xml", "_rels/.rels", "docProps/thumbnail.jpeg"}, parts...) {
		w, err := archive.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		content := []byte(`<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`)
		if name == "docProps/thumbnail.jpeg" || name == "large" {
			content = preview
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// compoundDocument is a compound file whose directory, behind some contents, has the given streams.
func compoundDocument(streams ...string) []byte {
	const sector = 512
	header := make([]byte, sector)
	copy(header, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	binary.LittleEndian.PutUint16(header[24:], 0x3e)
	binary.LittleEndian.PutUint16(header[26:], 3)
	binary.LittleEndian.PutUint16(header[28:], 0xfffe)
	binary.LittleEndian.PutUint16(header[30:], 9)
	binary.LittleEndian.PutUint32(header[48:], 20)
	out := slices.Concat(header, make([]byte, 20*sector))
	entry := func(name string, kind byte) []byte {
		e := make([]byte, 128)
		for i, unit := range utf16.Encode([]rune(name)) {
			binary.LittleEndian.PutUint16(e[2*i:], unit)
		}
		binary.LittleEndian.PutUint16(e[64:], uint16(2*len(name)+2))
		e[66] = kind
		return e
	}
	out = append(out, entry("Root Entry", 5)...)
	for _, name := range streams {
		out = append(out, entry(name, 2)...)
	}
	return append(out, make([]byte, sector)...)
}

// The beginnings of images.
const (
	gif  = "GIF89a\x04\x00\x04\x00\x80\x00\x00"
	jpeg = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01"
	png  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
)

// spreadsheet is one that another program wrote.
func spreadsheet(t testing.TB) []byte {
	t.Helper()
	book := excelize.NewFile()
	defer func() { _ = book.Close() }()
	out, err := book.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
