package messages

import (
	"slices"
	"time"

	"golang.org/x/text/language"
)

// Printers holds a printer for each language, for one time zone.
type Printers struct {
	all     map[string]*Printer
	matcher language.Matcher
	tags    []string // as the matcher has them; the first is the default
}

// Printers returns the printers of all languages. fallback is the default language.
func (c *Catalogue) Printers(fallback string, zone *time.Location) *Printers {
	others := slices.DeleteFunc(Languages(), func(tag string) bool { return tag == fallback })
	p := &Printers{all: map[string]*Printer{}, tags: append([]string{fallback}, others...)}
	var supported []language.Tag
	for _, tag := range p.tags {
		p.all[tag] = c.Printer(tag, zone)
		supported = append(supported, language.Make(tag))
	}
	p.matcher = language.NewMatcher(supported)
	return p
}

// Default returns the printer of the default language.
func (p *Printers) Default() *Printer { return p.all[p.tags[0]] }

// Choose returns the printer of the chosen language, otherwise of the best one for an Accept-Language header, otherwise of the default.
func (p *Printers) Choose(chosen, accept string) *Printer {
	if printer, ok := p.all[chosen]; ok {
		return printer
	}
	accepted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(accepted) == 0 {
		return p.Default()
	}
	_, best, confidence := p.matcher.Match(accepted...)
	if confidence == language.No {
		return p.Default()
	}
	return p.all[p.tags[best]]
}

// All returns the printers of all languages.
func (p *Printers) All() map[string]*Printer { return p.all }
