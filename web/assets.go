package web

import (
	"crypto/sha256"
	"encoding/base64"
	"path"
)

// Asset is a style sheet, script or image. Tag differs when the content does.
type Asset struct {
	Type, Tag string
	Content   []byte
}

// Asset returns an asset by its name.
func (c *Console) Asset(name string) (Asset, bool) {
	asset, ok := c.assets[name]
	return asset, ok
}

func assets() map[string]Asset {
	entries, err := files.ReadDir("assets")
	if err != nil {
		panic(err) // it was there when this was compiled
	}
	all := map[string]Asset{}
	for _, entry := range entries {
		content, err := files.ReadFile("assets/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		all[entry.Name()] = Asset{Type: typeOf(entry.Name()), Tag: base64.RawURLEncoding.EncodeToString(sum[:9]), Content: content}
	}
	return all
}

// typeOf is the media type of a file, whatever the machine's own list says.
func typeOf(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		panic("of which type is " + name + "?")
	}
}
