package app

import (
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/pages/overview"
	"lifecycle-sync/handlers/pages/products"
	"lifecycle-sync/handlers/pages/session"
	"lifecycle-sync/handlers/pages/stages"
	syncpages "lifecycle-sync/handlers/pages/sync"
	"lifecycle-sync/routes"
	"lifecycle-sync/services/doctor"
	"lifecycle-sync/services/runs"
)

// pages wires the console. known is nil in local mode.
func (a *App) pages(syncs *runs.Service, journal *runs.Journal, known routes.Access, diagnosis *doctor.Doctor, forms products.Options) routes.Pages {
	site := pages.NewSite(pages.Options{Answers: a.answers, Status: syncs, Zone: a.zone, Texts: a.texts, SignsIn: known != nil, Log: a.log})
	return routes.Pages{
		Site:     site,
		Session:  session.New(site, known),
		Overview: overview.New(site, a.local),
		Products: products.New(site, forms),
		Stages:   stages.New(site, forms.Histories, a.zone),
		Sync:     syncpages.New(site, syncs, journal, diagnosis),
	}
}
