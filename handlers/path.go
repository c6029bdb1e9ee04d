package handlers

import (
	"math"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// idOf reads a parameter of the path that is the id of a row. Errors: validation_failed.
func idOf(c *fiber.Ctx, name string) (int64, error) {
	id, err := strconv.ParseUint(c.Params(name), 10, 63)
	if err != nil || id == 0 || id > math.MaxInt32 {
		return 0, models.NewInvalid(models.FieldError{Field: name, Code: "integer", Message: name + " in the address must be a whole number from 1 to 2147483647"})
	}
	return int64(id), nil
}
