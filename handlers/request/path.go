package request

import (
	"fmt"
	"math"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// ID reads the id of a product or move from the path. Errors: validation_failed.
func ID(c *fiber.Ctx) (int64, error) {
	id, err := strconv.ParseUint(c.Params("id"), 10, 63)
	if err != nil || id == 0 || id > math.MaxInt32 {
		return 0, Invalid("id", "integer", "request.whole_number", models.Params{"min": 1, "max": math.MaxInt32})
	}
	return int64(id), nil
}

// OnlyID reads the id from the path of a request without query parameters. Errors: validation_failed.
func OnlyID(c *fiber.Ctx) (int64, error) {
	id, err := ID(c)
	if err != nil {
		return 0, err
	}
	return id, ParseQuery(c).Err()
}

// Target reads the row that a write changes: its id from the path, and the row versions that If-Match allows. Errors:
// validation_failed.
func Target(c *fiber.Ctx) (id int64, versions models.RowVersions, err error) {
	if id, err = ID(c); err == nil {
		versions, err = IfMatch(c)
	}
	return id, versions, err
}

// AttachmentID reads the ids of a product and its attachment from the path. Errors: validation_failed.
func AttachmentID(c *fiber.Ctx) (product, id int64, err error) {
	const name = "attachmentId"
	if product, err = ID(c); err != nil {
		return 0, 0, err
	}
	if id, err = strconv.ParseInt(c.Params(name), 10, 64); err != nil || id < 1 || c.Params(name)[0] == '+' {
		return 0, 0, Invalid(name, "integer", "request.whole_number", models.Params{"min": 1, "max": int64(math.MaxInt64)})
	}
	return product, id, nil
}

// RunID reads the id of a run from the path. Errors: validation_failed.
func RunID(c *fiber.Ctx) (int64, error) {
	id, err := strconv.ParseUint(c.Params("id"), 10, 63)
	if err != nil || id == 0 {
		return 0, Invalid("id", "integer", "request.whole_number", models.Params{"min": 1, "max": int64(math.MaxInt64)})
	}
	return int64(id), nil
}

// AttachmentPath returns the address from which the API serves an attachment.
func AttachmentPath(productID, id int64) string {
	return fmt.Sprintf("/api/product-lifecycle/products/%d/attachments/%d", productID, id)
}
