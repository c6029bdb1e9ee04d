// Package request parses and validates requests: paths, queries, headers, forms with files, and JSON. Errors name the
// invalid fields. The API and the console share it.
package request
