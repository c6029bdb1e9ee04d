// Package services holds the rules of the product-lifecycle API, a file a use case. It knows nothing of
// HTTP and writes no SQL.
package services
