package app

import (
	"fmt"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/access"
)

type tokenCommand struct {
	Role    string        `required:"" help:"The name of a role, as AUTH_ADMIN_ROLES and its kin list it."`
	Subject string        `default:"local-user" help:"Who the token is for."`
	Expires time.Duration `default:"24h" help:"How long it is valid, as 90s, 10m or 24h."`
}

// Run prints a token that is signed with AUTH_JWT_SECRET, and nothing else on standard output.
func (c *tokenCommand) Run(env *environment) error {
	if c.Expires < time.Second {
		return &models.Error{Class: models.Config, LegacyMessage: "--expires takes a duration from 1s"}
	}
	token, err := access.Sign(env.config.JWTSecret, access.Claims{Role: c.Role, Subject: c.Subject,
		Issuer: env.config.Issuer, Audience: env.config.Audience, IssuedAt: time.Now(), Expires: c.Expires})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.stdout, token)
	return err
}
