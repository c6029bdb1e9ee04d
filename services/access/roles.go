package access

import (
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"lifecycle-sync/models"
)

// anyRole in a list accepts every valid token.
const anyRole = "*"

// roles are the names in tokens that grant each role.
type roles map[models.Role][]string

func newRoles(o Options) roles {
	return roles{models.Admin: trimmed(o.AdminRoles), models.Manager: trimmed(o.ManagerRoles), models.Reader: trimmed(o.ReaderRoles)}
}

func trimmed(names []string) (out []string) {
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// find returns the highest role that the token's role grants, Anonymous if none.
func (r roles) find(claims jwt.MapClaims) models.Role {
	name := roleName(claims)
	for _, role := range []models.Role{models.Admin, models.Manager, models.Reader} {
		if slices.Contains(r[role], anyRole) || name != "" && slices.Contains(r[role], name) {
			return role
		}
	}
	return models.Anonymous
}

// roleName reads the claim role.name, or role if that is a text.
func roleName(claims jwt.MapClaims) string {
	role := claims["role"]
	if object, ok := role.(map[string]any); ok {
		role = object["name"]
	}
	name, _ := role.(string)
	return name
}
