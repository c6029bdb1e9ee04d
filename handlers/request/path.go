package request

import (
	"math"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// ID reads the id of a product or transition from the path. Errors: validation_failed.
func ID(c *fiber.Ctx) (int64, error) {
	id, err := strconv.ParseUint(c.Params("id"), 10, 63)
	if err != nil || id == 0 || id > math.MaxInt32 {
		return 0, models.NewInvalid(models.FieldError{Field: "id", Code: "integer", LegacyMessage: "id in the address must be a whole number from 1 to 2147483647"})
	}
	return int64(id), nil
}

// OnlyID reads the id from the path of a request that has no query. Errors: validation_failed.
func OnlyID(c *fiber.Ctx) (int64, error) {
	id, err := ID(c)
	if err != nil {
		return 0, err
	}
	return id, ParseQuery(c).Err()
}

// AttachmentID reads from the path which file of which product is meant. Errors: validation_failed.
func AttachmentID(c *fiber.Ctx) (product, id int64, err error) {
	const name = "attachmentId"
	if product, err = ID(c); err != nil {
		return 0, 0, err
	}
	if id, err = strconv.ParseInt(c.Params(name), 10, 64); err != nil || id < 1 || c.Params(name)[0] == '+' {
		return 0, 0, Invalid(name, "integer", "%s in the address must be a whole number from 1 to %d", name, int64(math.MaxInt64))
	}
	return product, id, nil
}

// RunID reads the number of a run from the path. Errors: validation_failed.
func RunID(c *fiber.Ctx) (int64, error) {
	id, err := strconv.ParseUint(c.Params("id"), 10, 63)
	if err != nil || id == 0 {
		return 0, models.NewInvalid(models.FieldError{Field: "id", Code: "integer", LegacyMessage: "id in the address must be a whole number from 1 to " + strconv.Itoa(math.MaxInt64)})
	}
	return int64(id), nil
}
