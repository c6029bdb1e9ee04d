package app

import "lifecycle-sync/services/access"

// accessOptions say who may call, as the settings do.
func (a *App) accessOptions() access.Options {
	return access.Options{
		Secret: a.cfg.JWTSecret, JWKSURL: a.cfg.JWKSURL,
		Issuer: a.cfg.Issuer, Audience: a.cfg.Audience, AllowNoExpiry: a.cfg.AllowNoExpiry,
		AdminRoles: a.cfg.AdminRoles, ManagerRoles: a.cfg.ManagerRoles, ReaderRoles: a.cfg.ReaderRoles,
		Log: a.log, Now: now,
	}
}
